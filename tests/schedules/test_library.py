"""The packaged protocols and ladders say what their sources say, and say how well each figure was seen."""

import tomllib
from decimal import Decimal
from importlib import resources

import pytest

from schedules import library, protocol
from schedules.protocol import Protocol, ProtocolError

AZATHIOPRINES = ["azathioprine-bsg-2019", "azathioprine-bsr-2017", "azathioprine-us-label"]
LADDERS = ["appointment", "check-in", "dose", "short", "standard"]


def _rhythm(name: str) -> list[dict[str, object]]:
    """The first clock's phases as they are written, without their notes."""
    phases = protocol.as_json(library.protocol(name))["clocks"][0]["phases"]
    return [{key: value for key, value in phase.items() if key != "note"} for phase in phases]


@pytest.mark.parametrize("name", [*AZATHIOPRINES, "mercaptopurine-sps"])
def test_a_protocol_has_one_test_clock_with_figures(name: str) -> None:
    packaged = library.protocol(name)
    assert [clock.kind for clock in packaged.clocks if not clock.blank] == ["test"]
    assert protocol.parse(library.source_text(name)).hash == packaged.hash


def test_the_us_label_is_read_as_weekly_fortnightly_monthly() -> None:
    label = library.protocol("azathioprine-us-label")
    assert _rhythm(label.id) == [
        {"every": "P1W", "until": "P4W"},
        {"every": "P2W", "until": "P12W"},
        {"every": "P1M"},
    ]
    assert label.clocks[0].on_dose_increase == "ask"
    assert label.limits == (), "the label gives no number"
    assert label.source.evidence == "secondary"


def test_bsr_2017_is_read_with_a_step_up_and_marked_superseded() -> None:
    bsr = library.protocol("azathioprine-bsr-2017")
    assert _rhythm(bsr.id) == [
        {"every": "P2W", "until": "P6W"},
        {"every": "P1M", "for": "P3M"},
        {"every": "P12W"},
    ]
    answer = protocol.as_json(bsr)["clocks"][0]["on_dose_increase"]
    assert (answer["every"], answer["for"], answer["evidence"]) == ("P2W", "P6W", "secondary")
    assert bsr.superseded_by is not None
    assert bsr.valid_to is not None


@pytest.mark.parametrize("name", ["azathioprine-bsg-2019", "mercaptopurine-sps"])
def test_bsg_2019_and_sps_are_read_as_four_tests_then_quarterly_and_begin_again_with_a_dose_change(
    name: str,
) -> None:
    assert _rhythm(name) == [{"offsets": ["P2W", "P4W", "P8W", "P12W"]}, {"every": "P3M"}]
    clock = library.protocol(name).clocks[0]
    assert (clock.on_dose_increase, clock.on_dose_decrease) == ("restart", "restart")


COUNT = {"wbc", "anc", "plt", "hb"}


@pytest.mark.parametrize(
    ("name", "components"),
    [
        ("azathioprine-us-label", COUNT),
        ("azathioprine-bsr-2017", COUNT | {"creatinine", "alt", "albumin"}),
        ("azathioprine-bsg-2019", COUNT | {"creatinine", "alt", "alp", "bilirubin", "albumin"}),
        (
            "mercaptopurine-sps",
            COUNT | {"creatinine", "alt", "alp", "bilirubin", "sodium", "potassium", "urea"},
        ),
    ],
)
def test_a_panel_is_what_its_source_asks_for(name: str, components: set[str]) -> None:
    assert library.protocol(name).clocks[0].components == components


def _limits(packaged: Protocol) -> set[tuple[str, str, Decimal]]:
    below = {(one.analyte, "below", one.below) for one in packaged.limits if one.below is not None}
    above = {(one.analyte, "above", one.above) for one in packaged.limits if one.above is not None}
    rise = {(one.analyte, f"rise over {one.over}", one.rise_percent) for one in packaged.limits if one.trend}
    return below | above | {found for found in rise if found[2] is not None}  # type: ignore[misc]


DMARD = {
    ("wbc", "below", Decimal("3.5")),
    ("anc", "below", Decimal("1.6")),
    ("plt", "below", Decimal("140")),
    ("mcv", "above", Decimal("105")),
    ("eosinophils", "above", Decimal("0.5")),
    ("egfr", "below", Decimal("60")),
    ("alt", "above", Decimal("100")),
    ("ast", "above", Decimal("100")),
    ("albumin", "below", Decimal("30")),
    ("creatinine", "rise over P12M", Decimal("30")),
}
SPS = DMARD - {("anc", "below", Decimal("1.6")), ("eosinophils", "above", Decimal("0.5"))}
SPS |= {("anc", "below", Decimal("2.0")), ("anc", "below", Decimal("1.0"))}


