"""What a laboratory sends: late, twice, out of order, for the wrong patient, or no result at all.

Results come in by the API's operation and by the import of records: there is no HL7 and no FHIR yet.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations, product
from random import Random
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from db import results
from db.engine import reading, writing
from db.tables import Patient, Result, ResultStatus
from service.api.results import DrawIn
from service.errors import Problem
from service.flows import draws, imports
from service.flows.imports import Manner
from service.ingest import build
from service.ingest.build import Options
from service.ingest.rows import Batch, Line
from tests.stories.conftest import Practice
from tests.stories.test_results import PROTOCOL, someone

COMPONENTS = sorted(PROTOCOL.clocks[0].components)
UNITS = {"alt": "U/L", "ast": "U/L", "creatinine": "umol/L", "egfr": "mL/min/{1.73_m2}", "albumin": "g/L"}
ISSUED = datetime(2026, 1, 4, 12, tzinfo=UTC)
HISTORY = (  # of one value, in the order in which the laboratory issued it
    ("preliminary", "3.0"), ("final", "3.1"), ("corrected", "6.2"), ("cancelled", ""), ("corrected", "6.4"),
    ("corrected", "6.3"),
)  # fmt: skip


def send(practice: Practice, patient: UUID, *values: dict[str, Any], **more: Any) -> None:
    said = DrawIn.model_validate({"collected_on": "2026-01-04", "values": list(values)} | more)
    with writing(practice.engine) as session:
        key = practice.clinic_id, patient
        draws.record(session, key, said.typed(), by="a laboratory", now=practice.clock())


def white_cells(value: str, status: str = "final") -> dict[str, Any]:
    return {"analyte": "wbc", "value": value, "unit": "10*9/L", "status": status}


def drawn(practice: Practice, patient: UUID) -> dict[str, Decimal]:
    with reading(practice.engine) as session:
        found = results.draws(session, [(practice.clinic_id, patient)]).get(patient, ())
    return {name: value for draw in found for name, value in draw.values.items()}


@pytest.fixture
def patient(practice: Practice) -> UUID:
    return someone(practice)


# ---- what is a result at all


def kinds(name: str) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Of an analyte: what may be sent, and whether it is a figure."""
    unit = UNITS.get(name, "10*9/L")
    good = {"analyte": name, "value": "20", "unit": unit}
    for word, change, usable in (
        ("a figure", {}, True), ("no unit", {"unit": ""}, False),
        ("another unit", {"unit": "furlong"}, False), ("less than", {"value": "<20"}, False),
        ("more than", {"value": ">=20"}, False), ("about", {"value": "~20"}, False),
        ("implausible", {"value": "999999"}, False), ("negative", {"value": "-20"}, False),
    ):  # fmt: skip
        yield word, good | change, usable


def test_H34_only_a_final_or_corrected_figure_closes_and_only_a_figure_is_judged(practice: Practice) -> None:
    names = [name for name in COMPONENTS if name in UNITS] + ["plt", "wbc"]
    words = [word for word, _, _ in kinds("wbc")]
    rows = 0
    for status, word in product(ResultStatus, words):
        patient = practice.patient()
        practice.course(patient, PROTOCOL, date(2026, 1, 1))
        sent = [(one, ok) for name in names for said, one, ok in kinds(name) if said == word]
        send(practice, patient, *({**one, "status": status.value} for one, _ in sent))
        closes = status in (ResultStatus.FINAL, ResultStatus.CORRECTED)
        expected = {one["analyte"] for one, ok in sent if ok and closes}
        assert set(drawn(practice, patient)) == expected, (status, word)
        judged = {work.kind for work in practice.work if work.patient_id == patient and work.kind == "limit"}
        low = word == "a figure" and status in (*results.STANDING[:2], ResultStatus.PRELIMINARY)
        assert bool(judged) is low, (status, word)
        rows += len(sent)
    assert rows >= 5 * 8 * 5


# ---- for whom


def near(number: str, chance: Random) -> str:
    """A number like it: two characters changed about, one lost, doubled, or another."""
    place = chance.randrange(len(number) - 1)
    head, (one, two), tail = number[:place], number[place : place + 2], number[place + 2 :]
    other = str((int(one) + 1) % 10)
    return head + chance.choice([two + one, two, one * 2 + two, other + two]) + tail


