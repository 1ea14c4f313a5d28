"""H46: every night what patients answered is judged again, and what differs is a person's, that day."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from db.engine import reading, writing
from db.tables import Kind
from service.channels import local
from service.flows import doctor, second_look, upkeep
from service.flows.nightly import Nightly
from service.flows.second_look import SecondLook
from service.worker import Worker
from tests.stories.conftest import Practice
from tests.stories.test_check_ins import AMBER, COLLAPSE, FEVER, answer, ask, enrolled

GIVEN: tuple[dict[str, str], ...] = (
    {}, AMBER, FEVER, COLLAPSE, {"q.other.text": "no fever"}, {"q.fever.number": "101"},
)  # fmt: skip
CHANGED = "UPDATE check_in_answer SET choice = 'drowsy' WHERE question = 'jaundice' AND choice = 'none'"


@pytest.fixture
def look(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> SecondLook:
    """After six check-ins, in batches of four."""
    ask(practice)
    patient = enrolled(practice)
    practice.run_until(practice.clock() + timedelta(days=8))
    for answers in GIVEN:
        practice.clock.wind(practice.clock() + timedelta(minutes=1))
        answer(practice, patient, **answers)  # type: ignore[arg-type]
    monkeypatch.setattr(second_look, "BATCH", 4)
    return SecondLook(practice.engine)


def do(practice: Practice, statement: str) -> None:
    with writing(practice.engine) as session:
        session.execute(sa.text(statement))


def found(practice: Practice) -> list[Any]:
    return [row for row in practice.work if row.kind == second_look.KIND]


def tonight(practice: Practice, look: SecondLook) -> int:
    practice.clock.wind(practice.clock() + timedelta(days=1))
    return look.tick(now=practice.clock())


def test_H46_what_differs_at_night_is_work_for_that_day_and_an_alarm_once(
    practice: Practice, look: SecondLook
) -> None:
    assert (tonight(practice, look), found(practice)) == (0, [])
    with reading(practice.engine) as session:
        assert second_look.differing(session) == []
    alarms = len([row for row in practice.notices if row.kind is Kind.ALARM])
    do(practice, CHANGED)
    assert look.tick(now=practice.clock()) == 0, "once a night"
    assert tonight(practice, look) == 5, "the emergency is what it was"
    first = found(practice)[0]
    assert {(row.level, row.role.value, row.state.value) for row in found(practice)} == {
        ("same-day", "clinician", "open")
    }
    assert first.due_by == practice.clock() + timedelta(hours=4)
    assert first.about.endswith("was acted on as routine; judged again its answers are emergency: read them.")
    assert len([row for row in practice.notices if row.kind is Kind.ALARM]) > alarms
    do(practice, "UPDATE work_item SET state = 'done', outcome = 'other' WHERE kind = 'check-in-differs'")
    assert tonight(practice, look) == 0, "nobody is told twice"
    assert len(found(practice)) == 5
    said = [one.sentence for one in doctor.examine(practice.engine, None, now=practice.clock()) if one.wrong]
    assert any(sentence.startswith("5 check-ins judged again have another level") for sentence in said)


def test_H46_what_asked_nobody_and_what_no_set_can_judge_differs_too(
    practice: Practice, look: SecondLook
) -> None:
    do(practice, "UPDATE check_in SET work_key = 'check-in/lost' WHERE level = 'emergency'")
    assert tonight(practice, look) == 1
    [row] = found(practice)
    assert row.about.endswith("UTC is emergency, and asked nobody.")
    do(practice, "UPDATE check_in SET set_version = 99 WHERE level = 'routine'")
    assert tonight(practice, look) == 1
    assert [row.about.split("; ")[-1] for row in found(practice)[1:]] == [
        "judged again its answers are same-day: read them."
    ]
    do(practice, "UPDATE check_in SET work_key = (SELECT key FROM work_item WHERE level = 'emergency')"
       " WHERE work_key = 'check-in/lost'")  # fmt: skip


def test_a_look_that_is_broken_off_goes_on_where_it_was(practice: Practice, look: SecondLook) -> None:
    do(practice, CHANGED)
    practice.clock.wind(practice.clock() + timedelta(days=1))
    assert look.tick(now=practice.clock(), go_on=lambda: False) == 3
    assert look.tick(now=practice.clock(), go_on=lambda: False) == 2
    assert look.tick(now=practice.clock()) == 0
    assert len(found(practice)) == 5


def test_the_loop_of_upkeep_looks(practice: Practice, look: SecondLook) -> None:
    do(practice, CHANGED)
    upkeep.tick(practice.engine, practice.clock, nightly=Nightly(practice.engine))
    assert len(found(practice)) == 5
    loops = Worker(practice.engine, practice.clock, local.channels(), reminders_every=3600, upkeep_every=3600)
    [loop] = [job for job in loops._scheduler.get_jobs() if job.id == "upkeep"]
    assert isinstance(loop.func.args[0]._work.keywords["nightly"], Nightly)
