"""Closer rhythms for a while: what a protocol answers to a dose change, a resume or a result."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from schedules.fields import TABLE, WORD, Cited, Condition, Length, Times

LIST = "<list>"  # a third way in which an answer is written


class StepUp(Cited):
    """A closer rhythm for a while."""

    every: Length
    for_: Length = Field(alias="for")


def _written(value: object) -> str:
    if isinstance(value, Mapping | BaseModel):
        return TABLE
    return LIST if isinstance(value, list | tuple) else WORD


Several = Annotated[tuple[StepUp, ...], Field(min_length=1, max_length=5)]
Answer = Annotated[
    Annotated[Literal["restart", "ask"], Tag(WORD)]
    | Annotated[StepUp, Tag(TABLE)]
    | Annotated[Several, Tag(LIST)],
    Discriminator(_written),
]


class ResultStepUp(Cited):
    """A rhythm that a result starts (`when`) and results end: `times` in a row that meet `until`."""

    when: Condition
    every: Length
    until: Condition
    times: Times = 1
