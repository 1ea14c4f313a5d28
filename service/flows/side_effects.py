"""A clinic's own figures on side effects and control, beside what others published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Engine

from db import check_ins, clinics
from db.engine import reading
from schedules import days, library, side_effects
from schedules.adherence import Measure, Period
from schedules.side_effects import Answer, Published
from service.errors import Refused

YEAR = timedelta(days=364)
SENTENCES = {
    "any-side-effect": "answered in the period with any symptom beyond none",
    "severe-side-effect": "answered with a symptom of the level same-day or emergency",
    "improved-control": "said at their last check-in of the period that the condition is better",
}
LIMITS = "From check-ins that are not validated: patients who answered, whatever caused what they told."


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    period: Period
    measures: Sequence[Measure]
    published: Sequence[Published]


def report(
    engine: Engine, *, clinic_id: UUID | None, first: date | None, last: date | None, now: datetime
) -> Figures:
    """Of the last year, where no period is asked for. Refused when it ends before it begins."""
    end = last or now.date()
    begin = first or end - YEAR
    if end < begin:
        raise Refused(f"from {begin} is after the last day, {end}: give an earlier one")
    period = Period(begin, end)
    with reading(engine) as session:
        zones = clinics.zones(session)
        rows = check_ins.choices(session, period, clinic_id=clinic_id)
    answers = [
        Answer(
            patient=f"{row.clinic_id}/{row.patient_id}",
            on=days.local_day(row.at, days.zone(zones[row.clinic_id])),
            question=row.question,
            choice=row.choice,
            set_key=(row.set_id, row.set_version),
        )
        for row in rows
    ]
    measures = side_effects.figures(answers, period, library.question_sets())
    return Figures(period=period, measures=measures, published=side_effects.published())


def sentence(measure: Measure) -> str:
    """A figure with its numerator and denominator, or that there is none."""
    if measure.rate is None:
        return f"No data: no patient's answers tell of {measure.counted}."
    share = f"{measure.numerator} of {measure.denominator} patients ({100 * measure.rate:.1f} %)"
    return f"{share} {SENTENCES[measure.name]}."


def as_json(found: Figures) -> dict[str, Any]:
    return {
        "period": {"first": found.period.first.isoformat(), "last": found.period.last.isoformat()},
        "figures": [_measure(measure) for measure in found.measures],
        "published": [each.model_dump(mode="json") for each in found.published],
        "limits": LIMITS,
    }


def _measure(measure: Measure) -> Mapping[str, Any]:
    return {
        "name": measure.name,
        "numerator": measure.numerator,
        "denominator": measure.denominator,
        "rate": measure.rate,
        "sentence": sentence(measure),
    }
