"""Doses in date order become holds, resumes and changes of dose."""

import pytest

from service.ingest import folder as folders
from service.ingest import mapping
from tests.service.ingest.conftest import Folder

MAP = b"""
[[events]]
files = "doses.csv"
rules = [
  {column = "mg", when = "becomes 0", type = "hold", reason = "result"},
  {column = "mg", when = "becomes positive after 0", type = "resume"},
  {column = "mg", when = "rises", type = "dose-increase"},
  {column = "mg", when = "falls", type = "dose-decrease"},
]
[events.fields]
clinic = {constant = "North"}
mrn = "id"
protocol = {constant = "x"}
on = "day"
"""


def read(doses: str, folder: Folder) -> tuple[list[str], list[str]]:
    batch = folders.read(folder(doses__csv="id,day,mg\n" + doses), mapping.parse(MAP, where="m"))
    events = [
        f"{row.patient[2]} {row.on:%d} {row.type} {row.reason or ''} {row.dose}" for row in batch.events
    ]
    return [" ".join(event.split()) for event in events], [str(error) for error in batch.errors]


def doses(*amounts: str) -> str:
    return "".join(f"7,2026-01-{day + 1:02},{amount}\n" for day, amount in enumerate(amounts))


@pytest.mark.parametrize(
    ("amounts", "events"),
    [
        (("50", "50", "50"), []),
        (("50", "75"), ["7 02 dose-increase 75"]),
        (("50", "25.5"), ["7 02 dose-decrease 25.5"]),
        (("50", "50.0", "50"), []),
        (("50", "0", "0", "50"), ["7 02 hold result 0", "7 04 resume 50"]),
        (("50", "0", "75"), ["7 02 hold result 0", "7 03 resume 75", "7 03 dose-increase 75"]),
        (("50", "0", "25"), ["7 02 hold result 0", "7 03 resume 25", "7 03 dose-decrease 25"]),
        (("0", "0", "50"), ["7 01 hold result 0", "7 03 resume 50"]),
        (("50", "", "75"), ["7 03 dose-increase 75"]),
        (("50", "", "0", "", "50"), ["7 03 hold result 0", "7 05 resume 50"]),
        (("", ""), []),
    ],
)
def test_a_change_of_dose_is_an_event(amounts: tuple[str, ...], events: list[str], folder: Folder) -> None:
    assert read(doses(*amounts), folder) == (events, [])


def test_the_order_of_the_rows_does_not_matter(folder: Folder) -> None:
    rows = doses("50", "0", "75").splitlines(keepends=True)
    assert read("".join(reversed(rows)), folder) == read("".join(rows), folder)


def test_each_patient_has_doses_of_their_own(folder: Folder) -> None:
    assert read("7,2026-01-01,50\n8,2026-01-02,0\n7,2026-01-03,50\n", folder) == (["8 02 hold result 0"], [])


def test_two_doses_on_one_day_are_an_error_and_the_same_twice_is_not(folder: Folder) -> None:
    events, errors = read(doses("50", "75") + "7,2026-01-02,80\n7,2026-01-02,75\n", folder)
    assert events == ["7 02 dose-increase 75"]
    assert errors == [
        "doses.csv line 4, column mg: doses.csv line 3 has another dose for the same day; "
        "keep the one that was given."
    ]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            "7,2026-01-01,half",
            "doses.csv line 2, column mg: this is not a number; write a plain number, as 12.5.",
        ),
        ("7,01/02/2026,50", "doses.csv line 2, column day: this is not a date written as YYYY-MM-DD; "),
        (",2026-01-01,50", "doses.csv line 2, column id: it is empty; give the patient's number there."),
    ],
)
def test_a_bad_dose_row_is_one_sentence(row: str, sentence: str, folder: Folder) -> None:
    events, errors = read(f"{row}\n7,2026-01-05,0\n", folder)
    assert events == ["7 05 hold result 0"]
    assert len(errors) == 1
    assert errors[0].startswith(sentence)
