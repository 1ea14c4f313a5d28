"""`nextcount report`: figures for people, for a spreadsheet and for programs."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schedules.groups import By
from service.cli.running import Database, opened
from service.errors import Refused

if TYPE_CHECKING:
    from service.flows.reports import Question, Report

OLDEST = 1900

Clinic = Annotated[str | None, typer.Option(metavar="NAME", help="Only this clinic.")]
Medicine = Annotated[str | None, typer.Option(metavar="NAME", help="Only courses on it.")]
OfProtocol = Annotated[str | None, typer.Option(metavar="ID", help="Only courses under it.")]
Apart = Annotated[By, typer.Option(help="What to tell apart.")]
First = Annotated[str | None, typer.Option("--from", metavar="DAY", help="The first day: 2026-01-01.")]
Last = Annotated[str | None, typer.Option("--to", metavar="DAY", help="The last day: today.")]
AsOf = Annotated[
    str | None, typer.Option(metavar="MOMENT", help="From what was known then: 2026-03-01T09:00Z.")
]
Out = Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there.")]

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
    clinic: Clinic = None,
    medicine: Medicine = None,
    protocol: OfProtocol = None,
    by: Apart = By.CLINIC,
    first: First = None,
    last: Last = None,
    as_of: AsOf = None,
    form: Annotated[Format, typer.Option("--format", help="For people or for programs.")] = Format.TEXT,
    out: Out = None,
    database: Database = None,
) -> None:
    """How many tests were done on time, how late the others, who has none planned: by clinic and in all.

    Example: nextcount report adherence --from 2026-01-01 --format csv --out adherence.csv
    """
    from service import clock, settings
    from service.flows import reports

    question = _question(first, last, as_of, clinic=clinic, medicine=medicine, protocol=protocol, by=by)
    with opened(settings.load(database_url=database)) as engine:
        found = reports.adherence(engine, question, now=clock.now(engine))
    if out is None:
        _show(found, form)
    else:
        _save(_written(found, form), out)


@reports_app.command("lines")
def lines(
    measure: Annotated[
        str, typer.Option(metavar="NAME", help="Whose lines, as on-time or coverage.")
    ] = "on-time",
    group: Annotated[str | None, typer.Option(metavar="NAME", help="Only this group.")] = None,
    part: Annotated[str | None, typer.Option(metavar="NAME", help="Only this part, as late.")] = None,
    clinic: Clinic = None,
    medicine: Medicine = None,
    protocol: OfProtocol = None,
    by: Apart = By.CLINIC,
    first: First = None,
    last: Last = None,
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of CSV.")] = False,
    out: Out = None,
    database: Database = None,
) -> None:
    """The items, clocks or courses behind a number of the report, and why one is not counted.

    Example: nextcount report lines --part late --from 2026-01-01 --out late.csv
    """
    from service import clock, settings
    from service.flows import lines as listed

    question = _question(first, last, as_of, clinic=clinic, medicine=medicine, protocol=protocol, by=by)
    chosen = listed.Chosen(measure, group=group, part=part)
    with opened(settings.load(database_url=database)) as engine:
        found = listed.page(engine, question, chosen, now=clock.now(engine), limit=sys.maxsize).lines
    text = json.dumps([asdict(line) for line in found], indent=2, default=str) + "\n"
    text = text if as_json else listed.as_csv(found)
    _save(text, out) if out else typer.echo(text, nl=False)


def _question(first: str | None, last: str | None, as_of: str | None, **scope: Any) -> Question:
    from service.flows import reports

    return reports.Question(
        first=_day(first, "--from"), last=_day(last, "--to"), as_of=_moment(as_of), **scope
    )


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
