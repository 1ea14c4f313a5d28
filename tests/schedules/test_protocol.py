"""A protocol file is read whole, or refused with the file, the key and the reason."""

import copy
import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from schedules import fields, library, protocol
from schedules.days import Duration
from schedules.protocol import Protocol, ProtocolError

ROLLING = {"every": "P1M"}
FILE: Mapping[str, Any] = {
    "id": "example",
    "version": 1,
    "title": "An example",
    "medicine": {"name": "exampline"},
    "source": {"title": "Nobody", "evidence": "product-choice"},
    "clocks": [{"id": "blood-count", "kind": "test", "panel": ["cbc"], "phases": [ROLLING]}],
}
LIMIT = {"analyte": "wbc", "below": 3.5, "unit": "10*9/L", "level": "same-day"}
EXAMPLE = """
id = "azathioprine-example-clinic"
version = 1
title = "Azathioprine: an example of a clinic's own protocol"
medicine = {name = "azathioprine", rxnorm = "1256", snomed = "372574004", atc = "L04AX01"}
indications = []
adults_only = true
source = {title = "IMURAN prescribing information", section = "Laboratory tests", evidence = "secondary"}
review_on = "2027-06-30"

[[clocks]]
id = "blood-count"
kind = "test"
panel = ["cbc"]
on_dose_increase = {every = "P1W", for = "P4W", evidence = "product-choice"}
while_held = "pause"
ladder = "auto"

[[clocks.phases]]
every = "P1W"
until = "P4W"
note = "the source says: weekly during the first month"
[[clocks.phases]]
every = "P2W"
until = "P12W"
[[clocks.phases]]
every = "P1M"
[[limits]]
analyte = "wbc"
below = 3.5
unit = "10*9/L"
level = "same-day"
"""


def file(**keys: Any) -> dict[str, Any]:
    return {**copy.deepcopy(dict(FILE)), **keys}


def clock(**keys: Any) -> dict[str, Any]:
    return file(clocks=[{**copy.deepcopy(FILE["clocks"][0]), **keys}])


def phases(*given: dict[str, Any]) -> dict[str, Any]:
    return clock(phases=list(given))


def limit(**keys: Any) -> dict[str, Any]:
    return file(limits=[{**LIMIT, **keys}])


def without(document: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != key}


def refused(document: object) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        protocol.build(document, where="example.toml")
    return caught.value


def test_the_example_of_the_rules_is_read() -> None:
    read = protocol.parse(EXAMPLE, where="example.toml")
    assert read.clock("blood-count").components == {"wbc", "anc", "plt", "hb"}
    assert [str(phase.longest) for phase in read.clocks[0].phases] == ["P1W", "P2W", "P1M"]
    assert read.limits[0].below == Decimal("3.5")
    assert read.review_on == date(2027, 6, 30)


UNTIL_DOSE = {"event": "maintenance-dose", "at_least": "P4W"}

