"""The model of a protocol file: one medicine, one published source, one version (immutable by its hash)."""

import hashlib
import itertools
import json
import tomllib
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field, StrictBool, ValidationError, model_validator

from schedules import analytes, linked
from schedules.baseline import Baseline
from schedules.fields import (
    FLAGS,
    TABLE,
    WORD,
    AnalyteId,
    Cited,
    Code,
    Condition,
    Count,
    Day,
    Evidence,
    Figure,
    Id,
    Kind,
    LadderId,
    Length,
    Level,
    Model,
    PanelId,
    Source,
    Text,
    Times,
    When,
    Wrong,
)
from schedules.phases import Phase, Range, UntilEvent, check_phases, rising
from schedules.step_ups import LIST, Answer, ResultStepUp, StepUp

__all__ = [
    "FLAGS",
    "Answer",
    "Baseline",
    "Clock",
    "Condition",
    "Evidence",
    "Kind",
    "Level",
    "Limit",
    "Medicine",
    "Phase",
    "Protocol",
    "ProtocolError",
    "Range",
    "ResultStepUp",
    "Source",
    "StepUp",
    "UntilEvent",
    "When",
    "as_json",
    "build",
    "parse",
]

LARGEST_FILE = 256 * 1024
MOST_COURSES = 600  # kinds of courses that a clock tells apart: each is checked
MOST_POINTS = 200  # in a line: tomllib takes minutes over a key of many parts


class ProtocolError(ValueError):
    """A protocol that cannot be used: `where` names the file, `key` the place in it, the text the reason."""

    def __init__(self, reason: str, *, where: str = "", key: str = "") -> None:
        self.where, self.key, self.reason = where, key, reason
        super().__init__(": ".join(part for part in (where, key, reason) if part))


class Clock(Cited):
    """One recurring duty inside a protocol."""

    id: Id
    kind: Kind
    title: Text | None = None
    panel: tuple[PanelId, ...] = Field(default=(), max_length=60)
    phases: tuple[Phase, ...] = Field(min_length=1, max_length=50)
    step_ups: tuple[ResultStepUp, ...] = Field(default=(), max_length=20)
    on_dose_increase: Answer | None = None
    on_dose_decrease: Answer | None = None
    on_brand_change: Answer | None = None
    on_resume: Answer | None = None
    while_held: Literal["pause", "continue"] = "pause"
    restart_after_gap: Length | None = None
    after_stop: tuple[Length, ...] = Field(default=(), max_length=20)
    test_before: linked.Beforehand | None = None
    ladder: LadderId = "auto"
    when: When = When()

    @cached_property
    def components(self) -> frozenset[str]:
        """The analytes a test of this clock must have a value for."""
        return analytes.components(self.panel)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.kind == "test") != bool(self.panel):
            raise Wrong("panel", "a test clock names its panel, and no other kind has one")
        if self.step_ups and self.kind != "test":
            raise Wrong("step_ups", "only a test clock has result-driven step-ups")
        if not rising(self.after_stop):
            raise Wrong("after_stop", "the offsets must rise")
        for phases in self._possible():
            check_phases(phases)
        return self

    def applies(self, indication: str | None, flags: Iterable[str]) -> bool:
        """Whether a course has this clock; not while a phase of it waits for the clinic's figure."""
        phases = self.phases_for(indication, flags)
        blank = any(phase.no_figure for phase in phases)
        return self.when.holds(indication, flags) and bool(phases) and not blank

    @property
    def blank(self) -> bool:
        """Whether the source gives no figure for a phase: the clinic sets it."""
        return any(phase.no_figure for phase in self.phases)

    def phases_for(self, indication: str | None, flags: Iterable[str]) -> tuple[Phase, ...]:
        return tuple(phase for phase in self.phases if phase.when.holds(indication, flags))

    def _possible(self) -> Iterable[list[tuple[int, Phase]]]:
        """Every list of phases, with their numbers, that some course could be given."""
        indications = {name for phase in self.phases for name in phase.when.names_indications}
        flags = {name for phase in self.phases for name in phase.when.names_flags}
        if 2 ** len(flags) * (1 + len(indications)) > MOST_COURSES:
            raise Wrong("phases", "they depend on too many flags and indications: make it two protocols")
        for size in range(len(flags) + 1):
            for some in itertools.combinations(sorted(flags), size):
                for indication in (None, *sorted(indications)):
                    yield [(n, p) for n, p in enumerate(self.phases) if p.when.holds(indication, some)]


