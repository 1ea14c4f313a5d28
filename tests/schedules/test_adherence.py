"""Adherence: who was on time, and that the parts are the whole, for one clinic and for all of them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules import adherence, answers, clock_days
from schedules.adherence import Cover, Duty, Lateness, Measure, Period
from schedules.answers import Asked, Sent
from schedules.clock_days import Edges, Record
from schedules.facts import Class, Item

MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
LATER = date(2026, 6, 1)
DAY = timedelta(days=1)


def day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


def duty(due: str, class_: Class | None = None, collected: str | None = None, grace: int = 3) -> Duty:
    """An item of 2026 with three days of grace; closed on its collection day."""
    done = day(collected) if collected else None
    last = day(due) + grace * DAY
    return Duty(due_on=day(due), last_on_time=last, class_=class_, collected_on=done, closed_on=done)


def on_time(*duties: Duty, as_of: date = LATER, grace: bool = True) -> Measure:
    return adherence.on_time(duties, MARCH, as_of=as_of, grace=grace)


def test_a_period_has_both_its_days_and_cannot_end_before_it_begins() -> None:
    assert day("03-01") in MARCH
    assert day("03-31") in MARCH
    assert day("02-28") not in MARCH
    assert day("04-01") not in MARCH
    assert day("03-01") in Period(day("03-01"), day("03-01"))
    with pytest.raises(ValueError, match="ends before it begins"):
        Period(day("03-02"), day("03-01"))


def test_the_rate_is_on_time_of_on_time_late_missed_and_open_overdue() -> None:
    measure = on_time(
        duty("03-02", Class.ON_TIME, "03-02"),
        duty("03-03", Class.ON_TIME, "03-01"),
        duty("03-04", Class.LATE, "03-20"),
        duty("03-05", Class.MISSED),
        duty("03-06"),
    )
    assert measure.parts == {"on-time": 2, "late": 1, "missed": 1, "open-and-overdue": 1}
    assert (measure.numerator, measure.denominator, measure.rate) == (2, 5, 0.4)


@pytest.mark.parametrize(
    ("due", "counted"), [("02-25", 0), ("02-26", 1), ("03-28", 1), ("03-29", 0)]
)  # the last days on time are 28 February, 1 March, 31 March and 1 April
def test_an_item_belongs_to_the_period_of_its_last_day_on_time(due: str, counted: int) -> None:
    done = duty(due, Class.ON_TIME, due)
    assert on_time(done).denominator == counted
    assert sum(adherence.lateness([done], MARCH).items.values()) == counted


@pytest.mark.parametrize(("as_of", "overdue"), [("03-13", 0), ("03-14", 1)])
def test_an_open_item_is_overdue_from_the_day_after_its_last_day_on_time(as_of: str, overdue: int) -> None:
    measure = on_time(duty("03-10"), as_of=day(as_of))
    assert measure.parts["open-and-overdue"] == overdue
    assert measure.excluded.get("open-not-overdue", 0) == 1 - overdue


@pytest.mark.parametrize(
    ("collected", "class_", "with_grace", "without"),
    [
        ("03-10", Class.ON_TIME, "on-time", "on-time"),
        ("03-11", Class.ON_TIME, "on-time", "late"),
        ("03-13", Class.ON_TIME, "on-time", "late"),
        ("03-14", Class.ON_TIME, "on-time", "on-time"),  # during a pause, which excuses
        ("03-14", Class.LATE, "late", "late"),
        ("03-05", Class.ON_TIME, "on-time", "on-time"),
    ],
)
def test_without_grace_the_due_day_is_the_last_one(
    collected: str, class_: Class, with_grace: str, without: str
) -> None:
    item = duty("03-10", class_, collected)
    assert on_time(item).parts[with_grace] == 1
    assert on_time(item, grace=False).parts[without] == 1
    assert on_time(item, grace=False).name == "on-time-without-grace"


EXCLUDED = [Class.HELD, Class.COVERED, Class.WAIVED, Class.ENDED, Class.NOT_MONITORED_HERE, Class.ATTESTED]


@pytest.mark.parametrize("class_", EXCLUDED)
def test_what_is_left_out_is_counted_and_shown(class_: Class) -> None:
    measure = on_time(duty("03-10", class_), duty("03-11", class_))
    assert measure.denominator == 0
    assert measure.excluded == {class_.value: 2}
    assert adherence.lateness([duty("03-10", class_)], MARCH).excluded == {class_.value: 1}


def test_an_open_item_whose_clock_is_paused_is_held_and_not_overdue() -> None:
    held = Duty(due_on=day("03-10"), last_on_time=day("03-13"), held=True)
    assert on_time(held).excluded == {"held": 1}


def test_withdrawn_items_are_in_no_rate_and_no_count() -> None:
    gone = duty("03-10", Class.WITHDRAWN)
    assert (on_time(gone).denominator, on_time(gone).excluded) == (0, {})
    assert adherence.lateness([gone], MARCH).excluded == {}
    assert clock_days.days_in_date([Record(duties=(gone,))], MARCH, as_of=LATER).denominator == 0


def test_no_data_is_neither_nought_nor_all() -> None:
    empty = [
        on_time(),
        clock_days.days_in_date([], MARCH, as_of=LATER),
        adherence.lateness([], MARCH).very_late,
        adherence.coverage([], as_of=LATER),
        answers.check_ins([], MARCH),
    ]
    assert [measure.rate for measure in empty] == [None] * 5
    assert adherence.lateness([], MARCH).median is None
    assert answers.reminder_effect([], MARCH, as_of=LATER) == {}


def test_a_duty_is_what_the_plan_says_of_an_item() -> None:
    item = Item(
        clock="blood-count", kind="test", ordinal=1, phase=0, base=day("03-01"), due_on=day("03-10"),
        opens_on=day("03-08"), last_on_time=day("03-13"), lapses_on=day("03-17"), ladder="short", why="",
        class_=Class.LATE, collected_on=day("03-15"), closed_on=day("03-16"), held=False,
    )  # fmt: skip
    assert Duty.of(item) == Duty(
        due_on=day("03-10"), last_on_time=day("03-13"), class_=Class.LATE, collected_on=day("03-15"),
        closed_on=day("03-16"), held=False, phase="0",
    )  # fmt: skip


def in_date(*records: Record, as_of: date = LATER) -> tuple[int, int, int]:
    measure = clock_days.days_in_date(records, MARCH, as_of=as_of)
    return measure.numerator, measure.denominator, measure.excluded["held"]


@pytest.mark.parametrize(
    ("record", "as_of", "expected"),
    [
        # closed late: overdue from 14 March, in date again on the day of the test
        (Record(duties=(duty("03-10", Class.LATE, "03-14"),)), "06-01", (22, 22, 0)),
        (Record(duties=(duty("03-10", Class.LATE, "03-15"),)), "06-01", (21, 22, 0)),
        # open: overdue to the end of the period, or to the day of the report
        (Record(duties=(duty("03-10"),)), "06-01", (4, 22, 0)),
        (Record(duties=(duty("03-10"),)), "03-13", (4, 4, 0)),
        (Record(duties=(duty("03-10"),)), "03-14", (4, 5, 0)),
        (Record(duties=(duty("03-10"),)), "03-09", (0, 0, 0)),
        (Record(duties=(duty("03-10"),)), "02-27", (0, 0, 0)),
        # overdue since February
        (Record(duties=(duty("02-10", Class.LATE, "03-05"),)), "06-01", (27, 31, 0)),
        # the days of a pause are in neither; a pause ends the day before its `to`
        (Record(duties=(duty("03-10"),), pauses=((day("03-12"), day("03-21")),)), "06-01", (2, 13, 9)),
        (Record(duties=(duty("03-10"),), pauses=((day("03-12"), None),)), "06-01", (2, 2, 20)),
        (Record(duties=(duty("03-10"),), pauses=((day("02-12"), day("03-11")),)), "06-01", (3, 21, 1)),
        # the medicine ends: its last day is the one before
        (Record(duties=(duty("03-10", Class.ENDED, "03-20"),), ended=day("03-20")), "06-01", (4, 10, 0)),
        # enrolled: from the later day
        (Record(duties=(duty("01-10"), duty("03-29")), enrolled=day("03-21")), "06-01", (0, 11, 0)),
        (Record(duties=(duty("03-29"),), enrolled=day("03-21")), "06-01", (3, 3, 0)),
        # what never was an open item was never overdue
        (Record(duties=(duty("03-10", Class.MISSED), duty("03-29"))), "06-01", (22, 22, 0)),
        (Record(duties=()), "06-01", (0, 0, 0)),
    ],
)
def test_days_in_date_count_from_the_first_due_day(
    record: Record, as_of: str, expected: tuple[int, int, int]
) -> None:
    assert in_date(record, as_of=day(as_of)) == expected


def test_lateness_counts_days_from_the_due_day() -> None:
    late = adherence.lateness(
        [
            duty("03-10", Class.ON_TIME, "03-08"),
            duty("03-10", Class.ON_TIME, "03-10"),
            duty("03-10", Class.LATE, "04-07"),  # 28 days
            duty("03-10", Class.LATE, "04-08"),  # 29 days
            duty("03-10"),
        ],
        MARCH,
    )
    assert late.items == {-2: 1, 0: 1, 28: 1, 29: 1}
    assert late.excluded == {"open": 1}
    assert late.very_late.parts == {"over-28-days": 1, "within-28-days": 3}
    assert late.very_late.rate == 0.25


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5], (5, 5, 5)),
        ([1, 2], (1, 1, 2)),
        ([1, 2, 3], (1, 2, 3)),
        ([1, 2, 3, 4], (1, 2, 3)),
        ([1, 2, 3, 4, 5], (2, 3, 4)),
        ([0, 0, 0, 9], (0, 0, 0)),
    ],
)
def test_quartiles_are_by_nearest_rank(values: list[int], expected: tuple[int, int, int]) -> None:
    late = Lateness(period=MARCH, items={value: values.count(value) for value in values}, excluded={})
    assert late.quartiles == expected
    assert late.median == expected[1]


def test_coverage_names_everybody_who_lacks_an_open_item() -> None:
    courses = [
        Cover(patient="b", open_item=True),
        Cover(patient="b", open_item=False),  # a second medicine without a next date
        Cover(patient="a", open_item=True),
        Cover(patient="c", open_item=False),
    ]
    measure = adherence.coverage(courses, as_of=LATER)
    assert (measure.numerator, measure.denominator) == (1, 3)
    assert measure.names == ("b", "c")
    assert adherence.coverage(reversed(courses), as_of=LATER) == measure


@pytest.mark.parametrize(
    ("collected", "as_of", "part"),
    [
        ("03-09", "06-01", "not-collected-in-7-days"),  # before the reminder: not its effect
        ("03-10", "06-01", "collected-in-7-days"),
        ("03-17", "06-01", "collected-in-7-days"),
        ("03-18", "06-01", "not-collected-in-7-days"),
        (None, "03-17", "7-days-not-over"),
        (None, "03-18", "not-collected-in-7-days"),
        ("03-15", "03-14", "7-days-not-over"),  # not known on that day
    ],
)
def test_a_reminder_has_seven_days(collected: str | None, as_of: str, part: str) -> None:
    sent = Sent(rung="due-day", on=day("03-10"), collected_on=day(collected) if collected else None)
    measure = answers.reminder_effect([sent], MARCH, as_of=day(as_of))["due-day"]
    assert measure.parts[part] == measure.denominator == 1


def test_reminders_are_counted_by_rung_and_by_the_day_they_were_sent() -> None:
    sent = [Sent(rung="overdue", on=day(on)) for on in ("02-28", "03-01", "03-31", "04-01")]
    effect = answers.reminder_effect([*sent, Sent(rung="due-day", on=day("03-05"))], MARCH, as_of=LATER)
    assert {rung: measure.denominator for rung, measure in effect.items()} == {"due-day": 1, "overdue": 2}
    assert effect["overdue"].name == "reminder-effect/overdue"


def test_check_ins_are_answered_of_those_sent() -> None:
    asked = [Asked(on=day("03-01"), answered=True), Asked(on=day("03-31"), answered=False)]
    asked += [Asked(on=day("02-28"), answered=True), Asked(on=day("04-01"), answered=True)]
    measure = answers.check_ins(asked, MARCH)
    assert (measure.numerator, measure.denominator) == (1, 2)


def test_only_the_same_measure_of_the_same_period_adds_up() -> None:
    april = Period(day("04-01"), day("04-30"))
    with pytest.raises(ValueError, match="only the same measure of the same period"):
        on_time() + on_time(grace=False)
    with pytest.raises(ValueError, match="only the same measure of the same period"):
        on_time() + adherence.on_time([], april, as_of=LATER)
    with pytest.raises(ValueError, match="only the same measure of the same period"):
        adherence.lateness([], MARCH) + adherence.lateness([], april)


DAYS = st.dates(date(2026, 1, 20), date(2026, 5, 10))
CLASSES = st.sampled_from([None, *Class])


@st.composite
def duties(draw: st.DrawFn) -> Duty:
    due = draw(DAYS)
    class_ = draw(CLASSES)
    done = None if class_ is None else due + draw(st.integers(-10, 60)) * DAY
    return Duty(
        due_on=due,
        last_on_time=due + draw(st.integers(0, 14)) * DAY,
        class_=class_,
        collected_on=done if class_ in (Class.ON_TIME, Class.LATE) else None,
        closed_on=done,
        held=class_ is None and draw(st.booleans()),
    )


@st.composite
def records(draw: st.DrawFn) -> Record:
    pauses = [(begin, begin + draw(st.integers(1, 40)) * DAY) for begin in draw(st.lists(DAYS, max_size=2))]
    return Record(
        duties=tuple(draw(st.lists(duties(), max_size=4))),
        pauses=tuple(pauses),
        enrolled=draw(st.none() | DAYS),
        ended=draw(st.none() | DAYS),
    )


@given(
    clinics=st.lists(st.lists(duties(), max_size=8), min_size=1, max_size=3), as_of=DAYS, grace=st.booleans()
)
def test_parts_add_up_and_clinics_add_up(clinics: list[list[Duty]], as_of: date, grace: bool) -> None:
    whole = [duty for clinic in clinics for duty in clinic]
    each = [adherence.on_time(clinic, MARCH, as_of=as_of, grace=grace) for clinic in clinics]
    total = each[0]
    for measure in each[1:]:
        total = total + measure
    assert total == adherence.on_time(whole, MARCH, as_of=as_of, grace=grace)
    counted = [duty for duty in whole if duty.last_on_time in MARCH and duty.class_ is not Class.WITHDRAWN]
    assert total.denominator + sum(total.excluded.values()) == len(counted)
    assert total.numerator == total.parts["on-time"]
    assert total.rate is None or 0 <= total.rate <= 1
    late = [adherence.lateness(clinic, MARCH) for clinic in clinics]
    sum_late = late[0]
    for one in late[1:]:
        sum_late = sum_late + one
    assert sum_late == adherence.lateness(whole, MARCH)
    assert sum(sum_late.items.values()) + sum(sum_late.excluded.values()) == len(counted)


@given(whole=st.lists(duties(), max_size=8), as_of=DAYS)
def test_grace_only_helps_and_changes_no_denominator(whole: list[Duty], as_of: date) -> None:
    with_grace, without = (on_time(*whole, as_of=as_of, grace=grace) for grace in (True, False))
    assert without.denominator == with_grace.denominator
    assert without.numerator <= with_grace.numerator
    assert without.excluded == with_grace.excluded


@given(record=records(), as_of=DAYS)
def test_days_in_date_are_what_counting_day_by_day_gives(record: Record, as_of: date) -> None:
    ours = overdue = held = 0
    dues = [duty.due_on for duty in record.duties if duty.class_ is not Class.WITHDRAWN]
    for today in (MARCH.first + n * DAY for n in range(31)):
        begun = bool(dues) and today >= min(dues) and (record.enrolled is None or today >= record.enrolled)
        if not begun or today > as_of or (record.ended is not None and today >= record.ended):
            continue
        if any(begin <= today and (end is None or today < end) for begin, end in record.pauses):
            held += 1
            continue
        ours += 1
        overdue += any(_overdue(duty, today) for duty in record.duties)
    measure = clock_days.days_in_date([record], MARCH, as_of=as_of)
    assert measure.parts == {"in-date": ours - overdue, "overdue": overdue}
    assert measure.excluded == {"held": held}


def _overdue(duty: Duty, today: date) -> bool:
    never_open = (Class.MISSED, Class.COVERED, Class.HELD, Class.WITHDRAWN, Class.NOT_MONITORED_HERE)
    waiting = duty.closed_on is None or today < duty.closed_on
    return duty.class_ not in never_open and duty.last_on_time < today and waiting


@given(given=st.lists(records(), min_size=2, max_size=3), as_of=DAYS)
def test_the_days_of_clinics_add_up(given: list[Record], as_of: date) -> None:
    first, *others = [clock_days.days_in_date([record], MARCH, as_of=as_of) for record in given]
    for other in others:
        first = first + other
    assert first == clock_days.days_in_date(given, MARCH, as_of=as_of)


@given(given=st.lists(records(), max_size=3), as_of=DAYS)
def test_many_clocks_at_once_have_the_days_of_each(given: list[Record], as_of: date) -> None:
    edges = Edges()
    for record in given:
        edges.add(record, MARCH)
    assert clock_days.between_edges(edges, MARCH, as_of=as_of) == clock_days.days_in_date(
        given, MARCH, as_of=as_of
    )


@given(courses=st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=10))
def test_the_names_are_those_who_lack_coverage(courses: list[tuple[str, bool]]) -> None:
    covers = [Cover(patient=patient, open_item=good) for patient, good in courses]
    measure = adherence.coverage(covers, as_of=LATER)
    assert measure.denominator == len({patient for patient, _ in courses})
    assert measure.denominator - measure.numerator == len(measure.names)
    assert set(measure.names) == {patient for patient, good in courses if not good}


@given(
    given=st.lists(st.tuples(st.sampled_from(["a", "b"]), DAYS, st.none() | DAYS), max_size=12), as_of=DAYS
)
def test_every_reminder_sent_is_in_one_part(given: list[tuple[str, date, date | None]], as_of: date) -> None:
    sent = [Sent(rung=rung, on=on, collected_on=collected) for rung, on, collected in given]
    effect = answers.reminder_effect(sent, MARCH, as_of=as_of)
    assert sum(measure.denominator for measure in effect.values()) == sum(one.on in MARCH for one in sent)
