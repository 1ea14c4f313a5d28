"""Tables of other shapes become canonical rows through a map; errors name the file's own column."""

import re
from datetime import date

import pytest

from service.ingest import folder as folders
from service.ingest import mapping
from service.ingest.rows import Batch
from tests.service.ingest.conftest import Folder

LONG = """
unit_aliases = {"THOU/uL" = "10*3/uL"}
[[results]]
files = "lab.csv"
[results.fields]
clinic = {constant = "North"}
mrn = "id"
collected_on = "day"
analyte = {column = "test", values = {WBC = "wbc", PLAT = "plt"}}
value = "figure"
unit = "unit"
"""
LAB = "id,day,test,figure,unit,kept\n7,2026-01-05,WBC,4.1,THOU/uL,y\n8,2026-01-05,PLAT,210,THOU/uL,n\n"


def read(text: str, folder: Folder, **files: str) -> Batch:
    return folders.read(folder(**files), mapping.parse(text.encode(), where="map.toml"))


def told(batch: Batch) -> list[str]:
    return [str(error) for error in batch.errors]


def results(batch: Batch) -> list[tuple[str, str, str, str]]:
    return [(row.patient[2], row.analyte, str(row.value), row.unit_as_sent) for row in batch.results]


def test_columns_values_and_units_are_translated_and_the_unit_sent_is_kept(folder: Folder) -> None:
    batch = read(LONG, folder, lab__csv=LAB)
    assert told(batch) == []
    assert results(batch) == [("7", "wbc", "4.1", "THOU/uL"), ("8", "plt", "210", "THOU/uL")]


def with_source(change: str) -> str:
    return LONG.replace('files = "lab.csv"', f'files = "lab.csv"\n{change}')


def test_a_filter_leaves_rows_out_and_counts_them(folder: Folder) -> None:
    batch = read(with_source('only = [{column = "kept", is = ["y", "yes"]}]'), folder, lab__csv=LAB)
    count = batch.counts["results"]
    assert (count.lines, count.rows, count.left_out, told(batch)) == (2, 1, 1, [])


def test_only_filled_rows_are_taken_and_missing_texts_are_empty(folder: Folder) -> None:
    change = 'only = [{column = "kept", filled = true}]\nmissing = ["NA", "n"]'
    assert results(read(with_source(change), folder, lab__csv=LAB)) == [("7", "wbc", "4.1", "THOU/uL")]


