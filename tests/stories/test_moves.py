"""Patients move to another version of their protocol: a dry run, a second person, and a past that stays."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from db.adherence import Scope
from db.engine import reading, writing
from db.tables import AuditEntry, Course, CourseVersion, ProtocolMove, WorkItem
from schedules import library, protocol
from service.errors import Problem
from service.flows import followed, move_proposals, moves, upkeep
from service.flows.move_proposals import Rehearsed
from service.flows.work_items import Person
from tests.schedules.test_protocol import file
from tests.stories.conftest import Practice

START = date(2026, 1, 5)
CBC = {"wbc", "anc", "plt", "hb"}
NOON = datetime(2026, 2, 2, 17, tzinfo=UTC)


def version(number: int, rhythm: str, clock: str = "count", id_: str = "ours") -> protocol.Protocol:
    clocks = [{"id": clock, "kind": "test", "panel": ["cbc"], "phases": [{"every": rhythm}]}]
    return protocol.build(file(id=id_, version=number, clocks=clocks))


OLD, NEW = version(1, "P4W"), version(2, "P2W")


def enrolled(practice: Practice, count: int, start: date = START) -> list[Any]:
    people = [practice.patient() for _ in range(count)]
    for one in people:
        practice.contact(one)
    return [(one, practice.course(one, OLD, start)) for one in people]


def rehearsed(practice: Practice, new: protocol.Protocol = NEW) -> Rehearsed:
    found = moves.rehearse(practice.engine, practice.clinic_id, OLD, new, now=practice.clock())
    return Rehearsed(old=OLD, new=new, outcomes=found)


def proposed(practice: Practice, found: Rehearsed, by: str = "Dana Reyes") -> Any:
    with writing(practice.engine) as session:
        return move_proposals.propose(session, practice.clinic_id, found, by=by, now=practice.clock())


def approved(practice: Practice, move_id: Any, by: str = "Ana Ruiz", *, is_named: bool = True) -> None:
    with writing(practice.engine) as session:
        person = Person(by, is_named)
        move_proposals.approve(session, (practice.clinic_id, move_id), by=person, now=practice.clock())


def open_dues(practice: Practice) -> list[date]:
    return sorted(item.due_on for item in practice.items if item.class_ is None)


def test_H40_a_move_does_to_each_patient_what_its_dry_run_said(practice: Practice) -> None:
    enrolled(practice, 2)
    enrolled(practice, 1, date(2026, 1, 19))
    practice.run_until(NOON)
    before = practice.items, practice.reminders, practice.rows(Course)
    found = rehearsed(practice)
    assert (practice.items, practice.reminders, practice.rows(Course)) == before, "a dry run keeps nothing"
    assert practice.rows(CourseVersion) == practice.rows(ProtocolMove) == []
    said = moves.figures(found.outcomes)
    assert {name: count for name, count in said.items() if count} == {
        "courses": 3, "earlier": 3, "become_overdue": 2, "messages_tomorrow": 3,
    }  # fmt: skip
    assert moves.sentence(said) == "3 courses: 3 earlier, 2 become overdue, 3 messages tomorrow"
    approved(practice, proposed(practice, found))
    upkeep.tick(practice.engine, practice.clock)
    assert open_dues(practice) == [date(2026, 1, 19), date(2026, 1, 19), date(2026, 2, 2)]
    by_course = {item.course_id: item for item in practice.items}
    for one in found.outcomes:
        [change] = one.changes
        assert by_course[one.course_id].due_on == change.due_on
        late = by_course[one.course_id].last_on_time < NOON.date()
        assert late is change.becomes_overdue
    waiting = [row for row in practice.reminders if row.state == "waiting" and row.effect == "message"]
    tomorrow = {row.message_id for row in waiting if row.send_at.date() == date(2026, 2, 3)}
    assert len(tomorrow) == said["messages_tomorrow"]
    actions = [row.action for row in practice.rows(AuditEntry, "at", "id")]
    assert actions == ["propose move", "approve move", *["move to another version"] * 3]


def test_H39_reminders_of_the_old_plan_are_withdrawn_in_the_moves_own_transaction(practice: Practice) -> None:
    [(_, course)] = enrolled(practice, 1)
    waiting = [row for row in practice.reminders if row.state == "waiting"]
    assert {row.version for row in waiting} == {1}
    approved(practice, proposed(practice, rehearsed(practice)))
    moves.tick(practice.engine, practice.clock)
    rows = practice.reminders
    assert {row.state for row in rows if row.version == 1} == {"withdrawn"}
    assert {row.state for row in rows if row.version == 2} == {"waiting"}
    practice.run_until(datetime(2026, 1, 21, tzinfo=UTC))
    assert {row.version for row in practice.reminders if row.state == "sent"} == {2}
    assert practice.items[0].course_id == course


def test_H39_a_dose_change_while_reminders_wait_sends_nothing_of_the_old_plan(practice: Practice) -> None:
    clocks = [{"id": "count", "kind": "test", "panel": ["cbc"], "on_dose_increase": "restart",
               "phases": [{"every": "P1W", "until": "P2W"}, {"every": "P4W"}]}]  # fmt: skip
    patient = practice.patient()
    practice.contact(patient)
    course = practice.course(patient, protocol.build(file(clocks=clocks)), START)
    for day in (12, 19):
        practice.clock.wind(datetime(2026, 1, day, 17, tzinfo=UTC))
        practice.draw(patient, date(2026, 1, day), CBC)
    assert open_dues(practice) == [date(2026, 2, 16)]
    practice.learn(patient, events=[{"course_id": course, "on": date(2026, 1, 19), "type": "dose-increase"}])
    assert open_dues(practice) == [date(2026, 1, 26)]
    practice.run_until(datetime(2026, 1, 27, tzinfo=UTC))
    item = practice.items[-1]
    mine = [row for row in practice.reminders if row.item_id == item.id]
    assert {row.state for row in mine if row.version < item.version} == {"withdrawn"}
    assert "sent" in {row.state for row in mine if row.version == item.version}


def test_who_proposed_a_move_cannot_approve_it_and_until_then_nobody_moves(practice: Practice) -> None:
    enrolled(practice, 1)
    dues = open_dues(practice)
    move_id = proposed(practice, rehearsed(practice))
    for by, is_named in (("Dana Reyes", True), ("Ana Ruiz", False)):
        with pytest.raises(Problem):
            approved(practice, move_id, by, is_named=is_named)
    moves.tick(practice.engine, practice.clock)
    assert open_dues(practice) == dues
    approved(practice, move_id)
    with pytest.raises(Problem, match="waits for no approval"):
        approved(practice, move_id)


def test_a_move_that_is_broken_off_goes_on_where_it_was(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moves, "BATCH", 2)
    enrolled(practice, 5)
    move_id = proposed(practice, rehearsed(practice))
    approved(practice, move_id)
    answers = iter([True, False])
    moves.tick(practice.engine, practice.clock, go_on=lambda: next(answers))
    assert progress(practice, move_id) == (2, 3, False)
    told: list[tuple[int, int]] = []
    key = practice.clinic_id, move_id
    moves.carry_out(practice.engine, practice.clock, key, told=lambda n, of: told.append((n, of)))
    assert told == [(2, 3), (3, 3)]
    assert progress(practice, move_id) == (5, 0, True)
    moves.tick(practice.engine, practice.clock)
    assert len(practice.rows(CourseVersion)) == 5


def progress(practice: Practice, move_id: Any) -> tuple[int, int, bool]:
    with reading(practice.engine) as session:
        found = move_proposals.progress(session, (practice.clinic_id, move_id))
    return found.moved, found.remaining, found.row.finished_at is not None


def test_a_course_that_cannot_be_planned_under_the_new_version_stays_and_a_person_hears(
    practice: Practice,
) -> None:
    [(_, stays), (_, goes)] = enrolled(practice, 2)
    practice.clock.wind(datetime(2026, 1, 6, 17, tzinfo=UTC))
    count = {"kind": "test", "panel": ["cbc"], "phases": [{"every": "P2W"}]}
    two = protocol.build(file(id="ours", version=2, clocks=[count | {"id": "one"}, count | {"id": "two"}]))
    practice.learn(
        practice.rows(Course)[0].patient_id,
        events=[{"course_id": stays, "on": practice.clock().date(), "type": "override",
                 "due_on": date(2026, 2, 2)}],
    )  # fmt: skip
    found = rehearsed(practice, two)
    assert [one.refused is not None for one in found.outcomes] == [True, False]
    approved(practice, proposed(practice, found))
    moves.tick(practice.engine, practice.clock)
    assert [row.course_id for row in practice.rows(CourseVersion)] == [goes]
    [work] = [row for row in practice.rows(WorkItem) if row.kind == "move-refused"]
    assert (work.course_id, work.level) == (stays, "24h")
    assert "name the clock" in work.about


def test_as_of_before_the_move_the_figures_are_those_of_then(practice: Practice) -> None:
    [(patient, _), _] = enrolled(practice, 2)
    practice.run_until(NOON)
    practice.draw(patient, NOON.date(), CBC)
    practice.run_until(datetime(2026, 3, 2, 17, tzinfo=UTC))
    then = practice.clock()
    before = figures(practice, then)
    practice.clock.wind(then + timedelta(days=1))
    approved(practice, proposed(practice, rehearsed(practice)))
    moves.tick(practice.engine, practice.clock)
    practice.run_until(datetime(2026, 3, 20, tzinfo=UTC))
    assert figures(practice, then) == before


def figures(practice: Practice, at: datetime) -> Any:
    with reading(practice.engine) as session:
        scope = Scope(clinic_id=practice.clinic_id, at=at)
        return [
            (one.row.id, one.tests, one.check_ins, one.pauses, one.ended)
            for one in followed.found(session, scope, moment=at)
        ]


def test_H40_a_packaged_file_that_changed_leaves_who_is_enrolled_as_they_were(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = library.protocol("azathioprine-us-label")
    patient = practice.patient()
    course = practice.course(patient, packaged, START)
    before = practice.items
    edited = protocol.build(protocol.as_json(packaged) | {"title": "Edited in place"})
    monkeypatch.setattr(library, "protocols", lambda: {edited.id: edited})
    practice.plan(course)
    assert practice.items == before
    assert edited.hash != packaged.hash
    second = practice.patient()
    practice.course(second, edited, START)
    hashes = {row.patient_id: row.protocol_hash for row in practice.rows(Course)}
    assert hashes == {patient: packaged.hash, second: edited.hash}
