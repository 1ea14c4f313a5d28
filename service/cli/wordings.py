"""`wording`: what messages say in each language, and who stands for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import import_options
from service.cli.running import Database, opened
from service.errors import one_line

if TYPE_CHECKING:
    from service.flows.wordings import Standing

wording_app = typer.Typer(no_args_is_help=True)

Language = Annotated[str, typer.Argument(metavar="LANG", help="The language's code, as es.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who read every message: it is kept.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    app.add_typer(wording_app, name="wording")


@wording_app.callback()
def wording() -> None:
    """What messages say: list the languages, read every message of one, sign it for your clinic."""


@wording_app.command("list")
def list_wordings(as_json: Json = False, database: Database = None) -> None:
    """Each clinic's languages: which are in use, and who signed them.

    Example: nextcount wording list
    """
    from db import clinics
    from db.engine import reading
    from service import settings
    from service.flows import wordings

    with opened(settings.load(database_url=database)) as engine, reading(engine) as session:
        found = wordings.standings(session, clinics.every(session))
    if as_json:
        typer.echo(json.dumps([_as_json(standing) for standing in found], indent=2))
        return
    for standing in found:
        words = standing.catalogue
        typer.echo(f"{one_line(standing.clinic)}: {words.language} ({words.name}) {_stands(standing)}")


def _stands(standing: Standing) -> str:
    use = "is in use" if standing.in_use else "is off"
    if standing.by is None or standing.at is None:
        return f"{use}: not signed"
    signed = f"signed by {one_line(standing.by)} on {standing.at:%Y-%m-%d}"
    return f"{use}: {signed}" if standing.current else f"{use}: {signed}, and changed since"


def _as_json(standing: Standing) -> dict[str, object]:
    return {
        "clinic": standing.clinic,
        "language": standing.catalogue.language,
        "hash": standing.catalogue.hash,
        "in_use": standing.in_use,
        "signed": standing.current,
        "by": standing.by,
        "at": None if standing.at is None else standing.at.isoformat(),
    }


@wording_app.command("show")
def show(language: Language) -> None:
    """Every message there can be in a language, filled with invented data. Needs no database.

    Example: nextcount wording show es
    """
    from service.flows import wordings
    from service.messages import specimens

    typer.echo(specimens.page(wordings.catalogue(language).language), nl=False)


@wording_app.command("sign")
def sign(
    language: Language,
    by: By,
    clinic: Annotated[
        str | None, typer.Option(metavar="NAME", help="The clinic, where there are several.")
    ] = None,
    database: Database = None,
) -> None:
    """Stand for every message of a language as `nextcount wording show` prints it: it is used from now on.

    When a later version of this program changes a word of it, it is off until it is signed again; English,
    which everybody falls back to, is not.

    Example: nextcount wording sign es --by "Dr. Ana Ruiz"
    """
    from db.engine import writing
    from service import clock, settings
    from service.flows import wordings

    who = import_options.named(by)
    with opened(settings.load(database_url=database)) as engine, writing(engine) as session:
        house = import_options.clinic(session, clinic)
        asked = wordings.sign(session, house, language, by=who, now=clock.now(engine))
        name = house.name
    typer.echo(f"{one_line(name)}: {language} is signed by {one_line(who)} and in use.")
    if asked:
        typer.echo(f"{asked} work items that asked for it are done.")
