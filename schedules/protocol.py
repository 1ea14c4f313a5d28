"""The model of a protocol file: one medicine, one published source, one version (immutable by its hash)."""

import hashlib
import itertools
import json
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from schedules import analytes
from schedules.days import Duration, add, days

LARGEST_FILE = 256 * 1024
AN_ANCHOR = date(2001, 1, 1)  # to compare durations of different units; not a leap year, starts a month

FLAGS = (  # every flag a `when` may name, in one place
    "high-risk", "age-65", "interacting-medicine", "level-over-0.8",
    "dose-over-5-mg-kg", "tamoxifen", "egfr-under-60", "chloroquine",
    "can-become-pregnant", "with-leflunomide", "with-methotrexate", "monotherapy",
)  # fmt: skip
Flag = Literal[FLAGS]  # type: ignore[valid-type]
Evidence = Literal["seen", "secondary", "memory", "product-choice"]
Level = Literal["routine", "24h", "same-day", "emergency"]
Kind = Literal["test", "visit", "check-in", "dose"]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]


class ProtocolError(ValueError):
    """A protocol that cannot be used: `where` names the file, `key` the place in it, the text the reason."""

    def __init__(self, reason: str, *, where: str = "", key: str = "") -> None:
        self.where, self.key, self.reason = where, key, reason
        super().__init__(": ".join(part for part in (where, key, reason) if part))


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


def _positive(duration: Duration) -> Duration:
    if duration.count == 0:
        raise ValueError("must be longer than nothing")
    return duration


Length = Annotated[Duration, AfterValidator(_positive)]


def _exact(number: object) -> object:
    """A figure as it is written: 3.5 is Decimal("3.5"), never the nearest binary fraction."""
    if isinstance(number, bool) or not isinstance(number, int | float | Decimal):
        raise ValueError("write a number")
    return Decimal(str(number))


Figure = Annotated[Decimal, BeforeValidator(_exact)]


class Cited(Model):
    """What every figure may carry: where it is from and how well it was seen."""

    evidence: Evidence | None = None
    note: Text | None = None
    source: Text | None = None


class When(Model):
    """A condition on a course; empty parts do not restrict."""

    indications: tuple[Id, ...] = ()
    flags_any: tuple[Flag, ...] = ()

    def holds(self, indication: str | None, flags: Iterable[str]) -> bool:
        by_indication = not self.indications or indication in self.indications
        by_flag = not self.flags_any or not set(self.flags_any).isdisjoint(flags)
        return by_indication and by_flag


class Range(Model):
    """An interval the source gives as a range: opens at `min`, due at `max`."""

    min: Length
    max: Length

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if add(AN_ANCHOR, self.min) >= add(AN_ANCHOR, self.max):
            raise ValueError("min must be shorter than max")
        return self


class UntilEvent(Model):
    event: Literal["maintenance-dose"]
    at_least: Duration = days(0)


def _interval(value: object) -> object:
    return value if isinstance(value, Mapping | Range | Duration) else Duration.parse(value)


Interval = Annotated[Length | Range, BeforeValidator(_interval)]
Until = Annotated[Length | UntilEvent, BeforeValidator(_interval)]


class Phase(Cited):
    """A stretch of a clock with one rhythm: `every` (rolling) or `offsets` (fixed, first phase only)."""

    every: Interval | None = None
    offsets: tuple[Duration, ...] | None = Field(default=None, min_length=1, max_length=200)
    first: Duration | None = None
    until: Until | None = None
    for_: Length | None = Field(default=None, alias="for")
    then: Literal["end", "clinician-decides"] | None = None
    reason: Text | None = None
    early: Duration | None = None
    grace: Duration | None = None
    lapse: Duration | None = None
    when: When = When()

    @property
    def longest(self) -> Duration:
        """The rhythm's interval; of a range its longer end. Only of a rolling phase."""
        assert self.every is not None
        return self.every.max if isinstance(self.every, Range) else self.every

    @property
    def shortest(self) -> Duration | None:
        return self.every.min if isinstance(self.every, Range) else None

    @property
    def ends(self) -> bool:
        return self.until is not None or self.for_ is not None or self.offsets is not None

    @model_validator(mode="after")
    def _one_rhythm(self) -> Self:
        if (self.every is None) == (self.offsets is None):
            raise ValueError("a phase has one rhythm: every, or offsets")
        if self.offsets is not None:
            self._check_offsets()
        if self.until is not None and self.for_ is not None:
            raise ValueError("a phase ends by until or by for, not both")
        if self.then is not None and not self.ends:
            raise ValueError("then says what comes after an end: give until or for")
        if self.lapse is not None and self.grace is not None and self._at(self.lapse) <= self._at(self.grace):
            raise ValueError("lapse must be longer than grace")
        return self

    def _check_offsets(self) -> None:
        if self.until is not None or self.for_ is not None or self.first is not None:
            raise ValueError("offsets end by themselves and name their first day: no until, for or first")
        dues = [self._at(offset) for offset in self.offsets or ()]
        if dues[0] < AN_ANCHOR or any(a >= b for a, b in itertools.pairwise(dues)):
            raise ValueError("offsets must rise")

    @staticmethod
    def _at(duration: Duration) -> date:
        return add(AN_ANCHOR, duration)


