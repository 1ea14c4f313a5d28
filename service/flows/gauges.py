"""What the database knows, read when Prometheus asks: every process that shares it says the same.

The database's clock tells the ages, so that a scraper whose clock is wrong sees the right ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from db import backlog, deployments, heartbeats, messages, pauses
from db.engine import reading
from service import metrics
from service.clock import Clock


def registry(engine: Engine, clock: Clock) -> CollectorRegistry:
    """Everything that one scrape of this process shows."""
    found = CollectorRegistry()
    found.register(_Everything(engine, clock))
    return found


@dataclass(frozen=True, slots=True)
class _Everything(Collector):
    engine: Engine
    clock: Clock

    def collect(self) -> Iterator[Metric]:
        yield from metrics.REGISTRY.collect()
        try:
            now = self.clock()
            with reading(self.engine) as session:
                found = list(_of_database(session, now))
        except SQLAlchemyError:
            found = []
        yield _flag("nextcount_database_up", "Whether the database answered this scrape.", bool(found))
        yield from found


def _of_database(session: Session, now: datetime) -> Iterator[Metric]:
    yield _loops(session, now)
    yield from _messages(session, now)
    yield from _work(session, now)
    held, paused = deployments.is_held(session), len(pauses.lasting(session, now=now))
    yield _flag("nextcount_held", "Whether nothing is sent until a person releases the database.", held)
    about = "Clinics whose sending to patients and carers a person paused."
    yield GaugeMetricFamily("nextcount_paused_clinics", about, value=paused)


def _flag(name: str, about: str, value: bool) -> Metric:
    return GaugeMetricFamily(name, about, value=int(value))


def _age(now: datetime, then: datetime | None) -> float:
    return 0.0 if then is None else max(0.0, (now - then).total_seconds())


def _loops(session: Session, now: datetime) -> Metric:
    about = "Seconds since a loop came to its end, or to that of a batch, in any process."
    found = GaugeMetricFamily("nextcount_loop_last_success_age_seconds", about, labels=["loop"])
    newest: dict[str, datetime] = {}
    for beat in heartbeats.every(session):
        newest[beat.loop] = max(beat.at, newest.get(beat.loop, beat.at))
    for loop, at in newest.items():
        found.add_metric([loop], _age(now, at))
    return found


def _messages(session: Session, now: datetime) -> Iterator[Metric]:
    about = f"Messages that have not ended, but for those of a later day; {backlog.MOST} stands for more."
    found = GaugeMetricFamily("nextcount_messages", about, labels=["state", "channel"])
    for state, channel, count in backlog.pending(session, now=now):
        found.add_metric([state, channel], count)
    yield found
    age = _age(now, messages.oldest_due(session, now=now))
    about = "For how many seconds the oldest message that is due has waited, 0 when none is."
    yield GaugeMetricFamily("nextcount_oldest_due_age_seconds", about, value=age)


def _work(session: Session, now: datetime) -> Iterator[Metric]:
    about = "Work items that nobody has finished."
    items = GaugeMetricFamily("nextcount_open_work_items", about, labels=["level"])
    about = "For how many seconds the oldest open work item has been open."
    ages = GaugeMetricFamily("nextcount_oldest_work_item_age_seconds", about, labels=["level"])
    for level, count, oldest in backlog.open_work(session):
        items.add_metric([level], count)
        ages.add_metric([level], _age(now, oldest))
    yield from (items, ages)
