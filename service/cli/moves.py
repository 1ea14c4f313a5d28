"""`protocols move`: what another version would do to each patient; `approve-move` carries it out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from service.cli import import_options
from service.cli.imports import bar
from service.cli.rules import protocols_app
from service.cli.running import Database, opened
from service.errors import Problem, Refused

if TYPE_CHECKING:
    from service.flows.move_proposals import Rehearsed

Clinic = Annotated[
    str | None, typer.Option("--clinic", metavar="NAME", help="The clinic, where there are several.")
]


def register(app: typer.Typer) -> None:
    protocols_app.command("move")(move)
    protocols_app.command("approve-move")(approve)


@contextmanager
def refusing() -> Iterator[None]:
    """What a request would be refused with, as a command says it."""
    try:
        yield
    except Problem as problem:
        missing = "there is no such protocol, version or move in this clinic"
        raise Refused(missing if problem.status == 404 else problem.detail) from None


def move(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A protocol's id, or ID@VERSION.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The same; an id alone is the one in force.")],
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Propose it, as whom; without, a dry run.")
    ] = None,
    clinic: Clinic = None,
    database: Database = None,
) -> None:
    """What it would do to each patient to go on under another version. Nothing moves by this alone.

    Example: nextcount protocols move our-azathioprine@1 our-azathioprine --clinic "Elm Street"
    """
    from db.engine import reading, writing
    from service import clock, settings
    from service.flows import move_proposals

    who = None if by is None else import_options.named(by)
    with opened(settings.load(database_url=database)) as engine:
        with reading(engine) as session:
            house = import_options.clinic(session, clinic).id
        now = clock.now(engine)
        with refusing(), bar("looking at courses") as told:
            found = move_proposals.rehearsed(engine, house, old, new, now=now, told=told)
        _show(found)
        if who is None:
            typer.echo("A dry run: nothing is kept. Propose it with --by NAME.")
            return
        with writing(engine) as session:
            id_ = move_proposals.propose(session, house, found, by=who, now=now)
    typer.echo(f"Proposed by {who}. A second person: nextcount protocols approve-move {id_} --by NAME")


def _show(found: Rehearsed) -> None:
    from service.flows import moves

    for one in found.outcomes:
        said = [f"{c.clock} {c.was_due_on or 'new'} → {c.due_on or 'ends'}" for c in one.changes]
        said += ["becomes overdue"] if any(c.becomes_overdue for c in one.changes) else []
        said += [f"refused: {one.refused}"] if one.refused else []
        typer.echo(f"{one.patient_id}  {', '.join(said) or 'nothing changes'}")
    typer.echo(moves.sentence(moves.figures(found.outcomes)))


def approve(
    move_id: Annotated[UUID, typer.Argument(metavar="ID")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who approves: not who proposed it.")],
    clinic: Clinic = None,
    database: Database = None,
) -> None:
    """Approve a move and carry it out, in batches; broken off, the worker finishes it.

    Example: nextcount protocols approve-move 01a0d6b8-7a8c-7b7e-9d7a-3f6a1c2b4d63 --by "Dr. Ana Ruiz"
    """
    from functools import partial

    from db.engine import reading, writing
    from service import clock, settings
    from service.flows import move_proposals, moves
    from service.flows.work_items import Person

    person = Person(import_options.named(by), is_named=True)
    with opened(settings.load(database_url=database)) as engine, refusing():
        with reading(engine) as session:
            key = import_options.clinic(session, clinic).id, move_id
        with writing(engine) as session:
            move_proposals.approve(session, key, by=person, now=clock.now(engine))
        with bar("moving courses") as told:
            moves.carry_out(engine, partial(clock.now, engine), key, told=told)
        with reading(engine) as session:
            found = move_proposals.progress(session, key)
    typer.echo(f"{found.moved} courses moved, {len(found.row.refused)} refused, {found.remaining} remain.")
