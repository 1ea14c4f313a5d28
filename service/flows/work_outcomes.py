"""What can come of a work item, in codes that fit the monitoring of medicines, and what each asks next."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from schedules.fields import Level


class Outcome(StrEnum):
    """What came of a work item. That somebody died ends everything for the patient at once."""

    DONE = "done"
    REACHED = "reached"
    NO_ANSWER = "no-answer"
    VOICEMAIL = "voicemail"
    SELF_STOPPED = "self-stopped"
    NEVER_STARTED = "never-started"
    MONITORED_ELSEWHERE = "monitored-elsewhere"
    STOPPED_BY_PRESCRIBER = "stopped-by-prescriber"
    DECLINED = "declined"
    MOVED = "moved"
    DIED = "died"
    OTHER = "other"


TRIES = frozenset({Outcome.NO_ANSWER, Outcome.VOICEMAIL})  # the work goes on on another day
ANSWERED = MappingProxyType({"hand-over-offered": "Answer the offer itself: with that this is done."})


@dataclass(frozen=True, slots=True)
class Next:
    """The work item that an outcome opens: it ends nothing by itself, a person enters what is so."""

    level: Level
    role: str
    asks: str


NEXT: Mapping[Outcome, Next] = MappingProxyType(
    {
        Outcome.SELF_STOPPED: Next("same-day", "prescriber", "decide today whether it goes on"),
        Outcome.NEVER_STARTED: Next("24h", "prescriber", "decide whether it begins, or end the course"),
        Outcome.MONITORED_ELSEWHERE: Next("24h", "coordinator", "have whoever monitors it say so by name"),
        Outcome.STOPPED_BY_PRESCRIBER: Next("24h", "coordinator", "enter the stop, with who decided it"),
        Outcome.DECLINED: Next("24h", "prescriber", "decide whether it is prescribed without monitoring"),
        Outcome.MOVED: Next("24h", "coordinator", "hand the patient over, then enter the end"),
    }
)


def work_item(outcome: Outcome, about: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the outcome asks of whom, about the same patient and course; None where nothing is left to ask."""
    asked = NEXT.get(outcome)
    if asked is None:
        return None
    whom = about["course_id"] or about["patient_id"]
    said = {"kind": outcome.value, "level": asked.level, "role": asked.role, "about": asked.asks}
    return said | dict(about) | {"key": f"{outcome.value}/{whom}"}
