"""The way out to a provider: its pace, its penalties, its breaker, one for all workers."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from db.tables import Attempt, Channel, Lane, Message
from service.channels import Accepted, Answer, Capabilities, Letter, Rejected, Unknown, local
from service.flows import gates, health, lanes, reminders, sending
from tests.stories.test_channels import someone

NINE = datetime(2026, 1, 11, 14, tzinfo=UTC)  # the first reminder, 09:00 in New York
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
PACED = Capabilities(honours_key=True, per_second=1)
DOWN = Rejected("503", permanent=False, down=True)


@dataclass
class Provider:
    """Takes what a test lets it take, and keeps when it was asked."""

    practice: Any
    capabilities: Capabilities = PACED
    answer: Callable[[Letter], Answer] = lambda letter: Accepted()
    calls: list[tuple[datetime, UUID]] = field(default_factory=list)
    asked: list[datetime] = field(default_factory=list)

    def send(self, letter: Letter) -> Answer:
        self.calls.append((self.practice.clock(), letter.key))
        return self.answer(letter)

    def look_up(self, key: UUID) -> Answer | None:
        self.asked.append(self.practice.clock())
        return Unknown("500", down=True)

    @property
    def times(self) -> list[datetime]:
        return [at for at, _ in self.calls]


def carried(practice: Any, **providers: Provider) -> None:
    practice.channels = dict(local.channels()) | {Channel(name): one for name, one in providers.items()}


def tick(practice: Any, at: datetime) -> None:
    practice.clock.wind(at)
    reminders.tick(practice.engine, practice.clock, practice.channels)


def every(practice: Any, step: timedelta, until: timedelta) -> None:
    for turn in range(until // step + 1):
        tick(practice, NINE + turn * step)


def reasons(practice: Any) -> str:
    return " ".join(health.look(practice.engine, now=practice.clock()).reasons)


def kinds(practice: Any) -> list[tuple[str, str]]:
    return [(row.kind, row.state.value) for row in practice.work]


# ---- pace


def test_H21_a_spike_is_spread_by_the_pace_and_nobody_is_told_twice(practice: Any) -> None:
    for _ in range(30):
        someone(practice)
    sms = Provider(practice)
    carried(practice, sms=sms)
    every(practice, 10 * SECOND, MINUTE)
    assert len({key for _, key in sms.calls}) == len(sms.calls) == 30
    assert sms.times == sorted(sms.times)
    for begun in sms.times:
        within = [at for at in sms.times if begun <= at < begun + 20 * SECOND]
        assert len(within) <= 20 + lanes.BURST / SECOND + 1
    tries = [row for row in practice.rows(Attempt) if row.channel == "sms"]
    assert len(tries) == 30
    assert {row.attempts for row in practice.rows(Message) if row.channel == "sms"} == {1, 2}


def test_who_waits_for_a_turn_is_told_in_the_morning_when_it_comes_at_night(practice: Any) -> None:
    for _ in range(8):
        someone(practice, preferred_time=time(20, 59))
    sms = Provider(practice, replace(PACED, per_second=1 / 60))
    carried(practice, sms=sms)
    evening = datetime(2026, 1, 12, 1, 59, tzinfo=UTC)
    for turn in (0, 1, 2, 10, 30, *range(11 * 60, 11 * 60 + 40, 2)):
        tick(practice, evening + turn * MINUTE)
    assert 1 <= len([at for at in sms.times if at < evening + HOUR]) <= 2
    assert not [at for at in sms.times if evening + MINUTE <= at < datetime(2026, 1, 12, 13, tzinfo=UTC)]
    assert len({key for _, key in sms.calls}) == len(sms.calls) > 2


def test_a_turn_that_was_missed_long_ago_is_taken_anew(practice: Any) -> None:
    """The loop stood still while a hundred turns passed: they are not all taken at once."""
    for _ in range(40):
        someone(practice)
    sms = Provider(practice)
    carried(practice, sms=sms)
    tick(practice, NINE)
    tick(practice, NINE + HOUR)
    assert len([at for at in sms.times if at == NINE + HOUR]) <= lanes.BURST / SECOND + 1


def test_staff_are_not_paced(practice: Any) -> None:
    for _ in range(3):
        someone(practice)
    sms = Provider(practice, replace(PACED, per_second=1e-9))
    carried(practice, sms=sms)
    tick(practice, datetime(2026, 1, 30, 20, tzinfo=UTC))
    assert len(sms.calls) == 1
    assert [kind for kind, _ in kinds(practice)].count("overdue") == 3


# ---- the provider asks us to wait


def test_H12_no_request_of_any_worker_reaches_a_provider_that_asked_us_to_wait(practice: Any) -> None:
    for _ in range(6):
        someone(practice)
    wait = timedelta(minutes=7)
    sms = Provider(practice, replace(PACED, per_second=100), can_wait(wait))
    carried(practice, sms=sms)
    for seconds in range(0, 420, 20):
        for _ in range(2):  # workers
            tick(practice, NINE + timedelta(seconds=seconds))
        assert 1 <= len(sms.calls) <= sending.SENDERS  # those that were on their way
    before = len(sms.calls)
    every_ten_seconds = (NINE + wait + turn * 10 * SECOND for turn in range(12))
    sms.answer = lambda letter: Accepted()
    for at in every_ten_seconds:
        tick(practice, at)
    assert len(sms.calls) == before + 6
    assert not [at for at in sms.times if NINE < at < NINE + wait]


def can_wait(wait: timedelta) -> Callable[[Letter], Answer]:
    return lambda letter: Rejected("429", permanent=False, retry_after=wait)


def test_H12_who_was_claimed_before_the_penalty_is_not_tried_in_it(practice: Any, monkeypatch: Any) -> None:
    """One sender at a time: the first is refused, and the others of the same claim stay at home untried."""
    for _ in range(5):
        someone(practice)
    monkeypatch.setattr(sending, "SENDERS", 1)
    sms = Provider(practice, replace(PACED, per_second=100), can_wait(MINUTE))
    carried(practice, sms=sms)
    tick(practice, NINE)
    assert len(sms.calls) == 1
    codes = sorted(row.code for row in practice.rows(Attempt) if row.channel == "sms")
    assert codes == ["429", *["channel-shut"] * 4]
    sms.answer = lambda letter: Accepted()
    every_minute = [NINE + turn * MINUTE for turn in range(1, 4)]
    for at in every_minute:
        tick(practice, at)
    assert len({key for _, key in sms.calls}) == 5
    assert len(sms.calls) == 6


def test_H12_a_doubt_does_not_ask_a_provider_that_takes_nothing(practice: Any) -> None:
    someone(practice)
    sms = Provider(practice, replace(PACED, can_be_asked=True), lambda letter: Unknown("timeout", down=True))
    carried(practice, sms=sms)
    tick(practice, NINE)
    for minutes in range(1, 20):
        tick(practice, NINE + minutes * MINUTE)
    shut = [(row.closed_until, row.refused) for row in practice.rows(Lane, "channel")]
    assert shut[0][1] >= lanes.IN_A_ROW
    assert len(sms.asked) < 15
    assert "unknown-delivery" in [kind for kind, _ in kinds(practice)]


# ---- the provider is down


def test_H13_H18_a_provider_that_is_down_is_asked_less_and_less_and_one_person_told(practice: Any) -> None:
    for _ in range(9):
        someone(practice)
    code = Rejected("402", permanent=False, down=True)
    sms = Provider(practice, replace(PACED, per_second=100), lambda letter: code)
    carried(practice, sms=sms)
    every(practice, MINUTE, HOUR / 2)
    for turn in range(35, 121, 5):
        tick(practice, NINE + turn * MINUTE)
    first = [at for at in sms.times if at == NINE]
    assert lanes.IN_A_ROW <= len(first) <= lanes.IN_A_ROW + sending.SENDERS
    probes = [at for at in sms.times if at > NINE]
    gaps = [(later - earlier) / MINUTE for earlier, later in zip([NINE, *probes], probes, strict=False)]
    assert [round(gap) for gap in gaps[:5]] == [1, 2, 4, 8, 15]
    assert len(probes) < 16
    assert kinds(practice) == [("transport-refuses", "open")]
    assert "sms has been refusing since 2026-01-11 14:00 UTC (402)" in reasons(practice)
    assert {row.state.value for row in practice.rows(Message) if row.audience == "patient"} == {"waiting"}
    sms.answer = lambda letter: Accepted()
    for turn in range(1, 20, 3):
        tick(practice, NINE + 2 * HOUR + turn * MINUTE)
    taken = [key for at, key in sms.calls if at > NINE + 2 * HOUR]
    assert len(set(taken)) == len(taken) == 9
    assert kinds(practice) == [("transport-refuses", "done")]
    assert "refusing" not in reasons(practice)


def test_H13_who_waits_loses_no_try_and_goes_another_way_after_four_hours(practice: Any) -> None:
    for _ in range(6):
        someone(practice, "sms", "email")
    sms = Provider(practice, replace(PACED, per_second=100), lambda letter: DOWN)
    email = Provider(practice, replace(PACED, per_second=100))
    carried(practice, sms=sms, email=email)
    every(practice, 15 * MINUTE, lanes.GIVEN_UP - 15 * MINUTE)
    assert email.calls == []
    for turn in range(8):
        tick(practice, NINE + lanes.GIVEN_UP + turn * 5 * MINUTE)
    assert len({key for _, key in email.calls}) == len(email.calls) == 6


def test_H13_two_providers_that_are_down_do_not_pass_letters_to_and_fro(practice: Any) -> None:
    someone(practice, "sms", "email")
    sms, email = (Provider(practice, answer=lambda letter: DOWN) for _ in range(2))
    carried(practice, sms=sms, email=email)
    every(practice, 15 * MINUTE, 6 * HOUR)
    assert len(sms.calls) + len(email.calls) < 35
    assert {kind for kind, _ in kinds(practice)} == {"transport-refuses"}


def test_H13_no_connection_is_held_during_a_call(practice: Any) -> None:
    someone(practice)
    sms = Provider(practice)
    held = list[int]()
    sms.answer = lambda letter: held.append(practice.engine.pool.checkedout()) or Accepted()  # type: ignore[func-returns-value]
    carried(practice, sms=sms)
    tick(practice, NINE)
    assert held == [0]


def test_H13_staff_are_told_by_a_loop_of_their_own(practice: Any) -> None:
    someone(practice)
    sms = Provider(practice)
    carried(practice, sms=sms)
    practice.clock.wind(datetime(2026, 1, 30, 20, tzinfo=UTC))
    reminders.tick(practice.engine, practice.clock, practice.channels, among=reminders.STAFF)
    assert sms.calls == []
    assert "overdue" in [kind for kind, _ in kinds(practice)]


def test_tries_again_take_a_tenth_of_the_pace(practice: Any) -> None:
    """Every letter is refused once, for itself: the second tries are ten turns apart."""
    for _ in range(8):
        someone(practice)
    seen = set[UUID]()

    def once(letter: Letter) -> Answer:
        if letter.key in seen:
            return Accepted()
        seen.add(letter.key)
        return Rejected("451", permanent=False)

    sms = Provider(practice, replace(PACED, per_second=1), once)
    carried(practice, sms=sms)
    every(practice, 10 * SECOND, 3 * MINUTE)
    keys = [key for _, key in sms.calls]
    again = [at for number, (at, key) in enumerate(sms.calls) if key in keys[:number]]
    assert len(again) == 8
    for begun in again:
        assert len([at for at in again if begun <= at < begun + 60 * SECOND]) <= 8


def test_an_answer_that_cannot_be_told_to_the_others_counts_all_the_same(
    practice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone(practice)
    sms = Provider(practice, answer=lambda letter: DOWN)
    carried(practice, sms=sms)

    def broken(*_: Any) -> None:
        raise gates.SQLAlchemyError

    monkeypatch.setattr(gates.Gate, "_hear", broken)
    tick(practice, NINE)
    assert [row.code for row in practice.rows(Attempt) if row.channel == "sms"] == ["503"]