@pytest.mark.parametrize(
    ("name", "limits", "evidence"),
    [
        ("azathioprine-bsr-2017", DMARD, "memory"),
        ("azathioprine-bsg-2019", DMARD, "secondary"),
        ("mercaptopurine-sps", SPS, None),
    ],
)
def test_the_limits_are_the_sources_figures_with_their_evidence(
    name: str, limits: set[tuple[str, str, Decimal]], evidence: str | None
) -> None:
    packaged = library.protocol(name)
    assert _limits(packaged) == limits
    assert {limit.evidence for limit in packaged.limits} == {evidence}
    assert packaged.source.evidence == "seen"


def test_an_unknown_protocol_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ProtocolError, match="azathioprine-bad-2011, azathioprine-bsg-2019"):
        library.protocol("azathioprine")
    with pytest.raises(ProtocolError, match="no such packaged protocol"):
        library.source_text("../analytes")


def test_the_files_are_what_show_prints() -> None:
    text = library.source_text("azathioprine-us-label")
    assert text.startswith('id = "azathioprine-us-label"\n')
    assert "Read as every two weeks until twelve weeks." in text


def test_nobody_can_change_the_library() -> None:
    with pytest.raises(TypeError):
        library.protocols()["x"] = library.protocol("mercaptopurine-sps")  # type: ignore[index]


def _rungs(name: str) -> list[tuple[object, ...]]:
    keys = ("track", "name", "at", "shift", "repeat")
    return [tuple(rung.get(key) for key in keys) for rung in library.ladder_documents()[name]["rungs"]]


SHORT = [
    ("patient", "day-before", "due", "-P1D", None),
    ("patient", "due-day", "due", None, None),
    ("patient", "overdue", "overdue", None, None),
    ("patient", "overdue-week", "overdue", "P7D", "P28D"),
]
STAFF = [
    ("coordinator", "overdue-coordinator", "overdue", None, "P7D"),
    ("prescriber", "lapsed", "lapses", None, "P28D"),
]
EXPECTED = {
    "short": SHORT + STAFF,
    "dose": SHORT + STAFF,
    "standard": [
        ("patient", "week-before", "due", "-P7D", None),
        ("patient", "day-before", "due", "-P1D", None),
        ("patient", "after-due", "due", "P3D", None),
        ("patient", "overdue", "overdue", None, None),
        ("patient", "overdue-week", "overdue", "P7D", "P28D"),
        *STAFF,
    ],
    "appointment": [
        ("patient", "appointment-week", "appointment", "-P7D", None),
        ("patient", "appointment-day", "appointment", "-P1D", None),
        ("coordinator", "outcome-not-recorded", "appointment", "P1D", None),
    ],
    "check-in": [
        ("patient", "check-in", "due", None, None),
        ("patient", "check-in-again", "due", "P2D", None),
    ],
}


@pytest.mark.parametrize("name", LADDERS)
def test_a_ladder_has_the_rungs_of_the_rules(name: str) -> None:
    assert _rungs(name) == EXPECTED[name]


def test_staff_rungs_are_work_items_and_the_others_messages() -> None:
    rungs = [rung for ladder in library.ladder_documents().values() for rung in ladder["rungs"]]
    work = {(r["kind"], r["level"], r["role"]) for r in rungs if r["effect"] == "work-item"}
    assert work == {
        ("overdue", "routine", "coordinator"),
        ("lapsed", "24h", "prescriber"),
        ("outcome-not-recorded", "routine", "coordinator"),
    }
    assert {r["track"] for r in rungs if r["effect"] == "message"} == {"patient"}


def test_every_file_of_the_library_is_read_under_its_own_name() -> None:
    folder = resources.files("schedules").joinpath("library")
    packaged = sorted(library.protocols() | library.templates())
    for part, known in (("protocols", packaged), ("ladders", LADDERS)):
        files = {
            file.name: tomllib.loads(file.read_text("utf-8")) for file in folder.joinpath(part).iterdir()
        }
        assert {f"{document['id']}.toml" for document in files.values()} == set(files)
        assert sorted(document["id"] for document in files.values()) == known
    assert sorted(library.ladder_documents()) == LADDERS


def test_a_broken_file_is_told_and_takes_no_other_with_it() -> None:
    broken = library._parsed("ours", "id = ")
    assert isinstance(broken, ProtocolError)
    assert str(broken).startswith("ours.toml: ")


def test_the_library_has_no_broken_file_and_names_protocols_alone() -> None:
    assert library.broken() == {}
    assert library.names() == library.protocols().keys()
    assert library.names().isdisjoint(library.templates())
