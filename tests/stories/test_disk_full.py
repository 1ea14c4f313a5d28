"""H60: when the disk is full sends stop, nothing goes out without a record, and it recovers by itself."""

import resource
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from db.tables import Attempt
from service.channels import Answer, Letter
from service.flows import reminders
from tests.stories.conftest import Practice
from tests.stories.drill import Recorder, busy, live, moment, told

DUE = moment(13, 14)


@contextmanager
def full(room: int) -> Iterator[None]:
    """No file may grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def tick(practice: Practice) -> bool:
    """Whether the loop's tick came to its end."""
    try:
        reminders.tick(practice.engine, practice.clock, practice.channels)
    except sa.exc.OperationalError:
        return False
    return True


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("room", [0, 32, 64, 96, 128])
def test_H60_a_full_disk_stops_sends_and_no_accept_is_unrecorded(practice: Practice, room: int) -> None:
    recorder = Recorder()
    practice.channels = dict.fromkeys(practice.channels, recorder)
    busy(practice)
    live(practice, DUE)
    before, letters = told(practice), len(recorder.letters)
    practice.engine.dispose()  # the log of writes is folded into the database, and begins again at nothing
    with capture_logs(), full(room * 1024):
        ended = [tick(practice) for _ in range(3)]
    if room == 0:
        assert not any(ended)
        assert len(recorder.letters) == letters
    live(practice, DUE + timedelta(hours=3))
    assert told(practice) - before
    attempts = {row.id: row.message_id for row in practice.rows(Attempt)}
    assert {letter.attempt: letter.key for letter in recorder.letters} == attempts
    accepted = {row.message_id for row in practice.rows(Attempt) if row.state == "accepted"}
    assert accepted == {letter.key for letter in recorder.letters}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_H60_a_disk_that_fills_during_the_sends_leaves_attempts_and_the_same_keys(practice: Practice) -> None:
    recorder = Recorder()
    practice.channels = dict.fromkeys(practice.channels, recorder)
    busy(practice)
    live(practice, DUE)
    practice.engine.dispose()
    letters, disk = len(recorder.letters), ExitStack()

    class Filling(Recorder):
        def send(self, letter: Letter) -> Answer:
            disk.enter_context(full(0))
            return recorder.send(letter)

    with disk:
        assert not tick(Practice(practice.engine, practice.clock, channels=_all(practice, Filling())))
        sent = recorder.letters[letters:]
        assert sent
        tick(practice)
        assert recorder.letters[letters:] == sent
    started = {row.id: row.message_id for row in practice.rows(Attempt) if row.state == "started"}
    assert {letter.attempt: letter.key for letter in sent} == started
    live(practice, DUE + timedelta(hours=2))
    again = recorder.letters[letters + len(sent) :]
    assert {letter.key for letter in again} == {letter.key for letter in sent}
    accepted = [row.message_id for row in practice.rows(Attempt) if row.state == "accepted"]
    assert {letter.key for letter in recorder.letters} == set(accepted)
    assert len(accepted) == len(set(accepted))


def _all(practice: Practice, channel: Recorder) -> dict[object, Recorder]:
    return dict.fromkeys(practice.channels, channel)
