"""Adherence: read what was planned and done, count it with `schedules.adherence`.

One definition behind every format, clinic and total.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import adherence as records
from db import clinics
from db.adherence import Scope
from db.engine import reading
from db.tables import Clinic
from schedules import adherence as measures
from schedules import days
from schedules.adherence import Asked, Cover, Lateness, Measure, Period, Record, Sent
from service.errors import Refused
from service.flows import followed as courses
from service.flows.followed import CHECK_IN, TEST, Followed


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked for: None leaves nothing out; a period without a beginning is all time, up to today."""

    clinic: str | None = None
    medicine: str | None = None
    protocol: str | None = None
    first: date | None = None
    last: date | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The figures of one clinic, or of all: sections add up."""

    patients: int
    courses: int
    on_time: Measure
    without_grace: Measure
    days_in_date: Measure
    lateness: Lateness
    coverage: Measure
    check_ins: Measure
    reminders: Mapping[str, Measure]  # by audience/rung
    grace: Mapping[int, int]  # days of grace: how many items had them

    def __add__(self, other: "Section") -> "Section":
        return Section(
            **{each.name: _add(getattr(self, each.name), getattr(other, each.name)) for each in fields(self)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    question: Question
    moment: datetime
    period: Period  # its first day is that of the first course, when none was asked for
    clinics: Mapping[str, Section]
    total: Section
    numbers: Mapping[str, tuple[str, str]]  # a patient's id: clinic and medical record number


def adherence(engine: Engine, question: Question, *, now: datetime) -> Report:
    """Refused when there is no such clinic, or the period or the moment cannot be."""
    moment = now if question.as_of is None else question.as_of
    if moment > now:
        raise Refused("--as-of is in the future: give a moment that has passed")
    with reading(engine) as session:
        found = _clinics(session, question, moment)
        scope = _scope(question, found)
        followed = list(courses.found(session, scope, moment=moment))
        sent = records.sent(session, scope)
    return _report(question, moment, found, followed, _by_course(sent))


def _clinics(session: Session, question: Question, moment: datetime) -> Sequence[Clinic]:
    if question.clinic is None:
        return [clinic for clinic in clinics.every(session) if clinic.created_at <= moment]
    clinic = clinics.by_name(session, question.clinic)
    if clinic is None:
        raise Refused("--clinic: there is no clinic of that name: write it as it was imported")
    return [clinic]


def _scope(question: Question, found: Sequence[Clinic]) -> Scope:
    return Scope(
        clinic_id=None if question.clinic is None else found[0].id,
        medicine=question.medicine,
        protocol_id=question.protocol,
        at=question.as_of,
    )


def _by_course(rows: Iterable[sa.Row]) -> dict[UUID, list[sa.Row]]:
    found: dict[UUID, list[sa.Row]] = defaultdict(list)
    for row in rows:
        found[row.course_id].append(row)
    return found


# ---- counting


def _report(
    question: Question,
    moment: datetime,
    found: Sequence[Clinic],
    followed: Sequence[Followed],
    sent: Mapping[UUID, Sequence[sa.Row]],
) -> Report:
    """Each patient is counted on their own today: clinics and countries differ."""
    names = {clinic.id: clinic.name for clinic in found}
    groups: dict[tuple[UUID, date], list[Followed]] = defaultdict(list)
    for one in followed:
        groups[one.row.clinic_id, days.local_day(moment, days.zone(one.row.time_zone))].append(one)
    today = max(
        [days.local_day(moment, days.zone(clinic.time_zone)) for clinic in found]
        + [local for _, local in groups],
        default=moment.date(),
    )
    period = _period(question, followed, today)
    nothing = _section([], {}, period=period, as_of=today, today=today)
    sections = dict.fromkeys(names.values(), nothing)
    for (clinic_id, local), mine in groups.items():
        sections[names[clinic_id]] += _section(mine, sent, period=period, as_of=local, today=today)
    return Report(
        question=question,
        moment=moment,
        period=period,
        clinics=sections,
        total=sum(sections.values(), nothing),
        numbers={str(one.row.patient_id): (names[one.row.clinic_id], one.row.mrn) for one in followed},
    )


def _period(question: Question, followed: Sequence[Followed], today: date) -> Period:
    last = question.last or today
    if question.first is not None and last < question.first:
        raise Refused(f"--from {question.first} is after the last day, {last}: give an earlier one, or --to")
    begun = min((one.row.start for one in followed), default=last)
    return Period(min(max(question.first or begun, begun), last), last)


def _section(
    mine: Sequence[Followed],
    sent: Mapping[UUID, Sequence[sa.Row]],
    *,
    period: Period,
    as_of: date,
    today: date,
) -> Section:
    duties = [duty for one in mine for clock in one.tests.values() for duty in clock.values()]
    reminded = [reminder for one in mine for reminder in _reminded(one, sent.get(one.row.id, ()))]
    asked = [check_in for one in mine for check_in in _asked(one, sent.get(one.row.id, ()))]
    grace = Counter((duty.last_on_time - duty.due_on).days for duty in duties if duty.last_on_time in period)
    return Section(
        patients=len({one.row.patient_id for one in mine}),
        courses=len(mine),
        on_time=measures.on_time(duties, period, as_of=as_of),
        without_grace=measures.on_time(duties, period, as_of=as_of, grace=False),
        days_in_date=measures.days_in_date(_records(mine), period, as_of=as_of),
        lateness=measures.lateness(duties, period),
        coverage=measures.coverage(_covers(mine, as_of), as_of=today),
        check_ins=measures.check_ins(asked, period),
        reminders=measures.reminder_effect(reminded, period, as_of=as_of),
        grace=grace,
    )


def _records(mine: Iterable[Followed]) -> Iterable[Record]:
    for one in mine:
        for clock, duties in one.tests.items():
            yield Record(
                duties=tuple(duties.values()),
                pauses=tuple(one.pauses.get(clock, ())),
                enrolled=one.row.enrolled,
                ended=one.ended,
            )


def _covers(mine: Iterable[Followed], today: date) -> Iterable[Cover]:
    """A course is covered when each of its test clocks has an open item."""
    for one in mine:
        if one.on_medicine(today):
            clocks = [any(duty.class_ is None for duty in clock.values()) for clock in one.tests.values()]
            yield Cover(patient=str(one.row.patient_id), open_item=bool(clocks) and all(clocks))


def _reminded(one: Followed, sent: Iterable[sa.Row]) -> Iterable[Sent]:
    for row in sent:
        duty = one.tests.get(row.clock, {}).get(row.ordinal)
        if row.kind == TEST and duty is not None:
            on = days.local_day(row.decided_at, days.zone(row.zone))
            yield Sent(rung=f"{row.track}/{row.rung}", on=on, collected_on=duty.collected_on)


def _asked(one: Followed, sent: Iterable[sa.Row]) -> Iterable[Asked]:
    """A check-in is sent once, on the day of its first reminder."""
    first: dict[tuple[str, int], date] = {}
    for row in sent:
        if row.kind == CHECK_IN and row.ordinal in one.check_ins.get(row.clock, {}):
            first.setdefault((row.clock, row.ordinal), days.local_day(row.decided_at, days.zone(row.zone)))
    for (clock, ordinal), on in first.items():
        yield Asked(on=on, answered=one.check_ins[clock][ordinal].collected_on is not None)


def _add(one: Any, other: Any) -> Any:
    """Counts and measures, and mappings of them by their keys."""
    if not isinstance(one, Mapping):
        return one + other
    return {
        key: one[key] + other[key] if key in one and key in other else one.get(key, other.get(key))
        for key in sorted({*one, *other})
    }
