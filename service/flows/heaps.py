"""What is counted together: the facts of a group, of people whose today is the same.

The pure measures count each heap; SQL and the planner both fill them, so that one definition is behind all.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa

from schedules import days, groups
from schedules.adherence import Cover, Duty, Period
from schedules.answers import Asked, Sent
from schedules.clock_days import Edges, Record
from schedules.groups import By
from service.flows.followed import CHECK_IN, TEST, Followed


@dataclass(slots=True)
class Heap:
    patients: set[UUID] = field(default_factory=set)
    people: int = 0  # patients who are not named
    courses: int = 0
    duties: list[Duty] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)  # of clocks, one by one
    edges: Edges = field(default_factory=Edges)  # of many clocks at once
    covers: list[Cover] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Heaps:
    """By group and today; the group None is everything."""

    by: By
    period: Period
    moment: datetime
    names: Mapping[UUID, str]  # of clinics
    heaps: dict[tuple[str | None, date], Heap] = field(default_factory=lambda: defaultdict(Heap))
    numbers: dict[str, tuple[str, str]] = field(default_factory=dict)  # a patient's id: clinic and number
    todays: dict[str, date] = field(default_factory=dict)  # by time zone

    def today(self, zone: str) -> date:
        if zone not in self.todays:
            self.todays[zone] = days.local_day(self.moment, days.zone(zone))
        return self.todays[zone]

    def of_course(self, row: sa.Row) -> str | None:
        """The group of a course; None when it has none."""
        match self.by:
            case By.CLINIC:
                return self.names[row.clinic_id]
            case By.MEDICINE:
                return str(row.medicine)
            case By.PROTOCOL:
                return str(row.protocol_id)
            case By.AGE_BAND:
                return groups.age_band(row.birth_date, self.period.last)
        return None

    def of_item(self, row: sa.Row, clock: str, phase: str, day: date) -> str | None:
        """The group of an item by its last day on time, or of a reminder by the day of its sending."""
        if self.by is By.PHASE:
            return f"{row.protocol_id} {clock} {phase}"
        return groups.month(day) if self.by is By.MONTH else self.of_course(row)

    def on(self, group: str | None, today: date) -> list[Heap]:
        """The heaps on which a fact of a group lies: its own and the one of everything."""
        return [self.heaps[name, today] for name in dict.fromkeys((None, group))]


def add_course(heaps: Heaps, row: sa.Row, cover: Cover | None) -> None:
    """A course of a patient who is followed; `cover` when they are on the medicine."""
    group, today = heaps.of_course(row), heaps.today(row.time_zone)
    heaps.numbers[str(row.patient_id)] = heaps.names[row.clinic_id], row.mrn
    for heap in heaps.on(group, today):
        heap.patients.add(row.patient_id)
        heap.courses += 1
        heap.covers += [cover] if cover is not None else []


def add_records(heaps: Heaps, one: Followed) -> None:
    group, today = heaps.of_course(one.row), heaps.today(one.row.time_zone)
    for heap in heaps.on(group, today):
        heap.records += [record for _, record in one.records()]


def add_followed(heaps: Heaps, one: Followed) -> None:
    """A course with all its items."""
    today = heaps.today(one.row.time_zone)
    add_course(heaps, one.row, one.cover() if one.on_medicine(today) else None)
    add_records(heaps, one)
    for clock, duties in one.tests.items():
        for duty in duties.values():
            if duty.last_on_time in heaps.period:
                group = heaps.of_item(one.row, clock, duty.phase, duty.last_on_time)
                for heap in heaps.on(group, today):
                    heap.duties.append(duty)


def add_sent(heaps: Heaps, rows: Iterable[sa.Row], known: Mapping[UUID, Followed] | None = None) -> None:
    """Reminders that went out, in their order: with the item as it is written down, or as it was `known`."""
    asked: set[tuple[UUID, str, int]] = set()
    for row in rows:
        collected_on, phase = row.collected_on, row.phase
        if known is not None:
            duty = _duty(known.get(row.course_id), row)
            if duty is None:
                continue
            collected_on, phase = duty.collected_on, duty.phase
        on = days.local_day(row.decided_at, days.zone(row.zone))
        again = row.kind == CHECK_IN and (row.course_id, row.clock, row.ordinal) in asked
        asked |= {(row.course_id, row.clock, row.ordinal)} if row.kind == CHECK_IN else set()
        if on in heaps.period and not again:
            group = heaps.of_item(row, row.clock, phase, on)
            _add_answer(heaps.on(group, heaps.today(row.time_zone)), row, on, collected_on)


def _duty(one: Followed | None, row: sa.Row) -> Duty | None:
    if one is None:
        return None
    return (one.tests if row.kind == TEST else one.check_ins).get(row.clock, {}).get(row.ordinal)


def _add_answer(on_heaps: Iterable[Heap], row: sa.Row, on: date, collected_on: date | None) -> None:
    """A check-in is sent once, with its first reminder."""
    for heap in on_heaps:
        if row.kind == CHECK_IN:
            heap.asked.append(Asked(on=on, answered=collected_on is not None))
        else:
            heap.sent.append(Sent(rung=f"{row.track}/{row.rung}", on=on, collected_on=collected_on))
