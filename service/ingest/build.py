"""One row of each canonical table from its typed cells: what no cell can tell alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from db.tables.contacts import Audience, Channel
from db.tables.results import ResultStatus
from schedules import days
from schedules.facts import EventType
from schedules.limits import Refusal
from service.ingest import cells, values
from service.ingest.cells import Refused
from service.ingest.rows import (
    ContactRow,
    CourseRow,
    EventRow,
    Line,
    Moment,
    PatientKey,
    PatientRow,
    ResultRow,
)

Typed = dict[str, Any]
PHONES = (Channel.SMS, Channel.VOICE)
WITHOUT_A_COURSE = frozenset({EventType.DIED, EventType.LEFT, EventType.MOVED_AWAY})
WITHOUT_A_VALUE = frozenset({ResultStatus.CANCELLED, ResultStatus.ENTERED_IN_ERROR})


@dataclass(frozen=True, slots=True)
class Options:
    """What a whole import says about its cells."""

    region: str | None = None  # of telephone numbers without their country, as GB
    refuse_implausible: bool = False  # a value that cannot be a person's refuses its row
    unit_aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def _whose(typed: Typed) -> PatientKey:
    return typed.pop("clinic"), typed.pop("authority"), typed.pop("mrn")


def patient(line: Line, typed: Typed, options: Options) -> PatientRow:
    if (typed["quiet_start"] is None) != (typed["quiet_end"] is None):
        raise Refused("quiet hours have one end only", "give both, or none in both", "quiet_end")
    if (typed["ended_on"] is None) != (typed["ended_reason"] is None):
        raise Refused("an end has a day and a reason", "give both or neither", "ended_reason")
    if typed["quiet_start"] is not None:
        _check_quiet(typed)
    return PatientRow(line=line, **typed)


def _check_quiet(typed: Typed) -> None:
    try:
        quiet = days.QuietHours(typed["quiet_start"], typed["quiet_end"])
    except ValueError:
        raise Refused(
            "quiet hours start when they end", "write none in both for no quiet hours", "quiet_end"
        ) from None
    if quiet.contain(typed["preferred_time"]):
        raise Refused("the time is in the quiet hours", "choose a time outside them", "preferred_time")


def contact(line: Line, typed: Typed, options: Options) -> ContactRow:
    try:
        typed["address"] = _address(typed["channel"], typed["address"], options)
    except Refused as error:
        raise Refused(error.what, error.remedy, "address") from None
    if typed["consent"] is not None:
        for column in ("consent_at", "consent_source"):
            if not typed[column]:
                raise Refused("it is empty beside a consent", "say when and how the answer was given", column)
    for column in ("relation", "ends_on"):
        if typed.get(column) is not None and typed["audience"] is not Audience.CARER:
            raise Refused("only a carer has it", "leave it empty, or write carer in audience", column)
    return ContactRow(line=line, patient=_whose(typed), **typed)


def _address(channel: Channel, text: str, options: Options) -> str:
    if channel in PHONES:
        return cells.phone(text, options.region)
    return cells.email(text) if channel is Channel.EMAIL else text


def course(line: Line, typed: Typed, options: Options) -> CourseRow:
    return CourseRow(line=line, patient=_whose(typed), **typed)


def event(line: Line, typed: Typed, options: Options) -> EventRow:
    if typed["protocol"] is None and typed["type"] not in WITHOUT_A_COURSE:
        raise Refused("it is empty", "name the protocol of the course that this happened to", "protocol")
    return EventRow(line=line, patient=_whose(typed), **typed)


def result(line: Line, typed: Typed, options: Options) -> ResultRow:
    text, unit = typed.pop("value"), typed.pop("unit")
    found = _figure(typed, text, options.unit_aliases.get(unit, unit))
    if found.refusal is Refusal.IMPLAUSIBLE and options.refuse_implausible:
        raise Refused(*values.advice(found.unusable or ""), "value")
    return ResultRow(
        line=line,
        patient=_whose(typed),
        collected=_collected(typed.pop("collected_on"), typed.pop("collected_at")),
        value_as_sent=text,
        unit_as_sent=unit,
        value=found.value,
        unusable=found.unusable if text else "there is no value",
        **typed,
    )


def _figure(typed: Typed, text: str, unit: str) -> values.Figure:
    if not text and typed["status"] in WITHOUT_A_VALUE:
        return values.Figure(None)
    if not text:
        raise Refused("it is empty", "give the value, or the status cancelled", "value")
    try:
        return values.figure(typed["analyte"], text, unit)
    except Refused as error:
        raise Refused(error.what, error.remedy, "value") from None


def _collected(day: Moment | None, at: Moment | None) -> Moment:
    found = at or day
    if found is None or (at and day):
        raise Refused("a result is collected on a day or at a time", "fill one of collected_on, collected_at",
                      "collected_on")  # fmt: skip
    return found
