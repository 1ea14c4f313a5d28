"""Events from doses: one of 0 is a hold, one after it a resume, another one an increase or a decrease."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from service.ingest.mapping import Rule
from service.ingest.rows import EventRow, Problem


@dataclass(frozen=True, slots=True)
class Dose:
    """What a patient was prescribed on a day, by column. `like` is an event of that day, before the rules."""

    like: EventRow
    amounts: Mapping[str, Decimal]


def events(doses: Iterable[Dose], rules: tuple[Rule, ...]) -> Iterator[EventRow | Problem]:
    """What the rules see in each course's doses, in date order whatever the order of the rows."""
    for mine in _by_course(doses):
        kept: list[Dose] = []
        for dose in sorted(mine, key=lambda dose: (dose.like.on, dose.like.line)):
            if kept and kept[-1].like.on == dose.like.on and kept[-1].amounts != dose.amounts:
                yield _two_on_a_day(kept[-1], dose)
            else:
                kept.append(dose)
        for column in dict.fromkeys(rule.column for rule in rules):
            yield from _of_column(kept, column, [rule for rule in rules if rule.column == column])


def _by_course(doses: Iterable[Dose]) -> Iterable[list[Dose]]:
    found: dict[object, list[Dose]] = {}
    for dose in doses:
        found.setdefault((dose.like.patient, dose.like.protocol), []).append(dose)
    return found.values()


def _two_on_a_day(earlier: Dose, later: Dose) -> Problem:
    differ = [name for name, amount in later.amounts.items() if earlier.amounts.get(name) != amount]
    what = f"{earlier.like.line} has another dose for the same day"
    return Problem(later.like.line, next(iter(differ), None), what, "keep the one that was given")


def _of_column(mine: list[Dose], column: str, rules: list[Rule]) -> Iterator[EventRow]:
    before: Decimal | None = None
    last_given: Decimal | None = None  # the last dose that was not 0
    for dose in mine:
        if column not in dose.amounts:
            continue
        amount = dose.amounts[column]
        seen = _seen(amount, before, last_given)
        yield from (_event(dose, rule) for rule in rules if rule.when in seen)
        before, last_given = amount, amount if amount > 0 else last_given


def _seen(amount: Decimal, before: Decimal | None, last_given: Decimal | None) -> set[str]:
    if amount <= 0:
        return {"becomes 0"} if before is None or before > 0 else set()
    seen = {"becomes positive after 0"} if before is not None and before <= 0 else set()
    if last_given is not None and amount != last_given:
        seen.add("rises" if amount > last_given else "falls")
    return seen


def _event(dose: Dose, rule: Rule) -> EventRow:
    reason = rule.reason or dose.like.reason
    amount = f"{dose.amounts[rule.column]:f}"
    return dataclasses.replace(dose.like, type=rule.type, reason=reason, dose=amount)
