"""What the simulation has no words for: answers of people, appointments, late enrolment, other clocks."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from schedules import protocol as protocol_files
from schedules.days import Duration
from schedules.facts import AFTER_STOP, Class, Course, Draw, Event, EventType, Item, Plan, State, Status
from schedules.plan import EventRefused, plan

START = date(2026, 1, 5)
WEEKLY = {"id": "blood", "kind": "test", "panel": ["wbc"], "phases": [{"every": "P1W"}]}
VISITS = {"id": "review", "kind": "visit", "phases": [{"every": "P3M"}]}
CHECK_INS = {"id": "how-are-you", "kind": "check-in", "phases": [{"every": "P1W"}]}


def course(*clocks: dict[str, Any], **more: Any) -> Course:
    document = {
        "id": "an-example",
        "version": 1,
        "title": "An example",
        "medicine": {"name": "exampline"},
        "source": {"title": "A test", "evidence": "product-choice"},
        "clocks": list(clocks),
    }
    return Course(protocol=protocol_files.build(document), start=START, **more)


def after(days: int) -> date:
    return START + timedelta(days=days)


def event(days: int, kind: EventType, **more: Any) -> Event:
    return Event(on=after(days), type=kind, **more)


def drawn(*days: int, components: frozenset[str] = frozenset({"wbc"})) -> list[Draw]:
    return [Draw(on=after(day), components=components) for day in days]


def lived(of: Course, *events: Event, draws: list[Draw] | None = None, today: int = 400) -> Plan:
    return plan(of, events, draws or [], today=after(today))


def row(item: Item) -> tuple[int, int, str | None]:
    return item.ordinal, (item.due_on - START).days, item.class_ and item.class_.value


# ---- a named human decides instead of a test


def test_a_waived_item_is_counted_from_its_due_day_or_from_the_waiver() -> None:
    early = lived(course(WEEKLY), event(3, EventType.WAIVED), today=8)
    assert [row(item) for item in early.items] == [(1, 7, "waived"), (2, 14, None)]
    late = lived(course(WEEKLY), event(9, EventType.WAIVED), today=9)
    assert [row(item) for item in late.items] == [(1, 7, "waived"), (2, 16, None)]


def test_waiving_an_offset_answers_it_and_the_next_is_due_on_its_own_day() -> None:
    offsets = WEEKLY | {"phases": [{"offsets": ["P2W", "P4W", "P8W"]}, {"every": "P3M"}]}
    found = lived(course(offsets), event(15, EventType.WAIVED), today=20)
    assert [row(item) for item in found.items] == [(1, 14, "waived"), (2, 28, None)]


def test_a_waiver_when_nothing_is_open_changes_nothing() -> None:
    ends = WEEKLY | {"phases": [{"offsets": ["P2W"], "then": "end"}]}
    found = lived(course(ends), event(20, EventType.WAIVED), draws=drawn(14))
    assert [row(item) for item in found.items] == [(1, 14, "on-time")]
    assert found.ends == {"blood": (after(14), "The source ends routine monitoring here.")}
    assert found.status is Status.ENDED


def test_an_attested_test_closes_as_such_and_only_from_its_opening_day() -> None:
    found = lived(course(WEEKLY), event(7, EventType.ATTESTED), today=8)
    assert [row(item) for item in found.items] == [(1, 7, "attested"), (2, 14, None)]
    assert found.items[0].collected_on == after(7)
    assert found.items[0].missing == ()
    early = lived(course(WEEKLY), event(5, EventType.ATTESTED), today=8)
    assert [row(item) for item in early.items] == [(1, 7, None)]


# ---- clocks that are not tests


def test_a_visit_is_booked_not_attended_booked_again_and_attended() -> None:
    at = datetime(2026, 4, 2, 15, 30)  # noqa: DTZ001  a local time has no zone
    booked = event(60, EventType.BOOKED, at=at)
    one = lived(course(VISITS), booked, today=61).items[0]
    assert (one.appointment, one.ladder) == (at, "appointment")
    missed = lived(course(VISITS), booked, event(87, EventType.NOT_ATTENDED), today=88)
    assert missed.items[0].appointment is None
    assert [(need.kind, need.met_on) for need in missed.needs] == [("not-attended", None)]
    again = event(88, EventType.BOOKED, at=at + timedelta(days=7))
    met = lived(course(VISITS), booked, event(87, EventType.NOT_ATTENDED), again, today=89)
    assert [(need.kind, need.met_on) for need in met.needs] == [("not-attended", after(88))]
    done = lived(course(VISITS), booked, event(87, EventType.ATTENDED), today=89)
    assert [item.class_ for item in done.items] == [Class.ON_TIME, None]


def test_a_cancelled_visit_is_to_be_booked_again() -> None:
    at = datetime(2026, 4, 2, 15, 30)  # noqa: DTZ001
    booked, cancelled = event(60, EventType.BOOKED, at=at), event(70, EventType.CANCELLED)
    found = lived(course(VISITS), booked, cancelled, today=80)
    assert (found.items[0].appointment, found.items[0].ladder) == (None, "standard")


def test_a_booking_says_nothing_to_a_clock_of_tests() -> None:
    at = datetime(2026, 1, 9, 9)  # noqa: DTZ001
    found = lived(course(WEEKLY), event(1, EventType.BOOKED, at=at), today=2)
    assert found.items[0].appointment is None


def test_a_dose_is_closed_by_its_administration_on_its_own_ladder() -> None:
    infusions = {
        "id": "infusion",
        "kind": "dose",
        "phases": [{"offsets": ["P0D", "P2W", "P6W"]}, {"every": "P8W"}],
    }
    found = lived(
        course(infusions), event(0, EventType.ADMINISTERED), event(14, EventType.ADMINISTERED), today=20
    )
    assert [row(item) for item in found.items] == [(1, 0, "on-time"), (2, 14, "on-time"), (3, 42, None)]
    assert {item.ladder for item in found.items} == {"dose"}
    assert found.status is Status.IN_DATE


def test_check_ins_keep_their_cadence_whatever_was_answered_when() -> None:
    found = lived(course(CHECK_INS), event(9, EventType.ANSWERED), event(13, EventType.ANSWERED), today=15)
    assert [row(item) for item in found.items] == [(1, 7, "on-time"), (2, 14, "on-time"), (3, 21, None)]


def test_the_next_check_in_closes_an_unanswered_one_when_it_opens() -> None:
    assert [row(item) for item in lived(course(CHECK_INS), today=12).items] == [(1, 7, None)]
    found = lived(course(CHECK_INS), today=13)
    assert [row(item) for item in found.items] == [(1, 7, "missed"), (2, 14, None)]
    assert found.needs == ()
    both = lived(course(CHECK_INS), today=20)
    assert [(need.kind, need.on, need.level) for need in both.needs] == [
        ("check-ins-missed", after(20), "24h")
    ]
    assert lived(course(CHECK_INS), today=34).needs == both.needs
    answered = lived(course(CHECK_INS), event(21, EventType.ANSWERED), today=22)
    assert [need.met_on for need in answered.needs] == [after(21)]


def test_a_plan_names_the_day_on_which_a_check_in_rolls_over() -> None:
    assert lived(course(CHECK_INS), today=1).changes_on == after(13)


def test_a_waived_check_in_keeps_the_cadence() -> None:
    found = lived(course(CHECK_INS), event(8, EventType.WAIVED), today=9)
    assert [row(item) for item in found.items] == [(1, 7, "waived"), (2, 14, None)]


def test_check_ins_pause_with_a_hold_and_those_inside_it_are_held() -> None:
    hold, resume = event(10, EventType.HOLD), event(30, EventType.RESUME)
    paused = lived(course(CHECK_INS), hold, today=25)
    assert [row(item) for item in paused.items] == [(1, 7, None)]
    assert paused.items[0].state(after(25)) is State.HELD
    resumed = lived(course(CHECK_INS), hold, resume, event(31, EventType.ANSWERED), today=32)
    assert [row(item) for item in resumed.items] == [
        (1, 30, "on-time"),
        (2, 14, "held"),
        (3, 21, "held"),
        (4, 28, "held"),
        (5, 35, None),
    ]


def test_check_ins_of_fixed_offsets_end_with_their_phase() -> None:
    two = CHECK_INS | {"phases": [{"offsets": ["P1W", "P3W"], "then": "end", "reason": "Two are enough."}]}
    found = lived(course(two), event(7, EventType.ANSWERED), event(21, EventType.ANSWERED), today=40)
    assert [row(item) for item in found.items] == [(1, 7, "on-time"), (2, 21, "on-time")]
    assert found.ends == {"how-are-you": (after(21), "Two are enough.")}
    unanswered = lived(course(two), today=60)
    assert [row(item) for item in unanswered.items] == [(1, 7, "missed"), (2, 21, None)]


def test_a_dose_increase_brings_check_ins_closer_for_a_while() -> None:
    closer = CHECK_INS | {"phases": [{"every": "P4W"}], "on_dose_increase": {"every": "P1W", "for": "P3W"}}
    answers = [event(day, EventType.ANSWERED) for day in (17, 24)]
    found = lived(course(closer), event(10, EventType.DOSE_INCREASE), *answers, today=25)
    assert [row(item) for item in found.items] == [(1, 17, "on-time"), (2, 24, "on-time"), (3, 28, None)]


def test_an_answer_before_the_check_in_opens_is_for_nothing() -> None:
    assert [row(item) for item in lived(course(CHECK_INS), event(5, EventType.ANSWERED), today=7).items] == [
        (1, 7, None)
    ]


# ---- enrolled late


def test_check_ins_before_the_enrolment_day_are_passed_over() -> None:
    found = lived(course(CHECK_INS, enrolled=after(30)), event(30, EventType.ANSWERED), today=31)
    assert [row(item) for item in found.items if item.class_ is not Class.NOT_MONITORED_HERE] == [
        (4, 30, "on-time"),
        (5, 35, None),
    ]


def test_an_override_puts_a_check_in_past_the_next_ones() -> None:
    override = event(1, EventType.OVERRIDE, due_on=after(30))
    found = lived(course(CHECK_INS), override, event(30, EventType.ANSWERED), today=31)
    assert [row(item) for item in found.items] == [(1, 30, "on-time"), (2, 35, None)]


def test_without_a_known_test_the_open_item_is_due_on_the_enrolment_day() -> None:
    found = lived(course(WEEKLY, enrolled=after(30)), today=30)
    assert [row(item) for item in found.items] == [(1, 30, None)]
    assert (
        lived(course(WEEKLY, enrolled=after(30)), draws=drawn(31), today=32).items[0].class_ is Class.ON_TIME
    )
    before = lived(course(WEEKLY, enrolled=after(3)), today=10)
    assert [row(item) for item in before.items] == [(1, 7, None)]


def test_with_a_known_last_test_the_plan_goes_on_from_it() -> None:
    found = lived(course(WEEKLY, enrolled=after(30)), draws=drawn(7, 13, 24, 31), today=40)
    assert [row(item) for item in found.items] == [
        (1, 7, "not-monitored-here"),
        (2, 14, "not-monitored-here"),
        (3, 20, "not-monitored-here"),
        (4, 31, "on-time"),
        (5, 38, None),
    ]


def test_offsets_before_the_enrolment_day_were_not_ours() -> None:
    offsets = WEEKLY | {"phases": [{"offsets": ["P2W", "P4W", "P8W"]}, {"every": "P3M"}]}
    found = lived(course(offsets, enrolled=after(40)), draws=drawn(40), today=41)
    assert [row(item) for item in found.items] == [
        (1, 40, "on-time"),
        (2, 28, "not-monitored-here"),
        (3, 56, None),
    ]


# ---- events of other kinds


def test_a_decrease_and_another_brand_do_what_the_protocol_says() -> None:
    clock = WEEKLY | {"phases": [{"every": "P4W"}], "on_dose_decrease": "restart", "on_brand_change": "ask"}
    found = lived(
        course(clock), event(20, EventType.DOSE_DECREASE), event(21, EventType.BRAND_CHANGE), today=22
    )
    assert [row(item) for item in found.items] == [(1, 28, None)]
    assert [(need.kind, need.clock) for need in found.needs] == [("set-interval", "blood")]


def test_an_override_answers_the_question_for_an_interval() -> None:
    clock = WEEKLY | {"phases": [{"every": "P4W"}], "on_dose_increase": "ask"}
    ask = event(10, EventType.DOSE_INCREASE)
    override = event(11, EventType.OVERRIDE, every=Duration(2, "W"))
    found = lived(course(clock), ask, override, today=12)
    assert [(need.kind, need.met_on) for need in found.needs] == [("set-interval", after(11))]
    assert [row(item) for item in found.items] == [(1, 14, None)]


def test_where_the_source_gives_no_interval_an_override_gives_one() -> None:
    open_end = WEEKLY | {"phases": [{"offsets": ["P2W"], "then": "clinician-decides"}]}
    asked = lived(course(open_end), draws=drawn(14), today=20)
    assert [(need.kind, need.role) for need in asked.needs] == [("decide-next-date", "prescriber")]
    assert asked.open_items == ()
    override = event(20, EventType.OVERRIDE, every=Duration(6, "W"))
    found = lived(course(open_end), override, draws=drawn(14, 62), today=63)
    assert [row(item) for item in found.items] == [(1, 14, "on-time"), (2, 62, "on-time"), (3, 104, None)]


@pytest.mark.parametrize("kind", [EventType.DIED, EventType.LEFT, EventType.MOVED_AWAY])
def test_everything_ends_at_once_after_a_stop_as_well(kind: EventType) -> None:
    clock = WEEKLY | {"after_stop": ["P4W"]}
    stop = event(10, EventType.STOP, reason="done")
    found = lived(course(clock), stop, event(20, kind), draws=drawn(7, 20), today=60)
    assert [(row(item), item.phase) for item in found.items] == [
        ((1, 7, "on-time"), 0),
        ((2, 14, "ended"), 0),
        ((3, 38, "ended"), AFTER_STOP),
    ]
    assert found.end == (after(10), "done")
    assert found.status is Status.ENDED


def test_a_facts_own_moment_decides_what_a_past_report_knows() -> None:
    moment = datetime(2026, 1, 20, tzinfo=UTC)
    known = Draw(on=after(7), components=frozenset({"wbc"}), recorded_at=moment)
    of = course(WEEKLY)
    before = plan(of, [], [known], today=after(10), known_at=moment - timedelta(seconds=1))
    assert before.items[0].class_ is None
    assert plan(of, [], [known], today=after(10), known_at=moment).items[0].class_ is Class.ON_TIME


def test_the_status_is_the_worst_of_the_test_clocks() -> None:
    both = course(WEEKLY, WEEKLY | {"id": "liver", "panel": ["alt"], "phases": [{"every": "P4W"}]}, VISITS)
    statuses = {today: lived(both, today=today).status for today in (5, 6, 10, 11, 14)}
    assert statuses == {
        5: Status.IN_DATE,
        6: Status.DUE,
        10: Status.DUE,
        11: Status.OVERDUE,
        14: Status.LAPSED,
    }
    assert lived(both, event(3, EventType.HOLD, reason="infection"), today=14).status is Status.HELD


REFUSED = {
    "before the start": (event(-1, EventType.DOSE_INCREASE), "before the start"),
    "no such clock": (event(1, EventType.WAIVED, clock="eyes"), "no such clock: use one of blood, review"),
    "which clock": (event(1, EventType.WAIVED), "several clocks: name the clock"),
    "every and due_on": (
        event(1, EventType.OVERRIDE, clock="blood", every=Duration(1, "W"), due_on=after(9)),
        "every or due_on, and one of them only",
    ),
    "due_on too early": (event(2, EventType.OVERRIDE, clock="blood", due_on=after(1)), "due_on is before"),
    "review_on too early": (
        event(2, EventType.OVERRIDE, clock="blood", every=Duration(1, "W"), review_on=after(1)),
        "review_on is before",
    ),
    "no time": (event(1, EventType.BOOKED, clock="review"), "give at"),
    "review too late": (event(1, EventType.HOLD, review_on=after(30)), "at most 28 days"),
    "no hold": (event(1, EventType.RESUME), "no hold"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_event_that_cannot_be_is_refused_with_its_reason(name: str) -> None:
    refused, reason = REFUSED[name]
    with pytest.raises(EventRefused, match=reason) as caught:
        lived(course(WEEKLY, VISITS), refused)
    assert caught.value.event is refused


def test_after_a_stop_only_a_farewell_is_taken() -> None:
    stop, late = event(5, EventType.STOP), event(6, EventType.DOSE_INCREASE)
    with pytest.raises(EventRefused, match="start a new course"):
        lived(course(WEEKLY), stop, late)


def test_an_answer_needs_no_clock_where_only_one_can_be_meant() -> None:
    found = lived(course(WEEKLY, VISITS), event(90, EventType.ATTENDED), today=91)
    assert [item.class_ for item in found.items if item.clock == "review"] == [Class.ON_TIME, None]


def test_an_override_that_lapses_does_not_put_off_what_is_overdue() -> None:
    monthly = WEEKLY | {"phases": [{"every": "P12W"}]}
    earlier = event(1, EventType.OVERRIDE, due_on=after(7), review_on=after(30))
    [before] = lived(course(monthly), earlier, today=60).items
    assert (before.due_on, before.last_on_time) < (after(20), after(30))
    [overdue] = lived(course(monthly), earlier, today=1 + 7 * 60).items
    assert overdue.due_on == before.due_on


def test_a_visit_that_was_attended_on_its_day_is_not_booked_again_for_that_day() -> None:
    at = datetime(2026, 4, 2, 15, 30)  # noqa: DTZ001  a local time has no zone
    attended = event(87, EventType.ATTENDED)
    found = lived(course(VISITS), attended, event(87, EventType.BOOKED, at=at), today=89)
    assert [(item.class_, item.appointment) for item in found.items] == [(Class.ON_TIME, None), (None, None)]
