"""Three years of dates of every packaged protocol: as kept, and as worked out here without the planner."""

import calendar
import difflib
import re
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta

import pytest

from schedules import library, simulate
from tests.schedules import three_years
from tests.schedules.three_years import END, START, lived

Dates = list[date]
BEGUN = time.process_time()
PAGES = dict(three_years.pages())
TOOK = time.process_time() - BEGUN


def w(*weeks: int) -> Dates:
    """Days counted in weeks from the start, a Monday."""
    return [START + timedelta(weeks=week) for week in weeks]


def m(first: date, *months: int) -> Dates:
    """Days counted in months from a day, on the month's last day when it is shorter."""
    found = []
    for month in months:
        year, index = divmod(first.year * 12 + first.month - 1 + month, 12)
        found.append(date(year, index + 1, min(first.day, calendar.monthrange(year, index + 1)[1])))
    return found


def then(*parts: Callable[[date], Dates] | Dates) -> Dates:
    """Dates one stretch after the other: each counts from the last day of the one before."""
    found: Dates = []
    for part in parts:
        found += part if isinstance(part, list) else part(found[-1])
    return found


def monthly(*months: int) -> Callable[[date], Dates]:
    return lambda last: m(last, *months)


def every(days: int, times: int) -> Callable[[date], Dates]:
    return lambda last: [last + timedelta(days=days * n) for n in range(1, times + 1)]


