"""The results of one draw are entered by hand or by a system: stored as sent, judged and planned at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from db import audit, batches, courses, imports, patients, results
from db.batches import Key
from db.tables import Result
from service.errors import Fault, Problem
from service.flows import belongings, differences, forwarding, intake
from service.flows import results as judging
from service.flows.courses import HERE, patient, replan
from service.flows.differences import Difference
from service.flows.explanations import Part
from service.flows.intake import Columns, Intake
from service.ingest import build
from service.ingest.build import Options
from service.ingest.cells import Refused
from service.ingest.rows import Line, ResultRow

SOURCE = "api"
WHOSE = dict(zip(("clinic", "authority", "mrn"), HERE, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What was stored, how many values are beyond a limit, and what that changes."""

    results: Sequence[sa.Row | dict[str, Any]]
    beyond_a_limit: int
    difference: Difference


def record(session: Session, key: Key, said: Sequence[Columns], *, by: str, now: datetime) -> Drawn:
    """Problem when a value cannot be read at all, or contradicts one of the same draw."""
    rows = [_row(number, one) for number, one in enumerate(said)]
    patients.lock(session, key)
    found = Intake(now=now, people={HERE: intake.person(patient(session, key))})
    belongings.add_results(found, rows, imports.known(session, [key]))
    _accept(found)
    before = differences.look(session, key)
    stored = batches.insert(session, Result, [row | {"source": SOURCE} for row in found.new[Result]])
    beyond = judging.judge(session, stored, now=now)
    forwarding.results(session, stored, now=now)
    replan(session, courses.of_patients(session, [key]), now=now)
    detail = {"results": [str(row["id"]) for row in stored]}
    subject = ("patient", str(key[1]))
    audit.record(session, key[0], by, "enter results", subject=subject, now=now, detail=detail)
    return Drawn(results=stored, beyond_a_limit=beyond, difference=differences.since(before, session, key))


def _row(number: int, said: Columns) -> ResultRow:
    line = Line("body.values", number)
    try:
        return build.result(line, WHOSE | said, Options())
    except Refused as wrong:
        place = f"{line.file}.{number}.{wrong.column}"
        fault = Fault(place, f"{wrong.what}; {wrong.remedy}")
        raise Problem(422, "The request is not valid.", errors=[fault]) from None


def _accept(found: Intake) -> None:
    for wrong in found.errors:
        if wrong.column is None:
            raise Problem(409, f"{wrong.what[:1].upper()}{wrong.what[1:]}: {wrong.remedy}.")
        fault = Fault(f"body.{wrong.column}", f"{wrong.what}; {wrong.remedy}")
        raise Problem(422, "The request is not valid.", errors=[fault])
    if not found.new[Result]:
        raise Problem(409, "These results are stored already.")


def read(session: Session, key: Key, part: Part, *, by: str, now: datetime) -> Sequence[sa.Row]:
    """Results of a patient, the newest known first; that it was read is kept in the audit."""
    patient(session, key)
    subject = ("patient", str(key[1]))
    audit.record(session, key[0], by, "read results", subject=subject, now=now)
    return results.of_patient(session, key, before=part.before, limit=part.limit)
