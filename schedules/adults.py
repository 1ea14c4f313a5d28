"""Whose limits judge a course: the packaged ones are adult, and not for leukaemia or a transplant."""

from datetime import date

from schedules import days, indications
from schedules.days import Duration
from schedules.protocol import Protocol

MAJORITY = Duration.parse("P18Y")
OWN_WORDS = ("leukaemia", "leukemia", "transplant")  # in an indication that the library does not list


def is_adult(birth_date: date, on: date) -> bool:
    """Whether the patient has turned 18, `on` being a day where the patient lives."""
    return on >= days.add(birth_date, MAJORITY)


def own_limits(indication: str | None) -> bool:
    """Whether only a clinic's own protocol judges what is given for this."""
    known = indications.indications().get(indication or "")
    if known is not None:
        return known.own_limits
    return any(word in (indication or "") for word in OWN_WORDS)


def judged_by(
    protocol: Protocol, birth_date: date, indication: str | None, on: date, is_clinics_own: bool
) -> bool:
    """Whether the protocol's limits judge a result collected `on` a day; else a person looks at each.

    A clinic's own protocol judges whom it is written for: it may say itself that its limits are adult.
    """
    if protocol.adults_only and not is_adult(birth_date, on):
        return False
    return is_clinics_own or not own_limits(indication)
