"""A clinic's own protocol out of a packaged one or a template: its figures where the source gives none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schedules.days import Duration
from schedules.protocol import Protocol, ProtocolError, as_json, build

BY_CLINIC = {"evidence": "product-choice", "note": "Set by the clinic: the source gives no figure."}


@dataclass(frozen=True, slots=True)
class Figure:
    """The rhythm that a clinic sets, and how long it lasts where another phase follows."""

    every: Duration
    for_: Duration | None = None

    @classmethod
    def parse(cls, text: str) -> "Figure":
        """Read `P3M`, or `P2W,P12W`: every two weeks for twelve weeks."""
        every, *lasts = [Duration.parse(part) for part in text.split(",")]
        if len(lasts) > 1:
            raise ValueError("write an interval, or an interval and how long it lasts: P2W,P12W")
        return cls(every, *lasts)


def fill(protocol: Protocol, *, own_id: str, figures: Mapping[str, Figure]) -> Protocol:
    """A copy with an id of its own and the figures by clock. ProtocolError says what does not fit.

    A clock without a figure that is not set stays as it is.
    """
    blank = [clock.id for clock in protocol.clocks if clock.blank]
    for name in figures:
        if name not in blank:
            known = ", ".join(blank) or "none"
            raise ProtocolError(f"this clock has its figures: what can be set is {known}", key=name)
    document = as_json(protocol) | {"id": own_id, "version": 1}
    document["clocks"] = [_filled(clock, figures.get(clock["id"])) for clock in document["clocks"]]
    return build(document)


def _filled(clock: dict[str, Any], figure: Figure | None) -> dict[str, Any]:
    if figure is None:
        return clock
    rhythm = BY_CLINIC | {"every": str(figure.every)} | ({"for": str(figure.for_)} if figure.for_ else {})
    return clock | {"phases": [rhythm if "no_figure" in phase else phase for phase in clock["phases"]]}