def test_H33_a_result_under_a_number_like_hers_is_nobodys_and_makes_no_patient(practice: Practice) -> None:
    chance = Random(33)
    whose = practice.patient(mrn="20441756")
    practice.course(whose, PROTOCOL, date(2026, 1, 1))
    wrong = {near("20441756", chance) for _ in range(500)} - {"20441756"}
    pairs = [("elm", number) for number in wrong] + [("oak", "20441756")] * (500 - len(wrong))
    typed = {
        "clinic": "Elm Street",
        "analyte": "wbc",
        "value": "1",
        "unit": "10*9/L",
        "status": ResultStatus.FINAL,
    }
    day = SimpleNamespace(local_day=lambda _: date(2026, 1, 4), instant=lambda _: None)
    more = {"collected_on": day, "collected_at": None, "resulted_at": None}
    rows = [
        build.result(Line("results.csv", n), typed | more | {"authority": authority, "mrn": mrn}, Options())
        for n, (authority, mrn) in enumerate(pairs, 2)
    ]
    manner = Manner(name="results", by="a laboratory", good_rows=True)
    outcome = imports.take(practice.engine, Batch(results=tuple(rows)), manner, now=practice.clock())
    assert len(outcome.errors) == 500
    assert len(practice.rows(Patient)) == 1
    assert (practice.rows(Result), [work.kind for work in practice.work if work.kind == "limit"]) == ([], [])


# ---- how often, and in what order


def test_H35_what_is_sent_three_times_over_four_connections_is_there_once(
    practice: Practice, patient: UUID
) -> None:
    letters = [
        (day, value) for day, value in zip(range(1, 6), ("3.1", "3.2", "6", "7", "8"), strict=True)
    ] * 3
    Random(35).shuffle(letters)

    def one(letter: tuple[int, str]) -> bool:
        try:
            send(practice, patient, white_cells(letter[1]), collected_on=f"2026-01-0{letter[0]}")
        except Problem as refusal:
            return refusal.status != 409
        return True

    practice.clock.wind(datetime(2026, 1, 6, tzinfo=UTC))
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(one, letters))
    assert sum(taken) == len(practice.rows(Result)) == 5
    assert sorted(str(row.value) for row in practice.rows(Result)) == ["3.1", "3.2", "6", "7", "8"]
    assert [work.raised for work in practice.work if work.kind == "limit"] == [1, 1]


def version(place: int, arrived: int) -> Any:
    status, value = HISTORY[place]
    return SimpleNamespace(
        id=place, analyte="wbc", value=Decimal(value) if value else None, usable=bool(value),
        status=ResultStatus(status), resulted_at=ISSUED + timedelta(hours=place),
        recorded_at=ISSUED + timedelta(days=1, minutes=arrived),
    )  # fmt: skip


def test_H36_a_history_of_six_in_any_order_leaves_the_last_that_was_issued() -> None:
    stands = [n for n, (status, _) in enumerate(HISTORY) if ResultStatus(status) in results.STANDING]
    for order in permutations(stands):
        rows = [version(place, arrived) for arrived, place in enumerate(order)]
        assert results._draw(date(2026, 1, 4), rows).values == {"wbc": Decimal("6.3")}


@pytest.mark.parametrize("seed", range(4))
def test_H36_in_any_order_the_plan_and_the_open_findings_are_the_same(
    practice: Practice, patient: UUID, seed: int
) -> None:
    order = list(range(len(HISTORY)))
    Random(seed).shuffle(order)
    for place in order:
        practice.clock.wind(practice.clock() + timedelta(minutes=1))
        status, value = HISTORY[place]
        issued = (ISSUED + timedelta(hours=place)).isoformat()
        send(practice, patient, white_cells(value, status), resulted_at=issued)
    assert drawn(practice, patient) == {"wbc": Decimal("6.3")}
    findings = [work for work in practice.work if work.kind == "limit"]
    assert {work.note for work in findings} == {
        "The laboratory has since corrected or withdrawn this result."
    }


def test_a_value_that_is_corrected_and_corrected_back_is_what_it_was(
    practice: Practice, patient: UUID
) -> None:
    for place, value in enumerate(("6", "5", "6")):
        practice.clock.wind(practice.clock() + timedelta(minutes=1))
        issued = (ISSUED + timedelta(hours=place)).isoformat()
        send(practice, patient, white_cells(value, "corrected"), resulted_at=issued)
    assert drawn(practice, patient) == {"wbc": Decimal(6)}


# ---- and when we said that we have it


def test_H37_a_commit_that_fails_is_no_answer_and_it_can_be_sent_again(
    practice: Practice, patient: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("sqlmodel.Session.commit", fails)
        with pytest.raises(RuntimeError):
            send(practice, patient, white_cells("3.1"))
    assert practice.rows(Result) == []
    send(practice, patient, white_cells("3.1"))
    assert [str(row.value) for row in practice.rows(Result)] == ["3.1"]
