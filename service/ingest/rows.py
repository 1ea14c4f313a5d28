"""What a folder of records says: facts, each with the line it stands on. The output of every reader.

Nothing here knows a database. A row's `key` is the fact's own identity: the same row twice changes nothing.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from typing import ClassVar
from zoneinfo import ZoneInfo

from db.tables.contacts import Audience, Channel, Relation
from db.tables.patients import EndReason, Wording
from db.tables.results import ResultStatus
from schedules import days
from schedules.days import Duration
from schedules.facts import EventType

PatientKey = tuple[str, str, str]  # clinic, authority, mrn


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """A line of a file, counted from 1; of a row over several lines the first."""

    file: str
    number: int

    def __str__(self) -> str:
        return f"{self.file} line {self.number}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in one place, and how to put it right. Never the value itself: it may be a person's."""

    line: Line
    column: str | None
    what: str
    remedy: str

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        return f"{self.line}{column}: {self.what}; {self.remedy}."


def grouped(problems: Iterable[Problem]) -> list[tuple[Problem, int]]:
    """The first of the problems that say the same of one file's column, and how many say it."""
    found: dict[object, list[Problem]] = {}
    for problem in problems:
        found.setdefault((problem.line.file, problem.column, problem.what), []).append(problem)
    return [(alike[0], len(alike)) for alike in found.values()]


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, or a day with a time: an instant when `at` has an offset, else the patient's local time."""

    day: date | None = None
    at: datetime | None = None

    def local_day(self, zone: ZoneInfo) -> date:
        """The calendar day in the patient's zone."""
        if self.at is None:
            assert self.day is not None
            return self.day
        return self.at.date() if self.at.tzinfo is None else days.local_day(self.at, zone)

    def instant(self, zone: ZoneInfo) -> datetime | None:
        """The UTC instant; None when only the day is known."""
        if self.at is None:
            return None
        if self.at.tzinfo is None:
            return days.instant(self.at.date(), self.at.time(), zone)
        return self.at.astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRow:
    table: ClassVar[str] = "patients"

    line: Line
    clinic: str
    authority: str
    mrn: str
    name: str
    birth_date: date
    time_zone: str | None = None  # None: the clinic's
    language: str | None = None  # None: the clinic's
    preferred_time: time = days.DEFAULT_TIME
    quiet_start: time | None = days.DEFAULT_QUIET_HOURS.start  # both None: no quiet hours
    quiet_end: time | None = days.DEFAULT_QUIET_HOURS.end
    wording: Wording = Wording.NEUTRAL
    ended_on: date | None = None
    ended_reason: EndReason | None = None

    @property
    def patient(self) -> PatientKey:
        return self.clinic, self.authority, self.mrn

    @property
    def key(self) -> PatientKey:
        return self.patient


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRow:
    """`address` is E.164 for sms and voice. `consent` is None when nobody has asked."""

    table: ClassVar[str] = "contacts"

    line: Line
    patient: PatientKey
    audience: Audience
    channel: Channel
    address: str
    consent: bool | None = None
    consent_at: Moment | None = None  # given whenever consent is
    consent_source: str = ""
    consent_wording: str = ""
    relation: Relation | None = None  # of a carer
    ends_on: date | None = None  # of a carer: from that day on nothing is sent there

    @property
    def key(self) -> tuple[PatientKey, Audience, Channel, str]:
        return self.patient, self.audience, self.channel, self.address


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseRow:
    table: ClassVar[str] = "courses"

    line: Line
    patient: PatientKey
    protocol: str
    start: date
    enrolled: date | None = None
    indication: str | None = None
    flags: tuple[str, ...] = ()  # sorted

    @property
    def key(self) -> tuple[PatientKey, str, date]:
        return self.patient, self.protocol, self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """Concerns the patient's last course under `protocol` begun by `on`; without a protocol, every course."""

    table: ClassVar[str] = "events"

    line: Line
    patient: PatientKey
    protocol: str | None  # None only for died, left and moved-away
    on: date
    type: EventType
    clock: str | None = None
    reason: str | None = None
    review_on: date | None = None
    every: Duration | None = None
    due_on: date | None = None
    decided_by: str | None = None
    at: datetime | None = None  # local, without a zone: a booked appointment
    dose: str | None = None

    @property
    def key(self) -> tuple[PatientKey, str | None, date, EventType, str | None]:
        return self.patient, self.protocol, self.on, self.type, self.clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One analyte of one draw. `unusable` says why it may close nothing; such a fact is kept all the same."""

    table: ClassVar[str] = "results"

    line: Line
    patient: PatientKey
    collected: Moment
    analyte: str  # the library's id; else the LOINC code as sent, and then unusable
    value_as_sent: str
    unit_as_sent: str
    value: Decimal | None  # in the analyte's own unit; None when unusable
    resulted_at: Moment | None = None  # by the laboratory
    status: ResultStatus = ResultStatus.FINAL
    unusable: str | None = None

    @property
    def key(self) -> tuple[PatientKey, str, Moment, ResultStatus]:
        return self.patient, self.analyte, self.collected, self.status


Row = PatientRow | ContactRow | CourseRow | EventRow | ResultRow


def same_fact(one: Row, other: Row) -> bool:
    """Whether two rows say the same, wherever they stand."""
    return dataclasses.replace(one, line=other.line) == other


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the lines read for one table.

    One line of a wide file gives several rows; a derived event, or an earliest date, comes from few.
    """

    lines: int = 0
    rows: int = 0  # distinct facts
    merged: int = 0  # facts said again in the same words
    refused: int = 0  # lines with an error
    left_out: int = 0  # lines that a map's filter did not take
    unusable: int = 0  # rows that are kept but may close nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """All that a folder says: the good rows, and every reason why another line is not among them."""

    patients: tuple[PatientRow, ...] = ()
    contacts: tuple[ContactRow, ...] = ()
    courses: tuple[CourseRow, ...] = ()
    events: tuple[EventRow, ...] = ()
    results: tuple[ResultRow, ...] = ()
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    counts: Mapping[str, Counts] = field(default_factory=lambda: MappingProxyType({}))
