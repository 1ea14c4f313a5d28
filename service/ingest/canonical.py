"""The five tables that an import reads, column by column: for the reader, the README and `--help`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from db.tables.contacts import Audience, Channel, Relation
from db.tables.patients import EndReason, Wording
from db.tables.results import ResultStatus
from schedules import days
from schedules.facts import EventType
from service.ingest import build, cells, values
from service.ingest.build import Options, Typed
from service.ingest.cells import Refused
from service.ingest.rows import Line, Moment, Row

AT_HOME = tuple(channel for channel in Channel if channel not in (Channel.WEBHOOK, Channel.WORKLIST))
DATES = (
    "birth_date",
    "ended_on",
    "consent_at",
    "start",
    "enrolled",
    "on",
    "review_on",
    "due_on",
    "at",
    "collected_on",
    "collected_at",
    "resulted_at",
)


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    doc: str
    read: Callable[[str], Any]
    required: bool = False
    default: Any = None

    @property
    def is_date(self) -> bool:
        return self.name in DATES


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    doc: str
    columns: tuple[Column, ...]
    build: Callable[[Line, Typed, Options], Row]
    tells: str | None = None  # the column a warning about a good row names

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.required)


def row(table: Table, line: Line, texts: Mapping[str, str], options: Options) -> Row:
    """One row of a table from its cells' texts; Refused names the column."""
    return table.build(line, {column.name: _read(column, texts) for column in table.columns}, options)


def _read(column: Column, texts: Mapping[str, str]) -> Any:
    text = texts.get(column.name, "")
    if not text.strip():
        if column.required:
            raise Refused("it is empty", f"give {column.doc}", column.name)
        return column.default
    try:
        return column.read(text)
    except Refused as error:
        raise Refused(error.what, error.remedy, column.name) from None


def _day_alone(text: str) -> Moment:
    return Moment(day=cells.day(text))


WHOSE = (
    Column("clinic", "the clinic's name", cells.identifier, required=True),
    Column("authority", "who gave the number, when it is not the clinic", cells.identifier, default="clinic"),
    Column("mrn", "the patient's number there", cells.identifier, required=True),
)

PATIENTS = Table(
    "patients",
    "one row per patient of a clinic",
    (
        *WHOSE,
        Column("name", "the patient's name, as it is written", cells.name, required=True),
        Column("birth_date", "the date of birth, YYYY-MM-DD", cells.day, required=True),
        Column("time_zone", "IANA zone where the patient lives; empty: the clinic's", cells.zone),
        Column("language", "code of the language of messages; empty: the clinic's", cells.language),
        Column("preferred_time", "local time for messages; empty: 09:00", cells.clock_time,
               default=days.DEFAULT_TIME),
        Column("quiet_start", "local time from which no message goes; none; empty: 21:00", cells.quiet_time,
               default=days.DEFAULT_QUIET_HOURS.start),
        Column("quiet_end", "local time until which no message goes; none; empty: 08:00", cells.quiet_time,
               default=days.DEFAULT_QUIET_HOURS.end),
        Column("wording", "what messages may say: neutral (default) or blood-test", cells.one_of(*Wording),
               default=Wording.NEUTRAL),
        Column("ended_on", "the day from which the clinic no longer looks after the patient", cells.day),
        Column("ended_reason", "died, left or moved-away", cells.one_of(*EndReason)),
    ),
    build.patient,
)  # fmt: skip

CONTACTS = Table(
    "contacts",
    "one row per address of a patient or carer, with the consent to use it",
    (
        *WHOSE,
        Column("audience", "whose address it is: patient (default) or carer",
               cells.one_of(Audience.PATIENT, Audience.CARER), default=Audience.PATIENT),
        Column("channel", f"one of {', '.join(AT_HOME)}", cells.one_of(*AT_HOME), required=True),
        Column("address", "telephone number with its country, or e-mail address", cells.identifier,
               required=True),
        Column("consent", "yes or no; empty: nobody has asked", cells.yes_no),
        Column("consent_at", "when it was answered: a date, or a time with its offset", cells.consent_moment),
        Column("consent_source", "how it was answered, as paper form or telephone", cells.name, default=""),
        Column("consent_wording", "what the patient agreed to, as it was shown", cells.note, default=""),
        Column("relation", f"of a carer: one of {', '.join(Relation)}", cells.one_of(*Relation)),
        Column("ends_on", "of a carer: the day from which nothing is sent there", cells.day),
    ),
    build.contact,
    tells="address",
)  # fmt: skip

COURSES = Table(
    "courses",
    "one row per patient and medicine, under one protocol",
    (
        *WHOSE,
        Column("protocol", "id of a packaged protocol or of one the clinic gave", cells.slug, required=True),
        Column("start", "first day on the medicine", cells.day, required=True),
        Column("enrolled", "first day the clinic answers for, when it is after the start", cells.day),
        Column("indication", "id of what the medicine is for", cells.slug),
        Column("flags", "the protocol's flags, separated by semicolons", cells.flags, default=()),
    ),
    build.course,
)  # fmt: skip

EVENTS = Table(
    "events",
    "one row per thing that happened to a course",
    (
        *WHOSE,
        Column("protocol", "the course's protocol; may be empty for died, left and moved-away", cells.slug),
        Column("on", "the day it took effect", cells.day, required=True),
        Column("type", f"one of {', '.join(EventType)}", cells.one_of(*EventType), required=True),
        Column("clock", "the protocol's clock it concerns; empty: every one", cells.slug),
        Column("reason", "why; of a hold result, infection, adverse-reaction, planned or others", cells.note),
        Column("review_on", "the day on which it is looked at again", cells.day),
        Column("every", "the interval of an override, as P2W", cells.duration),
        Column("due_on", "the day an override sets", cells.day),
        Column("decided_by", "who decided", cells.name),
        Column("at", "local date and time of a booked appointment", cells.appointment),
        Column("dose", "the dose from that day on", cells.name),
    ),
    build.event,
)  # fmt: skip

RESULTS = Table(
    "results",
    "one row per analyte of a blood draw",
    (
        *WHOSE,
        Column("collected_on", "the day of the draw, where the patient was", _day_alone),
        Column("collected_at", "or its time: local, or with an offset", cells.moment),
        Column("resulted_at", "when the laboratory issued this version of it", cells.moment),
        Column("analyte", "library id, as wbc, or LOINC or SNOMED code", values.analyte, required=True),
        Column("value", "as the laboratory wrote it", cells.identifier, default=""),
        Column("unit", "as the laboratory wrote it", cells.identifier, default=""),
        Column("status", f"one of {', '.join(ResultStatus)}; empty: final", cells.one_of(*ResultStatus),
               default=ResultStatus.FINAL),
    ),
    build.result,
    tells="value",
)  # fmt: skip

TABLES: Mapping[str, Table] = MappingProxyType(
    {table.name: table for table in (PATIENTS, CONTACTS, COURSES, EVENTS, RESULTS)}
)