ACCEPTED: dict[str, dict[str, Any]] = {
    "a first day": phases({"every": "P1M", "first": "P0D"}),
    "a first day beyond the interval": phases({"every": "P1W", "first": "P4W", "until": "P4W"}, ROLLING),
    "a range": phases({"every": {"min": "P8W", "max": "P12W"}}),
    "an end on the first due day": phases({"every": "P2W", "until": "P2W"}, ROLLING),
    "an end by length": phases({"every": "P2W", "for": "P6W"}, {"every": "P1M", "for": "P3M"}, ROLLING),
    "an end at an event": phases(
        {"every": "P1W", "until": UNTIL_DOSE}, {"every": "P1M", "for": "P2M"}, ROLLING
    ),
    "an event without a least time": phases(
        {"every": "P1W", "until": {"event": "maintenance-dose"}}, ROLLING
    ),
    "offsets first": phases({"offsets": ["P2W", "P4W"]}, ROLLING),
    "offsets from the start day": phases({"offsets": ["P0D", "P2W", "P6W"]}, ROLLING),
    "an end after which nothing is asked": phases(
        {"every": "P1M", "until": "P1Y", "then": "end", "reason": "so"}
    ),
    "an end after which a person decides": phases({"offsets": ["P4W"], "then": "clinician-decides"}),
    "windows": phases({"every": "P1M", "early": "P3D", "grace": "P5D", "lapse": "P6D"}),
    "a lapse just after the grace it would have": phases({"every": "P1M", "lapse": "P8D"}),
    "a lapse of offsets": phases({"offsets": ["P2W", "P10W"], "lapse": "P15D"}, ROLLING),
    "phases by indication": phases(
        {"offsets": ["P2W"], "when": {"indications": ["crohns-disease"]}},
        {"every": "P2W", "until": "P6W", "when": {"indications": ["rheumatoid-arthritis"]}},
        ROLLING,
    ),
    "many indications": phases(
        {**ROLLING, "when": {"flags_any": ["age-65"], "indications": [f"i-{n}" for n in range(299)]}}
    ),
    "a phase for a flag": phases(
        {"every": "P1W", "until": "P4W", "when": {"flags_any": ["high-risk"]}}, ROLLING
    ),
    "a step-up": clock(
        on_dose_increase={"every": "P1W", "for": "P4W"}, on_resume="ask", on_brand_change="restart"
    ),
    "a step-up by result": clock(
        step_ups=[{"when": "anc < 1.5", "every": "P2D", "until": "anc >= 1.5", "times": 2}]
    ),
    "last tests": clock(after_stop=["P4W", "P8W"]),
    "a check-in": file(clocks=[{"id": "how-are-you", "kind": "check-in", "phases": [ROLLING]}]),
    "a ladder of the library": clock(ladder="standard"),
    "analytes and panels": clock(panel=["cbc", "alt", "crp"]),
    "a limit in another unit": limit(below=3500, unit="/uL"),
    "a trend": limit(below=None, fall_percent=10, times=3, unit=None),
    "a trend over a time": limit(below=None, rise_percent=30, over="P12M", unit=None),
    "a source of its own": limit(
        source={"title": "Another", "evidence": "memory"}, note="n", evidence="seen"
    ),
    "a source in words": clock(source="Another"),
    "days": file(
        review_on="2027-06-30", valid_from=date(2017, 1, 1), valid_to="2017-01-01", superseded_by="2025"
    ),
}


@pytest.mark.parametrize("what", ACCEPTED)
def test_what_the_rules_allow_is_read_and_comes_back_with_the_same_identity(what: str) -> None:
    read = protocol.build(ACCEPTED[what])
    document = json.loads(json.dumps(protocol.as_json(read)))
    again = protocol.build(document)
    assert again == read
    assert again.hash == read.hash
    assert protocol.as_json(again) == document


