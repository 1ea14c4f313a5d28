"""H66: a pause has an owner, a reason and an end; staff go on; at its end what passed is decided once."""

from datetime import timedelta

import pytest

from db import pauses as stored
from db.engine import reading, writing
from db.tables import AuditEntry, Pause
from service.errors import Refused
from service.flows import health, pauses
from tests.stories.conftest import Practice
from tests.stories.drill import Recorder, busy, live, moment, told

UNTIL = moment(20, 16)


@pytest.fixture
def paused(practice: Practice) -> Practice:
    """A busy clinic that Kim paused for a week."""
    practice.channels = dict.fromkeys(practice.channels, Recorder())
    busy(practice)
    live(practice, moment(13, 13, 30))
    begin(practice)
    return practice


def begin(practice: Practice, until: object = UNTIL) -> None:
    with writing(practice.engine) as session:
        pauses.begin(
            session,
            pauses.named(session, None),
            by="Kim Invented",
            reason="the laboratory is closed",
            until=until,
            now=practice.clock(),
        )


def end(practice: Practice) -> int:
    with writing(practice.engine) as session:
        return pauses.end(session, pauses.named(session, None), by="Ana Invented", now=practice.clock())


def said_since(practice: Practice, since: object) -> list[tuple[str, str, str]]:
    rows = [row for row in practice.reminders if row.state == "sent" and row.decided_at >= since]
    return [(str(row.item_id), row.track.value, row.rung) for row in rows]


def test_H66_patients_are_sent_nothing_and_staff_go_on(paused: Practice) -> None:
    before, began = told(paused), paused.clock()
    live(paused, UNTIL - timedelta(hours=1))
    assert told(paused) == before
    assert {track for _, track, _ in said_since(paused, began)} == {"coordinator", "prescriber"}


@pytest.mark.parametrize("early", [False, True])
def test_H66_when_it_ends_what_passed_is_decided_at_once_the_latest_rung_alone(
    paused: Practice, early: bool
) -> None:
    live(paused, UNTIL - timedelta(hours=1))
    over = paused.clock() if early else UNTIL
    if early:
        assert end(paused) == 1
    live(paused, over + timedelta(minutes=15))
    said = [row for row in said_since(paused, over) if row[1] == "patient"]
    assert said
    assert len({item for item, _, _ in said}) == len(said)
    live(paused, over + timedelta(hours=3))
    assert [row for row in said_since(paused, over) if row[1] == "patient"] == said


def test_H66_its_end_at_night_waits_for_the_morning(paused: Practice) -> None:
    paused.clock.wind(moment(15, 4))  # 23:00 at the clinic
    end(paused)
    over = paused.clock()
    live(paused, moment(15, 12, 45))
    assert [row for row in said_since(paused, over) if row[1] == "patient"] == []
    live(paused, moment(15, 15))
    assert [row for row in said_since(paused, over) if row[1] == "patient"]


def test_H66_every_page_says_who_paused_it_why_and_until_when(paused: Practice) -> None:
    [sentence] = health.look(paused.engine, now=paused.clock()).paused
    assert sentence == (
        "Elm Street: paused by Kim Invented since 2026-01-13 13:30 UTC until 2026-01-20 16:00 UTC: "
        "the laboratory is closed"
    )
    assert health.look(paused.engine, now=UNTIL).paused == ()


def test_H66_a_pause_is_never_without_a_near_end_and_never_twice(paused: Practice) -> None:
    with pytest.raises(Refused, match="paused already by Kim Invented"):
        begin(paused)
    end(paused)
    for until in (paused.clock(), paused.clock() + timedelta(days=28, seconds=1)):
        with pytest.raises(Refused, match="28 days"):
            begin(paused, until)
    with pytest.raises(Refused, match="nothing is paused"):
        end(paused)
    with reading(paused.engine) as session, pytest.raises(Refused, match="no clinic"):
        pauses.named(session, "Nowhere")


def test_H66_a_pause_that_ended_by_itself_is_closed_by_the_next(paused: Practice) -> None:
    paused.clock.wind(UNTIL)
    begin(paused, UNTIL + timedelta(days=1))
    first, second = paused.rows(Pause, "since")
    assert (first.ended_at, first.ended_by) == (UNTIL, stored.BY_ITSELF)
    assert second.ended_at is None


def test_H66_who_paused_and_who_ended_it_is_kept(paused: Practice) -> None:
    end(paused)
    kept = [(row.action, row.actor) for row in paused.rows(AuditEntry, "at", "id")]
    assert kept == [("pause", "Kim Invented"), ("pause end", "Ana Invented")]
