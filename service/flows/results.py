"""A result arrives: it is judged at once, whatever its age, and what it tells becomes a work item.

A value that is no figure is a person's too, where a course asks for it and no later one has come; it decides
nothing until a correction says what it is, or it is taken back. Nothing here tells the patient anything.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import results, work_items
from db.batches import Values
from db.courses import CourseFacts
from db.tables import ResultStatus
from schedules import limits
from service.flows import findings, rejudged, restated
from service.flows.findings import Known

REPLACED = "The laboratory has since corrected or withdrawn this result."
JUDGED = (ResultStatus.FINAL, ResultStatus.CORRECTED, ResultStatus.PRELIMINARY)


def judge(session: Session, arrived: Iterable[Values], *, now: datetime) -> int:
    """Hold new results, by their columns, against their patients' limits; how many are beyond one.

    The finding of a result that a later version corrects or takes back is marked; only a person finishes it.
    """
    arrived = list(arrived)
    _restate(session, arrived, now)
    counted = [row for row in arrived if row["status"] in JUDGED]
    known = findings.patients(session, {(row["clinic_id"], row["patient_id"]) for row in counted})
    beyond = [work for row in counted if row["usable"] for work in _limits(row, known, now)]
    others = [work for row in counted if not row["usable"] for work in _no_figure(row, known, now)]
    others += [work for row in counted if row["usable"] for work in _unjudged(row, known, now)]
    work_items.raise_(session, beyond + list({work["key"]: work for work in others}.values()), now=now)
    restated.look(session, arrived, now=now)
    again = [row for row in arrived if row["status"] in restated.REPLACING or row.get("resulted_at")]
    work_items.remark(session, results.outdated(session, again), REPLACED)
    return len(beyond) + rejudged.again(session, arrived, now=now)


def _restate(session: Session, arrived: Sequence[Values], now: datetime) -> None:
    """What was no figure, and now is one or was taken back, is nobody's work any more."""
    waiting = {
        key
        for clinic_id in {row["clinic_id"] for row in arrived}
        for key in work_items.beginning(session, clinic_id, results.QUARANTINE)
    }
    if waiting:
        settled = [row for row in arrived if row["usable"] or row["status"] in results.TAKING_BACK]
        replaced = results.replaced(session, settled, prefix=results.QUARANTINE)
        work_items.finish(session, sorted(waiting.intersection(replaced)), outcome=results.RESTATED, now=now)


def _limits(row: Values, known: Mapping[UUID, Known], now: datetime) -> Iterator[dict[str, Any]]:
    """One work item for a result, of the course whose limit is the most urgent."""
    one = known[row["patient_id"]]
    judging = [facts for facts in one.courses if findings.judges(facts, one.born, row["collected_on"])]
    beyond = [(facts, finding) for facts in judging for finding in findings.of(facts, facts.draws, row)]
    if beyond:
        facts, finding = max(beyond, key=lambda each: limits.LEVELS.index(each[1].level))
        key = results.finding_key(row["id"])
        work = findings.work(row, facts, "limit", finding.level, "prescriber", key, now=now)
        yield work | {"about": findings.sentence(facts, finding)}


def _no_figure(row: Values, known: Mapping[UUID, Known], now: datetime) -> Iterator[dict[str, Any]]:
    """A person is to look at what came, where a course asks for the analyte and no later value has come."""
    if not row["value_as_sent"]:
        return
    for facts in known[row["patient_id"]].courses:
        later = limits.readings(facts.draws, row["analyte"])
        superseded = bool(later) and later[-1][0] >= row["collected_on"]
        if row["analyte"] in _asked(facts) and not superseded:
            key = f"{results.QUARANTINE}{row['id']}"
            came = f"{row['analyte']} {row['value_as_sent']} {row['unit_as_sent'] or '(no unit)'}"
            work = findings.work(row, facts, "quarantined-result", "24h", "coordinator", key, now=now)
            yield work | {"about": f"Came as {came} on {row['collected_on']}: {row['problem']}."}
            return


def _asked(facts: CourseFacts) -> set[str]:
    protocol = facts.course.protocol
    panels = {name for clock in protocol.clocks for name in clock.components}
    return panels | {limit.analyte for limit in protocol.limits}


def _unjudged(row: Values, known: Mapping[UUID, Known], now: datetime) -> Iterator[dict[str, Any]]:
    """Packaged limits are not for everybody: a person looks at each draw that they may not judge."""
    one = known[row["patient_id"]]
    for facts in one.courses:
        asked = row["analyte"] in _asked(facts) and facts.course.protocol.limits
        if asked and not findings.judges(facts, one.born, row["collected_on"]):
            key = results.unjudged_key(row)
            yield findings.work(row, facts, "unjudged-result", "24h", "prescriber", key, now=now)
            return
