"""Keep what is written equal to `plan()`: items, their reminders, and what is asked of people."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import courses, items, reminders, versions, work_items
from db.batches import Key
from db.courses import CourseFacts
from db.items import Stored
from db.types import new_id
from schedules import days, ladder
from schedules import plan as planning
from schedules.facts import Class, Item, Need, Plan
from service.flows import rungs

WEEK = timedelta(days=7)


@dataclass(slots=True)
class Change:
    """What a new plan does to the rows of one course."""

    new: list[Stored] = field(default_factory=list)
    changed: list[Stored] = field(default_factory=list)
    ended: dict[str, list[Key]] = field(default_factory=lambda: defaultdict(list))  # reason: items
    closed: list[Key] = field(default_factory=list)
    reopened: list[Key] = field(default_factory=list)
    to_climb: list[Stored] = field(default_factory=list)


def apply(session: Session, keys: Sequence[Key], *, now: datetime) -> None:
    """Plan these courses again from all that is known, and write the difference. The caller commits."""
    keys = versions.with_pairs(session, keys)
    courses.lock(session, keys)
    known = courses.known(session, keys)
    stored = items.of_courses(session, [facts.key for facts in known])
    planned = [(facts, _plan(facts, now)) for facts in known]
    change = Change()
    for facts, plan in planned:
        _compare(change, facts, stored.get(facts.id, []), plan, now)
    _write(session, change, now)
    _ask(session, planned, now)
    courses.planned(session, [_course_row(facts, plan) for facts, plan in planned])


def _plan(facts: CourseFacts, now: datetime) -> Plan:
    today = days.local_day(now, days.zone(facts.time_zone))
    return planning.plan(facts.course, facts.events, facts.draws, today=today, known_at=now)


def _course_row(facts: CourseFacts, plan: Plan) -> dict[str, Any]:
    ended_on = None if plan.end is None else plan.end[0]
    return {
        "clinic_id": facts.clinic_id,
        "id": facts.id,
        "replan_on": plan.changes_on,
        "ended_on": ended_on,
    }


def _compare(change: Change, facts: CourseFacts, rows: Sequence[Stored], plan: Plan, now: datetime) -> None:
    written = {(row.item.clock, row.item.ordinal): row for row in rows}
    for item in plan.items:
        row = written.pop((item.clock, item.ordinal), None)
        if row is None:
            _add(change, facts, item, now)
        elif row.item != item:
            _alter(change, row, item, now)
    for row in written.values():
        if row.item.class_ is not Class.WITHDRAWN:
            _alter(change, row, replace(row.item, class_=Class.WITHDRAWN, held=False), now)


def _add(change: Change, facts: CourseFacts, item: Item, now: datetime) -> None:
    row = Stored(
        clinic_id=facts.clinic_id,
        id=new_id(),
        course_id=facts.id,
        patient_id=facts.patient_id,
        version=1,
        version_at=now,
        item=item,
    )
    change.new.append(row)
    if item.class_ is None:
        change.to_climb.append(row)


def _alter(change: Change, row: Stored, item: Item, now: datetime) -> None:
    was, after = row.item, replace(row, item=item)
    moved = was.due_on != item.due_on or was.appointment != item.appointment
    if moved:
        after = replace(after, version=row.version + 1, version_at=now)
    elif was.held and not item.held:
        after = replace(after, version_at=now)
    change.changed.append(after)
    if item.class_ is not None:
        if was.class_ is None:
            change.ended[f"{reminders.CLOSED}{item.class_.value}"].append(row.key)
        change.closed.append(row.key)
        return
    if moved:
        change.ended["the due day changed"].append(row.key)
    elif was.class_ is not None:
        change.reopened.append(row.key)
    if moved or was.held != item.held or was.class_ is not None:
        change.to_climb.append(after)


def _write(session: Session, change: Change, now: datetime) -> None:
    touched = [row.key for row in change.changed]
    items.lock_open(session, touched)
    for reason, keys in change.ended.items():
        reminders.withdraw(session, keys, reason=reason, now=now)
    items.write(session, new=change.new, changed=change.changed)
    work_items.finish_for_items(session, change.closed, outcome="the item is closed", now=now)
    reminders.reopen(session, change.reopened)
    rungs.climb(session, change.to_climb, now=now)


# ---- what the plan asks of people


def _ask(session: Session, planned: Sequence[tuple[CourseFacts, Plan]], now: datetime) -> None:
    asked = {_key(facts, need): (facts, need) for facts, plan in planned for need in plan.needs}
    known = work_items.newest(session, list(asked))
    raised = [
        _row(facts, need, key[1], now)
        for key, (facts, need) in asked.items()
        if need.met_on is None and _is_news(known.get(key), need, now)
    ]
    work_items.raise_(session, raised, now=now)
    met = [key for key, (_, need) in asked.items() if need.met_on is not None]
    work_items.finish(session, met, outcome=work_items.MET, now=now)
    gone = work_items.of_plans(session, [facts.key for facts, _ in planned]) - asked.keys()
    work_items.finish(session, sorted(gone), outcome=work_items.NO_LONGER_ASKED, now=now)


def _key(facts: CourseFacts, need: Need) -> tuple[UUID, str]:
    return facts.clinic_id, f"need/{facts.id}/{need.clock or ''}/{need.kind}/{need.on}"


def _is_news(raised_at: datetime | None, need: Need, now: datetime) -> bool:
    if raised_at is None:
        return True
    return need.repeats_weekly and now - raised_at >= WEEK


def _row(facts: CourseFacts, need: Need, key: str, now: datetime) -> dict[str, Any]:
    return {
        "clinic_id": facts.clinic_id,
        "patient_id": facts.patient_id,
        "course_id": facts.id,
        "kind": need.kind,
        "level": need.level,
        "role": need.role,
        "key": key,
        "due_by": now + ladder.DUE_BY[need.level],
    }
