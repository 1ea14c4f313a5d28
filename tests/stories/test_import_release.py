"""A clinic's records come in, wait, are released, and are paced: nobody is called twice, or at night."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db import batches
from db.engine import reading, writing
from db.tables import Course, Item, Message, MessageState, Patient, Reminder, ReminderState, WorkItem
from schedules import days
from service.channels import local
from service.clock import WoundClock
from service.errors import Refused
from service.flows import releases, reminders, upkeep
from tests.service.records import Records

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 3, 2, 20, tzinfo=UTC)  # 15:00 at the clinic
OVERDUE = range(9, 29, 2)  # days overdue on the day of the release; the next rung is at 35
WEEK = 7 * 24


@pytest.fixture
def records(tmp_path: Path) -> Records:
    """Ten patients who are overdue already, one who is due, one without a telephone. Weekly, grace 3 days."""
    today = NOW.astimezone(ZONE).date()
    starts = {f"late-{late}": days.shift(today, -(7 + 3 + late)) for late in OVERDUE}
    starts |= {"due": days.shift(today, -6), "silent": days.shift(today, -6)}
    return Records(tmp_path).write(
        patients=[f"{mrn},Invented {mrn},1980-01-01" for mrn in starts],
        contacts=[
            f"{mrn},sms,+120255501{n:02},yes,2026-01-02,form"
            for n, mrn in enumerate(starts)
            if mrn != "silent"
        ],
        courses=[f"{mrn},azathioprine-us-label,{start}" for mrn, start in starts.items()],
    )


def live(engine: Engine, clock: WoundClock, hours: int) -> None:
    """The loops tick every hour."""
    for _ in range(hours):
        upkeep.tick(engine, clock)
        reminders.tick(engine, clock, local.channels())
        clock.wind(clock() + timedelta(hours=1))


def said(engine: Engine) -> list[tuple[str, datetime]]:
    """To whom, and when, every message went to a patient."""
    messages, patients = batches.table(Message), batches.table(Patient)
    query = (
        sa.select(patients.c.mrn, messages.c.accepted_at)
        .join(patients, patients.c.id == messages.c.patient_id)
        .where(messages.c.audience == "patient", messages.c.state == MessageState.ACCEPTED)
        .order_by(messages.c.accepted_at, patients.c.mrn)
    )
    with engine.connect() as connection:
        return [(mrn, at.astimezone(ZONE)) for mrn, at in connection.execute(query)]


def done(engine: Engine) -> Counter[tuple[str, str, str]]:
    """How many of each rung were done, by local day."""
    rungs = batches.table(Reminder)
    query = sa.select(rungs.c.track, rungs.c.rung, rungs.c.decided_at).where(
        rungs.c.state == ReminderState.SENT
    )
    with engine.connect() as connection:
        found = connection.execute(query).all()
    return Counter((f"{at.astimezone(ZONE):%Y-%m-%d}", track.value, rung) for track, rung, at in found)


def imported(engine: Engine, records: Records) -> UUID:
    outcome = records.take(engine, now=NOW)
    assert outcome.errors == ()
    assert outcome.import_id is not None
    return outcome.import_id


def release(engine: Engine, run: UUID, clock: WoundClock) -> releases.Preview:
    with writing(engine) as session:
        return releases.release(session, run, by="Kim Invented", now=clock())


def test_nothing_of_an_import_is_sent_before_its_release(engine: Engine, records: Records) -> None:
    imported(engine, records)
    live(engine, WoundClock(NOW), 48)
    with reading(engine) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Message)) == 0


def test_whoever_is_overdue_is_told_once_over_five_days_the_longest_overdue_first(
    engine: Engine, records: Records
) -> None:
    clock = WoundClock(NOW)
    release(engine, imported(engine, records), clock)
    live(engine, clock, WEEK)
    told = [(mrn, at) for mrn, at in said(engine) if mrn.startswith("late")]
    assert Counter(mrn for mrn, _ in told) == {f"late-{late}": 1 for late in OVERDUE}
    first_day = days.shift(NOW.astimezone(ZONE).date(), 1)
    turns = {mrn: (at.date() - first_day).days for mrn, at in told}
    assert [turns[f"late-{late}"] for late in reversed(OVERDUE)] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert {at.hour for _, at in told} == {9}


def test_who_is_not_overdue_is_told_on_the_usual_day(engine: Engine, records: Records) -> None:
    clock = WoundClock(NOW)
    release(engine, imported(engine, records), clock)
    live(engine, clock, 24)
    assert [at.date() for mrn, at in said(engine) if mrn == "due"] == [days.shift(NOW.date(), 1)]


def test_no_message_goes_at_night(engine: Engine, records: Records) -> None:
    at_night = datetime(2026, 3, 3, 4, tzinfo=UTC)  # 23:00 at the clinic
    clock = WoundClock(NOW)
    run = imported(engine, records)
    clock.wind(at_night)
    release(engine, run, clock)
    live(engine, clock, WEEK)
    assert said(engine)
    assert [at for _, at in said(engine) if not 8 <= at.hour < 21] == []


def test_what_goes_out_is_what_the_preview_said(engine: Engine, records: Records) -> None:
    clock = WoundClock(NOW)
    expected = release(engine, imported(engine, records), clock)
    assert (expected.patients, expected.overdue, expected.unreachable) == (12, len(OVERDUE), 1)
    live(engine, clock, releases.PACED * 24)
    foreseen = {(str(c.day), c.audience, c.rung): c.count for c in expected.coming}
    assert done(engine) == foreseen


def test_a_preview_writes_nothing_and_equals_the_release(engine: Engine, records: Records) -> None:
    run = imported(engine, records)
    with reading(engine) as session:
        seen = releases.preview(session, releases.waiting(session, run), now=NOW)
    assert seen == release(engine, run, WoundClock(NOW))
    assert seen.coming


def test_who_cannot_be_reached_is_a_work_item(engine: Engine, records: Records) -> None:
    clock = WoundClock(NOW)
    release(engine, imported(engine, records), clock)
    live(engine, clock, 24)
    with reading(engine) as session:
        people = session.scalars(
            sa.select(Patient.mrn)
            .join(WorkItem, WorkItem.patient_id == Patient.id)
            .where(WorkItem.kind == "unreachable")
        ).all()
    assert people == ["silent"]


def test_an_import_undone_after_its_release_sends_no_more(engine: Engine, records: Records) -> None:
    clock = WoundClock(NOW)
    run = imported(engine, records)
    release(engine, run, clock)
    live(engine, clock, 24)
    before = said(engine)
    with writing(engine) as session:
        releases.undo(session, run, by="Kim Invented", now=clock())
    live(engine, clock, WEEK)
    assert said(engine) == before
    with reading(engine) as session:
        open_items = sa.select(sa.func.count()).select_from(Item).where(sa.text("class IS NULL"))
        assert session.scalar(open_items) == 0
        assert session.scalar(sa.select(sa.func.count()).select_from(Course)) == 12


def test_a_patients_days_that_are_not_overdue_are_not_delayed(engine: Engine, tmp_path: Path) -> None:
    """The least overdue of ten has another test on the way, and hears of it at the next sending time."""
    today = NOW.astimezone(ZONE).date()
    starts = {f"late-{late}": days.shift(today, -(7 + 3 + late)) for late in OVERDUE}
    records = Records(tmp_path).write(
        patients=[f"{mrn},Invented {mrn},1980-01-01" for mrn in starts],
        contacts=[f"{mrn},sms,+12025550101,yes,2026-01-02,form" for mrn in starts],
        courses=[
            *(f"{mrn},azathioprine-us-label,{start}" for mrn, start in starts.items()),
            f"late-9,azathioprine-bsr-2017,{days.shift(today, -12)}",
        ],
    )
    clock = WoundClock(NOW)
    release(engine, imported(engine, records), clock)
    live(engine, clock, 24)
    assert "late-9" in [mrn for mrn, _ in said(engine)]


@pytest.mark.parametrize(("patients", "alone"), [(50, True), (51, False)])
def test_H45_of_more_than_fifty_patients_another_person_is_asked(
    engine: Engine, tmp_path: Path, patients: int, alone: bool
) -> None:
    many = [f"{number},Invented {number},1980-01-01" for number in range(patients)]
    outcome = Records(tmp_path).write(patients=many).take(engine, now=NOW)
    assert outcome.import_id is not None
    with writing(engine) as session:
        [run] = releases.waiting(session, outcome.import_id)
        if not alone:
            with pytest.raises(Refused, match="of more than 50 somebody else looks"):
                releases.release(session, run.id, by=f" {run.by.upper()}", now=NOW)
        releases.release(session, run.id, by=run.by if alone else "Lou Invented", now=NOW)