class Limit(Cited):
    """A figure beyond which a result needs a person. Strict: a value equal to the limit is inside it."""

    analyte: AnalyteId
    below: Figure | None = Field(default=None, ge=0)
    above: Figure | None = Field(default=None, ge=0)
    fall_percent: Figure | None = Field(default=None, gt=0, le=100)
    rise_percent: Figure | None = Field(default=None, gt=0)
    over: Length | None = None
    times: Times = 1
    unit: str | None = None
    level: Level
    when: When = When()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        kinds = [self.below, self.above, self.fall_percent, self.rise_percent]
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("a limit is one of below, above, fall_percent, rise_percent")
        if self.trend and self.unit is not None:
            raise Wrong("unit", "a percentage has no unit")
        if not self.trend and self.over is not None:
            raise Wrong("over", "only fall_percent and rise_percent are over a time")
        if not self.trend:
            self._check_unit()
        return self

    @property
    def trend(self) -> bool:
        return self.fall_percent is not None or self.rise_percent is not None

    @property
    def looks_back(self) -> bool:
        """Whether earlier values decide too."""
        return self.trend or self.times > 1

    def _check_unit(self) -> None:
        if self.unit is None:
            raise Wrong("unit", "is missing: a figure has a unit")
        try:
            analytes.analyte(self.analyte).factor(self.unit)
        except ValueError as error:
            raise Wrong("unit", str(error)) from None


class Medicine(Model):
    name: Text
    rxnorm: Code | None = None
    snomed: Code | None = None
    atc: Code | None = None


class Protocol(Model):
    """One medicine, one published source, one version."""

    id: Id
    version: Count
    title: Text
    medicine: Medicine
    indications: tuple[Id, ...] = Field(default=(), max_length=100)
    adults_only: StrictBool = False
    source: Source
    note: Text | None = None
    evidence: Evidence | None = None
    review_on: Day | None = None
    superseded_by: Text | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None
    clocks: tuple[Clock, ...] = Field(min_length=1, max_length=20)
    limits: tuple[Limit, ...] = Field(default=(), max_length=200)
    baseline: tuple[Baseline, ...] = Field(default=(), max_length=60)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        names = [clock.id for clock in self.clocks]
        if len(set(names)) < len(names):
            raise Wrong("clocks", "two clocks have the same id")
        linked.check(self.clocks)
        asked = [one.id for one in self.baseline]
        if len(set(asked)) < len(asked):
            raise Wrong("baseline", "it asks for one thing twice")
        if self.valid_from is not None and self.valid_to is not None and self.valid_to < self.valid_from:
            raise Wrong("valid_to", "it is before valid_from")
        return self

    @cached_property
    def hash(self) -> str:
        """The protocol's identity: the SHA-256 of its canonical JSON."""
        canonical = json.dumps(as_json(self), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @cached_property
    def flags_asked(self) -> frozenset[str]:
        """The flags of a course on which anything of it depends."""
        whens = [clock.when for clock in self.clocks]
        whens += [phase.when for clock in self.clocks for phase in clock.phases]
        whens += [limit.when for limit in self.limits] + [one.when for one in self.baseline]
        return frozenset(flag for when in whens for flag in when.names_flags)

    def clock(self, name: str) -> Clock:
        return next(clock for clock in self.clocks if clock.id == name)

    @property
    def template(self) -> bool:
        """Whether it gives no day at all until the clinic sets a figure: nobody is enrolled on it."""
        return all(clock.blank for clock in self.clocks)


def as_json(protocol: Protocol) -> dict[str, Any]:
    """The protocol as the JSON that the API and the preview take: the file's keys and nothing unsaid."""
    document: dict[str, Any] = protocol.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return document


def parse(text: str | bytes, where: str = "", *, template: bool = False) -> Protocol:
    """Read a protocol file (TOML). ProtocolError names the file, the key and the reason."""
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if len(raw) > LARGEST_FILE:
        raise ProtocolError("a protocol file is at most 256 KiB", where=where)
    if any(line.count(b".") > MOST_POINTS for line in raw.split(b"\n")):
        raise ProtocolError("a line has too many points: no key is that deep", where=where)
    try:
        document = tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"this is not TOML: {_line(str(error))}", where=where) from None
    return build(document, where, template=template)


def build(document: object, where: str = "", *, template: bool = False) -> Protocol:
    """A protocol from its keys (of JSON or TOML). ProtocolError names the key and the reason.

    One that gives no day at all is refused unless a template is asked for.
    """
    try:
        found = Protocol.model_validate(document)
    except ValidationError as error:
        raise _refusal(error, where) from None
    if found.template and not template:
        raise ProtocolError("no clock has a figure: set one in place of no_figure", where=where, key="clocks")
    return found


def _refusal(error: ValidationError, where: str) -> ProtocolError:
    first = error.errors(include_url=False, include_input=False)[0]
    cause = first.get("ctx", {}).get("error")
    inside = [cause.key] if isinstance(cause, Wrong) else []
    key = ".".join(str(part) for part in (*first["loc"], *inside) if part not in (TABLE, WORD, LIST))
    return ProtocolError(_reason(first["type"], first["msg"]), where=where, key=_line(key))


def _reason(kind: str, message: str) -> str:
    known = {"extra_forbidden": "there is no such key", "missing": "is missing"}
    return known.get(kind, _line(message.removeprefix("Value error, ")))


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
