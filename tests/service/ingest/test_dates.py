"""A date's format is stated, or proved by its whole column; nothing else is read as a date."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest import dates


@pytest.mark.parametrize(
    ("form", "text", "iso"),
    [
        ("DD/MM/YYYY", "03/04/2021", "2021-04-03"),
        ("MM/DD/YYYY", "03/04/2021", "2021-03-04"),
        ("DD/MM/YYYY", "3/4/2021", "2021-04-03"),
        ("DD.MM.YYYY", "03.04.2021", "2021-04-03"),
        ("YYYY/MM/DD", "2021/04/03", "2021-04-03"),
        ("YYYYMMDD", "20210403", "2021-04-03"),
        ("DD/MM/YYYY", "03/04/2021 14:30", "2021-04-03T14:30"),
        ("YYYY-MM-DD", "2021-04-03T14:30Z", "2021-04-03T14:30Z"),
        ("DD/MM/YYYY", "", ""),
    ],
)
def test_a_stated_format_reads_its_dates(form: str, text: str, iso: str) -> None:
    assert dates.Format.of(form).to_iso(text) == iso


SERIAL = "this is a spreadsheet's serial number, not a date; save the column as text, {0}"
SHORT = "the year has two digits; write the date as {0}, with all four digits of the year"
OTHER = "this is not a date written as {0}; write it as {0}"
NO_DAY = "there is no such day in the calendar; correct the date"
FAR = "the year is not between 1900 and 2100; correct the date"


@pytest.mark.parametrize(
    ("form", "text", "sentence"),
    [
        ("DD/MM/YYYY", "44197", SERIAL),
        ("DD/MM/YYYY", "44197.5", SERIAL),
        ("DD/MM/YYYY", "03/04/21", SHORT),
        ("DD/MM/YYYY", "2021-04-03", OTHER),
        ("DD/MM/YYYY", "03-04-2021", OTHER),
        ("DD/MM/YYYY", "٠٣/٠٤/٢٠٢١", OTHER),
        ("DD/MM/YYYY", "yesterday", OTHER),
        ("DD/MM/YYYY", "31/02/2021", NO_DAY),
        ("DD/MM/YYYY", "12/13/2021", NO_DAY),
        ("DD/MM/YYYY", "01/01/1899", FAR),
        ("YYYY-MM-DD", "44197", SERIAL),
        ("YYYY-MM-DD", "21-04-03", SHORT),
        ("YYYY-MM-DD", "03/04/2021", OTHER),
        ("YYYY-MM-DD", "20210403", OTHER),
        ("YYYY-MM-DD", "2021-02-29", NO_DAY),
        ("YYYY-MM-DD", "2101-01-01", FAR),
        ("YYYY-MM-DD", "0021-01-01", FAR),
        ("YYYY-MM-DD", "2021-04-03T14:30", OTHER),
    ],
)
def test_anything_else_is_refused_with_a_sentence(form: str, text: str, sentence: str) -> None:
    with pytest.raises(dates.NoDate) as caught:
        dates.parse(dates.Format.of(form).to_iso(text))
    assert str(caught.value) == sentence.format(form)


@pytest.mark.parametrize(
    "form", ["", "DD/MM/YY", "DD/MM", "DD/DD/YYYY", "DD/MM-YYYY", "dd/mm/yyyy", "MM/YYYY"]
)
def test_a_format_names_year_month_and_day_once_each(form: str) -> None:
    with pytest.raises(ValueError, match="YYYY, MM and DD"):
        dates.Format.of(form)


@pytest.mark.parametrize(
    ("column", "form"),
    [
        (["2021-01-07", "2021-02-04"], "YYYY-MM-DD"),
        (["2021-01-07T10:00", "", "2021-02-04"], "YYYY-MM-DD"),
        (["01/02/2021", "13/02/2021"], "DD/MM/YYYY"),
        (["01/02/2021", "02/13/2021"], "MM/DD/YYYY"),
        (["1.2.2021", "13.2.2021"], "DD.MM.YYYY"),
        (["01-02-2021 09:15", "31-02-2021"], "DD-MM-YYYY"),
    ],
)
def test_a_whole_column_proves_its_format(column: list[str], form: str) -> None:
    assert dates.prove(column).text == form


OPEN = "no date tells the day from the month, so the format cannot be proved; state date_format in the map"
BOTH = "some dates have the day first, others the month; write all of them in one format"
MIXED = "the column does not hold dates of one format; write all of them in one format"
EMPTY = "the column is empty, so its date format cannot be proved; state date_format in the map"


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (["01/02/2021", "03/04/2021", "12/12/2021"], OPEN),
        (["13/02/2021", "02/13/2021"], BOTH),
        (["13/02/2021", "2021-02-13"], MIXED),
        (["13/02/2021", "13-02-2021"], MIXED),
        (["13/02/2021", "44197"], MIXED),
        (["13/02/2021", "13/02/21"], MIXED),
        (["13/02/2021", "13/13/2021"], MIXED),
        (["13/02/2021", "unknown"], MIXED),
        (["2021-02-13", "20210214"], MIXED),
        ([], EMPTY),
        (["", ""], EMPTY),
    ],
)
def test_a_column_that_proves_nothing_is_refused_whole(column: list[str], sentence: str) -> None:
    with pytest.raises(dates.NoDate) as caught:
        dates.prove(column)
    assert str(caught.value) == sentence


@given(column=st.lists(st.dates(date(1900, 1, 1), date(2100, 12, 31)), min_size=1))
def test_a_proved_column_is_never_read_another_way(column: list[date]) -> None:
    try:
        form = dates.prove(f"{day:%d/%m/%Y}" for day in column)
    except dates.NoDate:
        assert all(day.day <= 12 for day in column)
    else:
        assert [form.to_iso(f"{day:%d/%m/%Y}") for day in column] == [day.isoformat() for day in column]
