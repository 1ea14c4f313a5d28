"""How late the worker's clock ticks while a batch is at work."""

from datetime import UTC

from apscheduler.events import EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler

from db.engine import make_engine
from service import clock, litter
from service.channels import local
from service.flows import reminders
from service.ticks import Every
from service.worker import HOW
from tests.bench import stage, worker

EVERY = 0.1  # seconds


def main(url: str) -> None:
    engine = make_engine(url)
    now, begun, lags = worker.clock(engine), [clock.machine()], list[float]()

    def tick() -> None:
        begun[0] = clock.machine()

    def ticked(event: JobExecutionEvent) -> None:
        lags.append((begun[0] - event.scheduled_run_time).total_seconds())

    scheduler = BackgroundScheduler(job_defaults=HOW, timezone=UTC)
    scheduler.add_listener(ticked, EVENT_JOB_EXECUTED)
    scheduler.add_job(tick, Every(EVERY))
    scheduler.start()
    with litter.seldom_collected():
        stage.run(lambda: reminders.tick(engine, now, local.channels()), lags=lags)
    scheduler.shutdown()
    engine.dispose()
