"""Whom alarms reach: the addresses of the day, or the clinic's outbox where nobody can be mailed."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.stories.conftest import Practice
from tests.stories.mailed import DESK, DOCTOR, Mailbox, live, mailed, put, red, remove, send

NIGHT = datetime(2026, 1, 14, 7, tzinfo=UTC)  # 02:00 at the clinic
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def box(practice: Practice) -> Mailbox:
    practice.clock.wind(NIGHT)
    return mailed(practice, DESK)


def test_who_is_removed_gets_nothing_more(practice: Practice, box: Mailbox) -> None:
    put(practice, DOCTOR)
    red(practice)
    send(practice)
    remove(practice, DESK)
    live(practice, NIGHT + 3 * HOUR, step=30 * MINUTE)
    assert len(box.to(DESK)) == 1
    assert len(box.to(DOCTOR)) == 4  # at once, after 30 minutes, after one hour and two


def test_who_is_put_on_the_list_is_told_at_once(practice: Practice, box: Mailbox) -> None:
    red(practice)
    send(practice)
    practice.clock.wind(NIGHT + 10 * MINUTE)
    put(practice, DOCTOR)
    send(practice)
    assert (len(box.to(DESK)), box.to(DOCTOR)) == (1, [NIGHT + 10 * MINUTE])


def test_who_wants_digests_alone_is_not_woken(practice: Practice, box: Mailbox) -> None:
    put(practice, DESK, alarms=False)
    put(practice, DOCTOR)
    red(practice)
    send(practice)
    assert (box.to(DESK), len(box.to(DOCTOR))) == ([], 1)


@pytest.mark.parametrize("transport", [True, False])
def test_without_addresses_or_without_a_transport_it_lies_in_the_outbox_once(
    practice: Practice, transport: bool
) -> None:
    if transport:
        mailed(practice)
    else:
        put(practice, DESK)
        put(practice, DOCTOR)
    red(practice)
    live(practice, practice.clock() + 2 * HOUR, step=30 * MINUTE)
    said = [row for row in practice.notices if row.kind == "alarm" and row.state == "accepted"]
    assert [row.channel for row in said] == ["outbox"]
