"""Results over the API: stored as sent, judged at once, and the plan follows."""

from typing import Any

import pytest

from db.tables import Result
from tests.service.desk import Desk
from tests.service.operations import World, count
from tests.stories.conftest import Practice

PANEL = {"wbc": "6.1", "anc": "3.9", "plt": "210", "hb": "13.5"}
UNITS = {"hb": "g/dL"}


@pytest.fixture
def desk(practice: Practice) -> Desk:
    return Desk(World(practice))


def draw(on: str = "2026-01-03", **values: str) -> dict[str, Any]:
    said = [
        {"analyte": name, "value": value, "unit": UNITS.get(name, "10*9/L")} for name, value in values.items()
    ]
    return {"collected_on": on, "values": said}


def results_of(desk: Desk) -> str:
    return f"/patients/{desk.patient}/results"


def test_a_panel_closes_the_item_and_the_next_is_due(desk: Desk) -> None:
    was = desk.open_item()
    found = desk.post(results_of(desk), draw(**PANEL))
    assert [row["usable"] for row in found["results"]] == [True] * 4
    assert found["beyond_a_limit"] == 0
    assert [one["class"] for one in found["difference"]["dates"]] == ["late", None]
    assert desk.open_item()["ordinal"] == was["ordinal"] + 1
    assert [row["analyte"] for row in desk.get(results_of(desk))["items"]] == [*PANEL][::-1]


def test_a_value_beyond_a_limit_is_a_persons_at_once_whatever_its_age(desk: Desk) -> None:
    course = {"protocol": "azathioprine-bsg-2019", "start": "2025-12-01"}
    desk.post(f"/patients/{desk.patient}/courses", course)
    found = desk.post(results_of(desk), draw("2025-12-03", wbc="1.4"))
    assert found["beyond_a_limit"] == 1
    [work] = [work for work in desk.practice.work if work.kind == "limit"]
    assert work.role == "prescriber"
    said = desk.post(
        f"/patients/{desk.patient}/entered-in-error",
        {"entry": "result", "id": found["results"][0]["id"], "reason": "a neighbour's"},
    )
    assert "wbc" not in str(desk.get(results_of(desk)))
    assert said["dates"] == []
    [work] = [work for work in desk.practice.work if work.kind == "limit"]
    assert (work.state.value, work.note) == ("open", "The result was entered in error.")


def test_a_part_of_a_panel_leaves_the_rest_missing_by_name(desk: Desk) -> None:
    desk.post(results_of(desk), draw(wbc="6.1", hb="13.5"))
    assert desk.open_item()["missing"] == ["anc", "plt"]


def test_H38_what_has_no_known_unit_is_kept_and_closes_nothing(desk: Desk) -> None:
    body = draw(**PANEL)
    body["values"][0]["unit"] = "cells"
    found = desk.post(results_of(desk), body)
    assert [row["usable"] for row in found["results"]] == [False, True, True, True]
    assert "unit is not known" in found["results"][0]["problem"]
    assert desk.open_item()["missing"] == ["wbc"]


def test_results_tried_out_are_not_stored(desk: Desk) -> None:
    tried = desk.ask("POST", results_of(desk), draw(**PANEL), query={"dry_run": True})
    assert tried.status_code == 200
    assert count(desk.practice.engine, Result) == 0
    assert (
        desk.post(results_of(desk), draw(**PANEL))["difference"]["visits_gone"]
        == (tried.json()["difference"]["visits_gone"])
    )


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"collected_on": None}, "a draw has a day or a time"),
        ({"collected_on": "2026-02-01"}, "body.collected_on the day of the draw is still to come"),
        ({"values": [{"analyte": "wbc", "value": "4,1"}]}, "body.values.0.value"),
        ({"values": [{"analyte": "wbc", "value": ""}]}, "body.values.0.value it is empty"),
        ({"values": [{"analyte": "soul", "value": "1"}]}, "body.values.0.analyte there is no such analyte"),
        ({"values": [{"analyte": "wbc", "value": "1"}] * 2}, "an analyte is given twice"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(
    desk: Desk, changes: dict[str, Any], where: str
) -> None:
    assert where in desk.refused(results_of(desk), draw(wbc="4") | changes, 422)
    assert count(desk.practice.engine, Result) == 0


def test_another_value_of_the_same_draw_is_a_correction_or_refused(desk: Desk) -> None:
    desk.post(results_of(desk), draw(wbc="4"))
    assert "are stored already" in desk.refused(results_of(desk), draw(wbc="4"))
    assert "give it the status corrected" in desk.refused(results_of(desk), draw(wbc="5"))
    corrected = draw(wbc="5")
    corrected["values"][0]["status"] = "corrected"
    assert desk.post(results_of(desk), corrected)["results"][0]["value"] == "5"


def test_a_report_without_values_is_attested_by_a_named_person(desk: Desk) -> None:
    seen = {"type": "attested", "on": "2026-01-03", "reason": "on paper, at Oak Street"}
    path = f"/courses/{desk.course}/events"
    assert "name who decided" in desk.refused(path, seen, 422)
    found = desk.post(path, seen | {"decided_by": "Dr Grace Example"})
    assert [one["class"] for one in found["difference"]["dates"]] == ["attested", None]
    assert "Nothing is open" in desk.refused(path, seen | {"decided_by": "A", "on": "2026-01-04"})
