"""Adherence: read what was planned and done, count it with `schedules.adherence`.

One definition behind every format, group and total. The figures of now come from SQL that puts together what
counts alike; those of a past moment from the plans as they were then. Both fill the same heaps.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import adherence as records
from db import clinics, tallies
from db.adherence import Scope
from db.engine import reading
from db.tables import Clinic
from schedules import adherence as measures
from schedules import answers, clock_days, days, groups
from schedules.adherence import Duty, Lateness, Measure, Period
from schedules.groups import By
from service.errors import Refused
from service.flows import followed, heaps, tallied
from service.flows.heaps import Heap, Heaps

OLDEST, FURTHEST = 1900, 10  # the year of a period's last day, and how many years ahead it can be


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked for: None leaves nothing out; a period without a beginning is all time, up to today."""

    clinic: str | None = None
    clinic_id: UUID | None = None
    medicine: str | None = None
    protocol: str | None = None
    first: date | None = None
    last: date | None = None
    as_of: datetime | None = None
    by: By = By.CLINIC
    answers: bool = True  # count reminders and check-ins too


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The figures of one group, or of all: sections of people who differ add up.

    What a group has not, for it is no group of courses or of days, is None.
    """

    patients: int | None
    courses: int | None
    on_time: Measure
    without_grace: Measure
    days_in_date: Measure | None
    lateness: Lateness
    coverage: Measure | None
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
    groups: Mapping[str, Section]
    total: Section
    numbers: Mapping[str, tuple[str, str]]  # a patient's id: clinic and medical record number


def adherence(engine: Engine, question: Question, *, now: datetime) -> Report:
    """Refused when there is no such clinic, or the period or the moment cannot be."""
    with reading(engine) as session:
        asked = ask(session, question, now=now)
        if question.as_of is None:
            tallied.fill(session, asked.scope, asked.heaps)
            known = None
        else:
            known = {one.row.id: one for one in followed.found(session, asked.scope, moment=question.as_of)}
            for one in known.values():
                heaps.add_followed(asked.heaps, one)
        if question.answers:
            heaps.add_sent(asked.heaps, records.sent(session, asked.scope, asked.heaps.period), known)
    return _report(question, asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question that can be answered."""

    scope: Scope
    found: Sequence[Clinic]
    heaps: Heaps
    today: date  # the latest that it is for anybody


def ask(session: Session, question: Question, *, now: datetime) -> Asked:
    moment = now if question.as_of is None else question.as_of
    if moment > now:
        raise Refused("--as-of is in the future: give a moment that has passed")
    if moment.year < OLDEST:
        raise Refused(f"--as-of is too long ago: give a moment from {OLDEST} on")
    found = _clinics(session, question, moment)
    scope = Scope(
        clinic_id=question.clinic_id if question.clinic is None else found[0].id,
        medicine=question.medicine,
        protocol_id=question.protocol,
        at=question.as_of,
    )
    zones = [clinic.time_zone for clinic in found] + tallies.zones(session, scope)
    today = max((days.local_day(moment, days.zone(zone)) for zone in zones), default=moment.date())
    period = _period(question, tallies.first_start(session, scope), today)
    names = {clinic.id: clinic.name for clinic in found}
    return Asked(
        scope=scope,
        found=found,
        heaps=Heaps(by=question.by, period=period, moment=moment, names=names),
        today=today,
    )


def _clinics(session: Session, question: Question, moment: datetime) -> Sequence[Clinic]:
    if question.clinic is None:
        mine = [clinic for clinic in clinics.every(session) if clinic.created_at <= moment]
        return [clinic for clinic in mine if question.clinic_id in (None, clinic.id)]
    clinic = clinics.by_name(session, question.clinic)
    if clinic is None or question.clinic_id not in (None, clinic.id):
        raise Refused("--clinic: there is no clinic of that name: write it as it was imported")
    return [clinic]


def _period(question: Question, begun: date | None, today: date) -> Period:
    last = question.last or today
    if not OLDEST <= last.year <= today.year + FURTHEST:
        raise Refused(f"--to is too far from today: give a day from {OLDEST} to {today.year + FURTHEST}")
    if question.first is not None and last < question.first:
        raise Refused(f"--from {question.first} is after the last day, {last}: give an earlier one, or --to")
    begun = begun or last
    return Period(min(max(question.first or begun, begun), last), last)


# ---- counting


def _report(question: Question, asked: Asked) -> Report:
    mine, period = asked.heaps, asked.heaps.period
    months = groups.months(period) if question.by is By.MONTH else {}
    named = [clinic.name for clinic in asked.found] if question.by is By.CLINIC else list(months)
    found = {group for group, _ in mine.heaps if group is not None}
    ordered = [*named, *sorted(found - set(named))]
    return Report(
        question=question,
        moment=mine.moment,
        period=period,
        groups={name: _grouped(asked, name, months.get(name, period), question.by) for name in ordered},
        total=_grouped(asked, None, period, By.CLINIC),
        numbers=mine.numbers,
    )


def _grouped(asked: Asked, group: str | None, period: Period, by: By) -> Section:
    """Each patient is counted on their own today: clinics and countries differ."""
    heaps_of, todays = asked.heaps.heaps, [today for name, today in asked.heaps.heaps if name is None]
    section = _section(Heap(), Heap(), period, by, as_of=asked.today, today=asked.today)
    for today in todays:
        heap, whole = heaps_of.get((group, today), Heap()), heaps_of[None, today]
        of_days = whole if by is By.MONTH else heap  # a month has its days of every clock
        section += _section(heap, of_days, period, by, as_of=today, today=asked.today)
    return section


def _section(heap: Heap, of_days: Heap, period: Period, by: By, *, as_of: date, today: date) -> Section:
    of_courses, duties = by in groups.OF_COURSES, heap.duties
    return Section(
        patients=len(heap.patients) + heap.people if of_courses else None,
        courses=heap.courses if of_courses else None,
        on_time=measures.on_time(duties, period, as_of=as_of),
        without_grace=measures.on_time(duties, period, as_of=as_of, grace=False),
        days_in_date=None if by is By.PHASE else _days(of_days, period, as_of),
        lateness=measures.lateness(duties, period),
        coverage=measures.coverage(heap.covers, as_of=today) if of_courses else None,
        check_ins=answers.check_ins(heap.asked, period),
        reminders=answers.reminder_effect(heap.sent, period, as_of=as_of),
        grace=_grace(duties, period),
    )


def _days(heap: Heap, period: Period, as_of: date) -> Measure:
    with_items = clock_days.days_in_date(heap.records, period, as_of=as_of)
    return with_items + clock_days.between_edges(heap.edges, period, as_of=as_of)


def _grace(duties: Sequence[Duty], period: Period) -> Mapping[int, int]:
    found: Counter[int] = Counter()
    for duty in duties:
        if duty.last_on_time in period:
            found[(duty.last_on_time - duty.due_on).days] += duty.times
    return found


def _add(one: Any, other: Any) -> Any:
    """Counts and measures, and mappings of them by their keys."""
    if one is None:
        return None
    if not isinstance(one, Mapping):
        return one + other
    return {
        key: one[key] + other[key] if key in one and key in other else one.get(key, other.get(key))
        for key in sorted({*one, *other})
    }
