"""A map file that cannot be used is one sentence with file and key."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.ingest import mapping

FIELDS = """
[[courses]]
files = "x.csv"
[courses.fields]
clinic = "a"
mrn = "b"
protocol = "c"
start = "d"
"""


def parse(text: str) -> mapping.Map:
    return mapping.parse(text.encode(), where="map.toml")


def test_the_least_map_is_a_file_and_its_required_fields() -> None:
    (source,) = parse(FIELDS).courses
    assert (source.files, source.reads, source.date_format) == ("x.csv", ("a", "b", "c", "d"), "YYYY-MM-DD")


def courses(change: str) -> str:
    return FIELDS.replace('files = "x.csv"', f'files = "x.csv"\n{change}')


def field(change: str) -> str:
    return FIELDS.replace('protocol = "c"', f"protocol = {change}")


BAD = {
    "no TOML": ("patients = [", "map.toml: this is not TOML: "),
    "not UTF-8": ("\udcff", "map.toml: this is not TOML: "),
    "nothing": (
        "",
        "map.toml: name the files of at least one of patients, contacts, courses, events, results",
    ),
    "an unknown table": ("[[patient]]", "map.toml: patient: there is no such key"),
    "an unknown key": (courses("sheet = 1"), "map.toml: courses.0.sheet: there is no such key"),
    "no files": ("[[courses]]\nfields = {}", "map.toml: courses.0.files: is missing"),
    "a path": (
        FIELDS.replace("x.csv", "../x.csv"),
        "map.toml: courses.0.files: write a file's name in the folder",
    ),
    "an unknown field": (
        FIELDS + 'doctor = "e"',
        "map.toml: courses.0.fields.doctor: there is no such field, use one of clinic, authority, mrn,",
    ),
    "a missing field": (FIELDS.replace('start = "d"', ""), "map.toml: courses.0.fields.start: is missing"),
    "two origins": (
        field('{column = "c", constant = "x"}'),
        "map.toml: courses.0.fields.protocol: give one of column, columns, constant, template, file, lookup",
    ),
    "no origin": (
        field('{capture = "(x)"}'),
        "map.toml: courses.0.fields.protocol: give one of column, columns, constant, template, file, lookup",
    ),
    "no expression": (
        field('{column = "c", capture = "(x"}'),
        "map.toml: courses.0.fields.protocol.capture: this is not a regular expression",
    ),
    "nothing captured": (
        field('{column = "c", capture = "x"}'),
        "map.toml: courses.0.fields.protocol.capture: mark the part that is wanted with one pair of brackets",
    ),
    "a guessed date format": (
        courses('date_format = "guess"'),
        "map.toml: courses.0.date_format: write a date format with YYYY, MM and DD, as DD/MM/YYYY, or prove",
    ),
    "a two-digit year": (
        courses('date_format = "DD/MM/YY"'),
        "map.toml: courses.0.date_format: write a date format with YYYY, MM and DD, as DD/MM/YYYY, or prove",
    ),
    "a filter without a test": (
        courses('only = [{column = "a"}]'),
        "map.toml: courses.0.only.0: give is = [...] or filled = true",
    ),
    "wide courses": (
        courses('wide = [{column = "a", analyte = "wbc", unit = "10*9/L"}]'),
        "map.toml: courses.0.wide: only results are made from columns",
    ),
    "rules of courses": (
        courses('rules = [{column = "a", when = "rises", type = "hold"}]'),
        "map.toml: courses.0.rules: only events are derived",
    ),
    "an unknown change": (
        courses('rules = [{column = "a", when = "wobbles", type = "hold"}]'),
        "map.toml: courses.0.rules.0.when: Input should be 'becomes 0', ",
    ),
    "an unknown event": (
        courses('rules = [{column = "a", when = "rises", type = "party"}]'),
        "map.toml: courses.0.rules.0.type: Input should be 'dose-increase', ",
    ),
    "earliest of no date": (
        courses('earliest = "protocol"'),
        "map.toml: courses.0.earliest: Input should be 'start'",
    ),
    "earliest of no course": (
        '[[results]]\nfiles = "x.csv"\nearliest = "start"\nfields = {}',
        "map.toml: results.0.earliest: only courses have a start",
    ),
    "a looked-up date to prove": (
        courses('date_format = "prove"').replace(
            'start = "d"', 'start = {lookup = {file = "y.csv", key = "k", by = "a", value = "v"}}'
        ),
        "map.toml: courses.0.fields.start: a date from another file needs a stated date_format",
    ),
    "an unknown region": (
        f'region = "UK"\n{FIELDS}',
        "map.toml: region: there is no such region: write two letters",
    ),
    "an unknown policy": (
        f'implausible = "hide"\n{FIELDS}',
        "map.toml: implausible: Input should be 'keep' or 'refuse'",
    ),
    "too large": ("#" * 300_000, "map.toml: a map is at most 256 KiB"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_map_names_the_file_and_the_key(case: str) -> None:
    text, sentence = BAD[case]
    with pytest.raises(mapping.MapError) as caught:
        mapping.parse(text.encode("utf-8", "surrogateescape"), where="map.toml")
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_a_map_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(mapping.MapError, match=r"^map\.toml: the map cannot be read$"):
        mapping.load(tmp_path / "map.toml")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_mutated_map_is_a_map_or_one_error(data: st.DataObject) -> None:
    raw = bytearray(courses('only = [{column = "a", is = ["x"]}]\ndate_format = "prove"').encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 6))] = data.draw(st.binary(max_size=4))
    with suppress(mapping.MapError):
        assert mapping.parse(bytes(raw), where="map.toml").courses
