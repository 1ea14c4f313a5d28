"""What must hold for every course, whatever happened to it and in whatever order it was entered."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules import days, ladder, library
from schedules import protocol as protocol_files
from schedules.days import Duration
from schedules.facts import Class, Course, Draw, Event, EventType, Item, State
from schedules.ladder import Hours
from schedules.plan import EventRefused, plan
from schedules.protocol import Protocol
from schedules.status import CONCERNED

START = date(2026, 1, 31)
LAST = START + timedelta(days=400)


def everything() -> Protocol:
    """A protocol with most of the rules in it, so that they meet."""
    return protocol_files.build(
        {
            "id": "everything",
            "version": 1,
            "title": "Every rule at once",
            "medicine": {"name": "exampline"},
            "source": {"title": "A test", "evidence": "product-choice"},
            "clocks": [
                {
                    "id": "blood",
                    "kind": "test",
                    "panel": ["wbc", "plt"],
                    "phases": [
                        {"every": "P1W", "until": {"event": "maintenance-dose", "at_least": "P4W"}},
                        {"every": {"min": "P2W", "max": "P3W"}, "for": "P9W"},
                        {"every": "P1M"},
                    ],
                    "step_ups": [{"when": "wbc < 3", "every": "P2D", "until": "wbc >= 3", "times": 2}],
                    "on_dose_increase": {"every": "P1W", "for": "P4W"},
                    "on_resume": "ask",
                    "restart_after_gap": "P30D",
                    "after_stop": ["P4W"],
                },
                {
                    "id": "levels",
                    "kind": "test",
                    "panel": ["alt"],
                    "phases": [{"offsets": ["P2W", "P4W", "P8W", "P12W"]}, {"every": "P3M"}],
                    "on_dose_increase": "restart",
                    "while_held": "continue",
                },
                {
                    "id": "how-are-you",
                    "kind": "check-in",
                    "phases": [{"every": "P1W", "until": "P8W"}, {"every": "P1M"}],
                },
                {"id": "review", "kind": "visit", "phases": [{"every": "P3M"}]},
            ],
        }
    )


PROTOCOLS = [everything(), *library.protocols().values()]
a_day = st.dates(START, LAST)
PLAIN = [EventType.DOSE_INCREASE, EventType.DOSE_DECREASE, EventType.MAINTENANCE_DOSE]


@st.composite
def an_event(draw: st.DrawFn) -> Event:
    kind = draw(st.sampled_from([*PLAIN, EventType.OVERRIDE, EventType.WAIVED, EventType.ATTESTED]))
    on = draw(a_day)
    if kind is EventType.OVERRIDE:
        every = draw(st.sampled_from(["P1W", "P2M", "P6M"]))
        review = draw(st.none() | st.just(on + timedelta(days=30)))
        return Event(on=on, type=kind, clock="blood", every=Duration.parse(every), review_on=review)
    return Event(on=on, type=kind, clock="blood" if kind in (EventType.WAIVED, EventType.ATTESTED) else None)


@st.composite
def a_draw(draw: st.DrawFn) -> Draw:
    names = draw(st.sets(st.sampled_from(["wbc", "plt", "alt", "anc", "hb"]), min_size=1))
    values = {"wbc": draw(st.sampled_from([2, 4]))} if "wbc" in names else {}
    return Draw(on=draw(a_day), components=frozenset(names), values=values)


@st.composite
def a_life(draw: st.DrawFn) -> list[Event]:
    """Holds, resumes and a stop that can follow each other, among other events."""
    events = draw(st.lists(an_event(), max_size=6))
    marks = sorted(draw(st.sets(a_day, max_size=5)))
    held = False
    for day in marks:
        events.append(Event(on=day, type=EventType.RESUME if held else EventType.HOLD))
        held = not held
    if draw(st.booleans()):
        last = max([event.on for event in events], default=START) + timedelta(days=draw(st.integers(0, 60)))
        events.append(Event(on=last, type=EventType.STOP, reason="done"))
    return events


lives = st.tuples(st.sampled_from(PROTOCOLS), a_life(), st.lists(a_draw(), max_size=25), a_day)


def clocks_of(protocol: Protocol) -> set[str]:
    """The clocks of a course without an indication: not those of others, nor those without a figure."""
    return {clock.id for clock in protocol.clocks if clock.applies(None, ())}


def planned(protocol: Protocol, events: list[Event], draws: list[Draw], today: date):  # type: ignore[no-untyped-def]
    """The plan, of the events that this protocol's clocks can have."""
    names = clocks_of(protocol)
    fitting = [event for event in events if event.clock is None or event.clock in names]
    return plan(Course(protocol=protocol, start=START), fitting, draws, today=today)


@given(lives)
@settings(max_examples=300, deadline=None)
def test_every_active_clock_has_one_open_item_or_a_reason_to_have_none(life) -> None:  # type: ignore[no-untyped-def]
    found = planned(*life)
    opened = [item.clock for item in found.open_items]
    assert len(opened) == len(set(opened))
    if found.end is None:
        waiting = {
            need.clock for need in found.needs if need.kind == "decide-next-date" and need.met_on is None
        }
        assert set(opened) | set(found.ends) | waiting == clocks_of(life[0])


@given(lives, st.randoms())
@settings(max_examples=200, deadline=None)
def test_the_order_of_entry_does_not_matter(life, random) -> None:  # type: ignore[no-untyped-def]
    protocol, events, draws, today = life
    shuffled, mixed = list(events), list(draws)
    random.shuffle(shuffled)
    random.shuffle(mixed)
    assert planned(protocol, shuffled, mixed, today) == planned(protocol, events, draws, today)