ERRORS = {
    "a value that the map does not translate": (
        LONG,
        LAB.replace("WBC", "HGB"),
        "lab.csv line 2, column test: the map does not say what this value means; add it to values in "
        "the map.",
    ),
    "a cell that is no number": (
        LONG,
        LAB.replace("4.1", "clotted"),
        "lab.csv line 2, column figure: the value is not a number; write a plain number, as 3.5, or a bound, "
        "as <0.2.",
    ),
    "a date of another format": (
        with_source('date_format = "DD/MM/YYYY"'),
        LAB.replace("2026-01-05,W", "05/01/26,W").replace("2026-01-05", "05/01/2026"),
        "lab.csv line 2, column day: the year has two digits; write the date as DD/MM/YYYY, with all four "
        "digits of the year.",
    ),
    "a text that is not captured": (
        LONG.replace('mrn = "id"', 'mrn = {column = "id", capture = "^([8-9])$"}'),
        LAB,
        "lab.csv line 2, column id: the text has not the form that the map expects; correct it, or the "
        "expression in the map.",
    ),
    "an empty cell that is required": (
        LONG,
        LAB.replace("7,", ",", 1),
        "lab.csv line 2, column id: it is empty; give the patient's number there.",
    ),
    "a figure outside the map's range": (
        with_source('checks = [{column = "figure", lowest = 100, highest = 300}]'),
        LAB,
        "lab.csv line 2, column figure: the figure is not between 100 and 300; correct it, or its unit.",
    ),
    "a checked cell that is no number": (
        with_source('checks = [{column = "kept", lowest = 1, highest = 2}]'),
        LAB.replace("n\n", "1.5\n"),
        "lab.csv line 2, column kept: this is not a number; write a plain number, as 12.5.",
    ),
    "an implausible figure that the map refuses": (
        'implausible = "refuse"' + LONG,
        LAB.replace("4.1", "6545132"),
        "lab.csv line 2, column figure: the value cannot be a person's; look for a wrong unit or a slipped "
        "decimal point.",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_a_bad_row_names_the_files_own_column_and_the_others_go_on(case: str, folder: Folder) -> None:
    text, lab, sentence = ERRORS[case]
    batch = read(text, folder, lab__csv=lab)
    assert told(batch) == [sentence]
    assert [row.patient[2] for row in batch.results] == ["8"]


def test_an_implausible_figure_is_kept_unless_the_map_refuses_it(folder: Folder) -> None:
    batch = read(LONG, folder, lab__csv=LAB.replace("4.1", "6545132"))
    assert told(batch) == []
    assert [row.unusable is not None for row in batch.results] == [True, False]


@pytest.mark.parametrize("column", ["id", "day", "test", "figure", "unit"])
def test_a_column_that_the_map_names_must_be_there(column: str, folder: Folder) -> None:
    batch = read(LONG, folder, lab__csv=LAB.replace(column, f"{column}_", 1))
    assert told(batch) == [f"lab.csv line 1, column {column}: the column is missing; add it."]


def test_a_file_that_the_map_names_must_be_there(folder: Folder) -> None:
    batch = read(LONG, folder, other__csv=LAB)
    assert told(batch) == [
        "lab.csv line 1: the folder has no such file; put it there, or correct files in the map."
    ]


def test_a_folder_that_is_not_there_is_told(folder: Folder) -> None:
    batch = folders.read(folder() / "nowhere", mapping.parse(LONG.encode(), where="map.toml"))
    assert "the folder has no such file" in told(batch)[0]


PROVED = {
    "day first": ("05/01/2026", "31/01/2026", [date(2026, 1, 5), date(2026, 1, 31)], None),
    "month first": ("05/01/2026", "01/31/2026", [date(2026, 5, 1), date(2026, 1, 31)], None),
    "ISO": ("2026-01-05", "2026-01-31", [date(2026, 1, 5), date(2026, 1, 31)], None),
    "either": (
        "05/01/2026",
        "06/01/2026",
        [],
        "no date tells the day from the month, so the format cannot be proved",
    ),
    "both": ("31/01/2026", "01/31/2026", [], "some dates have the day first, others the month"),
    "a serial": ("31/01/2026", "46053", [], "the column does not hold dates of one format"),
}


@pytest.mark.parametrize("case", PROVED)
def test_a_date_format_is_proved_by_the_whole_column_or_the_file_is_refused(
    case: str, folder: Folder
) -> None:
    first, second, wanted, reason = PROVED[case]
    lab = LAB.replace("2026-01-05,W", f"{first},W").replace("2026-01-05,P", f"{second},P")
    batch = read(with_source('date_format = "prove"'), folder, lab__csv=lab)
    assert [row.collected.day for row in batch.results] == wanted
    assert [error.split("; ")[0] for error in told(batch)] == [
        f"lab.csv line 1, column day: {reason}"
    ] * bool(reason)


def test_each_file_proves_its_own_format(folder: Folder) -> None:
    text = with_source('date_format = "prove"').replace('"lab.csv"', '"lab_*.csv"')
    day_first, month_first = (LAB.replace("2026-01-05", day) for day in ("13/02/2026", "02/13/2026"))
    batch = read(
        text.replace('mrn = "id"', 'mrn = {file = "lab_(.)"}'),
        folder,
        lab_a__csv=day_first,
        lab_b__csv=month_first,
    )
    assert {(row.patient[2], row.collected.day) for row in batch.results} == {
        ("a", date(2026, 2, 13)),
        ("b", date(2026, 2, 13)),
    }


def test_a_row_that_is_filtered_out_proves_and_spoils_nothing(folder: Folder) -> None:
    text = with_source('date_format = "prove"\nonly = [{column = "kept", is = ["y"]}]')
    batch = read(
        text, folder, lab__csv=LAB.replace("2026-01-05,W", "31/01/2026,W").replace("2026-01-05", "total")
    )
    assert [row.collected.day for row in batch.results] == [date(2026, 1, 31)]


def test_a_row_that_gives_no_date_is_refused_and_spoils_no_proof(folder: Folder) -> None:
    text = with_source('date_format = "prove"').replace(
        'collected_on = "day"', 'collected_on = {column = "day", capture = "^on (.*)$"}'
    )
    batch = read(
        text, folder, lab__csv=LAB.replace("2026-01-05,W", "never,W").replace("2026-01-05", "on 31/01/2026")
    )
    assert [row.collected.day for row in batch.results] == [date(2026, 1, 31)]
    assert [error.line.number for error in batch.errors] == [2]


def test_a_row_that_is_no_row_spoils_no_proof(folder: Folder) -> None:
    lab = LAB.replace("2026-01-05", "31/01/2026") + "9,01/31/2026\n"
    batch = read(with_source('date_format = "prove"'), folder, lab__csv=lab)
    assert [row.collected.day for row in batch.results] == [date(2026, 1, 31)] * 2
    assert told(batch) == [
        "lab.csv line 4: the header has 6 fields and the row 2; give it one field for each column."
    ]


CALLED = """
region = "GB"
[[contacts]]
files = "calls.csv"
[contacts.fields]
clinic = {constant = "North"}
mrn = "id"
channel = {constant = "sms"}
address = "mobile"
"""


def test_a_map_states_the_region_of_telephone_numbers(folder: Folder) -> None:
    batch = read(CALLED, folder, calls__csv="id,mobile\n7,020 7946 0123\n8,call me\n")
    assert [row.address for row in batch.contacts] == ["+442079460123"]
    assert told(batch) == [
        "calls.csv line 3, column mobile: this is not a telephone number in GB; write it with its country, "
        "as +447700900123."
    ]


LOOKED_UP = LONG.replace(
    'clinic = {constant = "North"}',
    'clinic = {lookup = {file = "who.csv", key = "id", by = "id", value = "site", '
    'only = [{column = "now", is = ["1"]}]}}',
)
SITES = "id,site,now\n7,South,1\n8,East,1\n7,West,0\n"


def test_a_value_is_looked_up_in_another_file(folder: Folder) -> None:
    batch = read(LOOKED_UP, folder, lab__csv=LAB, who__csv=SITES)
    assert [row.patient[0] for row in batch.results] == ["South", "East"]


@pytest.mark.parametrize(
    ("sites", "sentence"),
    [
        (
            SITES.replace("7,South", "9,South"),
            "lab.csv line 2, column id: no row of the other file belongs to it; add the row there, or "
            "correct the key.",
        ),
        (
            SITES.replace("0\n", "1\n"),
            "who.csv line 4, column id: an earlier row has the same key with another value; keep one "
            "row for each key.",
        ),
        (SITES.replace("site", "clinic"), "who.csv line 1, column site: the column is missing; add it."),
        (None, "who.csv line 1: the folder has no such file; put it there, or correct lookup in the map."),
    ],
)
def test_a_lookup_that_fails_is_told(sites: str | None, sentence: str, folder: Folder) -> None:
    batch = read(LOOKED_UP, folder, lab__csv=LAB, **({"who__csv": sites} if sites else {}))
    assert told(batch) == [sentence]


PEOPLE = """
[[patients]]
files = "people.csv"
[patients.fields]
clinic = {columns = ["site", "hospital"]}
authority = {constant = "study"}
mrn = {column = "id", capture = '-(\\d+)$'}
name = {template = "{given} {family}"}
birth_date = "born"
language = {column = "speaks", values = {English = "en"}, others = "keep"}
"""


def test_texts_are_put_together_taken_apart_and_chosen(folder: Folder) -> None:
    people = "site,hospital,id,given,family,born,speaks\n,South,X-07,Anna,Abel,1980-02-29,English\n"
    people += "North,South,X-08,Ben,Bell,1981-02-28,cy\nEast,,X-09,Cy,Cole,1982-02-28,\n"
    batch = read(PEOPLE, folder, people__csv=people)
    assert told(batch) == []
    assert [(row.key, row.name, row.language) for row in batch.patients] == [
        (("South", "study", "07"), "Anna Abel", "en"),
        (("North", "study", "08"), "Ben Bell", "cy"),
        (("East", "study", "09"), "Cy Cole", None),
    ]


WIDE = """
[[results]]
files = "UPN_*.csv"
wide = [{column = "WBC", analyte = "wbc", unit = "10*9/L"}, {column = "Hb", analyte = "718-7", unit = "g/dL"}]
[results.fields]
clinic = {constant = "North"}
mrn = {file = '^UPN_(\\d+)'}
collected_on = "day"
"""


def test_columns_become_rows_and_an_empty_cell_none(folder: Folder) -> None:
    batch = read(WIDE, folder, UPN_914__csv="day,WBC,Hb\n2026-01-05,4.1,12.5\n2026-01-12,,11\n")
    assert told(batch) == []
    assert results(batch) == [
        ("914", "wbc", "4.1", "10*9/L"),
        ("914", "hb", "125.0", "g/dL"),
        ("914", "hb", "110", "g/dL"),
    ]


def test_a_wide_row_with_one_bad_cell_is_refused_whole(folder: Folder) -> None:
    batch = read(
        WIDE, folder, UPN_1__csv="day,WBC,Hb\n2026-01-05,4.1,high\n2026-01-12,4,11\n2026-13-12,4,11\n"
    )
    assert [re.sub("[:;].*", "", error) for error in told(batch)] == [
        "UPN_1.csv line 2, column Hb",
        "UPN_1.csv line 4, column day",
    ]
    assert {row.line.number for row in batch.results} == {3}
    assert batch.counts["results"].refused == 2


def test_the_earliest_row_of_each_patient_is_the_start(folder: Folder) -> None:
    text = """
[[courses]]
files = "doses.csv"
date_format = "DD/MM/YYYY"
earliest = "start"
[courses.fields]
clinic = {constant = "North"}
mrn = "id"
protocol = {constant = "x"}
start = "day"
"""
    batch = read(text, folder, doses__csv="id,day\n7,05/02/2026\n8,01/01/2026\n7,31/01/2026\n7,01/03/2026\n")
    assert [(row.patient[2], row.start, row.line.number) for row in batch.courses] == [
        ("7", date(2026, 1, 31), 4),
        ("8", date(2026, 1, 1), 3),
    ]


def test_progress_of_a_map_counts_the_lines_of_every_source(folder: Folder) -> None:
    seen: list[tuple[int, int]] = []
    lab = LAB.splitlines()[0] + "\n" + "7,2026-01-05,WBC,4.1,THOU/uL,n\n" * 1500
    text = with_source('only = [{column = "kept", is = ["y"]}]')
    where = folder(lab__csv=lab)
    folders.read(
        where,
        mapping.parse(text.encode(), where="m"),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1000, 1501), (1501, 1501)]