REFUSED: dict[str, tuple[object, str, str]] = {
    "no object": ([], "", "valid dictionary"),
    "an unknown key": (file(clock=[]), "clock", "there is no such key"),
    "an unknown key far in": (
        phases({**ROLLING, "evry": "P1W"}),
        "clocks.0.phases.0.evry",
        "there is no such key",
    ),
    "a key in the wrong place": (file(anchor="start"), "anchor", "there is no such key"),
    "a missing key": (without(file(), "version"), "version", "is missing"),
    "a missing source": (without(file(), "source"), "source", "is missing"),
    "no clock": (file(clocks=[]), "clocks", "at least 1 item"),
    "no phase": (phases(), "clocks.0.phases", "at least 1 item"),
    "two clocks of one name": (file(clocks=FILE["clocks"] * 2), "clocks", "the same id"),
    "an id with a blank": (file(id="a b"), "id", "match pattern"),
    "an id with a line end": (file(id="a\n"), "id", "match pattern"),
    "an empty title": (file(title=" "), "title", "match pattern"),
    "a long title": (file(title="a" * 2001), "title", "at most 2000 characters"),
    "a NUL": (file(title="a\0"), "title", "NUL"),
    "half a character": (file(title="\ud800"), "title", "string"),
    "a version as text": (file(version="1"), "version", "valid integer"),
    "a version as yes": (file(version=True), "version", "valid integer"),
    "a version with a fraction": (file(version=1.0), "version", "valid integer"),
    "a version beyond numbers": (file(version=10**5000), "version", "less than or equal to 1000000"),
    "version nought": (file(version=0), "version", "greater than or equal to 1"),
    "a number as yes": (file(adults_only=1), "adults_only", "valid boolean"),
    "another evidence": (
        file(evidence="rumour"),
        "evidence",
        "'seen', 'secondary', 'memory' or 'product-choice'",
    ),
    "a day that is none": (file(review_on="2027-06-31"), "review_on", "day value is outside expected range"),
    "a day as a number": (file(review_on=86400), "review_on", "write a day as 2027-06-30"),
    "a day with a time": (file(review_on="2027-06-30T00:00:00"), "review_on", "write a day as 2027-06-30"),
    "a moment": (file(review_on=datetime(2027, 6, 30)), "review_on", "write a day as 2027-06-30"),  # noqa: DTZ001
    "valid to before from": (
        file(valid_from="2017-02-01", valid_to="2017-01-31"),
        "valid_to",
        "before valid_from",
    ),
    "another kind": (clock(kind="scan"), "clocks.0.kind", "'test', 'visit', 'check-in' or 'dose'"),
    "a test without a panel": (clock(panel=[]), "clocks.0.panel", "a test clock names its panel"),
    "a visit with a panel": (clock(kind="visit"), "clocks.0.panel", "no other kind has one"),
    "an unknown analyte": (clock(panel=["cbc", "wcc"]), "clocks.0.panel.1", "no such analyte"),
    "an unknown ladder": (clock(ladder="shrot"), "clocks.0.ladder", "there is no such ladder: use one of"),
    "no rhythm": (phases({"note": "n"}), "clocks.0.phases.0", "one rhythm"),
    "two rhythms": (phases({"every": "P1M", "offsets": ["P1W"]}), "clocks.0.phases.0", "one rhythm"),
    "an interval of nothing": (phases({"every": "P0D"}), "clocks.0.phases.0.every", "longer than nothing"),
    "a duration of two units": (
        phases({"every": "P1M2D"}),
        "clocks.0.phases.0.every",
        "P10D, P2W, P3M or P1Y",
    ),
    "a number as interval": (phases({"every": 7}), "clocks.0.phases.0.every", "write a duration"),
    "a range upside down": (
        phases({"every": {"min": "P12W", "max": "P8W"}}),
        "clocks.0.phases.0.every",
        "min must be shorter than max",
    ),
    "a range of one length": (
        phases({"every": {"min": "P4W", "max": "P28D"}}),
        "clocks.0.phases.0.every",
        "min must be shorter than max",
    ),
    "half a range": (phases({"every": {"min": "P1W"}}), "clocks.0.phases.0.every.max", "is missing"),
    "offsets in the second phase": (
        phases({"every": "P1W", "until": "P4W"}, {"offsets": ["P5W"]}, ROLLING),
        "clocks.0.phases.1.offsets",
        "only the first phase can have offsets",
    ),
    "falling offsets": (
        phases({"offsets": ["P4W", "P2W"]}, ROLLING),
        "clocks.0.phases.0.offsets",
        "must rise",
    ),
    "an offset twice": (
        phases({"offsets": ["P4W", "P28D"]}, ROLLING),
        "clocks.0.phases.0.offsets",
        "must rise",
    ),
    "no offsets": (phases({"offsets": []}, ROLLING), "clocks.0.phases.0.offsets", "at least 1 item"),
    "offsets that end at once": (
        phases({"offsets": ["P0D"]}, ROLLING),
        "clocks.0.phases.0.offsets",
        "ends before it begins",
    ),
    "offsets with an end": (
        phases({"offsets": ["P4W"], "until": "P6W"}, ROLLING),
        "clocks.0.phases.0",
        "offsets end by themselves",
    ),
    "offsets with a first day": (
        phases({"offsets": ["P4W"], "first": "P0D"}, ROLLING),
        "clocks.0.phases.0",
        "offsets end by themselves",
    ),
    "two ends": (
        phases({"every": "P1W", "until": "P4W", "for": "P4W"}, ROLLING),
        "clocks.0.phases.0",
        "until or by for",
    ),
    "an end before the beginning": (
        phases({"every": "P1W", "until": "P8W"}, {"every": "P1D", "until": "P6W"}, ROLLING),
        "clocks.0.phases.1.until",
        "ends before it begins",
    ),
    "an end at the beginning": (
        phases({"every": "P1W", "until": "P8W"}, {"every": "P1D", "until": "P8W"}, ROLLING),
        "clocks.0.phases.1.until",
        "ends before it begins",
    ),
    "an end after an event that cannot be before it": (
        phases({"every": "P1W", "until": UNTIL_DOSE}, {"every": "P1D", "until": "P4W"}, ROLLING),
        "clocks.0.phases.1.until",
        "ends before it begins",
    ),
    "an end before the first due day": (
        phases({"every": "P2W", "until": "P13D"}, ROLLING),
        "clocks.0.phases.0.until",
        "before its first due day",
    ),
    "a length before the first due day": (
        phases({"every": "P1W", "until": "P4W"}, {"every": "P1M", "for": "P4W"}, ROLLING),
        "clocks.0.phases.1.for",
        "before its first due day",
    ),
    "an end before the first day it names": (
        phases({"every": "P1W", "first": "P4W", "until": "P27D"}, ROLLING),
        "clocks.0.phases.0.until",
        "before its first due day",
    ),
    "a first day in the second phase": (
        phases({"every": "P1W", "until": "P4W"}, {"every": "P1M", "first": "P0D"}),
        "clocks.0.phases.1.first",
        "only the first phase",
    ),
    "a last phase with an end": (
        phases({"every": "P1W", "until": "P4W"}),
        "clocks.0.phases.0",
        "what comes after it",
    ),
    "offsets alone": (phases({"offsets": ["P4W"]}), "clocks.0.phases.0", "what comes after it"),
    "an end of two phases in one": (
        phases(ROLLING, ROLLING),
        "clocks.0.phases.0",
        "a phase before another has an end",
    ),
    "then without an end": (
        phases({"every": "P1M", "then": "end"}),
        "clocks.0.phases.0.then",
        "give until or for",
    ),
    "then in the middle": (
        phases({"every": "P1W", "until": "P4W", "then": "end"}, ROLLING),
        "clocks.0.phases.0.then",
        "only the last phase",
    ),
    "a phase that is last for one indication": (
        phases({"every": "P1W", "until": "P4W"}, {"every": "P1M", "when": {"indications": ["sle"]}}),
        "clocks.0.phases.0",
        "what comes after it",
    ),
    "offsets that are second for one flag": (
        phases(
            {"every": "P1W", "until": "P1W", "when": {"flags_any": ["age-65"]}}, {"offsets": ["P2W"]}, ROLLING
        ),
        "clocks.0.phases.1.offsets",
        "only the first phase",
    ),
    "another event": (
        phases({"every": "P1W", "until": {"event": "dose"}}, ROLLING),
        "clocks.0.phases.0.until.event",
        "maintenance-dose",
    ),
    "an unknown flag": (
        phases({**ROLLING, "when": {"flags_any": ["tall"]}}),
        "clocks.0.phases.0.when.flags_any.0",
        "high-risk",
    ),
    "more flags than can be tried": (
        phases({**ROLLING, "when": {"flags_any": list(fields.FLAGS[:10])}}),
        "clocks.0.phases",
        "too many flags and indications",
    ),
    "more indications than can be tried": (
        phases({**ROLLING, "when": {"flags_any": ["age-65"], "indications": [f"i-{n}" for n in range(300)]}}),
        "clocks.0.phases",
        "too many flags and indications",
    ),
    "a lapse on the last day on time": (
        phases({**ROLLING, "grace": "P5D", "lapse": "P5D"}),
        "clocks.0.phases.0.lapse",
        "longer than grace",
    ),
    "a lapse within the grace it would have": (
        phases({**ROLLING, "lapse": "P7D"}),
        "clocks.0.phases.0.lapse",
        "longer than grace",
    ),
    "a short rhythm's lapse": (
        phases({"every": "P1W", "lapse": "P3D"}),
        "clocks.0.phases.0.lapse",
        "longer than grace",
    ),
    "a lapse of offsets within a grace": (
        phases({"offsets": ["P2W", "P10W"], "lapse": "P14D"}, ROLLING),
        "clocks.0.phases.0.lapse",
        "longer than grace",
    ),
    "another answer": (clock(on_dose_increase="panic"), "clocks.0.on_dose_increase", "'restart' or 'ask'"),
    "a step-up without a length": (clock(on_resume={"every": "P1W"}), "clocks.0.on_resume.for", "is missing"),
    "a step-up that is no condition": (
        clock(step_ups=[{"when": "anc<1.5", "every": "P2D", "until": "anc >= 1.5"}]),
        "clocks.0.step_ups.0.when",
        "write a condition as: anc < 1.5",
    ),
    "a condition on nothing": (
        clock(step_ups=[{"when": "xyz < 1.5", "every": "P2D", "until": "anc >= 1.5"}]),
        "clocks.0.step_ups.0.when",
        "no such analyte",
    ),
    "a condition that is no number": (
        clock(step_ups=[{"when": "anc < nan", "every": "P2D", "until": "anc >= 1.5"}]),
        "clocks.0.step_ups.0.when",
        "write a condition",
    ),
    "results for a visit": (
        clock(
            kind="visit", panel=[], step_ups=[{"when": "anc < 1.5", "every": "P2D", "until": "anc >= 1.5"}]
        ),
        "clocks.0.step_ups",
        "only a test clock",
    ),
    "falling last tests": (clock(after_stop=["P8W", "P4W"]), "clocks.0.after_stop", "must rise"),
    "a gap of nothing": (clock(restart_after_gap="P0D"), "clocks.0.restart_after_gap", "longer than nothing"),
    "a limit on nothing": (limit(analyte="wcc"), "limits.0.analyte", "no such analyte"),
    "a limit without a figure": (limit(below=None), "limits.0", "one of below, above"),
    "a limit with two figures": (limit(above=11), "limits.0", "one of below, above"),
    "a figure without a unit": (limit(unit=None), "limits.0.unit", "a figure has a unit"),
    "an unknown unit": (limit(unit="g/L"), "limits.0.unit", "use one of 10*9/L, "),
    "a figure as text": (limit(below="3.5"), "limits.0.below", "write a number"),
    "a figure as yes": (limit(below=True), "limits.0.below", "write a number"),
    "a figure that is none": (limit(below=float("nan")), "limits.0.below", "at most a thousand million"),
    "a figure beyond all": (limit(below=float("inf")), "limits.0.below", "at most a thousand million"),
    "a figure of 5000 digits": (limit(below=10**5000), "limits.0.below", "at most a thousand million"),
    "a figure below nothing": (limit(below=-1), "limits.0.below", "greater than or equal to 0"),
    "a fall of more than all": (
        limit(below=None, fall_percent=101, unit=None),
        "limits.0.fall_percent",
        "equal to 100",
    ),
    "a percentage with a unit": (
        limit(below=None, fall_percent=10),
        "limits.0.unit",
        "a percentage has no unit",
    ),
    "a figure over a time": (limit(over="P12M"), "limits.0.over", "only fall_percent and rise_percent"),
    "no times": (limit(times=0), "limits.0.times", "greater than or equal to 1"),
    "another level": (limit(level="soon"), "limits.0.level", "'routine', '24h', 'same-day' or 'emergency'"),
    "a medicine's code with a blank": (
        file(medicine={"name": "x", "atc": "L 04"}),
        "medicine.atc",
        "match pattern",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_wrong_is_refused_with_the_file_the_key_and_the_reason(what: str) -> None:
    document, key, reason = REFUSED[what]
    error = refused(document)
    assert (error.where, error.key) == ("example.toml", key)
    assert reason in error.reason
    assert str(error) == ": ".join(part for part in ("example.toml", key, error.reason) if part)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"id = ", "this is not TOML"),
        (b"\xff", "this is not TOML"),
        ("id = 1\nid = 2", "this is not TOML"),
        ("title = " + "[" * 20_000, "this is not TOML"),
        ("version = " + "9" * 5000, "this is not TOML"),
        ("title = '\ud800'", "this is not TOML"),
        ("#" * (256 * 1024 + 1), "at most 256 KiB"),
        ("", "is missing"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(text: str | bytes, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason) as caught:
        protocol.parse(text, where="broken.toml")
    assert caught.value.where == "broken.toml"


def test_a_file_of_256_kib_is_read() -> None:
    text = EXAMPLE.encode()
    assert protocol.parse(text + b"#" * (256 * 1024 - len(text))) == protocol.parse(text)


@pytest.mark.parametrize(("depth", "reason"), [(200, "a: there is no such key"), (201, "too many points")])
def test_keys_are_not_read_deeper_than_any_file_needs(depth: int, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        protocol.parse(EXAMPLE.replace("review_on", "a" + ".b" * depth + " = 1\nreview_on", 1))


@pytest.mark.parametrize("name", library.protocols())
def test_a_packaged_protocol_comes_back_from_json_with_the_same_identity(name: str) -> None:
    packaged = library.protocol(name)
    again = protocol.build(json.loads(json.dumps(protocol.as_json(packaged))))
    assert again == packaged
    assert again.hash == packaged.hash


def _turned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _turned(value[key]) for key in reversed(value)}
    return [_turned(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", library.protocols())
def test_the_identity_does_not_depend_on_the_order_of_keys(name: str) -> None:
    turned = _turned(protocol.as_json(library.protocol(name)))
    assert protocol.build(turned).hash == library.protocol(name).hash


def test_any_other_figure_is_another_protocol() -> None:
    hashes = {
        protocol.build(document).hash for document in (file(), limit(), limit(below=3.6), file(version=2))
    }
    assert len(hashes) == 4
    assert protocol.build(limit(below=3)).hash == protocol.build(limit(below=3.0)).hash


def test_figures_are_as_written() -> None:
    read = protocol.build(limit(below=0.1))
    assert read.limits[0].below == Decimal("0.1")
    assert protocol.as_json(read)["limits"][0]["below"] == 0.1
    assert protocol.as_json(protocol.build(limit(below=140)))["limits"][0]["below"] == 140


def test_a_protocol_cannot_be_changed() -> None:
    read = protocol.build(file())
    with pytest.raises(ValueError, match="frozen"):
        read.version = 2  # type: ignore[misc]


def test_the_schema_is_json_and_names_every_flag() -> None:
    schema = json.dumps(Protocol.model_json_schema())
    assert all(f'"{flag}"' in schema for flag in fields.FLAGS)
    assert '"additionalProperties": false' in schema


@pytest.mark.parametrize(
    ("text", "met", "unmet"),
    [
        ("anc < 1.5", "1.49", "1.5"),
        ("anc <= 1.5", "1.5", "1.51"),
        ("anc > 1.5", "1.51", "1.5"),
        ("anc >= 1.5", "1.5", "1.49"),
    ],
)
def test_a_condition_is_met_up_to_its_edge(text: str, met: str, unmet: str) -> None:
    condition = protocol.Condition.parse(text)
    assert condition.met(Decimal(met))
    assert not condition.met(Decimal(unmet))
    assert str(condition) == text


def test_a_phase_says_its_interval() -> None:
    ranged, plain = (
        protocol.build(phases({"every": {"min": "P8W", "max": "P12W"}, "until": "P1Y"}, ROLLING))
        .clocks[0]
        .phases
    )
    assert (ranged.shortest, ranged.longest) == (Duration(8, "W"), Duration(12, "W"))
    assert (plain.shortest, plain.longest) == (None, Duration(1, "M"))


WHEN = {"indications": ["crohns-disease"], "flags_any": ["age-65", "high-risk"]}


@pytest.mark.parametrize(
    ("indication", "flags", "holds"),
    [
        ("crohns-disease", {"age-65"}, True),
        ("crohns-disease", {"tamoxifen", "high-risk"}, True),
        ("crohns-disease", set(), False),
        ("crohns-disease", {"tamoxifen"}, False),
        ("sle", {"age-65"}, False),
        (None, {"age-65"}, False),
    ],
)
def test_a_condition_on_the_course_asks_for_the_indication_and_any_flag(
    indication: str | None, flags: set[str], holds: bool
) -> None:
    read = protocol.build(clock(when=WHEN)).clocks[0]
    assert read.applies(indication, flags) is holds


def test_a_clock_without_a_phase_for_the_course_does_not_apply() -> None:
    read = protocol.build(phases({**ROLLING, "when": {"indications": ["sle"]}})).clocks[0]
    assert read.applies("sle", ())
    assert not read.applies("crohns-disease", ())
    assert read.phases_for("crohns-disease", ()) == ()


def test_a_protocol_tells_every_flag_that_it_asks() -> None:
    named = {"flags_any": ["high-risk"]}, {"flags_none": ["age-65"]}
    phases = [{"every": "P1W", "until": "P4W", "when": named[0]}, {"every": "P1M"}]
    clocks = [FILE["clocks"][0] | {"phases": phases}]
    found = protocol.build({**FILE, "clocks": clocks, "limits": [LIMIT | {"when": named[1]}]})
    assert found.flags_asked == {"high-risk", "age-65"}
    assert protocol.build(FILE).flags_asked == frozenset()