class StepUp(Cited):
    """A closer rhythm for a while."""

    every: Length
    for_: Length = Field(alias="for")


Answer = Literal["restart", "ask"] | StepUp


class Condition(Model):
    """`anc < 1.5`: an analyte, a comparison and a figure in the analyte's own unit."""

    analyte: str
    sign: Literal["<", "<=", ">", ">="]
    figure: Figure

    @classmethod
    def parse(cls, text: object) -> object:
        parts = text.split() if isinstance(text, str) else []
        if not isinstance(text, str) or len(parts) != 3:
            return text if isinstance(text, Mapping | cls) else _refuse("write a condition as: anc < 1.5")
        analytes.analyte(parts[0])
        try:
            figure = float(parts[2])
        except ValueError:
            _refuse("the right side of a condition is a number")
        return {"analyte": parts[0], "sign": parts[1], "figure": figure}

    def met(self, value: Decimal) -> bool:
        return {
            "<": value < self.figure,
            "<=": value <= self.figure,
            ">": value > self.figure,
            ">=": value >= self.figure,
        }[self.sign]

    def __str__(self) -> str:
        return f"{self.analyte} {self.sign} {self.figure}"


def _refuse(reason: str) -> Any:
    raise ValueError(reason)


Test = Annotated[Condition, BeforeValidator(Condition.parse)]


class ResultStepUp(Cited):
    """A rhythm that a result starts (`when`) and results end: `times` in a row that meet `until`."""

    when: Test
    every: Length
    until: Test
    times: int = Field(default=1, ge=1, le=10)


class Clock(Cited):
    """One recurring duty inside a protocol."""

    id: Id
    kind: Kind
    title: Text | None = None
    panel: tuple[str, ...] = Field(default=(), max_length=60)
    phases: tuple[Phase, ...] = Field(min_length=1, max_length=50)
    step_ups: tuple[ResultStepUp, ...] = Field(default=(), max_length=20)
    on_dose_increase: Answer | None = None
    on_dose_decrease: Answer | None = None
    on_brand_change: Answer | None = None
    on_resume: Answer | None = None
    while_held: Literal["pause", "continue"] = "pause"
    restart_after_gap: Length | None = None
    after_stop: tuple[Length, ...] = ()
    ladder: Id = "auto"
    when: When = When()

    @cached_property
    def components(self) -> frozenset[str]:
        """The analytes a test of this clock must have a value for."""
        return analytes.components(self.panel)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.kind == "test") != bool(self.panel):
            raise ValueError("a test clock names its panel, and no other kind has one")
        analytes.components(self.panel)
        if self.step_ups and self.kind != "test":
            raise ValueError("only a test clock has result-driven step-ups")
        if any(add(AN_ANCHOR, a) >= add(AN_ANCHOR, b) for a, b in itertools.pairwise(self.after_stop)):
            raise ValueError("after_stop offsets must rise")
        for phases in self._possible():
            check_phases(phases)
        return self

    def applies(self, indication: str | None, flags: Iterable[str]) -> bool:
        return self.when.holds(indication, flags) and bool(self.phases_for(indication, flags))

    def phases_for(self, indication: str | None, flags: Iterable[str]) -> tuple[Phase, ...]:
        return tuple(phase for phase in self.phases if phase.when.holds(indication, flags))

    def _possible(self) -> Iterable[tuple[Phase, ...]]:
        """Every list of phases that some course could be given."""
        indications = {name for phase in self.phases for name in phase.when.indications}
        flags = {name for phase in self.phases for name in phase.when.flags_any}
        if len(flags) > 8:
            raise ValueError("the phases of a clock name at most 8 flags")
        for size in range(len(flags) + 1):
            for some in itertools.combinations(sorted(flags), size):
                for indication in (None, *sorted(indications)):
                    if phases := self.phases_for(indication, some):
                        yield phases


def check_phases(phases: tuple[Phase, ...]) -> None:
    """ValueError unless the phases can follow each other: each ends after it begins and after its first due day."""
    begin: date | None = AN_ANCHOR
    for number, phase in enumerate(phases):
        last = number == len(phases) - 1
        if phase.offsets is not None and number > 0:
            raise ValueError(f"phases.{number}.offsets: only the first phase can have offsets")
        if phase.first is not None and number > 0:
            raise ValueError(f"phases.{number}.first: only the first phase has a first day")
        if not last and phase.then is not None:
            raise ValueError(f"phases.{number}.then: only the last phase says what comes after it")
        if last and phase.then is None and phase.ends:
            raise ValueError(f"phases.{number}: the last phase has no end, or says what comes after it (then)")
        if not last and not phase.ends:
            raise ValueError(f"phases.{number}: a phase before another has an end (until or for)")
        begin = _end(phase, begin, number)


