"""One cell's text as a typed value, or a reason why not and a remedy. No reason repeats the value."""

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, time
from enum import StrEnum
from typing import TypeVar

import phonenumbers

from schedules import days
from schedules.days import Duration
from schedules.protocol import FLAGS
from service.ingest import dates
from service.ingest.rows import Moment

Word = TypeVar("Word", bound=StrEnum)
WHOLE = phonenumbers.ValidationResult.IS_POSSIBLE  # not a number that only works locally
LONGEST = 200  # characters of a name, an identifier or an address
LONGEST_NOTE = 4000
ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)
TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
EMAIL = re.compile(
    r"[^\s@\"(),:;<>\[\]\\]{1,64}@([^\s@.\"(),:;<>\[\]\\_]{1,63}\.)+[^\s@.\d\"(),:;<>\[\]\\_]{2,63}"
)


class Refused(ValueError):
    """A cell that cannot be taken: `what` is wrong, the `remedy`, and the `column` where it is known."""

    def __init__(self, what: str, remedy: str, column: str | None = None) -> None:
        self.what, self.remedy, self.column = what, remedy, column
        super().__init__(f"{what}; {remedy}")


def name(text: str) -> str:
    """Free text of one line, byte for byte."""
    return _text(text, LONGEST, allowed="")


def note(text: str) -> str:
    """Free text that may have line breaks, byte for byte."""
    return _text(text, LONGEST_NOTE, allowed="\n\r\t")


def _text(text: str, longest: int, *, allowed: str) -> str:
    if len(text) > longest:
        raise Refused(f"the text is longer than {longest} characters", "shorten it")
    if not text.isprintable() and any(_is_control(sign) and sign not in allowed for sign in text):
        raise Refused("the text holds a control character", "take it out")
    return text


def _is_control(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cc", "Cs")


def identifier(text: str) -> str:
    return name(text.strip())


def slug(text: str) -> str:
    if len(text) > 64 or not ID.fullmatch(text.strip()):
        raise Refused("this is not an id", "write small letters, digits and single hyphens")
    return text.strip()


def day(text: str) -> date:
    try:
        return dates.parse(text.strip())
    except dates.NoDate as error:
        raise Refused(error.what, error.remedy) from None


def moment(text: str) -> Moment:
    try:
        found = dates.parse_moment(text.strip())
    except dates.NoDate as error:
        raise Refused(error.what, error.remedy) from None
    return Moment(at=found) if isinstance(found, datetime) else Moment(day=found)


def consent_moment(text: str) -> Moment:
    found = moment(text)
    if found.at is not None and found.at.tzinfo is None:
        raise Refused("the time has no offset", "write it as 2026-03-09T14:30+01:00, or the date alone")
    return found


def appointment(text: str) -> datetime:
    found = moment(text).at
    if found is None or found.tzinfo is not None:
        raise Refused("this is not a local date and time", "write it as 2026-03-09T14:30, without an offset")
    return found


def clock_time(text: str) -> time:
    if not TIME.fullmatch(text.strip()):
        raise Refused("this is not a time of day", "write it as 09:00, from 00:00 to 23:59")
    return time.fromisoformat(text.strip())


def quiet_time(text: str) -> time | None:
    return None if text.strip() == "none" else clock_time(text)


def zone(text: str) -> str:
    try:
        days.zone(text.strip())
    except ValueError:
        raise Refused("there is no such time zone", "write an IANA name, as Europe/London") from None
    return text.strip()


def language(text: str) -> str:
    if not LANGUAGE.fullmatch(text.strip()):
        raise Refused("this is not a language", "write its code, as en or pt-BR")
    return text.strip()


def yes_no(text: str) -> bool:
    if text.strip().lower() not in ("yes", "no"):
        raise Refused("this is neither yes nor no", "write yes or no")
    return text.strip().lower() == "yes"


def duration(text: str) -> Duration:
    try:
        found = Duration.parse(text.strip())
    except ValueError as error:
        raise Refused("this is not a duration", str(error)) from None
    if found.count == 0:
        raise Refused("the duration is nothing", "write at least P1D")
    return found


def flags(text: str) -> tuple[str, ...]:
    found = {part.strip() for part in text.split(";") if part.strip()}
    if not found <= set(FLAGS):
        raise Refused("there is no such flag", f"use, separated by semicolons, {', '.join(FLAGS)}")
    return tuple(sorted(found))


def one_of(*words: Word) -> Callable[[str], Word]:
    """A reader of one of these words."""
    known = {word.value: word for word in words}

    def read(text: str) -> Word:
        if text.strip() not in known:
            raise Refused("this is none of the words it can be", f"use one of {', '.join(known)}")
        return known[text.strip()]

    return read


def phone(text: str, region: str | None) -> str:
    """The number as E.164. Without its country it needs a region: a guess would reach a stranger."""
    number = _parse_phone(text.strip(), region)
    if number is None or number.extension or phonenumbers.is_possible_number_with_reason(number) != WHOLE:
        where = f" in {region}" if region and not text.strip().startswith("+") else ""
        raise Refused(f"this is not a telephone number{where}", "write it with its country, as +447700900123")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_given_out(e164: str) -> bool:
    """Whether the number is in a range that its country gives out, as far as the library knows."""
    return phonenumbers.is_valid_number(phonenumbers.parse(e164))


def _parse_phone(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    if region is None and not text.startswith("+"):
        raise Refused(
            "the number has no country", "write it as +447700900123, or state the region of the import"
        )
    if any(sign.isalpha() for sign in text):
        return None
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def email(text: str) -> str:
    found = text.strip()
    if len(found) > 254 or not EMAIL.fullmatch(found):
        raise Refused("this is not an e-mail address", "write it as name@example.org")
    return name(found)
