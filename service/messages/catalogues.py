"""One catalogue per language, with every sentence we send in it: complete and exact, or not loaded."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from datetime import date, time
from functools import cache, cached_property
from importlib import resources
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from service.messages import parts
from service.messages.asking import CheckInWords, ReportsWords
from service.messages.parts import Part, Plain, holds

FALLBACK = "en"  # the project's own text, in use until a clinic signs its own: without it nobody could enrol


class CatalogueError(ValueError):
    """A catalogue that cannot be used: file, key and reason."""


ByDay = Annotated[str, holds("thing", "day")]


class Dates(Part):
    """An absolute date and a time of day in the language's own words, whatever the machine's locale."""

    day_form: Annotated[str, holds("weekday", "day", "month", "year")]
    time_form: str
    weekdays: tuple[Plain, ...] = Field(min_length=7, max_length=7, strict=False)
    months: tuple[Plain, ...] = Field(min_length=12, max_length=12, strict=False)
    halves: tuple[Plain, ...] = Field(max_length=2, strict=False)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        wanted = ["half", "hour12", "minute"] if self.halves else ["hour", "minute"]
        if parts.placeholders(self.time_form) != wanted or len(self.halves) == 1:
            raise ValueError("a time has {hour} and {minute}; with two halves {hour12}, {minute} and {half}")
        return self

    def written(self, day: date) -> str:
        words = {"weekday": self.weekdays[day.weekday()], "month": self.months[day.month - 1]}
        return self.day_form.format(day=day.day, year=day.year, **words)

    def clock(self, at: time) -> str:
        half = self.halves[at.hour // 12] if self.halves else ""
        return self.time_form.format(
            hour=at.hour, hour12=(at.hour - 1) % 12 + 1, minute=f"{at:%M}", half=half
        )


class Things(Part):
    """What a line is about. `neutral` is every attendance of who did not agree to more."""

    neutral: Plain
    check_in: Plain = Field(alias="check-in")
    test: Plain
    visit: Plain
    dose: Plain

    def of(self, kind: str, wording: str) -> str:
        if wording != "blood-test" and kind != "check-in":
            return self.neutral
        return str(getattr(self, kind.replace("-", "_")))


class Advice(Part):
    """What to do, once at the end of the lines."""

    due: Plain
    overdue: Plain


class Voice(Part):
    """How one audience is spoken to."""

    ahead: ByDay
    due: ByDay
    overdue: ByDay
    booked: Annotated[str, holds("thing", "day", "time")]
    things: Things
    advice: Advice


class Page(Part):
    """What stands on the page that a message leads to."""

    ask: Plain
    day: Plain
    month: Plain
    year: Plain
    open: Plain
    wrong: Plain
    locked: Plain
    carer: Plain
    ended: Plain
    call: Annotated[str, holds("phone")]
    emergency: Annotated[str, holds("emergency")]
    due: Plain
    nothing_due: Plain
    where: Annotated[str, holds("clinic", "phone")]
    done: Plain
    done_help: Plain
    done_what: Plain
    done_day: Plain
    done_place: Plain
    done_send: Plain
    done_again: Plain
    done_thanks: Plain
    told_done: Plain
    told_confirmed: Plain
    visit: Plain
    confirm: Plain
    cancel: Plain
    move: Plain
    wish: Plain
    confirmed: Plain
    cancelled: Plain
    moved: Plain
    problem: Plain
    danger: Annotated[str, holds("emergency")]
    problem_help: Annotated[str, holds("clinic")]
    yes: Plain
    no: Plain
    problem_text: Plain
    problem_send: Plain
    answer_again: Plain
    problem_told: Annotated[str, holds("clinic")]
    no_problem: Plain
    calendar: Plain
    calendar_help: Plain
    stop: Plain
    stop_help: Plain
    stop_send: Plain
    stopped: Plain
    start: Plain
    start_help: Plain
    start_send: Plain
    started: Plain
    wrong_number: Plain
    wrong_number_help: Plain
    wrong_number_send: Plain
    disowned: Plain
    not_open: Plain
    back: Plain


class Catalogue(Part):
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
    name: Plain
    sms: Literal["gsm-7", "ucs-2"]  # the alphabet its sentences need; names in another make it ucs-2
    subject: Annotated[str, holds("clinic")]
    opening: Annotated[str, holds("clinic")]
    link: Annotated[str, holds("link")]
    phone: Annotated[str, holds("phone")]
    emergency: Annotated[str, holds("emergency")]
    dates: Dates
    patient: Voice
    carer: Voice
    page: Page
    check_in: CheckInWords = Field(alias="check-in")
    reports: ReportsWords

    def voice(self, audience: str) -> Voice:
        return {"patient": self.patient, "carer": self.carer}[audience]

    @cached_property
    def hash(self) -> str:
        """What a signature is about: another word is another hash, another comment is not."""
        text = json.dumps(self.model_dump(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def parse(text: str, *, where: str) -> Catalogue:
    try:
        found = Catalogue.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{where}: this is not TOML: {error}") from None
    except ValidationError as error:
        raise CatalogueError("; ".join(f"{where}: {_said(fault)}" for fault in error.errors())) from None
    if where != f"{found.language}.toml":
        raise CatalogueError(f"{where}: language: the file is named after it, {found.language}.toml")
    return found


def _said(fault: Any) -> str:
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg'].removeprefix('Value error, ')}"


@cache
def every() -> Mapping[str, Catalogue]:
    """The catalogues by language. CatalogueError when one of them cannot be used: nothing is sent then."""
    folder = resources.files("service").joinpath("messages")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda f: f.name)
    found = [parse(file.read_text("utf-8"), where=file.name) for file in files]
    return MappingProxyType({catalogue.language: catalogue for catalogue in found})


def closest(language: str) -> Catalogue | None:
    """The catalogue for a language's code: es for es-MX; None where there is none."""
    return every().get(language.partition("-")[0])
