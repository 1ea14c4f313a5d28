"""`user`: who may ask this service, and with which key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from db.tables.users import UserRole
from service.cli import import_options
from service.cli.running import Database, opened
from service.errors import Refused, one_line

if TYPE_CHECKING:
    from uuid import UUID

    from sqlmodel import Session

BY = "the command line"
user_app = typer.Typer(no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(user_app, name="user")


@user_app.callback()
def user() -> None:
    """Who may ask: add a person or a system with a key, list them, revoke one."""


@user_app.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the person or the system: it is kept.")],
    role: Annotated[UserRole, typer.Option("--role", help="What they may do.")],
    clinic: Annotated[
        str | None, typer.Option("--clinic", metavar="NAME", help="Only this one; without it every clinic.")
    ] = None,
    database: Database = None,
) -> None:
    """Add a user and show the key, once: only its hash is kept. From the first user on everybody is asked.

    Example: nextcount user add "Dana Reyes" --role coordinator --clinic "Elm Street"
    """
    from db.engine import writing
    from service import clock, settings
    from service.flows import users

    who = import_options.named(name)
    with opened(settings.load(database_url=database)) as engine, writing(engine) as session:
        clinic_id = _clinic(session, clinic)
        key = users.add(session, who, role, clinic_id=clinic_id, by=BY, now=clock.now(engine))
    typer.echo(key)
    typer.echo("This is the key: it cannot be shown again.", err=True)


def _clinic(session: Session, name: str | None) -> UUID | None:
    from db import clinics

    if name is None:
        return None
    found = clinics.by_name(session, name)
    if found is None:
        raise Refused("--clinic: there is no clinic of that name: write it as its reports do")
    return found.id


@user_app.command("list")
def list_users(database: Database = None) -> None:
    """Every user: the key's prefix, the role, the clinic, when it was last used.

    Example: nextcount user list
    """
    from db import clinics
    from db.engine import reading
    from service import settings
    from service.flows import users

    with opened(settings.load(database_url=database)) as engine, reading(engine) as session:
        found, names = users.every(session), {clinic.id: clinic.name for clinic in clinics.every(session)}
    for row in found:
        where = "every clinic" if row.clinic_id is None else names[row.clinic_id]
        used = "revoked" if row.revoked_at else f"last used {row.used_on or 'never'}"
        typer.echo(one_line(f"{row.prefix}: {row.name}, {row.role.value} of {where}, {used}"))


@user_app.command("revoke")
def revoke(
    who: Annotated[str, typer.Argument(metavar="WHO", help="The key's prefix, or the user's name.")],
    database: Database = None,
) -> None:
    """Take a user's key back: from now on it opens nothing, and its browsers are signed out.

    Example: nextcount user revoke "Dana Reyes"
    """
    from db.engine import writing
    from service import clock, settings
    from service.flows import users

    with opened(settings.load(database_url=database)) as engine, writing(engine) as session:
        name = users.revoke(session, who, by=BY, now=clock.now(engine))
    typer.echo(f"{one_line(name)} may no longer ask.")
