"""Others that run jobs, with jobs that do nothing.

Each in the fastest way it documents: jobs added in batches, drained with the concurrency that suits it best.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import procrastinate
import uvloop
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode
from sqlalchemy.engine import make_url

from tests.bench import stage
from tests.bench.race import LONGEST

BATCH = 1000


class Jobs:
    """What has run in this process; a peer that then waits for more is not charged for it."""

    run, last, wanted = 0, 0.0, 0
    over = threading.Event()


def once() -> None:
    Jobs.run += 1
    Jobs.last = time.monotonic()
    if Jobs.run == Jobs.wanted:
        Jobs.over.set()


def plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


# ---- PgQueuer


async def fill_pgqueuer(url: str, jobs: int) -> None:
    connection = await asyncpg.connect(plain(url))
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    for _ in range(0, jobs, BATCH):
        size = min(BATCH, jobs)
        await queries.enqueue(["nothing"] * size, [None] * size, [0] * size)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def drain_pgqueuer(url: str) -> None:
    connection = await asyncpg.connect(plain(url))
    queue = PgQueuer(AsyncpgDriver(connection))

    @queue.entrypoint("nothing")
    async def nothing(job: object) -> None:
        once()

    await queue.run(batch_size=100, mode=QueueExecutionMode.drain, dequeue_timeout=timedelta(seconds=1))
    await connection.close()


# ---- Procrastinate


def _procrastinate(url: str) -> tuple[procrastinate.App, procrastinate.tasks.Task]:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=plain(url)))

    @app.task(name="nothing")
    async def nothing() -> None:
        once()

    return app, nothing


async def fill_procrastinate(url: str, jobs: int) -> None:
    app, task = _procrastinate(url)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for _ in range(0, jobs, BATCH):
            await task.batch_defer_async(*[{}] * min(BATCH, jobs))
    connection = await asyncpg.connect(plain(url))
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def drain_procrastinate(url: str) -> None:
    app, _ = _procrastinate(url)
    async with app.open_async():
        await app.run_worker_async(
            wait=False, concurrency=10, listen_notify=False, install_signal_handlers=False
        )


# ---- APScheduler: one job for each reminder. Two schedulers on one store run jobs twice, so there is one


def apscheduler(url: str, jobs: int) -> Callable[[], int]:
    """Its store filled with jobs that are due; what lets them fire."""
    Jobs.wanted = jobs
    scheduler = BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(url)},
        executors={"default": ThreadPoolExecutor(10)},
        job_defaults={"misfire_grace_time": None},
        timezone=UTC,
    )
    scheduler.start(paused=True)
    for _ in range(jobs):
        scheduler.add_job("tests.bench.peers:once", "date", run_date=datetime.now(UTC))
    return lambda: _fire(scheduler, jobs)


def _fire(scheduler: BackgroundScheduler, jobs: int) -> int:
    scheduler.resume()
    if not Jobs.over.wait(LONGEST):
        raise SystemExit("APScheduler did not come to an end")
    scheduler.shutdown()
    return jobs


FILL = {"pgqueuer": fill_pgqueuer, "procrastinate": fill_procrastinate}
DRAIN = {"pgqueuer": drain_pgqueuer, "procrastinate": drain_procrastinate}


def _counted(url: str, name: str) -> int:
    uvloop.run(DRAIN[name](url))
    return Jobs.run


def main(url: str, name: str, step: str, jobs: str) -> None:
    logging.disable(logging.WARNING)
    if name == "apscheduler":
        stage.run(apscheduler(url, int(jobs)), last=lambda: Jobs.last)
    elif step == "drain":
        stage.run(lambda: _counted(url, name), last=lambda: Jobs.last)
    else:
        uvloop.run(FILL[name](url, int(jobs)))
