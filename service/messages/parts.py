"""What every part of a catalogue is made of: sentences with exactly the placeholders that are filled."""

import string
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def placeholders(text: str) -> list[str]:
    return sorted(
        f"{name}{':' if spec else ''}{spec or ''}{'!' if conversion else ''}{conversion or ''}"
        for _, name, spec, conversion in string.Formatter().parse(text)
        if name is not None
    )


def holds(*names: str) -> AfterValidator:
    """A sentence with each of these placeholders once, and no other."""

    def check(text: str) -> str:
        if placeholders(text) != sorted(names):
            wanted = ", ".join(f"{{{name}}}" for name in names) or "none"
            raise ValueError(f"it has other placeholders than it must: {wanted}, each once")
        return text

    return AfterValidator(check)


Plain = Annotated[str, Field(min_length=1), holds()]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
