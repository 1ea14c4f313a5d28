"""`nextcount report`: figures for people, for a spreadsheet and for programs."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schedules.groups import By
from service.cli.running import Database, opened
from service.errors import Refused

if TYPE_CHECKING:
    from service.flows.reports import Report

OLDEST = 1900

reports_app = typer.Typer(help="Figures about how well the plans are kept.", no_args_is_help=True)


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"
    CSV = "csv"


def register(app: typer.Typer) -> None:
    app.add_typer(reports_app, name="report")


@reports_app.callback()
def report() -> None:
    """Figures about how well the plans are kept."""


@reports_app.command("adherence")
def adherence(
    clinic: Annotated[str | None, typer.Option(metavar="NAME", help="Only this clinic.")] = None,
    medicine: Annotated[str | None, typer.Option(metavar="NAME", help="Only courses on it.")] = None,
    protocol: Annotated[str | None, typer.Option(metavar="ID", help="Only courses under it.")] = None,
    by: Annotated[By, typer.Option(help="What to tell apart.")] = By.CLINIC,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="The first day: 2026-01-01.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DAY", help="The last day: today.")] = None,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="MOMENT", help="From what was known then: 2026-03-01T09:00Z."),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="For people or for programs.")] = Format.TEXT,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there.")] = None,
    database: Database = None,
) -> None:
    """How many tests were done on time, how late the others, who has none planned: by clinic and in all.

    Example: nextcount report adherence --from 2026-01-01 --format csv --out adherence.csv
    """
    from service import clock, settings
    from service.flows import reports

    question = reports.Question(
        clinic=clinic,
        medicine=medicine,
        protocol=protocol,
        by=by,
        first=_day(first, "--from"),
        last=_day(last, "--to"),
        as_of=_moment(as_of),
    )
    with opened(settings.load(database_url=database)) as engine:
        found = reports.adherence(engine, question, now=clock.now(engine))
    if out is None:
        _show(found, form)
    else:
        _save(_written(found, form), out)


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise Refused(f"{option}: this is not a day: write it as 2026-01-31")
    return day


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment.year < OLDEST:
        raise Refused("--as-of: this is not a moment with its zone: write it as 2026-01-31T09:00Z")
    return moment.astimezone(UTC)


def _show(found: Report, form: Format) -> None:
    from service.cli import report_text

    if form is Format.TEXT and sys.stdout.isatty():
        report_text.show(found)
    else:
        typer.echo(_written(found, form), nl=False)


def _save(text: str, out: Path) -> None:
    try:
        out.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise Refused(f"{out}: {error.strerror or 'it cannot be written'}") from None
    typer.echo(f"Written to {out}.", err=True)


def _written(found: Report, form: Format) -> str:
    from service.cli import report_text
    from service.flows import figures

    if form is Format.JSON:
        return json.dumps(figures.as_json(found), indent=2) + "\n"
    return figures.as_csv(found) if form is Format.CSV else report_text.plain(found)
