"""`staff`: which addresses of a clinic are mailed digests and alarms."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from service.cli import import_options
from service.cli.imports import By, Json
from service.cli.running import Database, opened
from service.errors import Refused, one_line

staff_app = typer.Typer(no_args_is_help=True)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An e-mail address.")]
Clinic = Annotated[str | None, typer.Option(metavar="NAME", help="The clinic, where there are several.")]


def register(app: typer.Typer) -> None:
    app.add_typer(staff_app, name="staff")


@staff_app.callback()
def staff_() -> None:
    """Who of a clinic's staff is mailed: the digest of every morning, and alarms at any hour."""


@staff_app.command("list")
def list_(as_json: Json = False, database: Database = None) -> None:
    """Every clinic's addresses, and what each is mailed.

    Example: nextcount staff list
    """
    from db.engine import reading
    from service import settings
    from service.flows import staff

    with opened(settings.load(database_url=database)) as engine, reading(engine) as session:
        found, nobody = staff.listed(session), staff.unmailed(session)
    if as_json:
        fields = ("address", "digest", "alarms", "set_by")
        rows = [{"clinic": one.clinic} | one.row.model_dump(include=set(fields)) for one in found]
        typer.echo(json.dumps(rows, indent=2))
        return
    for one in found:
        gets = " and ".join(word for word in ("digest", "alarms") if getattr(one.row, word))
        typer.echo(
            f"{one_line(one.clinic)}: {one.row.address} gets {gets}, set by {one_line(one.row.set_by)}"
        )
    for clinic in nobody:
        typer.echo(f"{one_line(clinic)}: nobody is mailed everything: nextcount staff set ADDRESS")


@staff_app.command("set")
def set_(
    address: Address,
    by: By,
    digest: Annotated[bool, typer.Option("--digest/--no-digest", help="Every morning.")] = True,
    alarms: Annotated[bool, typer.Option("--alarms/--no-alarms", help="At once, at any hour.")] = True,
    clinic: Clinic = None,
    database: Database = None,
) -> None:
    """Mail this address from now on: the digest of every morning, and alarms. Again, to change what it gets.

    Example: nextcount staff set front.desk@clinic.example --by "Kim Lee"
    """
    from db.engine import writing
    from service import clock, settings
    from service.channels import email
    from service.flows import staff

    if not email.is_address(address):
        raise Refused("this is no e-mail address: write one as front.desk@clinic.example")
    who, given = import_options.named(by), settings.load(database_url=database)
    with opened(given) as engine, writing(engine) as session:
        house = import_options.clinic(session, clinic)
        staff.put(session, house, address, digest=digest, alarms=alarms, by=who, now=clock.now(engine))
        name = house.name
    gets = " and ".join(word for word, wanted in (("digest", digest), ("alarms", alarms)) if wanted)
    typer.echo(f"{one_line(name)}: {address} gets {gets}.")
    if not given.mails:
        typer.echo("No e-mail transport is configured: they go to the local outbox.", err=True)


@staff_app.command("remove")
def remove(address: Address, by: By, clinic: Clinic = None, database: Database = None) -> None:
    """Mail this address nothing more.

    Example: nextcount staff remove front.desk@clinic.example --by "Kim Lee"
    """
    from db.engine import writing
    from service import clock, settings
    from service.flows import staff

    who, given = import_options.named(by), settings.load(database_url=database)
    with opened(given) as engine, writing(engine) as session:
        house = import_options.clinic(session, clinic)
        staff.remove(session, house, address, by=who, now=clock.now(engine))
        name = house.name
    typer.echo(f"{one_line(name)}: {address} gets nothing more.")
