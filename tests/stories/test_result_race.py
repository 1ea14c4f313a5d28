"""H32: a result, a claim and a send in every order: nothing is claimed once the result is committed."""

import itertools
import threading
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from db import batches
from db.engine import writing
from db.tables import Attempt, CourseEvent, Result
from schedules import library
from service.channels import Accepted, Answer, Letter
from service.flows import plans, reminders
from tests.stories.conftest import Practice
from tests.stories.drill import moment

PROTOCOL = library.protocol("azathioprine-us-label")
PANEL = set(PROTOCOL.clocks[0].components)
ORDERS = [order for order in itertools.permutations(("result", "claim", "send"))]
SOON = 30


class Steps:
    """A worker that stops between its claim and its send, so that a test can put a result where it likes."""

    def __init__(self, practice: Practice, patient: UUID) -> None:
        self.practice, self.patient = practice, patient
        self.claimed, self.go_on = threading.Event(), threading.Event()
        self.letters: list[Letter] = []
        self.worker: threading.Thread | None = None

    def send(self, letter: Letter) -> Answer:
        self.claimed.set()
        assert self.go_on.wait(SOON)
        self.letters.append(letter)
        return Accepted()

    def do_result(self) -> None:
        self.practice.draw(self.patient, date(2026, 1, 11), PANEL)

    def do_claim(self) -> None:
        given = self.practice.engine, self.practice.clock, dict.fromkeys(self.practice.channels, self)
        self.worker = threading.Thread(target=reminders.tick, args=given)
        self.worker.start()
        while self.worker.is_alive() and not self.claimed.wait(0.05):
            pass

    def do_send(self) -> None:
        """Before its claim there is no send: the worker would send as soon as it has claimed."""
        self.go_on.set()
        if self.worker is not None:
            self.worker.join(SOON)


@pytest.fixture
def steps(practice: Practice) -> Steps:
    patient = practice.patient()
    practice.contact(patient)
    practice.course(patient, PROTOCOL, date(2026, 1, 5))
    practice.clock.wind(moment(11, 14))
    return Steps(practice, patient)


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_H32_a_send_is_claimed_before_the_result_or_never(steps: Steps, order: tuple[str, ...]) -> None:
    for step in order:
        getattr(steps, f"do_{step}")()
    steps.do_send()
    before = order.index("claim") < order.index("result")
    assert len(steps.letters) == len(steps.practice.rows(Attempt)) == (1 if before else 0)
    first = steps.practice.items[0]
    mine = [row for row in steps.practice.reminders if row.item_id == first.id and row.track == "patient"]
    fates = [row.state.value for row in mine]
    assert fates in (["sent"], ["sent", "withdrawn"]) if before else fates == ["withdrawn"]
    reminders.tick(steps.practice.engine, steps.practice.clock, dict.fromkeys(steps.practice.channels, steps))
    assert len(steps.letters) == (1 if before else 0)


def test_H32_a_claim_waits_for_the_result_that_is_being_written(steps: Steps) -> None:
    """The result's transaction is open when the claim begins, and commits before it ends."""
    practice, about = steps.practice, {"clinic_id": steps.practice.clinic_id, "patient_id": steps.patient}
    drawn = {"status": "final", "usable": True, "source": "test", "value": None, "value_as_sent": ""}
    rows = [
        about | drawn | {"analyte": name, "unit_as_sent": "", "collected_on": date(2026, 1, 11)}
        | {"recorded_at": practice.clock()}
        for name in sorted(PANEL)
    ]  # fmt: skip
    keys = [(row.clinic_id, row.course_id) for row in practice.items]
    steps.go_on.set()
    with writing(practice.engine) as session:
        batches.insert(session, Result, rows)
        plans.apply(session, keys, now=practice.clock())
        worker = started(lambda: reminders.tick(practice.engine, practice.clock, {**practice.channels}))
        worker.join(0.5)
        assert worker.is_alive(), "it waits for the item"
    worker.join(SOON)
    assert practice.rows(Attempt) == []
    assert {row.state.value for row in practice.reminders if row.item_id == practice.items[0].id} == {
        "withdrawn"
    }


def started(work: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_H19_what_is_rolled_back_leaves_nothing_to_say(steps: Steps) -> None:
    """The plan, its reminders and its messages are one transaction with the fact."""
    practice = steps.practice
    before = practice.items, practice.reminders, practice.messages
    with pytest.raises(ZeroDivisionError):
        die_half(practice)
    assert (practice.items, practice.reminders, practice.messages) == before


def die_half(practice: Practice) -> None:
    [course] = {(row.clinic_id, row.course_id) for row in practice.items}
    about = {"clinic_id": practice.clinic_id, "course_id": course[1], "type": "died"}
    with writing(practice.engine) as session:
        fact = about | {"on": date(2026, 1, 11), "recorded_at": practice.clock()}
        batches.insert(session, CourseEvent, [fact])
        plans.apply(session, [course], now=practice.clock())
        raise ZeroDivisionError
