"""H64, H65: a restored or copied database sends nothing until a named person releases it; nothing twice."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from db import deployments, invariants, messages
from db.engine import make_engine, reading, writing
from db.tables import AuditEntry
from service.errors import Refused
from service.flows import backups, health, holds
from tests.stories.conftest import Practice
from tests.stories.drill import Recorder, busy, live, moment, postgresql_programs, told

OURS = "elm-street-production"
HOUR = timedelta(hours=1)


@pytest.fixture
def drill(practice: Practice) -> Practice:
    """A busy clinic on its ninth day, half an hour before patients are told."""
    practice.channels = dict.fromkeys(practice.channels, Recorder())
    holds.meet(practice.engine, OURS, now=practice.clock())
    busy(practice)
    live(practice, moment(13, 13, 30))
    assert told(practice)
    return practice


def letters(practice: Practice) -> int:
    return len(next(iter(practice.channels.values())).letters)


def is_held(engine: Engine) -> bool:
    with reading(engine) as session:
        return deployments.is_held(session)


def restored(drill: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, ...]]:
    """Back up, live an hour in which patients are told, restore; what was said in the lost hour."""
    postgresql_programs(drill.engine, monkeypatch)
    backups.backup(drill.engine, tmp_path / "hourly.backup")
    before = told(drill)
    live(drill, drill.clock() + HOUR, step=HOUR / 4)
    lost = told(drill) - before
    assert lost
    backups.restore(drill.engine, tmp_path / "hourly.backup", now=drill.clock())
    assert told(drill) == before
    return lost


def test_H64_a_restored_database_sends_nothing_before_its_release(
    drill: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored(drill, tmp_path, monkeypatch)
    sent = letters(drill)
    live(drill, drill.clock() + 30 * HOUR)
    assert letters(drill) == sent
    [held] = [reason for reason in health.look(drill.engine, now=drill.clock()).reasons if "HOLD" in reason]
    assert "a backup was restored" in held
    assert "after 2026-01-12 14:00 UTC is not known" in held


def test_H64_nothing_of_the_lost_hour_is_said_twice_after_the_release(
    drill: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = restored(drill, tmp_path, monkeypatch)
    holds.release(drill.engine, OURS, by="Kim Invented", now=drill.clock())
    live(drill, drill.clock() + 14 * 24 * HOUR)
    after = told(drill)
    assert not lost & after
    told_again = {(patient, item) for patient, item, *_ in after}
    assert {(patient, item) for patient, item, *_ in lost} <= told_again, "the next rung takes over"
    reasons = {row.reason for row in drill.reminders if row.state == "superseded"}
    assert holds.PERHAPS_SENT in reasons


def test_H64_what_passed_in_a_long_hold_is_not_said_and_staff_are_told_at_once(
    drill: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored(drill, tmp_path, monkeypatch)
    live(drill, drill.clock() + 8 * 24 * HOUR)
    released = drill.clock()
    sent = letters(drill)
    holds.release(drill.engine, OURS, by="Kim Invented", now=released)
    live(drill, released + 5 * 24 * HOUR)
    assert letters(drill) > sent
    said = [row for row in drill.reminders if row.state == "sent" and row.decided_at >= released]
    assert [row for row in said if row.track == "patient" and row.day < released.date()] == []
    assert [row for row in said if row.track == "coordinator"]
    once = [(row.item_id, row.track, row.rung) for row in said]
    assert len(once) == len(set(once))


def test_H64_a_release_brings_what_its_preview_said(
    drill: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored(drill, tmp_path, monkeypatch)
    live(drill, drill.clock() + 8 * 24 * HOUR)
    with reading(drill.engine) as session:
        seen = holds.preview(session, now=drill.clock())
    released = drill.clock()
    assert holds.release(drill.engine, OURS, by="Kim Invented", now=released) == seen
    live(drill, released + 5 * 24 * HOUR, step=HOUR / 2)
    said = [row for row in drill.reminders if row.state == "sent" and row.decided_at >= released]
    foreseen = {(c.audience, c.rung): 0 for c in seen.coming}
    for coming in seen.coming:
        foreseen[coming.audience, coming.rung] += coming.count
    counted = {key: sum((r.track.value, r.rung) == key for r in said) for key in foreseen}
    assert counted == foreseen


def test_H64_what_was_in_a_workers_hands_is_not_said_again_and_staff_are_told(drill: Practice) -> None:
    """The backup was made while everything that was due was being sent."""
    live(drill, moment(16, 13))
    drill.clock.wind(moment(17, 20))
    with writing(drill.engine) as session:
        claimed = messages.claim(session, now=drill.clock(), limit=500, lease=HOUR)
        deployments.hold(session, reason="a test", now=drill.clock())
    assert {message.audience.value for message in claimed} >= {"patient", "coordinator"}
    in_hand = {row.id for row in drill.reminders if row.message_id in {message.id for message in claimed}}
    live(drill, drill.clock() + 24 * HOUR)
    holds.release(drill.engine, OURS, by="Kim Invented", now=drill.clock())
    live(drill, drill.clock() + 7 * 24 * HOUR)
    became = {(row.track.value, row.state.value) for row in drill.reminders if row.id in in_hand}
    assert became <= {("patient", "superseded"), ("coordinator", "sent"), ("prescriber", "sent")}
    assert ("coordinator", "sent") in became


def test_H64_the_release_is_a_named_persons_and_kept(drill: Practice) -> None:
    with writing(drill.engine) as session:
        deployments.hold(session, reason="a test", now=drill.clock())
    holds.release(drill.engine, OURS, by="Kim Invented", now=drill.clock())
    [entry] = [row for row in drill.rows(AuditEntry) if row.action == "hold release"]
    assert (entry.actor, entry.detail["reason"]) == ("Kim Invented", "a test")
    with reading(drill.engine) as session:
        stored = deployments.get(session)
    assert stored is not None
    assert (stored.released_by, stored.held_since) == ("Kim Invented", None)
    with pytest.raises(Refused, match="not held"):
        holds.release(drill.engine, OURS, by="Kim Invented", now=drill.clock())


def test_H65_the_first_start_makes_the_database_this_deployments(engine: Engine, practice: Practice) -> None:
    for _ in range(2):
        holds.meet(engine, OURS, now=practice.clock())
        assert not is_held(engine)


def test_H65_a_database_of_another_deployment_is_held(engine: Engine, practice: Practice) -> None:
    holds.meet(engine, OURS, now=practice.clock())
    if (file := holds.beside(engine)) is not None:
        file.write_text("another\n")
    holds.meet(engine, "elm-street-staging", now=practice.clock())
    assert is_held(engine)
    holds.release(engine, "elm-street-staging", by="Kim Invented", now=practice.clock())
    holds.meet(engine, "elm-street-staging", now=practice.clock())
    assert not is_held(engine)
    if file is None:
        holds.meet(engine, OURS, now=practice.clock())
        assert is_held(engine)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_H65_on_postgresql_a_process_without_the_setting_cannot_release(
    engine: Engine, practice: Practice
) -> None:
    holds.meet(engine, None, now=practice.clock())
    assert not is_held(engine)
    holds.meet(engine, OURS, now=practice.clock())
    holds.meet(engine, None, now=practice.clock())
    assert is_held(engine)
    with pytest.raises(Refused, match="NEXTCOUNT_DEPLOYMENT_ID is not set"):
        holds.release(engine, None, by="Kim Invented", now=practice.clock())
    assert is_held(engine)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_H65_a_copied_file_is_held_and_the_original_is_not(drill: Practice, tmp_path: Path) -> None:
    copied = tmp_path / "staging" / "copy.sqlite3"
    copied.parent.mkdir()
    backups.backup(drill.engine, tmp_path / "a.backup")
    shutil.copy(tmp_path / "a.backup", copied)
    staging = make_engine(f"sqlite:///{copied}")
    try:
        holds.meet(staging, None, now=drill.clock())
        assert is_held(staging)
        holds.meet(drill.engine, None, now=drill.clock())
        assert not is_held(drill.engine)
        with reading(staging) as session:
            assert invariants.broken(session) == {}
    finally:
        staging.dispose()
