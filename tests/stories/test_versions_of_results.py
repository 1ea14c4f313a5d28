"""H36: what a laboratory says of one draw, in whatever order it arrives, ends in the same state."""

import itertools
import random
from datetime import date, timedelta
from typing import Any

from db.engine import writing
from db.tables import Item, Result, ResultStatus, WorkItem
from schedules import library
from service.flows import draws, mistakes
from service.flows.mistakes import Entry
from service.ingest import cells
from tests.stories.conftest import Practice

PROTOCOL = library.protocol("azathioprine-bsr-2017")
START = date(2026, 1, 5)
SAID = [
    ("preliminary", "2.9"),
    ("final", "3.0"),
    ("corrected", "6.0"),
    ("cancelled", ""),
    ("corrected", "3.1"),
    ("corrected", "6.2"),
]
ORDERS = [*itertools.permutations(range(len(SAID)))]
SOME = random.Random(36).sample(ORDERS, 8)


def said(number: int) -> list[dict[str, Any]]:
    status, value = SAID[number]
    return [
        {
            "analyte": "wbc",
            "value": value,
            "unit": "10*9/L",
            "status": ResultStatus(status),
            "collected_on": None,
            "collected_at": cells.moment("2026-01-19T13:00Z"),
            "resulted_at": cells.moment(f"2026-01-19T{15 + number}:00Z"),
        }
    ]


def state_after(practice: Practice, order: tuple[int, ...]) -> tuple[Any, Any]:
    """Which items are open for what, what counts, and what a person is asked and told of it."""
    patient = practice.patient()
    practice.course(patient, PROTOCOL, START)
    for number in order:
        practice.clock.wind(practice.clock() + timedelta(minutes=1))
        with writing(practice.engine) as session:
            draws.record(
                session, (practice.clinic_id, patient), said(number), by="Rosa", now=practice.clock()
            )
    items = [(row.ordinal, row.class_, tuple(row.missing)) for row in mine(practice, Item, patient)]
    work = [(row.about, row.note, row.state.value) for row in mine(practice, WorkItem, patient)]
    return items, sorted(one for one in work if one[0])


def mine(practice: Practice, model: Any, patient: Any) -> list[Any]:
    return [row for row in practice.rows(model) if row.patient_id == patient]


def test_H36_every_order_of_a_draws_versions_ends_in_the_same_state(practice: Practice) -> None:
    practice.clock.wind(practice.clock() + timedelta(days=16))
    first = state_after(practice, tuple(range(len(SAID))))
    assert [state_after(practice, order) for order in SOME] == [first] * len(SOME)
    items, work = first
    assert "wbc" not in items[0][2]
    assert [about[:16].strip() for about, *_ in work] == [
        "White cells 2.9", "White cells 3 10", "White cells 3.1",
    ]  # fmt: skip
    assert all(note is not None for _, note, _ in work)


def test_H33_another_patients_result_taken_back_opens_the_item_again_and_marks_the_finding(
    practice: Practice,
) -> None:
    patient = practice.patient()
    practice.course(patient, PROTOCOL, START)
    practice.clock.wind(practice.clock() + timedelta(days=16))
    key = practice.clinic_id, patient
    with writing(practice.engine) as session:
        draws.record(session, key, said(1), by="Rosa", now=practice.clock())
    [before] = mine(practice, Item, patient)
    [result] = practice.rows(Result)
    with writing(practice.engine) as session:
        mistakes.take_back(
            session, key, Entry.RESULT, result.id, confirmed=True, reason="a neighbour's", by="Rosa",
            now=practice.clock(),
        )  # fmt: skip
    [after] = mine(practice, Item, patient)
    assert "wbc" not in before.missing
    assert "wbc" in after.missing
    [finding] = [row for row in practice.work if row.kind == "limit"]
    assert (finding.state.value, finding.note) == ("open", mistakes.MARKED)
    assert finding.about.startswith("White cells 3 10*9/L on 2026-01-19: below 3.5 10*9/L. Source: BSR")
