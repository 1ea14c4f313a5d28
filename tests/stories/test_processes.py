"""Workers as real processes: they share the work, stop when told, lose nothing when one is killed."""

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db import batches, heartbeats
from db.engine import reading, writing
from db.tables import Message
from tests.service.channels.conftest import Peer, peer
from tests.stories.processes import SOON, Fleet, crowd, eventually, fleet

GATEWAY = str(Path(__file__).parents[1] / "service" / "channels" / "gateway.py")


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Peer]:
    with peer(GATEWAY, tmp_path / "ledger") as found:
        yield found


def rolling_restarts(workers: Fleet, restarts: int, people: int) -> list[float]:
    """Two workers; again and again another is started and the oldest told to stop; the seconds each took."""
    running = [workers.start("worker"), workers.start("worker")]
    seconds = []
    for _ in range(restarts):
        begun = len(workers.posts)
        running.append(workers.start("worker"))
        eventually(lambda n=begun: len(workers.posts) >= min(n + 4, people))
        code, took = workers.stop(running.pop(0))
        assert code == 0
        seconds.append(took)
    eventually(lambda: len(workers.accepted()) == people, within=SOON + people)
    assert [workers.stop(process)[0] for process in running] == [0, 0]
    return seconds


def was_said_once(workers: Fleet, people: int) -> None:
    assert set(workers.posts) == workers.accepted()
    assert len(workers.posts) == people
    assert set(workers.posts.values()) == {1}


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("restarts", "people", "address"),
    [(3, 80, "slow 0.4"), pytest.param(200, 4_000, "slow 2", marks=pytest.mark.long)],
    ids=["few", "many"],
)
def test_H20_restarts_under_load_lose_and_double_nothing(
    engine: Engine, gateway: Peer, tmp_path: Path, restarts: int, people: int, address: str
) -> None:
    crowd(engine, people, address)
    with fleet(engine, gateway, tmp_path) as workers:
        seconds = rolling_restarts(workers, restarts, people)
        assert max(seconds) < 20
        was_said_once(workers, people)
        codes = workers.codes()
        assert codes[None] == people
        assert set(codes) <= {None, "handed-back", "no-time-left"}
        assert codes["handed-back"] > 0


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_three_workers_share_the_work_and_one_that_is_killed_loses_nothing(
    engine: Engine, gateway: Peer, tmp_path: Path
) -> None:
    """A third of the patients is due now, the others a little later, while the first worker is busy."""
    people = 60
    crowd(engine, people, "slow 1")
    with fleet(engine, gateway, tmp_path, lease=12) as workers:
        first = workers.start("worker")
        later_by_thirds(engine)
        eventually(lambda: len(workers.posts) > 3)
        first.send_signal(signal.SIGKILL)
        others = [workers.start("worker"), workers.start("worker"), workers.start("worker")]
        eventually(lambda: len(workers.accepted()) == people)
        assert set(workers.posts) == workers.accepted()
        news = [entry["headers"]["Idempotency-Key"] for entry in workers.gateway.ledger if entry["new"]]
        assert sorted(news) == sorted(workers.accepted())
        assert sum(sent_something(workers.log(process)) for process in others) >= 2
        assert [workers.stop(process)[0] for process in others] == [0, 0, 0]


def later_by_thirds(engine: Engine) -> None:
    messages = batches.table(Message)
    mine = sa.select(messages.c.id).where(messages.c.state == "waiting", messages.c.channel != "worklist")
    with writing(engine) as session:
        ids = list(session.scalars(mine))
        for third in (1, 2):
            at = datetime.now(UTC) + timedelta(seconds=4 * third)
            some = messages.c.id.in_(ids[third::3])
            session.execute(sa.update(messages).where(some).values(send_at=at))


def sent_something(log: str) -> bool:
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return any((line["event"], line.get("loop")) == ("loop", "reminders") for line in lines)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("second", [("worker",), ("serve", "--port", "0")], ids=["worker", "serve"])
def test_on_one_file_one_process_runs_the_loops_and_the_next_takes_over(
    engine: Engine, gateway: Peer, tmp_path: Path, second: tuple[str, ...]
) -> None:
    crowd(engine, 6, "ok")
    with fleet(engine, gateway, tmp_path) as workers:
        first = workers.start("worker")
        eventually(lambda: len(workers.accepted()) == 6)
        next_ = workers.start(*second)
        eventually(lambda: second[0] == "worker" or "nextcount is at" in workers.log(next_))
        assert processes(engine) == {first.pid}
        first.send_signal(signal.SIGKILL)
        eventually(lambda: processes(engine) == {first.pid, next_.pid})
        assert workers.stop(next_)[0] == 0
        assert set(workers.posts.values()) == {1}


def processes(engine: Engine) -> set[int]:
    with reading(engine) as session:
        return {int(beat.process.rpartition(":")[2]) for beat in heartbeats.every(session)}
