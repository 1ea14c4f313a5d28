"""What is on the page of a patient whose clinic asks the question set: questions, and at once the advice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from schedules import consequences, triage
from service.flows import asking, check_ins, telling
from service.flows.visitors import Duty, Visitor


@dataclass(frozen=True, slots=True)
class Told:
    """What a patient is told at once after sending answers."""

    sentences: Sequence[str] = ()
    is_red: bool = False


NOTHING_TOLD = Told()


def take(session: Session, visitor: Visitor, form: Mapping[str, str], *, now: datetime) -> Told:
    """Keep a check-in's answers, and say what to do: the most urgent first."""
    found = check_ins.take(session, visitor, check_ins.read(form), now=now)
    return Told(_sentences(visitor, found.advice), found.is_red)


def tell(session: Session, visitor: Visitor, form: Mapping[str, str], *, now: datetime) -> Told:
    """Keep what a patient reports by themselves, and say what to do."""
    found = telling.tell(session, visitor, telling.read(form), now=now)
    if found is None:
        return Told([visitor.words.reports.again])
    return Told(_sentences(visitor, found.advice), found.level in triage.RED)


def _sentences(visitor: Visitor, names: Sequence[str]) -> list[str]:
    words = visitor.words.check_in
    advice = words.advice.model_dump(by_alias=True)
    return [filled(visitor, text) for text in (*(advice[name] for name in names), words.kept)]


def page(session: Session, visitor: Visitor, duties: Sequence[Duty], *, now: datetime) -> dict[str, Any]:
    """What the template asks, and who reads the answers: that is said while somebody is there for them."""
    named = next((duty.row.id.hex for duty in duties if duty.kind == "check-in"), "")
    covered = asking.is_covered(session, visitor.clinic.id, now)
    watched = visitor.words.check_in.watched if covered else visitor.words.page.problem_help
    return {
        "asked": asking.asked(session, visitor.clinic.id),
        "check_in_item": named,
        "reports": list(consequences.reports().values()),
        "reports_help": filled(visitor, visitor.words.reports.help),
        "check_in": {"watched": filled(visitor, watched)},
    }


def filled(visitor: Visitor, text: str) -> str:
    clinic = visitor.clinic
    return text.format(clinic=clinic.name, phone=clinic.phone, emergency=clinic.emergency_number)