BRITISH = then(
    w(2, 4, 6), monthly(1, 2, 3), every(84, 3)
)  # fortnightly to week 6, three months, twelve-weekly
LABEL = then(w(1, 2, 3, 4, 6, 8, 10, 12), monthly(1, 2, 3))
QUARTERS = then(w(2, 4, 8, 12), monthly(3, 6, 9, 12))
FORTNIGHTS_TO_3M = w(2, 4, 6, 8, 10, 12, 14)  # the next would be in week 16, three months end in week 13
SIX_AND_SIX = w(1, 2, 3, 4, 5, 6, 8, 10, 12)  # weekly for six weeks, fortnightly for six
WORKED_OUT: dict[tuple[str, int, str], Dates] = {
    ("azathioprine-us-label", 0, "blood-count"): LABEL,
    ("azathioprine-bsr-2017", 0, "blood-tests"): BRITISH,
    ("azathioprine-bsr-2017", 1, "blood-tests"): then(
        BRITISH[:7], [date(2026, 9, 28)], every(14, 2), every(84, 1)
    ),
    ("azathioprine-bsg-2019", 0, "blood-tests"): QUARTERS,
    ("azathioprine-sps-rheumatology", 0, "blood-tests"): then(w(2, 4, 6), monthly(1), monthly(3, 6, 9)),
    ("azathioprine-bad-2011", 0, "blood-tests"): then(w(*range(1, 10)), monthly(3, 6, 9)),
    ("azathioprine-dtb-2002", 0, "blood-tests"): then(w(1, 2, 3, 4), monthly(3, 6, 9)),
    ("azathioprine-nhs-ggc", 0, "blood-tests"): then(SIX_AND_SIX, monthly(1, 2, 3, 4, 5, 6), monthly(3, 6)),
    ("azathioprine-nhs-fife", 0, "blood-count"): then(w(1, 2, 3, 4, 5, 6), monthly(1, 2, 3)),
    ("azathioprine-nhs-fife", 0, "liver-tests"): then(m(START, 1, 2, 3, 4, 5), monthly(6, 12)),
    ("azathioprine-nhs-fife", 0, "crp"): m(START, 1, 2, 3, 4, 5, 6, 7),
    ("azathioprine-nhs-grampian-renal", 0, "blood-tests"): then(SIX_AND_SIX, monthly(1, 2, 3)),
    ("azathioprine-nhs-grampian-renal", 0, "kidney"): m(START, 6, 12, 18, 24, 30, 36),
    ("azathioprine-neurology", 0, "blood-tests"): BRITISH,
    ("azathioprine-neurology", 1, "blood-tests"): then(w(1, 2, 3, 4, 5, 6), monthly(1, 2, 3), every(84, 3)),
    ("azathioprine-smpc", 0, "blood-count"): then(w(1, 2, 3, 4, 5, 6, 7, 8), monthly(3, 6, 9)),
    ("mercaptopurine-sps", 0, "blood-tests"): QUARTERS,
    ("methotrexate-bsr-2017", 0, "blood-tests"): BRITISH,
    ("methotrexate-acr-2008", 0, "blood-tests"): then(w(4, 8, 12, 24, 36, 48, 60)),
    ("methotrexate-us-label", 0, "blood-count"): m(START, 1, 2, 3, 4, 5, 6),
    ("methotrexate-us-label", 0, "liver-tests"): m(START, 2, 4, 6, 8),
    ("methotrexate-sps-gastroenterology", 0, "blood-tests"): QUARTERS,
    ("methotrexate-with-leflunomide-bsr-2017", 0, "blood-tests"): then(w(2, 4, 6), monthly(*range(1, 13))),
    ("tacrolimus-bsr-2017", 0, "blood-tests"): then(w(2, 4, 6), monthly(1, 2, 3, 4, 5, 6, 7, 8)),
    ("tacrolimus-kidney-transplant-kdigo", 0, "creatinine"): then(
        w(1), every(3, 7), w(*range(5, 14)), every(14, 7), monthly(1)
    ),
    ("tacrolimus-kidney-transplant-kdigo", 0, "trough"): then([START + timedelta(days=4)], every(4, 10)),
    ("tacrolimus-kidney-transplant-kdigo", 0, "follow-up"): w(1, 2, 3, 4, 5, 6),
    ("tacrolimus-kidney-transplant-kdigo", 0, "ecg"): m(START, 3, 12),
    ("ciclosporin-sps", 0, "kidney"): then(FORTNIGHTS_TO_3M, monthly(1, 2, 3), monthly(3, 6)),
    ("ciclosporin-sps", 0, "blood-tests"): then(w(2, 4, 6), monthly(1, 2, 3), monthly(3, 6)),
    ("ciclosporin-sps", 0, "lipids"): m(START, 1),
    ("ciclosporin-us-label", 0, "kidney"): then(FORTNIGHTS_TO_3M, monthly(1, 2, 3)),
    ("ciclosporin-us-label", 1, "psoriasis"): then(FORTNIGHTS_TO_3M, monthly(1, 2, 3)),
    ("ciclosporin-nhs-lanarkshire", 0, "blood-tests"): then(FORTNIGHTS_TO_3M, monthly(1, 2, 3)),
    ("mycophenolate-sps", 0, "blood-tests"): w(2, 4, 6, 18, 30, 42, 54),
    ("mycophenolate-us-label", 0, "blood-count"): then(w(1, 2, 3, 4, 6, 8, 10, 12), monthly(*range(1, 10))),
    ("mycophenolate-nhs-highland", 0, "blood-tests"): then(w(2, 4, 6), monthly(1, 2, 3, 4, 5)),
    ("leflunomide-sps", 0, "blood-tests"): then(w(2, 4, 6), monthly(1, 2, 3), monthly(3, 6, 9)),
    ("leflunomide-bsr-2017", 0, "blood-tests"): BRITISH,
    ("leflunomide-us-label", 0, "blood-tests"): then(m(START, 1, 2, 3, 4, 5, 6), every(56, 4)),
    ("leflunomide-us-label", 1, "blood-tests"): m(START, *range(1, 13)),
    ("leflunomide-eu-smpc-2004", 0, "blood-tests"): then(w(*range(2, 27, 2)), every(56, 4)),
    ("sulfasalazine-sps", 0, "blood-tests"): then(w(2, 4, 6), monthly(1, 2, 3), every(84, 3)),
    ("sulfasalazine-us-label", 0, "blood-tests"): then(FORTNIGHTS_TO_3M, monthly(1, 2, 3), monthly(3, 6)),
    ("hydroxychloroquine-rcophth-2020", 0, "retina"): m(START, 60),
    ("hydroxychloroquine-rcophth-2020", 1, "retina"): m(START, 12, 24, 36),
    ("hydroxychloroquine-aao-2016", 0, "retina"): m(START, 12, 60),
    ("hydroxychloroquine-aao-2016", 1, "retina"): m(START, 12, 24, 36),
    ("infliximab-nhs-lanarkshire", 0, "infusion"): w(0, 2, 6, 14, 22, 30, 38),
    ("infliximab-nhs-lanarkshire", 1, "infusion"): w(0, 2, 6, 12, 18, 24, 30),
    ("infliximab-nhs-lanarkshire", 0, "blood-tests"): m(START, 6, 12, 18),
    ("infliximab-us-label", 0, "infusion"): w(0, 2, 6, 14, 22, 30, 38),
    ("adalimumab-nhs-lanarkshire", 0, "injection"): w(*range(0, 30, 2)),
    ("adalimumab-nhs-lanarkshire", 0, "blood-tests"): m(START, 6, 12, 18),
    ("adalimumab-nhs-fife", 0, "blood-tests"): m(START, 3, 6, 12, 18),
}  # fmt: skip
ENDS = {  # clocks that ask for nothing after the last of these dates
    ("sulfasalazine-sps", 0, "blood-tests"), ("ciclosporin-sps", 0, "lipids"),
    ("mycophenolate-us-label", 0, "blood-count"), ("tacrolimus-kidney-transplant-kdigo", 0, "ecg"),
    ("methotrexate-with-leflunomide-bsr-2017", 0, "blood-tests"),
}  # fmt: skip