@given(lives)
@settings(max_examples=200, deadline=None)
def test_days_and_ordinals_are_in_order(life) -> None:  # type: ignore[no-untyped-def]
    found = planned(*life)
    for clock in life[0].clocks:
        items = [item for item in found.items if item.clock == clock.id]
        assert [item.ordinal for item in items] == list(range(1, len(items) + 1))
        for item in items:
            assert item.opens_on <= item.due_on <= item.last_on_time < item.lapses_on
            assert (item.class_ is None) == (item.closed_on is None)
            done = item.class_ in (Class.ON_TIME, Class.LATE, Class.ATTESTED)
            assert done == (item.collected_on is not None)
            assert item.collected_on is None or item.collected_on <= life[3]


@given(lives)
@settings(max_examples=200, deadline=None)
def test_a_clock_that_was_never_held_begins_with_its_first_item(life) -> None:  # type: ignore[no-untyped-def]
    """What db/clock_days.py reads of the first items alone."""
    protocol, events, draws, today = life
    found = planned(protocol, [e for e in events if e.type not in CONCERNED], draws, today)
    for clock in protocol.clocks:
        dues = [item.due_on for item in found.items if item.clock == clock.id]
        assert not dues or min(dues) == dues[0]


@given(lives)
@settings(max_examples=200, deadline=None)
def test_the_past_is_what_it_was(life) -> None:  # type: ignore[no-untyped-def]
    """A later day closes and adds; it never rewrites what was closed by then."""
    protocol, events, draws, today = life
    ahead = [event for event in events if event.type is not EventType.MAINTENANCE_DOSE]
    before = planned(protocol, ahead, draws, today)
    after = planned(protocol, ahead, draws, LAST + timedelta(days=60))
    later = {(item.clock, item.ordinal): item for item in after.items}
    for item in before.items:
        if item.class_ is not None:
            assert later[item.clock, item.ordinal] == item


@given(lives)
@settings(max_examples=100, deadline=None)
def test_a_plan_says_itself_when_it_changes(life) -> None:  # type: ignore[no-untyped-def]
    """Between two facts the plan stays the same until the day it names."""
    protocol, events, draws, today = life
    known = [e for e in events if e.on <= today], [d for d in draws if d.on <= today]
    found = planned(protocol, *known, today)
    end = min(found.changes_on or LAST, today + timedelta(days=70))
    for day in (today + timedelta(days=n) for n in range((end - today).days)):
        assert planned(protocol, *known, day).items == found.items


@given(lives)
@settings(max_examples=200, deadline=None)
def test_no_open_item_is_ever_silent(life) -> None:  # type: ignore[no-untyped-def]
    """An open item that is not held always has a next rung for its patient and for the staff, for ever."""
    found = planned(*life)
    zone = ZoneInfo("America/New_York")
    begins = datetime.combine(life[3], time(12), UTC)
    for item in found.open_items:
        if item.state(life[3]) is State.HELD:
            continue
        for track in ("coordinator",) if item.kind != "check-in" else ():
            step = ladder.next_rung(item, track, hours=ladder.staff_hours(zone), begins=begins, after=40)
            assert step is not None


@given(
    st.sampled_from(["short", "standard", "dose"]),
    st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    st.integers(1, 120),
    st.sampled_from(["America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Chatham"]),
    st.integers(0, 3000),
)
@settings(max_examples=300, deadline=None)
def test_positions_and_moments_only_go_up_and_no_rung_comes_twice(name, due, interval, zone, hours) -> None:  # type: ignore[no-untyped-def]
    item = Item(
        clock="a", kind="test", ordinal=1, phase=0, base=due - timedelta(days=interval), due_on=due,
        opens_on=due, last_on_time=due + timedelta(days=3), lapses_on=due + timedelta(days=7),
        ladder=name, why="",
    )  # fmt: skip
    when = Hours(zone=ZoneInfo(zone))
    begins = datetime.combine(item.base, time(0), UTC) + timedelta(hours=hours)
    found = [
        s for s, _ in zip(ladder.steps(item, "patient", hours=when, begins=begins), range(12), strict=False)
    ]
    assert len({step.name for step in found}) == len(found)
    assert [step.position for step in found] == list(range(1, len(found) + 1))
    assert all(a.planned <= b.planned for a, b in itertools.pairwise(found))
    for step in found:
        local = step.planned.astimezone(when.zone).time()
        assert step.planned >= begins
        assert not days.DEFAULT_QUIET_HOURS.contain(local)


@given(st.dates(date(2024, 1, 29), date(2028, 1, 31)), st.sampled_from(["P1M", "P3M", "P1Y"]))
@settings(max_examples=200, deadline=None)
def test_months_do_not_drift_when_every_test_is_on_its_day(start, every) -> None:  # type: ignore[no-untyped-def]
    document = protocol_files.as_json(everything())
    document["clocks"] = [{"id": "a", "kind": "test", "panel": ["wbc"], "phases": [{"every": every}]}]
    course = Course(protocol=protocol_files.build(document), start=start)
    draws: list[Draw] = []
    for n in range(1, 15):
        [item] = plan(course, [], draws, today=start + timedelta(days=6000)).open_items
        assert item.due_on == days.add(start, Duration.parse(every), n)
        draws.append(Draw(on=item.due_on, components=frozenset({"wbc"})))


@given(lives)
@settings(max_examples=100, deadline=None)
def test_a_resume_without_a_hold_is_refused(life) -> None:  # type: ignore[no-untyped-def]
    protocol, events, draws, _ = life
    alone = [
        event for event in events if event.type not in (EventType.HOLD, EventType.RESUME, EventType.STOP)
    ]
    with pytest.raises(EventRefused, match="there is no hold"):
        planned(protocol, [*alone, Event(on=START, type=EventType.RESUME)], draws, LAST)
