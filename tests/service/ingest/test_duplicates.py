"""Two records that may be one patient are named to a person, and nothing is merged."""

import pytest

from service.ingest import duplicates
from service.ingest import folder as folders
from tests.service.ingest.conftest import Folder

HEADER = "clinic,mrn,collected_on,analyte,value,unit\n"


def draws(mrn: str, values: list[str], clinic: str = "North") -> str:
    return "".join(
        f"{clinic},{mrn},2026-01-{day + 1:02},wbc,{value},10*9/L\n" for day, value in enumerate(values)
    )


TEN = [f"{value}.{value}" for value in range(1, 10)] + ["3.3"]


@pytest.mark.parametrize(
    ("other", "days"),
    [
        (TEN, 10),
        (TEN[:3], 3),
        ([*TEN[:8], "8.1", "8.2"], 8),
        ([*TEN[:7], "8.1", "8.2", "8.3"], None),
        (TEN[:2], None),
        (["5.5"] * 10, None),
    ],
)
def test_the_same_results_under_two_numbers_are_named(
    other: list[str], days: int | None, folder: Folder
) -> None:
    batch = folders.read(folder(results__csv=HEADER + draws("7", TEN) + draws("8", other)))
    sentence = (
        f"results.csv line 12, column mrn: possible duplicate patient: results.csv line 2 has the same "
        f"results on {days} days; look whether they are one patient, and keep one record."
    )
    assert [str(warning) for warning in batch.warnings] == ([sentence] if days else [])
    assert len({row.patient for row in batch.results}) == 2


def test_the_same_results_in_two_clinics_say_nothing(folder: Folder) -> None:
    batch = folders.read(folder(results__csv=HEADER + draws("7", TEN) + draws("7", TEN, clinic="South")))
    assert batch.warnings == ()


def test_a_draw_that_a_crowd_shares_says_nothing(folder: Folder) -> None:
    crowd = "".join(draws(str(mrn), TEN[:3]) for mrn in range(duplicates.CROWD + 1))
    assert folders.read(folder(results__csv=HEADER + crowd)).warnings == ()


@pytest.mark.parametrize(
    ("row", "warned"),
    [
        ("North,8,anna  ABEL,1980-02-29", True),
        ("North,8,Anna Abel,1980-02-28", False),
        ("North,8,Anne Abel,1980-02-29", False),
        ("South,7,Anna Abel,1980-02-29", False),
    ],
)
def test_one_name_and_birth_date_under_two_numbers_are_named(row: str, warned: bool, folder: Folder) -> None:
    text = f"clinic,mrn,name,birth_date\nNorth,7,Anna Abel,1980-02-29\n{row}\n"
    batch = folders.read(folder(patients__csv=text))
    sentence = (
        "patients.csv line 3, column mrn: possible duplicate patient: patients.csv line 2 has the same name "
        "and birth date; look whether they are one patient, and keep one record."
    )
    assert [str(warning) for warning in batch.warnings] == [sentence] * warned
    assert len(batch.patients) == 2
