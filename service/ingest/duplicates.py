"""Two records that may be one patient: never merged here, always named to a person."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from service.ingest.rows import Line, PatientKey, PatientRow, Problem, ResultRow

LEAST_SHARED = 3  # draws that two patients have in common
SHARE = 0.8  # of the draws of the one with fewer
CROWD = 20  # a draw that more patients than this share says nothing of two of them
REMEDY = "look whether they are one patient, and keep one record"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two patients of one clinic that may be one, and what says so."""

    one: PatientKey
    other: PatientKey
    problem: Problem


def warnings(patients: Iterable[PatientRow], results: Iterable[ResultRow]) -> Iterator[Problem]:
    return (pair.problem for pair in pairs(patients, results))


def pairs(patients: Iterable[PatientRow], results: Iterable[ResultRow]) -> Iterator[Pair]:
    """Each two patients of a clinic with one name and birth date, or with the same results."""
    lines = {row.key: row.line for row in patients}
    yield from _same_name(lines, patients)
    yield from _same_results(lines, results)


def _same_name(lines: dict[PatientKey, Line], patients: Iterable[PatientRow]) -> Iterator[Pair]:
    found: dict[tuple[object, ...], PatientKey] = {}
    for row in patients:
        sign = row.clinic, " ".join(row.name.casefold().split()), row.birth_date
        other = found.setdefault(sign, row.key)
        if other != row.key:
            what = f"possible duplicate patient: {lines[other]} has the same name and birth date"
            yield Pair(other, row.key, Problem(row.line, "mrn", what, REMEDY))


def _same_results(lines: dict[PatientKey, Line], results: Iterable[ResultRow]) -> Iterator[Pair]:
    draws, first = _draws(results)
    total = Counter(who for patients in draws.values() for who in patients)
    shared = Counter(
        pair
        for patients in draws.values()
        if 1 < len(patients) <= CROWD
        for pair in combinations(sorted(patients), 2)
    )
    for (one, other), count in sorted(shared.items()):
        if count >= LEAST_SHARED and count >= SHARE * min(total[one], total[other]):
            where, here = (lines.get(who, first[who]) for who in (one, other))
            what = f"possible duplicate patient: {where} has the same results on {count} days"
            yield Pair(one, other, Problem(here, "mrn", what, REMEDY))


def _draws(
    results: Iterable[ResultRow],
) -> tuple[dict[object, set[PatientKey]], dict[PatientKey, Line]]:
    """Who has each draw: a clinic's day with all its values; and the first line of each patient."""
    values: dict[tuple[PatientKey, object], set[tuple[str, str]]] = defaultdict(set)
    first: dict[PatientKey, Line] = {}
    for row in results:
        day = row.collected.at.date() if row.collected.at else row.collected.day
        values[row.patient, day].add((row.analyte, row.value_as_sent))
        first.setdefault(row.patient, row.line)
    found: dict[object, set[PatientKey]] = defaultdict(set)
    for (who, when), said in values.items():
        found[who[0], when, frozenset(said)].add(who)
    return found, first
