"""Two clinics of one house: a hospital with a patient on azathioprine, and Oak Street beside it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from db import batches
from db.engine import writing
from db.tables import Clinic, HandOver, HandOverState, Result
from db.types import new_id
from schedules import library
from service.flows import hand_overs as flow
from service.flows import plans
from service.flows.hand_overs import Answer
from service.flows.work_items import Person
from tests.stories.conftest import Practice, local_moment

ZONE = "America/New_York"


class Shared:
    """A hospital with a patient on azathioprine, and Oak Street beside it."""

    def __init__(self, practice: Practice) -> None:
        self.practice, self.oak = practice, new_id()
        row = {"id": self.oak, "name": "Oak Street", "phone": "+1 202-555-0177", "time_zone": ZONE}
        with writing(practice.engine) as session:
            batches.insert(
                session, Clinic, [row | {"emergency_number": "911", "created_at": practice.clock()}]
            )
        self.patient = practice.patient(mrn="7")
        practice.contact(self.patient)
        self.course = practice.course(
            self.patient, library.protocol("azathioprine-us-label"), date(2026, 1, 5)
        )
        practice.clock.wind(local_moment(date(2026, 1, 6), "12:00", ZONE))
        self.staff = Person("Sam Oak", True, self.oak)

    @property
    def now(self) -> datetime:
        return self.practice.clock()

    def tested(self, on: date) -> None:
        protocol = library.protocol("azathioprine-us-label")
        self.practice.clock.wind(local_moment(on, "12:00", ZONE))
        self.practice.draw(self.patient, on, set(protocol.clocks[0].components), wbc=5.5)

    def tested_there(self, patient_id: UUID, course_id: UUID) -> None:
        on = self.now.date()
        drawn = {"clinic_id": self.oak, "patient_id": patient_id, "status": "final", "usable": True}
        drawn |= {"source": "test", "value_as_sent": "", "collected_on": on, "recorded_at": self.now}
        names = library.protocol("azathioprine-us-label").clocks[0].components
        with writing(self.practice.engine) as session:
            batches.insert(session, Result, [drawn | {"analyte": name} for name in sorted(names)])
            plans.apply(session, [(self.oak, course_id)], now=self.now)

    def offer(self, **said: Any) -> UUID:
        to = {"to_clinic": "Oak Street", "practice": None, "person": None, "address": None, "note": None}
        key = self.practice.clinic_id, self.course
        with writing(self.practice.engine) as session:
            return flow.offer(session, key, to | said, confirmed=True, by="Dana Elm", now=self.now)

    def outside(self) -> UUID:
        return self.offer(to_clinic=None, practice="Mill Lane", person="Dr Grace", address="2 Mill Lane")

    def answer(self, id_: UUID, said: Answer, who: Person | None = None, clinic: UUID | None = None) -> None:
        with writing(self.practice.engine) as session:
            flow.answer(session, clinic or self.oak, id_, said, who or self.staff, now=self.now)

    def own(self, id_: UUID, said: Answer) -> None:
        clinic = self.practice.clinic_id
        self.answer(id_, said, Person("Dana Elm", True, clinic), clinic)

    def open_items(self, clinic_id: UUID) -> list[Any]:
        return [row for row in self.practice.items if row.clinic_id == clinic_id and row.class_ is None]

    def work(self, clinic_id: UUID) -> dict[str, Any]:
        mine = [row for row in self.practice.work if row.clinic_id == clinic_id and row.state != "done"]
        return {row.kind: row for row in mine}

    @property
    def state(self) -> HandOverState:
        [row] = self.practice.rows(HandOver)
        return row.state
