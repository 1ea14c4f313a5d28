"""What the demo says in plain sentences: what was planned and sent, who is overdue, whom to call first."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import batches
from db.engine import reading
from db.overdue import Overdue
from db.tables import Clinic, Course, Item, Message, Patient, Reminder, WorkItem
from schedules.risk import Risk
from service.demo.story import BEGINS
from service.flows import overdue, reports
from service.flows.reports import Question
from service.links import Links

FIRST_ON_THE_LIST = 5


def sentences(engine: Engine, *, now: datetime, links: Links | None = None) -> Iterator[str]:
    """Paragraph by paragraph; all people are invented."""
    yield (
        "Invented people, and a real trial's records moved in time. "
        f"{BEGINS.days} days ended {now:%A %d %B %Y, %H:%M} UTC."
    )
    with reading(engine) as session:
        yield _planned(session)
        yield _sent(session)
        yield _an_example(session)
    yield from _whom_to_call(overdue.ranked(engine, now=now))
    if links is not None:
        yield from _a_page(engine, links)
    yield _adherence(engine, now)


def _count(session: Session, model: type, *conditions: sa.ColumnElement[bool]) -> int:
    return (
        session.scalar(sa.select(sa.func.count()).select_from(batches.table(model)).where(*conditions)) or 0
    )


def _planned(session: Session) -> str:
    items = batches.table(Item)
    open_items = _count(session, Item, items.c.class_.is_(None))
    past = _count(session, Item, items.c.class_.is_not(None))
    people, clinics = _count(session, Patient), _count(session, Clinic)
    protocols = session.scalar(sa.select(sa.func.count(sa.distinct(batches.table(Course).c.protocol_id))))
    return (
        f"Planned: {people} patients of {clinics} clinics under {protocols} protocols. "
        f"{past} tests are in the past; {open_items} are open, one for each patient still on the medicine."
    )


def _sent(session: Session) -> str:
    reminders, messages, work = (batches.table(model) for model in (Reminder, Message, WorkItem))
    query = sa.select(reminders.c.rung, sa.func.count()).where(
        reminders.c.state == sa.text("'sent'"), reminders.c.effect == sa.text("'message'")
    )
    rungs = Counter(
        {row[0].partition("/")[0]: 0 for row in session.execute(query.group_by(reminders.c.rung))}
    )
    for rung, count in session.execute(query.group_by(reminders.c.rung)):
        rungs[rung.partition("/")[0]] += count
    texts = _count(session, Message, messages.c.body.is_not(None), messages.c.key.is_(None))
    by_rung = ", ".join(f"{count} {rung}" for rung, count in rungs.most_common())
    open_work = _count(session, WorkItem, work.c.state != sa.text("'done'"))
    return (
        f"Sent: {texts} messages to the local outbox, none at night ({by_rung}). "
        f"{open_work} things wait for a person on the work list."
    )


def _an_example(session: Session) -> str:
    messages = batches.table(Message)
    query = sa.select(messages.c.body).where(messages.c.body.like("%blood test%due by%"))
    return f"One of them: {session.scalar(query.order_by(messages.c.send_at.desc()).limit(1))}"


def _whom_to_call(ranked: Sequence[Risk[Overdue]]) -> Iterator[str]:
    if not ranked:
        yield "Overdue: nobody."
        return
    yield f"Overdue: {len(ranked)} people. Whom to call first, and why:"
    for place, risk in enumerate(ranked[:FIRST_ON_THE_LIST], start=1):
        yield f"  {place}. {risk.of.name} ({risk.of.clinic}): {' '.join(risk.reasons)}"


def _adherence(engine: Engine, now: datetime) -> str:
    report = reports.adherence(engine, Question(), now=now)
    rates = [
        f"{name} {measure.numerator} of {measure.denominator}" if measure.denominator else f"{name} no data"
        for name, section in sorted(report.groups.items())
        for measure in [section.on_time]
    ]
    return f"On time so far: {'; '.join(rates)}."


def _a_page(engine: Engine, links: Links) -> Iterator[str]:
    """Where the newest message to a patient leads."""
    messages, patients = batches.table(Message), batches.table(Patient)
    mine = sa.and_(patients.c.clinic_id == messages.c.clinic_id, patients.c.id == messages.c.patient_id)
    query = sa.select(messages.c.id, patients.c.name, patients.c.birth_date).join_from(
        messages, patients, mine
    )
    said = query.where(messages.c.body.is_not(None), messages.c.audience == sa.text("'patient'"))
    with reading(engine) as session:
        for row in session.execute(said.order_by(messages.c.accepted_at.desc(), messages.c.id).limit(1)):
            yield f"What {row.name} is shown, born {row.birth_date}: {links.page(row.id)}"
