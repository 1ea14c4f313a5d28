"""H47: alarms by chance, rotas with holes, providers that fail: a person took each, or all are told."""

import random
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from db import batches, work_items
from db.engine import reading, writing
from db.tables import Channel, Clinic, WorkItem
from db.types import new_id
from schedules import rota as hours
from schedules.rota import RUNGS
from service.channels import Accepted, Answer, Letter, Rejected, Unknown
from service.flows import escalations, rota
from service.flows import work_items as work
from service.flows.rota import Duty
from service.flows.work_items import Outcome, Person
from tests.stories.conftest import Practice
from tests.stories.mailed import Mailbox, mailed, put, red

BEGIN = datetime(2026, 1, 9, 20, tzinfo=UTC)  # a Friday evening
STEP = timedelta(minutes=5)
ANSWERS = (Accepted(), Rejected("451", permanent=False), Rejected("550", permanent=True), Unknown("Timeout"))


class Chances:
    """Clinics whose rotas have holes, people who claim, resolve or sleep on, mail that fails."""

    def __init__(self, practice: Practice, seed: int, clinics: int) -> None:
        self.practice, self.luck = practice, random.Random(seed)
        self.box = mailed(practice)
        self.box.answers = self._answer
        self.clinics = [self._clinic(number) for number in range(clinics)]
        self.opened: list[str] = []
        self.acts: set[UUID] = set()

    def _answer(self, letter: Letter) -> Answer:
        return self.luck.choices(ANSWERS, (70, 15, 5, 10))[0]

    def _clinic(self, number: int) -> UUID:
        row = {"id": new_id(), "name": f"Clinic {number}", "phone": "1", "emergency_number": "112"}
        zone = self.luck.choice(("Europe/London", "America/New_York", "Asia/Kolkata"))
        with writing(self.practice.engine) as session:
            batches.insert(session, Clinic, [row | {"time_zone": zone, "created_at": BEGIN}])
            duties = [
                Duty(
                    rung=self.luck.choice(RUNGS),
                    person=f"Kim {number}/{person}",
                    channel=Channel.EMAIL,
                    address=f"{person}@{number}.example",
                    weekdays=tuple(self.luck.sample(range(1, 8), 5)),
                    begins=time(self.luck.choice((0, 8, 18))),
                    ends=time(self.luck.choice((0, 8, 18))),
                )
                for person in range(self.luck.randrange(7))
            ]
            rota.put(session, row["id"], duties, version=0, by="a test", now=BEGIN)
        return row["id"]

    def open(self, many: int) -> None:
        for _ in range(many):
            key = f"chance/{len(self.opened)}"
            self.opened.append(key)
            level = self.luck.choice(("same-day", "emergency"))
            red(self.practice, key, level=level, clinic_id=self.luck.choice(self.clinics))

    def people_act(self) -> None:
        """Who got a mail sleeps on, claims, or resolves one of the clinic's."""
        new, now = self.box.letters[:], self.practice.clock()
        self.box.letters.clear()
        with writing(self.practice.engine) as session:
            for _, letter in new:
                name = letter.subject.partition(":")[0]
                waiting = [row for row in work_items.red(session, self._id(name), now=now)]
                if waiting and self.luck.random() < 0.6:
                    self._take(session, self.luck.choice(waiting), Person(f"Kim {letter.address}", True), now)

    def _id(self, name: str) -> UUID:
        return self.clinics[int(name.removeprefix("Clinic "))]

    def _take(self, session: Any, row: Any, who: Person, now: datetime) -> None:
        key = row.clinic_id, row.id
        work.claim(session, key, who, take_over=False, now=now)
        self.acts.add(row.id)
        if self.luck.random() < 0.7:
            work.finish(session, key, who, outcome=Outcome.REACHED, text="seen to", now=now)

    def check(self) -> None:
        """Every alarm there ever was: ended by a person in words, held by one, climbing, or loud."""
        practice, now = self.practice, self.practice.clock()
        rows = {row.key: row for row in practice.rows(WorkItem) if row.key.startswith("chance/")}
        assert sorted(rows) == sorted(self.opened)
        with reading(practice.engine) as session:
            climbing = {one.row.id: one for one in escalations.found(session, {}, now=now)}
        loud = {one.row.id for one in escalations.loud(practice.engine, now=now)}
        for row in rows.values():
            if row.state == "done":
                assert (row.id in self.acts, row.note) == (True, "seen to")
            elif row.id in climbing:
                assert row.id in loud or now - climbing[row.id].since < hours.STEP * 3
            else:
                assert row.id in self.acts
                assert now - row.claimed_at < hours.CLAIMED


def live(practice: Practice, *, seed: int, alarms: int, clinics: int, ticks: int) -> None:
    practice.clock.wind(BEGIN)
    chances = Chances(practice, seed, clinics)
    for tick in range(ticks):
        if len(chances.opened) < alarms:
            chances.open(chances.luck.randrange(1 + 2 * alarms // (ticks // 2)))
        escalations.tick(practice.engine, practice.clock, practice.channels)
        chances.people_act()
        if tick % 24 == 0:
            chances.check()
        practice.clock.wind(practice.clock() + STEP)
    chances.open(max(0, alarms - len(chances.opened)))
    chances.check()


def test_H47_each_alarm_is_a_persons_or_everybody_on_the_rota_is_told(practice: Practice) -> None:
    live(practice, seed=1, alarms=40, clinics=3, ticks=40)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_H47_ten_thousand_alarms_in_four_weekends(practice: Practice, seed: int) -> None:
    live(practice, seed=seed, alarms=2500, clinics=25, ticks=12 * 36)


def test_H47_what_nobody_takes_is_told_to_all_who_are_left_every_half_an_hour(practice: Practice) -> None:
    practice.clock.wind(BEGIN)
    box: Mailbox = mailed(practice)
    put(practice, "desk@elm.example")
    fails = iter([Unknown("Timeout"), Rejected("451", permanent=False)])
    box.answers = lambda letter: next(fails, Accepted())
    red(practice)
    for _ in range(37):
        escalations.tick(practice.engine, practice.clock, practice.channels)
        practice.clock.wind(practice.clock() + STEP)
    moments = sorted({at for at, _ in box.letters})
    assert all(later - at <= timedelta(minutes=30) for at, later in pairwise(moments))
    assert practice.clock() - moments[-1] <= timedelta(minutes=30)
