"""An older result comes, is corrected or taken back: what later values were judged by is no longer so.

A trend, several in a row and a change from the baseline are judged again. What is new is a person's; what no
longer holds is said on the work there is, which stays: only a person finishes it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from sqlmodel import Session

from db import results, work_items
from db.batches import Key, Values
from db.courses import CourseFacts
from db.tables import ResultStatus
from schedules import limits
from schedules.limits import Finding
from service.flows import findings

INSTANT = timedelta(microseconds=1)
CAME, TAKEN_BACK = "came or was corrected later", "was taken back"
Earliest: TypeAlias = Mapping[tuple[UUID, str], Values]  # by patient and analyte


@dataclass(frozen=True, slots=True)
class Change:
    """What a course's limits say of a value now and did not before, and the other way round."""

    facts: CourseFacts
    value: Values
    new: Sequence[Finding]
    gone: Sequence[Finding]


def again(session: Session, rows: Iterable[Values], *, now: datetime, cause: str = CAME) -> int:
    """Judge later values, for these results came or were taken back; how many are newly beyond a limit."""
    told = [row for row in rows if row["status"] != ResultStatus.PRELIMINARY]
    causes = _earliest(told)
    changes = list(_changes(session, _later(session, told, causes), now))
    for change in changes:
        mark(session, change, f"An earlier result {cause}")
    new: dict[UUID, list[Change]] = defaultdict(list)
    for change in changes:
        if change.new:
            new[change.value["id"]].append(change)
    work = [_work(mine, causes, cause, now) for mine in new.values()]
    work_items.raise_(session, work, now=now)
    return len(work)


def _earliest(rows: Iterable[Values]) -> Earliest:
    found: dict[tuple[UUID, str], Values] = {}
    for row in sorted(rows, key=lambda row: row["collected_on"]):
        found.setdefault((row["patient_id"], row["analyte"]), row)
    return found


def _later(session: Session, rows: Iterable[Values], causes: Earliest) -> list[Values]:
    """The values of days after those results that count, but for those of them that were judged just now."""
    judged = {row["id"] for row in rows}
    people = sorted({(row["clinic_id"], row["patient_id"]) for row in causes.values()})
    found = []
    for value in results.counting(session, people):
        cause = causes.get((value["patient_id"], value["analyte"]))
        if cause and cause["collected_on"] < value["collected_on"] and value["id"] not in judged:
            found.append(value)
    return found


def _changes(session: Session, values: Sequence[Values], now: datetime) -> Iterator[Change]:
    people: list[Key] = sorted({(value["clinic_id"], value["patient_id"]) for value in values})
    known = findings.patients(session, people) if people else {}
    before = results.draws(session, people, at=now - INSTANT)
    for value in values:
        one = known[value["patient_id"]]
        for facts in one.courses:
            if findings.judges(facts, one.born, value["collected_on"]):
                yield _change(facts, before.get(value["patient_id"], ()), value)


def _change(facts: CourseFacts, before: Sequence[Any], value: Values) -> Change:
    was = findings.of(facts, before, value, looking_back=True)
    is_ = findings.of(facts, facts.draws, value, looking_back=True)
    return difference(facts, value, was, is_)


def difference(facts: CourseFacts, value: Values, was: Iterable[Finding], is_: Iterable[Finding]) -> Change:
    was, is_ = list(was), list(is_)
    return Change(facts, value, new=_only(is_, was), gone=_only(was, is_))


def _only(these: Iterable[Finding], those: Iterable[Finding]) -> list[Finding]:
    limits_of_those = [one.limit for one in those]
    return [one for one in these if one.limit not in limits_of_those]


def mark(session: Session, change: Change, because: str) -> None:
    """Say on the work about a value what no longer holds of it."""
    if not change.gone:
        return
    keys = work_items.beginning(session, change.value["clinic_id"], results.finding_key(change.value["id"]))
    for finding in change.gone:
        work_items.remark(session, keys, f"{because}, and this no longer holds: {finding.sentence}")


def _work(changes: Sequence[Change], causes: Earliest, cause: str, now: datetime) -> dict[str, Any]:
    """One work item for a value, of the course whose limit is the most urgent."""
    found = [(change, finding) for change in changes for finding in change.new]
    change, finding = max(found, key=lambda each: limits.LEVELS.index(each[1].level))
    value, earlier = change.value, causes[change.value["patient_id"], change.value["analyte"]]
    key = f"{results.finding_key(value['id'])}/{earlier['id']}"
    work = findings.work(value, change.facts, "limit", finding.level, "prescriber", key, now=now)
    why = f"Judged again, for the result of {earlier['collected_on']} {cause}."
    return work | {"about": f"{findings.sentence(change.facts, finding)} {why}"}
