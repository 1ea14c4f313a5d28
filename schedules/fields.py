"""How single values are written in a protocol file, and what may stand beside every figure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    StrictInt,
    StringConstraints,
    Tag,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from schedules import analytes
from schedules.days import Duration

FLAGS = (  # every flag a `when` may name, in one place
    "high-risk", "age-65", "interacting-medicine", "level-over-0.8",
    "dose-over-5-mg-kg", "tamoxifen", "egfr-under-60", "chloroquine",
    "can-become-pregnant", "with-leflunomide", "with-methotrexate", "monotherapy",
)  # fmt: skip
Flag = Literal[FLAGS]  # type: ignore[valid-type]
Evidence = Literal["seen", "secondary", "memory", "product-choice"]
Level = Literal["routine", "24h", "same-day", "emergency"]
Kind = Literal["test", "visit", "check-in", "dose"]
LARGEST_FIGURE = 10**9

TABLE, WORD = "<table>", "<text>"  # the two ways some keys are written; no part of the key for its reader
WRITTEN = Discriminator(lambda value: TABLE if isinstance(value, Mapping | BaseModel) else WORD)


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("a text cannot contain the character NUL")
    return text


Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,32}$")]
Text = Annotated[str, StringConstraints(pattern=r"\S", max_length=2000), AfterValidator(_no_nul)]


class Wrong(ValueError):
    """What is wrong at a key further in than the part that was being read."""

    def __init__(self, key: str, reason: str) -> None:
        self.key = key
        super().__init__(reason)


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _positive(duration: Duration) -> Duration:
    if duration.count == 0:
        raise ValueError("must be longer than nothing")
    return duration


Length = Annotated[Duration, AfterValidator(_positive)]


def _exact(number: object) -> Decimal:
    """A figure as it is written: 3.5 is Decimal("3.5"), never the nearest binary fraction."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError("write a number")
    if not -LARGEST_FIGURE <= number <= LARGEST_FIGURE:  # refuses nan too
        raise ValueError("a figure is at most a thousand million")
    return Decimal(str(number))


def _number(figure: Decimal) -> int | float:
    return int(figure) if figure == figure.to_integral_value() else float(figure)


def _day(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError("write a day as 2027-06-30")


def _analyte(name: str) -> str:
    return analytes.analyte(name).id


def _analyte_or_panel(name: str) -> str:
    analytes.components([name])
    return name


@cache
def _ladders() -> frozenset[str]:
    files = resources.files("schedules").joinpath("library", "ladders").iterdir()
    return frozenset(
        {"auto"} | {file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")}
    )


def _ladder(name: str) -> str:
    if name not in _ladders():
        raise ValueError(f"there is no such ladder: use one of {', '.join(sorted(_ladders()))}")
    return name


Figure = Annotated[
    Decimal, BeforeValidator(_exact), PlainSerializer(_number), WithJsonSchema({"type": "number"})
]
Day = Annotated[date, BeforeValidator(_day)]
Count = Annotated[StrictInt, Field(ge=1, le=1_000_000)]
Times = Annotated[StrictInt, Field(ge=1, le=10)]
AnalyteId = Annotated[str, AfterValidator(_analyte)]
PanelId = Annotated[str, AfterValidator(_analyte_or_panel)]
LadderId = Annotated[Id, AfterValidator(_ladder)]


class Source(Model):
    title: Text
    section: Text | None = None
    url: Text | None = None
    evidence: Evidence


class Cited(Model):
    """What every figure may carry: where it is from and how well it was seen."""

    evidence: Evidence | None = None
    note: Text | None = None
    source: Annotated[Annotated[Text, Tag(WORD)] | Annotated[Source, Tag(TABLE)], WRITTEN] | None = None


class When(Model):
    """A condition on a course; empty parts do not restrict."""

    indications: tuple[Id, ...] = ()
    indications_none: tuple[Id, ...] = ()
    flags_any: tuple[Flag, ...] = ()
    flags_none: tuple[Flag, ...] = ()

    def holds(self, indication: str | None, flags: Iterable[str]) -> bool:
        named = frozenset(flags)
        by_indication = not self.indications or indication in self.indications
        by_flag = not self.flags_any or not named.isdisjoint(self.flags_any)
        excluded = indication in self.indications_none or not named.isdisjoint(self.flags_none)
        return by_indication and by_flag and not excluded

    @property
    def names_indications(self) -> tuple[str, ...]:
        return self.indications + self.indications_none

    @property
    def names_flags(self) -> tuple[str, ...]:
        return self.flags_any + self.flags_none


@dataclass(frozen=True, slots=True)
class Condition:
    """`anc < 1.5`: an analyte, a comparison and a figure in the analyte's own unit."""

    analyte: str
    sign: Literal["<", "<=", ">", ">="]
    figure: Decimal

    WRITTEN = re.compile(r"([a-z0-9-]{1,64}) (<|<=|>|>=) (\d{1,9}(?:\.\d{1,9})?)", re.ASCII)

    @classmethod
    def parse(cls, text: object) -> "Condition":
        """Read `anc < 1.5`; ValueError says what is wrong."""
        match = cls.WRITTEN.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError("write a condition as: anc < 1.5")
        return cls(_analyte(match[1]), match[2], Decimal(match[3]))  # type: ignore[arg-type]

    def met(self, value: Decimal) -> bool:
        return {
            "<": value < self.figure,
            "<=": value <= self.figure,
            ">": value > self.figure,
            ">=": value >= self.figure,
        }[self.sign]

    def __str__(self) -> str:
        return f"{self.analyte} {self.sign} {self.figure}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse,
            serialization=core_schema.plain_serializer_function_ser_schema(str),
            json_schema_input_schema=core_schema.str_schema(pattern=f"^{cls.WRITTEN.pattern}$"),
        )
