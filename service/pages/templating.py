"""Templates to HTML."""

from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from schedules import days
from schedules.adherence import Measure
from service.flows import outbox

_templates = Environment(
    loader=PackageLoader("service.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _local(moment: datetime, zone: str = "UTC") -> str:
    """A moment with its zone's name: two people on the telephone mean the same."""
    place = UTC if zone == "UTC" else days.zone(zone)
    return f"{moment.astimezone(place):%Y-%m-%d %H:%M} {zone}"


def percent(measure: Measure | None) -> str:
    """A rate; None is a measure that a group has not."""
    if measure is None:
        return "–"
    return "no data" if measure.rate is None else f"{100 * measure.rate:.1f} %"


_templates.filters |= {"local": _local, "percent": percent, "word": outbox.word}


def render(template: str, **context: Any) -> str:
    return _templates.get_template(template).render(**context)
