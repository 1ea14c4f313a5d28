"""A coordinator's entries, as the patient notices them: what is said follows what is entered at once."""

from datetime import UTC, datetime

import pytest

from tests.service.desk import Desk
from tests.service.operations import World
from tests.stories.conftest import Practice


@pytest.fixture
def desk(practice: Practice) -> Desk:
    found = Desk(World(practice))
    made = found.post(
        f"/patients/{found.patient}/courses", {"protocol": "azathioprine-bsr-2017", "start": "2026-01-03"}
    )
    found.post(
        f"/patients/{found.patient}/entered-in-error",
        {
            "entry": "course",
            "id": str(found.course),
            "reason": "another protocol was meant",
            "confirmed": True,
        },
    )
    found.course = made["id"]
    return found


def sent(desk: Desk) -> list[str]:
    """The days on which something went to the patient."""
    rows = [row for row in desk.practice.reminders if row.state.value == "sent" and row.track == "patient"]
    return sorted({str(row.day) for row in rows})


def test_H39_a_hold_silences_and_its_being_a_mistake_lets_the_reminders_go_on(desk: Desk) -> None:
    desk.practice.run_until(datetime(2026, 1, 10, 15, tzinfo=UTC))
    hold = desk.event("hold", "2026-01-10", reason="planned", review_on="2026-01-24")["id"]
    desk.practice.run_until(datetime(2026, 1, 20, 15, tzinfo=UTC))
    assert sent(desk) == []
    assert desk.open_item()["state"] == "held"
    mistake = {"entry": "event", "id": hold, "reason": "another patient's"}
    desk.post(f"/patients/{desk.patient}/entered-in-error", mistake)
    desk.practice.run_until(datetime(2026, 1, 26, 15, tzinfo=UTC))
    assert sent(desk)
    assert desk.open_item()["due_on"] == "2026-01-17"


def test_H32_a_result_that_is_entered_ends_what_was_waiting(practice: Practice) -> None:
    desk = Desk(World(practice))
    practice.run_until(datetime(2026, 1, 6, tzinfo=UTC))
    assert sent(desk)
    late = desk.open_item()
    values = {"wbc": ("6", "10*9/L"), "anc": ("4", "10*9/L"), "plt": ("200", "10*9/L"), "hb": ("13", "g/dL")}
    panel = [{"analyte": name, "value": value, "unit": unit} for name, (value, unit) in values.items()]
    draw = {"collected_on": "2026-01-05", "values": panel}
    desk.post(f"/patients/{desk.patient}/results", draw)
    mine = [row for row in practice.reminders if str(row.item_id) == late["id"]]
    assert {row.state.value for row in mine if row.reason == "closed: late"} == {"withdrawn"}
    assert all(row.decided_at is not None for row in mine)
    assert desk.open_item()["ordinal"] == late["ordinal"] + 1