def _end(phase: Phase, begin: date | None, number: int) -> date | None:
    if phase.offsets is not None:
        return add(AN_ANCHOR, phase.offsets[-1])
    if isinstance(phase.until, UntilEvent):
        return None if phase.until.at_least.count == 0 else add(AN_ANCHOR, phase.until.at_least)
    end = add(AN_ANCHOR, phase.until) if phase.until is not None else None
    if phase.for_ is not None and begin is not None:
        end = add(begin, phase.for_)
    if end is None:
        return None
    if begin is not None and end <= begin:
        raise ValueError(f"phases.{number}: it ends before it begins")
    first = add(begin or AN_ANCHOR, phase.first if phase.first is not None else phase.longest)
    if begin is not None and end < first:
        raise ValueError(f"phases.{number}: it ends before its first due day")
    return end


class Limit(Cited):
    """A figure beyond which a result needs a person. Strict: a value equal to the limit is inside it."""

    analyte: str
    below: Figure | None = None
    above: Figure | None = None
    fall_percent: Figure | None = Field(default=None, gt=0, le=100)
    rise_percent: Figure | None = Field(default=None, gt=0)
    over: Length | None = None
    times: int = Field(default=1, ge=1, le=10)
    unit: str | None = None
    level: Level
    when: When = When()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        known = analytes.analyte(self.analyte)
        kinds = [self.below, self.above, self.fall_percent, self.rise_percent]
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("a limit is one of below, above, fall_percent, rise_percent")
        if (self.below is not None or self.above is not None) and self.unit is None:
            raise ValueError("a figure has a unit")
        if self.unit is not None:
            known.factor(self.unit)
        return self


class Medicine(Model):
    name: Text
    rxnorm: str | None = None
    snomed: str | None = None
    atc: str | None = None


class Source(Model):
    title: Text
    section: Text | None = None
    url: Text | None = None
    evidence: Evidence


class Protocol(Model):
    """One medicine, one published source, one version."""

    id: Id
    version: int = Field(ge=1, le=1_000_000)
    title: Text
    medicine: Medicine
    indications: tuple[Id, ...] = ()
    adults_only: bool = False
    source: Source
    note: Text | None = None
    evidence: Evidence | None = None
    review_on: date | None = None
    superseded_by: Text | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    clocks: tuple[Clock, ...] = Field(min_length=1, max_length=20)
    limits: tuple[Limit, ...] = Field(default=(), max_length=200)

    @model_validator(mode="after")
    def _one_id_each(self) -> Self:
        names = [clock.id for clock in self.clocks]
        if len(set(names)) < len(names):
            raise ValueError("clocks: two clocks have the same id")
        if not any(clock.kind == "test" or clock.phases for clock in self.clocks):
            raise ValueError("clocks: nothing is monitored")
        return self

    @cached_property
    def hash(self) -> str:
        """The protocol's identity: the SHA-256 of its canonical JSON."""
        canonical = json.dumps(as_json(self), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def clock(self, name: str) -> Clock:
        return next(clock for clock in self.clocks if clock.id == name)


def as_json(protocol: Protocol) -> dict[str, Any]:
    """The protocol as the JSON that the API and the preview take: the file's keys, nothing that was not said."""
    document: dict[str, Any] = protocol.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return document


def parse(text: str | bytes, where: str = "") -> Protocol:
    """Read a protocol file (TOML). ProtocolError names the file, the key and the reason."""
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if len(raw) > LARGEST_FILE:
        raise ProtocolError("a protocol file is at most 256 KiB", where=where)
    try:
        document = tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"this is not TOML: {_line(str(error))}", where=where) from None
    return build(document, where)


def build(document: object, where: str = "") -> Protocol:
    """A protocol from its keys (a JSON object or a TOML document). ProtocolError names the key and the reason."""
    try:
        return Protocol.model_validate(document)
    except ValidationError as error:
        raise ProtocolError(*_first(error), where=where, key=_key(error)) from None
    except (RecursionError, OverflowError, ArithmeticError):
        raise ProtocolError("this cannot be read as a protocol", where=where) from None


def _first(error: ValidationError) -> tuple[str]:
    found = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if found["type"] == "extra_forbidden":
        return ("there is no such key",)
    if found["type"] == "missing":
        return ("is missing",)
    return (_line(found["msg"].removeprefix("Value error, ")),)


def _key(error: ValidationError) -> str:
    return _line(".".join(str(part) for part in error.errors(include_url=False, include_context=False)[0]["loc"]))


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
