"""Whom to call first, and why."""

import itertools
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from schedules import protocol, risk
from schedules.facts import STEP_UP, Class, Course, Draw, Item, State
from schedules.risk import Known

TODAY = date(2026, 6, 1)
LIMITS = [
    {"analyte": "wbc", "below": 3.5, "unit": "10*9/L", "level": "same-day"},
    {"analyte": "plt", "below": 150, "unit": "10*9/L", "level": "24h"},
    {"analyte": "anc", "below": 1.0, "unit": "10*9/L", "level": "emergency"},
]


def a_course(*limits: dict[str, Any], indication: str | None = None) -> Course:
    document = {
        "id": "two-phases",
        "version": 1,
        "title": "Weekly, then monthly",
        "adults_only": True,
        "medicine": {"name": "azathioprine"},
        "source": {"title": "A test", "evidence": "product-choice"},
        "clocks": [
            {
                "id": "count",
                "kind": "test",
                "panel": ["cbc"],
                "phases": [{"every": "P1W", "until": "P8W"}, {"every": "P1M"}],
            }
        ],
        "limits": list(limits),
    }
    return Course(protocol=protocol.build(document), start=date(2026, 1, 5), indication=indication)


def an_item(*, late: int = 20, interval: int = 30, **changes: Any) -> Item:
    """Due `late` days ago; overdue after 7 days, lapsed after 28."""
    due = TODAY - timedelta(days=late)
    values = {
        "clock": "count",
        "kind": "test",
        "ordinal": 5,
        "phase": 1,
        "base": due - timedelta(days=interval),
        "due_on": due,
        "opens_on": due - timedelta(days=7),
        "last_on_time": due + timedelta(days=7),
        "lapses_on": due + timedelta(days=28),
        "ladder": "standard",
        "why": "a test",
    }
    return Item(**(values | changes))


def someone(name: str, **changes: Any) -> Known[str]:
    values = {"item": an_item(), "course": a_course(*LIMITS), "today": TODAY, "reachable": True}
    return Known(of=name, **(values | {"birth_date": date(1980, 1, 1), "is_own": False} | changes))


def a_draw(on: date = date(2026, 4, 1), **values: str) -> Draw:
    figures = {name: Decimal(value) for name, value in values.items()}
    return Draw(on=on, components=frozenset(figures), values=figures)


IN_ORDER = [
    someone("lapsed", item=an_item(late=28)),
    someone("unreachable", reachable=False),
    someone("starting", item=an_item(phase=0)),
    someone("dangerous count", draws=(a_draw(wbc="3.4"),)),
    someone("low count", draws=(a_draw(plt="149"),)),
    someone("two intervals late", item=an_item(late=20, interval=10)),
    someone("one interval late", item=an_item(late=20, interval=20)),
    someone("longest late", item=an_item(late=27)),
    someone("late", item=an_item(late=8)),
]


@pytest.mark.parametrize(
    "pair", list(itertools.combinations(IN_ORDER, 2)), ids=lambda pair: f"{pair[0].of} first"
)
def test_each_cause_comes_before_every_later_one(pair: tuple[Known[str], Known[str]]) -> None:
    first, second = pair
    assert [place.of for place in risk.rank([second, first])] == [first.of, second.of]


def test_a_step_up_counts_as_a_time_of_early_toxicity() -> None:
    ranked = risk.rank([someone("settled"), someone("stepped up", item=an_item(phase=STEP_UP))])
    assert [place.of for place in ranked] == ["stepped up", "settled"]
    assert "Closer tests were asked for after a change (step-up)." in ranked[0].reasons


def test_the_last_phase_and_the_tests_after_a_stop_are_no_time_of_early_toxicity() -> None:
    places = risk.rank([someone("settled"), someone("stopped", item=an_item(phase="after-stop"))])
    assert [len(place.reasons) for place in places] == [1, 1]


@pytest.mark.parametrize(
    ("late", "state"),
    [(7, None), (8, State.OVERDUE), (27, State.OVERDUE), (28, State.LAPSED), (300, State.LAPSED)],
)
def test_an_item_is_on_the_list_from_the_day_after_its_last_on_time(late: int, state: State | None) -> None:
    assert [place.state for place in risk.rank([someone("one", item=an_item(late=late))])] == (
        [] if state is None else [state]
    )