def _planned(name: str, number: int, clock: str) -> Dates:
    found = lived(name, number)
    return [item.due_on for item in found.items if item.clock == clock]


@pytest.mark.parametrize("name", library.protocols())
def test_three_years_are_as_they_were_read(name: str) -> None:
    kept = three_years.FOLDER.joinpath(f"{name}.txt").read_text("utf-8")
    difference = "\n".join(
        difflib.unified_diff(kept.split("\n"), PAGES[name].split("\n"), "kept", "now", lineterm="")
    )
    assert not difference, f"{difference}\nIf it is meant: python -m tests.schedules.three_years"


@pytest.mark.parametrize(("which", "dates"), WORKED_OUT.items(), ids=lambda one: "-".join(map(str, one[:3])))
def test_the_dates_are_those_worked_out_without_the_planner(
    which: tuple[str, int, str], dates: Dates
) -> None:
    planned = _planned(*which)
    assert planned[: len(dates)] == dates
    if which in ENDS:
        assert planned == dates, "nothing more is asked"


def test_every_protocol_and_every_clock_with_figures_has_dates_worked_out_by_hand() -> None:
    worked_out = {(name, clock) for name, _, clock in WORKED_OUT}
    clocks = {(name, c.id) for name, one in library.protocols().items() for c in one.clocks if not c.blank}
    alike = {("infliximab-us-label", "infusion"), ("adalimumab-nhs-fife", "injection")}
    assert clocks - worked_out <= alike
    assert {name for name, _ in worked_out} == set(library.protocols())


ROW = re.compile(r"^(\d{4}-\d\d-\d\d) \w{3}  (\S+) \d+: (.+) \(line (\d+)\), [a-z-]+$")


def _rows(name: str) -> Sequence[re.Match[str]]:
    return [row for line in PAGES[name].splitlines() if (row := ROW.match(line))]


@pytest.mark.parametrize("name", library.protocols())
def test_every_date_has_its_rule_and_a_line_of_the_file_with_that_figure(name: str) -> None:
    text = library.source_text(name).splitlines()
    rows = _rows(name)
    assert rows
    for row in rows:
        rule = "P0D" if row[3].startswith("on ") else row[3].split()[0]
        around = " ".join(text[int(row[4]) - 1 : int(row[4]) + 8])
        assert f'"{rule}"' in around, (row[0], around)


@pytest.mark.parametrize("name", library.protocols())
def test_every_item_says_its_protocol_version_and_source(name: str) -> None:
    packaged = library.protocol(name)
    said = f"({name} version {packaged.version}, {packaged.source.title})"
    assert all(said in item.why for item in lived(name, 0).items)


def test_the_files_are_of_the_packaged_protocols_and_no_others() -> None:
    assert {file.stem for file in three_years.FOLDER.iterdir()} == set(library.protocols())


@pytest.mark.parametrize("name", ["azathioprine-us-label", "infliximab-us-label"])
def test_simulate_gives_the_same_days(name: str) -> None:
    body = {
        "until": END.isoformat(), "patient": {"time_zone": "Europe/London"}, "tests": "on-due",
        "courses": [{"protocol": name, "start": START.isoformat()}],
    }  # fmt: skip
    told = sorted((item["due_on"], item["clock"]) for item in simulate.run(body)["items"])
    assert told == sorted((item.due_on.isoformat(), item.clock) for item in lived(name, 0).items)


def test_three_years_of_every_protocol_take_less_than_five_seconds() -> None:
    assert TOOK < 5
