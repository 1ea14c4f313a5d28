"""What no source gives a figure for: said in the file, left out of every plan, and set by the clinic."""

from datetime import date

import pytest

from schedules import library, plan, protocol, templates
from schedules.days import Duration
from schedules.facts import Course
from schedules.protocol import ProtocolError
from schedules.templates import Figure
from tests.schedules.test_protocol import clock, file, phases

BLANK = {"no_figure": "No figure: the clinic sets it."}
BLOODS = {"id": "bloods", "kind": "test", "panel": ["cbc"], "phases": [{"every": "P1M"}]}
VISITS = {"id": "follow-up", "kind": "visit", "phases": [BLANK]}
START = date(2026, 1, 5)


def _clocks(found: protocol.Protocol) -> set[str]:
    return {item.clock for item in plan.plan(Course(protocol=found, start=START), [], [], today=START).items}


def test_a_clock_without_a_figure_asks_for_nothing_until_the_clinic_sets_it() -> None:
    packaged = protocol.build(file(clocks=[BLOODS, VISITS]))
    assert _clocks(packaged) == {"bloods"}
    own = templates.fill(packaged, own_id="ours", figures={"follow-up": Figure.parse("P6M")})
    assert _clocks(own) == {"bloods", "follow-up"}
    phase = own.clock("follow-up").phases[0]
    assert (own.id, own.version, phase.every, phase.evidence) == (
        "ours",
        1,
        Duration.parse("P6M"),
        "product-choice",
    )


def test_a_phase_without_a_figure_is_filled_with_its_length() -> None:
    two = protocol.build(clock(phases=[BLANK, {"every": "P3M"}]), template=True)
    own = templates.fill(two, own_id="ours", figures={"blood-count": Figure.parse("P2W,P12W")})
    first, second = own.clock("blood-count").phases
    assert (str(first.every), str(first.for_), str(second.every)) == ("P2W", "P12W", "P3M")
    with pytest.raises(ProtocolError, match="a phase before another has an end"):
        templates.fill(two, own_id="ours", figures={"blood-count": Figure.parse("P2W")})


@pytest.mark.parametrize(
    ("document", "refusal"),
    [
        (phases(BLANK), "clocks: no clock has a figure: set one in place of no_figure"),
        (phases({**BLANK, "every": "P1M"}), "one rhythm"),
        (phases({**BLANK, "until": "P1M"}, {"every": "P1M"}), "until: a phase without a figure"),
        (phases({**BLANK, "for": "P1M"}, {"every": "P1M"}), "for: a phase without a figure"),
        (phases({"no_figure": ""}), "no_figure"),
    ],
)
def test_what_is_half_a_figure_is_refused(document: dict[str, object], refusal: str) -> None:
    with pytest.raises(ProtocolError, match=refusal):
        protocol.build(document)


def test_a_template_is_no_protocol_and_says_what_to_do() -> None:
    assert not library.templates().keys() & library.protocols().keys()
    assert all(one.template for one in library.templates().values())
    with pytest.raises(ProtocolError, match="the clinic sets its figures first"):
        library.protocol("stress-check-ins")
    own = templates.fill(
        library.either("stress-check-ins"), own_id="ours", figures={"stress": Figure.parse("P1M")}
    )
    assert _clocks(own) == {"stress"}


def test_only_what_has_no_figure_can_be_set() -> None:
    packaged = protocol.build(file(clocks=[BLOODS, VISITS]))
    with pytest.raises(
        ProtocolError, match="bloods: this clock has its figures: what can be set is follow-up"
    ):
        templates.fill(packaged, own_id="ours", figures={"bloods": Figure.parse("P6M")})
    with pytest.raises(ValueError, match="an interval and how long it lasts"):
        Figure.parse("P1W,P4W,P8W")
    with pytest.raises(ValueError, match="write a duration as P10D"):
        Figure.parse("monthly")


def test_a_phase_can_be_for_all_but_some() -> None:
    found = protocol.build(
        phases(
            {"every": "P6W", "when": {"indications": ["ankylosing-spondylitis"], "flags_none": ["age-65"]}},
            {
                "every": "P8W",
                "when": {"indications_none": ["ankylosing-spondylitis"], "flags_none": ["age-65"]},
            },
            {"every": "P4W", "when": {"flags_any": ["age-65"]}},
        )
    ).clocks[0]

    def given(indication: str | None, *flags: str) -> list[str]:
        return [str(phase.every) for phase in found.phases_for(indication, flags)]

    assert given("ankylosing-spondylitis") == ["P6W"]
    assert given("crohns-disease") == given(None) == ["P8W"]
    assert given(None, "age-65") == given("ankylosing-spondylitis", "age-65") == ["P4W"]


def test_a_dose_increase_can_be_answered_by_two_step_ups() -> None:
    answer = [{"every": "P2W", "for": "P2W"}, {"every": "P1M", "for": "P6M"}]
    found = protocol.build(clock(on_dose_increase=answer, phases=[{"every": "P3M"}]))
    assert protocol.as_json(found)["clocks"][0]["on_dose_increase"] == answer
    assert protocol.build(protocol.as_json(found)).hash == found.hash
    with pytest.raises(ProtocolError, match=r"clocks\.0\.on_dose_increase\.1\.every"):
        protocol.build(clock(on_dose_increase=[answer[0], {"every": "often", "for": "P6M"}]))
    with pytest.raises(ProtocolError, match=r"clocks\.0\.on_dose_increase"):
        protocol.build(clock(on_dose_increase=[]))