@pytest.mark.parametrize("changes", [{"held": True}, {"class_": Class.LATE}])
def test_a_held_or_closed_item_is_not_on_the_list(changes: dict[str, Any]) -> None:
    assert risk.rank([someone("one", item=an_item(**changes))]) == []


def test_the_reasons_say_everything_that_decided() -> None:
    one = someone(
        "everything", item=an_item(late=40, interval=7, phase=0), reachable=False, draws=(a_draw(wbc="3.4"),)
    )
    [place] = risk.rank([one])
    assert place.days_overdue == 40
    assert place.reasons == (
        "The blood test was due on 2026-04-22, 40 days ago: 5 whole intervals without one; "
        "monitoring lapsed on 2026-05-20.",
        "No reminder reaches the patient: no contact with consent.",
        "The medicine is being started: the phase of close tests is not over.",
        "White cells 3.4 10*9/L on 2026-04-01: below 3.5 10*9/L.",
    )


def test_one_interval_and_one_day_are_said_in_the_singular() -> None:
    narrow = an_item(late=1, interval=1, last_on_time=TODAY - timedelta(days=1))
    [place] = risk.rank([someone("one", item=narrow)])
    assert place.reasons == (
        "The blood test was due on 2026-05-31, 1 day ago: 1 whole interval without one.",
    )


def test_an_item_due_on_its_base_counts_days_as_intervals() -> None:
    [place] = risk.rank([someone("one", item=an_item(late=20, interval=0))])
    assert "20 whole intervals" in place.reasons[0]


def finding(*draws: Draw, **changes: Any) -> str | None:
    found = risk.last_finding(someone("one", draws=draws, **changes))
    return found and found.analyte


def test_only_the_newest_value_of_an_analyte_is_judged() -> None:
    low, normal = a_draw(date(2026, 4, 1), wbc="2"), a_draw(date(2026, 5, 1), wbc="5")
    assert finding(low, normal) is None
    assert finding(normal, low) is None
    assert finding(low, a_draw(date(2026, 5, 1), plt="200")) == "wbc"


def test_the_most_urgent_finding_is_named() -> None:
    assert finding(a_draw(wbc="3", plt="100", anc="0.9")) == "anc"
    assert finding(a_draw(wbc="3", plt="100", anc="1.0")) == "wbc"


def test_a_result_of_tomorrow_is_not_known_yet() -> None:
    assert finding(a_draw(TODAY, wbc="3")) == "wbc"
    assert finding(a_draw(TODAY + timedelta(days=1), wbc="3")) is None


def test_a_protocol_without_limits_finds_nothing() -> None:
    assert finding(a_draw(wbc="1"), course=a_course()) is None


@pytest.mark.parametrize(
    ("changes", "judged"),
    [
        ({"birth_date": date(2008, 4, 2)}, False),  # 18 on the day after the draw
        ({"birth_date": date(2008, 4, 1)}, True),
        ({"course": a_course(*LIMITS, indication="leukaemia")}, False),
        ({"course": a_course(*LIMITS, indication="kidney-transplant")}, False),
        ({"course": a_course(*LIMITS, indication="leukaemia"), "is_own": True}, True),
    ],
)
def test_limits_that_may_not_judge_a_patient_do_not_rank_her(changes: dict[str, Any], judged: bool) -> None:
    low = someone("low", draws=(a_draw(wbc="3.4"),), **changes)
    later = someone("longer late", item=an_item(late=27))
    first = risk.rank([low, later])[0].of
    assert first == ("low" if judged else "longer late")
    assert finding(a_draw(wbc="3.4"), **changes) == ("wbc" if judged else None)


def test_what_is_missing_of_a_panel_is_told_by_name() -> None:
    panel = tuple(sorted(a_course(*LIMITS).protocol.clocks[0].components))
    [part] = risk.rank([someone("part", item=an_item(missing=("wbc",)))])
    [none] = risk.rank([someone("none", item=an_item(missing=panel))])
    assert "Part of it came; still missing: wbc." in part.reasons
    assert not any("still missing" in reason for reason in none.reasons)
