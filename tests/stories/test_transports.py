"""The first real transport: nothing goes by it until a named person has seen what would, and releases it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from db.engine import reading
from db.tables import Attempt, AuditEntry, Lane
from service.errors import Refused
from service.flows import health, transports
from tests.stories.test_channels import someone
from tests.stories.test_lanes import MINUTE, NINE, PACED, Provider, carried, kinds, tick

HERE = replace(PACED, per_second=100, place="gateway.example")


def meet(practice: Any, **places: str) -> Provider:
    """The process starts with transports that lead there."""
    provider = Provider(practice, replace(HERE, place=places.get("sms", HERE.place)))
    carried(practice, sms=provider)
    transports.meet(practice.engine, practice.channels)
    return provider


def release(practice: Any) -> None:
    transports.release(practice.engine, practice.channels, by="Dana Reyes", now=practice.clock())


def reasons(practice: Any) -> str:
    return " ".join(health.look(practice.engine, now=practice.clock()).reasons)


def test_nothing_goes_by_a_transport_that_nobody_has_released(practice: Any) -> None:
    someone(practice)
    sms = meet(practice)
    for minutes in range(0, 60, 5):
        tick(practice, NINE + minutes * MINUTE)
    assert (sms.calls, practice.rows(Attempt), kinds(practice)) == ([], [], [])
    assert "sms (gateway.example), which nobody has released" in reasons(practice)
    release(practice)
    assert "released" not in reasons(practice)
    for minutes in range(60, 70, 5):
        tick(practice, NINE + minutes * MINUTE)
    assert len(sms.calls) == 1
    [entry] = [row for row in practice.rows(AuditEntry) if row.action == "transports release"]
    assert (entry.actor, entry.detail) == ("Dana Reyes", {"sms": "gateway.example"})


def test_a_release_lasts_over_starts_and_not_over_a_change_of_place(practice: Any) -> None:
    someone(practice)
    meet(practice)
    release(practice)
    meet(practice)
    [lane] = practice.rows(Lane, "channel")
    assert (lane.released_by, lane.place) == ("Dana Reyes", "gateway.example")
    with pytest.raises(Refused, match="no transport waits"):
        release(practice)
    sms = meet(practice, sms="elsewhere.example")
    tick(practice, NINE)
    assert sms.calls == []
    assert "elsewhere.example" in reasons(practice)


def test_a_worker_that_leads_elsewhere_than_the_release_sends_nothing(practice: Any) -> None:
    """It was started before with other settings: what counts is where the letter would go."""
    someone(practice)
    meet(practice)
    release(practice)
    other = Provider(practice, replace(HERE, place="elsewhere.example"))
    carried(practice, sms=other)
    tick(practice, NINE)
    assert other.calls == []


def test_a_transport_that_is_no_longer_configured_is_no_reason(practice: Any) -> None:
    meet(practice)
    assert "released" in reasons(practice)
    carried(practice)
    transports.meet(practice.engine, practice.channels)
    assert "released" not in reasons(practice)


def test_the_preview_counts_what_goes_out_within_a_day_by_channel(practice: Any) -> None:
    for names in (("sms",), ("sms", "email"), ("email",), ("voice",)):
        someone(practice, *names)
    carried(practice, sms=Provider(practice, HERE), email=Provider(practice, replace(HERE, place="mail:587")))
    for at, counts in ((NINE - timedelta(days=2), (0, 0)), (NINE - timedelta(hours=1), (2, 1))):
        with reading(practice.engine) as session:
            found = transports.preview(session, practice.channels, now=at)
        assert [(one.channel.value, one.place) for one in found] == [
            ("email", "mail:587"),
            ("sms", "gateway.example"),
        ]
        by_sms = next(one for one in found if one.channel == "sms")
        by_email = next(one for one in found if one.channel == "email")
        assert (by_sms.messages, by_email.messages) == counts
        assert (by_sms.patients, by_email.patients) == counts
