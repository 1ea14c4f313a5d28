"""`closed-days`: the weekdays and dates on which nobody can come to a clinic."""

from __future__ import annotations

import json

import typer

from service.cli import import_options
from service.cli.imports import Json
from service.cli.rota import WEEK
from service.cli.running import Database, opened
from service.cli.staff import Clinic
from service.errors import one_line

closed_days_app = typer.Typer(no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(closed_days_app, name="closed-days")


@closed_days_app.callback()
def closed_days_() -> None:
    """When nobody can come to a clinic; it is set with PUT /v1/closed-days."""


@closed_days_app.command("show")
def show(clinic: Clinic = None, as_json: Json = False, database: Database = None) -> None:
    """A clinic's closed weekdays and dates.

    Example: nextcount closed-days show --clinic "Elm Street"
    """
    from db.engine import reading
    from service import settings
    from service.flows import closed_days

    with opened(settings.load(database_url=database)) as engine, reading(engine) as session:
        house = import_options.clinic(session, clinic)
        found, name = closed_days.show(session, house.id), one_line(house.name)
    dates = [{"on": one.on.isoformat(), "name": one_line(one.name)} for one in found.dates]
    if as_json:
        said = {"clinic": name, "version": found.version, "weekdays": list(found.weekdays), "dates": dates}
        typer.echo(json.dumps(said))
        return
    lines = [f"every {WEEK[day]}" for day in found.weekdays] + [f"{d['on']}: {d['name']}" for d in dates]
    for line in lines or ["it is never closed: set its closed days with PUT /v1/closed-days"]:
        typer.echo(f"{name}: {line}")
