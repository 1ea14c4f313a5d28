"""`rota`: who is told of red work, at which hours, and what that leaves open."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from service.cli import import_options
from service.cli.imports import Json
from service.cli.running import Database, opened
from service.cli.staff import Clinic
from service.errors import one_line

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from schedules.rota import Gap
    from service.flows.rota import Standing

rota_app = typer.Typer(no_args_is_help=True)
WEEK = ("", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def register(app: typer.Typer) -> None:
    app.add_typer(rota_app, name="rota")


@rota_app.callback()
def rota_() -> None:
    """Who is told of red work at which hours; it is set with PUT /v1/rota."""


@rota_app.command("show")
def show(clinic: Clinic = None, as_json: Json = False, database: Database = None) -> None:
    """A clinic's rota, and the hours of the next 7 days at which nobody can be reached.

    Example: nextcount rota show --clinic "Elm Street"
    """
    from db.engine import reading
    from schedules import days
    from service import clock, settings
    from service.flows import rota

    with opened(settings.load(database_url=database)) as engine, reading(engine) as session:
        house = import_options.clinic(session, clinic)
        found, name = rota.show(session, house.id, now=clock.now(engine)), one_line(house.name)
    zone = days.zone(house.time_zone)
    shifts, gaps = [_shift(one) for one in found.shifts], [_gap(gap, zone) for gap in found.gaps]
    if as_json:
        typer.echo(json.dumps({"clinic": name, "version": found.version, "shifts": shifts, "gaps": gaps}))
        return
    for line in shifts or ["nobody is on the rota: set one with PUT /v1/rota"]:
        typer.echo(f"{name}: {line}")
    for line in gaps:
        typer.echo(f"{name}: {line}")


def _shift(one: Standing) -> str:
    row = one.row
    on = " ".join(WEEK[day] for day in one.shift.weekdays)
    at = f"{row.rung}: {one_line(row.person)}, {row.channel.value} {one_line(row.address)}"
    return (
        f"{at}, {on} {row.begins:%H:%M} to {row.ends:%H:%M}{'' if one.reachable else ', cannot be reached'}"
    )


def _gap(gap: Gap, zone: ZoneInfo) -> str:
    begins, ends = (moment.astimezone(zone) for moment in (gap.begins, gap.ends))
    return f"{gap.rung}: nobody from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} ({zone.key})"
