"""The canonical tables become typed rows; a bad row is one sentence that names file, line and column."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from db.tables.contacts import Audience, Channel, Relation
from db.tables.patients import EndReason, Wording
from db.tables.results import ResultStatus
from schedules import days
from schedules.days import Duration
from schedules.facts import EventType
from service.ingest import canonical
from service.ingest import folder as folders
from service.ingest.rows import (
    ContactRow,
    CourseRow,
    EventRow,
    Line,
    Moment,
    PatientRow,
    ResultRow,
    grouped,
)
from tests.service.ingest.conftest import Folder

WHO = {"clinic": "North", "mrn": "0042"}
ANNA = ("North", "clinic", "0042")
PATIENT = {**WHO, "name": "Anna Abel", "birth_date": "1980-02-29"}
CONTACT = {**WHO, "channel": "sms", "address": "+447700900123"}
COURSE = {**WHO, "protocol": "azathioprine-bsg-2019", "start": "2026-01-05"}
EVENT = {**WHO, "protocol": "azathioprine-bsg-2019", "on": "2026-02-14", "type": "dose-increase"}
RESULT = {**WHO, "collected_on": "2026-03-02", "analyte": "wbc", "value": "3.1", "unit": "10*9/L"}
LEAST: Mapping[str, Mapping[str, str]] = {
    "patients": PATIENT,
    "contacts": CONTACT,
    "courses": COURSE,
    "events": EVENT,
    "results": RESULT,
}


def csv(*rows: Mapping[str, str]) -> str:
    header = list(dict.fromkeys(name for row in rows for name in row))
    quoted = [['"' + row.get(name, "").replace('"', '""') + '"' for name in header] for row in rows]
    return "\n".join([",".join(header), *(",".join(row) for row in quoted)])


FULL = {
    "patients": (
        {
            **PATIENT,
            "authority": "NHS",
            "time_zone": "Europe/London",
            "language": "cy",
            "preferred_time": "18:30",
            "quiet_start": "20:00",
            "quiet_end": "09:15",
            "wording": "blood-test",
            "ended_on": "2026-07-01",
            "ended_reason": "moved-away",
        },
        PatientRow(
            line=Line("patients.csv", 2),
            clinic="North",
            authority="NHS",
            mrn="0042",
            name="Anna Abel",
            birth_date=date(1980, 2, 29),
            time_zone="Europe/London",
            language="cy",
            preferred_time=time(18, 30),
            quiet_start=time(20),
            quiet_end=time(9, 15),
            wording=Wording.BLOOD_TEST,
            ended_on=date(2026, 7, 1),
            ended_reason=EndReason.MOVED_AWAY,
        ),
    ),
    "contacts": (
        {
            **CONTACT,
            "audience": "carer",
            "consent": "yes",
            "consent_at": "2025-12-01T10:00+01:00",
            "consent_source": "paper form",
            "consent_wording": "I agree\nto messages",
            "relation": "parent",
            "ends_on": "2026-05-01",
        },
        ContactRow(
            line=Line("contacts.csv", 2),
            patient=ANNA,
            audience=Audience.CARER,
            channel=Channel.SMS,
            address="+447700900123",
            consent=True,
            consent_at=Moment(at=datetime.fromisoformat("2025-12-01T10:00+01:00")),
            consent_source="paper form",
            consent_wording="I agree\nto messages",
            relation=Relation.PARENT,
            ends_on=date(2026, 5, 1),
        ),
    ),
    "courses": (
        {**COURSE, "enrolled": "2026-02-01", "indication": "crohns-disease", "flags": "high-risk; age-65"},
        CourseRow(
            line=Line("courses.csv", 2),
            patient=ANNA,
            protocol="azathioprine-bsg-2019",
            start=date(2026, 1, 5),
            enrolled=date(2026, 2, 1),
            indication="crohns-disease",
            flags=("age-65", "high-risk"),
        ),
    ),
    "events": (
        {
            **EVENT,
            "type": "override",
            "clock": "blood-count",
            "reason": "abroad",
            "review_on": "2026-03-01",
            "every": "P3W",
            "due_on": "2026-02-20",
            "decided_by": "Dr Bell",
            "at": "2026-02-20T14:30",
            "dose": "75 mg",
        },
        EventRow(
            line=Line("events.csv", 2),
            patient=ANNA,
            protocol="azathioprine-bsg-2019",
            on=date(2026, 2, 14),
            type=EventType.OVERRIDE,
            clock="blood-count",
            reason="abroad",
            review_on=date(2026, 3, 1),
            every=Duration(3, "W"),
            due_on=date(2026, 2, 20),
            decided_by="Dr Bell",
            at=datetime(2026, 2, 20, 14, 30),  # noqa: DTZ001
            dose="75 mg",
        ),
    ),
    "results": (
        {**RESULT, "analyte": "718-7", "value": "9.1", "unit": "g/dL", "status": "corrected"},
        ResultRow(
            line=Line("results.csv", 2),
            patient=ANNA,
            collected=Moment(day=date(2026, 3, 2)),
            analyte="hb",
            value_as_sent="9.1",
            unit_as_sent="g/dL",
            value=Decimal(91),
            status=ResultStatus.CORRECTED,
        ),
    ),
}


@pytest.mark.parametrize("table", canonical.TABLES)
@pytest.mark.parametrize("end", ["csv", "csv__gz"])
def test_a_full_row_of_each_table_is_read(table: str, end: str, folder: Folder) -> None:
    texts, wanted = FULL[table]
    batch = folders.read(folder(**{f"{table}__{end}": csv(texts)}))
    (row,) = getattr(batch, table)
    assert batch.errors == ()
    assert row.line.file == f"{table}.{end}".replace("__", ".")
    assert row.key == wanted.key  # type: ignore[attr-defined]
    for name in canonical.TABLES[table].names:
        assert getattr(row, name, None) == getattr(wanted, name, None), name


@pytest.mark.parametrize("table", canonical.TABLES)
def test_a_row_needs_no_more_than_its_required_columns(table: str, folder: Folder) -> None:
    batch = folders.read(folder(**{f"{table}__csv": csv(LEAST[table])}))
    assert batch.errors == ()
    assert len(getattr(batch, table)) == 1


def test_what_a_patient_row_leaves_out_has_its_default(folder: Folder) -> None:
    (row,) = folders.read(folder(patients__csv=csv(PATIENT))).patients
    assert (row.authority, row.wording, row.preferred_time) == ("clinic", Wording.NEUTRAL, time(9))
    assert (row.quiet_start, row.quiet_end) == (time(21), time(8))
    assert (row.time_zone, row.language, row.ended_on) == (None, None, None)


def test_none_means_no_quiet_hours(folder: Folder) -> None:
    texts = {**PATIENT, "quiet_start": "none", "quiet_end": "none", "preferred_time": "03:00"}
    (row,) = folders.read(folder(patients__csv=csv(texts))).patients
    assert (row.quiet_start, row.quiet_end, row.preferred_time) == (None, None, time(3))


NO_DATE = "this is not a date written as YYYY-MM-DD; write it as YYYY-MM-DD"
SERIAL = "this is a spreadsheet's serial number, not a date; save the column as text, YYYY-MM-DD"
CONTROL = "the text holds a control character; take it out"
NO_PHONE = "this is not a telephone number; write it with its country, as +447700900123"
NO_COUNTRY = "the number has no country; write it as +447700900123, or state the region of the import"
NO_EMAIL = "this is not an e-mail address; write it as name@example.org"
NO_ID = "this is not an id; write small letters, digits and single hyphens"
NO_TIME = "this is not a time of day; write it as 09:00, from 00:00 to 23:59"
NO_NUMBER = "the value is not a number; write a plain number, as 3.5, or a bound, as <0.2"
BESIDE = "it is empty beside a consent; say when and how the answer was given"
ONE_END = "quiet hours have one end only; give both, or none in both"
AN_END = "an end has a day and a reason; give both or neither"
BAD = [
    ("patients", "name", {"name": ""}, "it is empty; give the patient's name, as it is written"),
    ("patients", "name", {"name": " \u00a0"}, "it is empty; give the patient's name, as it is written"),
    ("patients", "name", {"name": "Anna\tAbel"}, CONTROL),
    ("patients", "name", {"name": "Anna\x85"}, CONTROL),
    ("patients", "name", {"name": "a" * 201}, "the text is longer than 200 characters; shorten it"),
    ("patients", "clinic", {"clinic": ""}, "it is empty; give the clinic's name"),
    ("patients", "mrn", {"mrn": ""}, "it is empty; give the patient's number there"),
    ("patients", "birth_date", {"birth_date": ""}, "it is empty; give the date of birth, YYYY-MM-DD"),
    ("patients", "birth_date", {"birth_date": "29/02/1980"}, NO_DATE),
    ("patients", "birth_date", {"birth_date": "29280"}, SERIAL),
    (
        "patients",
        "birth_date",
        {"birth_date": "1981-02-29"},
        "there is no such day in the calendar; correct the date",
    ),
    (
        "patients",
        "time_zone",
        {"time_zone": "Europe/Nowhere"},
        "there is no such time zone; write an IANA name, as Europe/London",
    ),
    (
        "patients",
        "time_zone",
        {"time_zone": "../../etc/passwd"},
        "there is no such time zone; write an IANA name, as Europe/London",
    ),
    (
        "patients",
        "language",
        {"language": "Welsh"},
        "this is not a language; write its code, as en or pt-BR",
    ),
    ("patients", "preferred_time", {"preferred_time": "9am"}, NO_TIME),
    ("patients", "preferred_time", {"preferred_time": "24:00"}, NO_TIME),
    (
        "patients",
        "preferred_time",
        {"preferred_time": "21:00"},
        "the time is in the quiet hours; choose a time outside them",
    ),
    (
        "patients",
        "preferred_time",
        {"preferred_time": "07:59"},
        "the time is in the quiet hours; choose a time outside them",
    ),
    ("patients", "quiet_end", {"quiet_start": "none"}, ONE_END),
    (
        "patients",
        "quiet_end",
        {"quiet_start": "22:00", "quiet_end": "22:00"},
        "quiet hours start when they end; write none in both for no quiet hours",
    ),
    (
        "patients",
        "wording",
        {"wording": "open"},
        "this is none of the words it can be; use one of neutral, blood-test",
    ),
    ("patients", "ended_reason", {"ended_on": "2026-01-01"}, AN_END),
    ("patients", "ended_reason", {"ended_reason": "died"}, AN_END),
    (
        "contacts",
        "audience",
        {"audience": "prescriber"},
        "this is none of the words it can be; use one of patient, carer",
    ),
    (
        "contacts",
        "channel",
        {"channel": "worklist"},
        "this is none of the words it can be; use one of sms, email, push, voice, chat, post, outbox",
    ),
    ("contacts", "address", {"address": "07700 900123"}, NO_COUNTRY),
    ("contacts", "address", {"address": "+44"}, NO_PHONE),
    ("contacts", "address", {"address": "+1 555 0123"}, NO_PHONE),
    ("contacts", "address", {"address": "+4477009001234567"}, NO_PHONE),
    ("contacts", "address", {"address": "+1 800 FLOWERS"}, NO_PHONE),
    ("contacts", "address", {"address": "+447700900123 x 5"}, NO_PHONE),
    ("contacts", "address", {"channel": "email"}, NO_EMAIL),
    ("contacts", "address", {"channel": "email", "address": "anna@example"}, NO_EMAIL),
    ("contacts", "address", {"channel": "email", "address": "anna abel@example.org"}, NO_EMAIL),
    ("contacts", "address", {"channel": "email", "address": "a@b.org, c@d.org"}, NO_EMAIL),
    ("contacts", "consent", {"consent": "perhaps"}, "this is neither yes nor no; write yes or no"),
    ("contacts", "consent_at", {"consent": "yes"}, BESIDE),
    ("contacts", "consent_source", {"consent": "no", "consent_at": "2026-01-01"}, BESIDE),
    (
        "contacts",
        "consent_at",
        {"consent_at": "2026-01-01T10:00"},
        "the time has no offset; write it as 2026-03-09T14:30+01:00, or the date alone",
    ),
    ("courses", "protocol", {"protocol": "Azathioprine BSG"}, NO_ID),
    ("courses", "start", {"start": "05.01.2026"}, NO_DATE),
    (
        "courses",
        "enrolled",
        {"enrolled": "5/1/26"},
        "the year has two digits; write the date as YYYY-MM-DD, with all four digits of the year",
    ),
    (
        "courses",
        "flags",
        {"flags": "age-65;risky"},
        "there is no such flag; use, separated by semicolons, high-risk, age-65, ",
    ),
    ("courses", "indication", {"indication": "Crohn's"}, NO_ID),
    (
        "events",
        "protocol",
        {"protocol": ""},
        "it is empty; name the protocol of the course that this happened to",
    ),
    (
        "events",
        "type",
        {"type": "increase"},
        "this is none of the words it can be; use one of dose-increase, dose-decrease, ",
    ),
    ("events", "on", {"on": ""}, "it is empty; give the day it took effect"),
    (
        "events",
        "every",
        {"every": "2 weeks"},
        "this is not a duration; write a duration as P10D, P2W, P3M or P1Y",
    ),
    ("events", "every", {"every": "P0D"}, "the duration is nothing; write at least P1D"),
    (
        "events",
        "at",
        {"at": "2026-02-20T14:30Z"},
        "this is not a local date and time; write it as 2026-03-09T14:30, without an offset",
    ),
    ("events", "reason", {"reason": "x" * 4001}, "the text is longer than 4000 characters; shorten it"),
    (
        "results",
        "analyte",
        {"analyte": "leucocytes"},
        "there is no such analyte; use an id of the library or a LOINC code",
    ),
    (
        "results",
        "analyte",
        {"analyte": "718-8"},
        "there is no such analyte; use an id of the library or a LOINC code",
    ),
    ("results", "value", {"value": "haemolysed"}, NO_NUMBER),
    ("results", "value", {"value": "1e3"}, NO_NUMBER),
    ("results", "value", {"value": "<script>"}, NO_NUMBER),
    ("results", "value", {"value": "NaN"}, NO_NUMBER),
    ("results", "value", {"value": "٣"}, NO_NUMBER),
    ("results", "value", {"value": "3,1"}, "the value has a comma, which can mean two things; "),
    ("results", "value", {"value": ""}, "it is empty; give the value, or the status cancelled"),
    (
        "results",
        "status",
        {"status": "done"},
        "this is none of the words it can be; use one of preliminary, ",
    ),
    (
        "results",
        "collected_on",
        {"collected_on": ""},
        "a result is collected on a day or at a time; fill one of collected_on, collected_at",
    ),
    (
        "results",
        "collected_on",
        {"collected_at": "2026-03-02T10:00Z"},
        "a result is collected on a day or at a time; fill one of collected_on, collected_at",
    ),
    ("results", "collected_on", {"collected_on": "2026-03-02T10:00"}, NO_DATE),
    (
        "results",
        "collected_at",
        {"collected_on": "", "collected_at": "2026-03-02T25:00"},
        "there is no such time of day; write it as 2026-03-09T14:30 or 2026-03-09T14:30Z",
    ),
]


@pytest.mark.parametrize(("table", "column", "change", "sentence"), BAD)
def test_a_bad_row_is_one_sentence_and_the_good_one_goes_on(
    table: str, column: str, change: dict[str, str], sentence: str, folder: Folder
) -> None:
    good = {**LEAST[table], "mrn": "0043"}
    batch = folders.read(folder(**{f"{table}__csv": csv({**LEAST[table], **change}, good)}))
    (error,) = batch.errors
    assert str(error).startswith(f"{table}.csv line 2, column {column}: {sentence}")
    assert [row.line for row in getattr(batch, table)] == [Line(f"{table}.csv", 3)]
    assert (batch.counts[table].lines, batch.counts[table].rows, batch.counts[table].refused) == (2, 1, 1)
    for text in change.values():
        assert len(text) < 9 or text not in str(error)


@pytest.mark.parametrize(
    ("text", "unit", "value", "unusable"),
    [
        ("3.1", "10*9/L", Decimal("3.1"), None),
        ("3100", "/uL", Decimal("3.1"), None),
        ("<0.2", "10*9/L", None, "the value is a bound (such as <0.2), not a figure"),
        (">= 100", "10*9/L", None, "the value is a bound (such as <0.2), not a figure"),
        ("3.1", "", None, "this unit is not known for the analyte: state its unit"),
        ("3.1", "furlongs", None, "this unit is not known for the analyte: state its unit"),
        (
            "6545132",
            "10*9/L",
            None,
            "the value cannot be a person's: look for a wrong unit or a slipped decimal point",
        ),
        (
            "-1",
            "10*9/L",
            None,
            "the value cannot be a person's: look for a wrong unit or a slipped decimal point",
        ),
    ],
)
def test_a_figure_that_cannot_be_used_is_kept_with_its_reason(
    text: str, unit: str, value: Decimal | None, unusable: str | None, folder: Folder
) -> None:
    batch = folders.read(folder(results__csv=csv({**RESULT, "value": text, "unit": unit})))
    (row,) = batch.results
    assert (row.value, row.unusable, row.value_as_sent, row.unit_as_sent) == (value, unusable, text, unit)
    assert batch.errors == ()
    assert len(batch.warnings) == batch.counts["results"].unusable == (unusable is not None)
    for warning in batch.warnings:
        assert str(warning).startswith("results.csv line 2, column value: ")
        assert "so wbc is kept but closes nothing; " in str(warning)


def test_a_code_that_the_library_has_not_is_kept_under_it(folder: Folder) -> None:
    batch = folders.read(folder(results__csv=csv({**RESULT, "analyte": "785-6", "unit": "pg"})))
    (row,) = batch.results
    assert (row.analyte, row.unusable) == ("785-6", "this analyte is not in the library")
    assert [str(warning) for warning in batch.warnings] == [
        "results.csv line 2, column value: this analyte is not in the library, so 785-6 is kept but closes "
        "nothing; look whether it has another code there."
    ]


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_result_taken_back_needs_no_value(status: str, folder: Folder) -> None:
    batch = folders.read(folder(results__csv=csv({**RESULT, "value": "", "status": status})))
    (row,) = batch.results
    assert (row.value, row.unusable, batch.warnings) == (None, "there is no value", ())


@pytest.mark.parametrize(
    ("region", "text"),
    [("GB", "07700 900123"), ("GB", "+44 (0)7700 900-123"), (None, "+44 7700 900 123")],
)
def test_a_number_is_kept_as_e164(region: str | None, text: str, folder: Folder) -> None:
    batch = folders.read(folder(contacts__csv=csv({**CONTACT, "address": text})), region=region)
    assert [row.address for row in batch.contacts] == ["+447700900123"]


@pytest.mark.parametrize(("address", "warned"), [("+447700900123", True), ("+442079460123", False)])
def test_a_number_that_is_in_no_known_range_is_taken_with_a_warning(
    address: str, warned: bool, folder: Folder
) -> None:
    batch = folders.read(folder(contacts__csv=csv({**CONTACT, "address": address})))
    sentence = (
        "contacts.csv line 2, column address: this is not a number that its country is known to give out; "
        "call it, or correct it."
    )
    assert len(batch.contacts) == 1
    assert [str(warning) for warning in batch.warnings] == [sentence] * warned


@pytest.mark.parametrize("address", ["anna@example.org", "a.b+c@mail.example.co.uk", "änna@exämple.org"])
def test_an_email_address_is_kept_as_it_is(address: str, folder: Folder) -> None:
    batch = folders.read(
        folder(contacts__csv=csv({**CONTACT, "channel": "email", "address": f" {address} "}))
    )
    assert ([row.address for row in batch.contacts], batch.warnings) == ([address], ())


def test_a_number_of_another_country_than_the_stated_one_is_refused(folder: Folder) -> None:
    batch = folders.read(folder(contacts__csv=csv({**CONTACT, "address": "07700 900123"})), region="US")
    assert "this is not a telephone number in US; " in str(batch.errors[0])


@pytest.mark.parametrize("kind", ["died", "left", "moved-away"])
def test_a_farewell_needs_no_course(kind: str, folder: Folder) -> None:
    batch = folders.read(folder(events__csv=csv({**EVENT, "protocol": "", "type": kind})))
    assert [row.protocol for row in batch.events] == [None]


LONDON = days.zone("Europe/London")


@pytest.mark.parametrize(
    ("column", "text", "day", "instant"),
    [
        ("collected_on", "2026-03-02", date(2026, 3, 2), None),
        ("collected_at", "2026-03-02", date(2026, 3, 2), None),
        ("collected_at", "2026-07-02T00:30", date(2026, 7, 2), datetime(2026, 7, 1, 23, 30, tzinfo=UTC)),
        ("collected_at", "2026-07-01T23:30Z", date(2026, 7, 2), datetime(2026, 7, 1, 23, 30, tzinfo=UTC)),
        (
            "collected_at",
            "2026-07-01 23:30:00+02:00",
            date(2026, 7, 1),
            datetime(2026, 7, 1, 21, 30, tzinfo=UTC),
        ),
        ("collected_at", "2026-03-29T01:30", date(2026, 3, 29), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_draw_has_its_day_where_the_patient_is(
    column: str, text: str, day: date, instant: datetime | None, folder: Folder
) -> None:
    texts = {**RESULT, "collected_on": "", column: text}
    (row,) = folders.read(folder(results__csv=csv(texts))).results
    assert (row.collected.local_day(LONDON), row.collected.instant(LONDON)) == (day, instant)


def test_the_same_fact_twice_is_one_row(folder: Folder) -> None:
    batch = folders.read(folder(courses__csv=csv(COURSE, COURSE, COURSE)))
    assert [row.line.number for row in batch.courses] == [2]
    assert (batch.errors, batch.counts["courses"].merged) == ((), 2)


def test_a_contradiction_names_both_lines_and_neither_is_taken(folder: Folder) -> None:
    rows = [RESULT, {**RESULT, "value": "3.2"}, RESULT, {**RESULT, "analyte": "plt", "value": "200"}]
    batch = folders.read(folder(results__csv=csv(*rows)))
    what = "results.csv line 2 says something else of the same result, so neither is taken"
    assert [str(error) for error in batch.errors] == [
        f"results.csv line {number}: {what}; keep the one that is true." for number in (3, 4)
    ]
    assert [row.analyte for row in batch.results] == ["plt"]
    assert batch.counts["results"].refused == 3


def test_a_preliminary_and_a_final_result_are_two_facts(folder: Folder) -> None:
    batch = folders.read(
        folder(results__csv=csv({**RESULT, "status": "preliminary"}, {**RESULT, "value": "3"}))
    )
    assert (len(batch.results), batch.errors) == (2, ())


def test_a_folder_read_twice_says_the_same(folder: Folder) -> None:
    where = folder(**{f"{name}__csv": csv(texts) for name, texts in LEAST.items()})
    once, twice = folders.read(where), folders.read(where)
    assert once == twice
    assert sum(count.rows for count in once.counts.values()) == 5


def test_a_folder_without_tables_is_one_error(folder: Folder) -> None:
    batch = folders.read(folder(readme__txt="nothing"))
    (error,) = batch.errors
    assert "the folder has none of the tables; add patients.csv, contacts.csv" in str(error)
    assert folders.read(folder() / "nowhere").errors


def test_a_file_of_another_name_is_pointed_out(folder: Folder) -> None:
    batch = folders.read(folder(patients__csv=csv(PATIENT), pateints__csv=csv(PATIENT)))
    assert [str(warning) for warning in batch.warnings] == [
        "pateints.csv line 1: the file is not read; name it one of patients.csv, contacts.csv, courses.csv, "
        "events.csv, results.csv, or give a map."
    ]


def test_a_table_in_two_files_is_an_error(folder: Folder) -> None:
    batch = folders.read(folder(patients__csv=csv(PATIENT), patients__csv__gz=csv(PATIENT)))
    assert [str(error) for error in batch.errors] == [
        "patients.csv.gz line 1: patients.csv is the same table; keep one of the two files."
    ]


def test_progress_counts_every_line_up_to_all(folder: Folder) -> None:
    rows = [{**RESULT, "mrn": str(number)} for number in range(2500)]
    seen: list[tuple[int, int]] = []
    folders.read(folder(results__csv=csv(*rows)), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1000, 2500), (2000, 2500), (2500, 2500)]


def test_problems_that_say_the_same_can_be_told_once(folder: Folder) -> None:
    rows = [{**RESULT, "mrn": str(number), "value": "<1"} for number in range(3)]
    batch = folders.read(folder(results__csv=csv(*rows, {**RESULT, "unit": ""})))
    assert [(problem.line.number, count) for problem, count in grouped(batch.warnings)] == [(2, 3), (5, 1)]


def test_every_column_has_words_for_the_reader() -> None:
    for table in canonical.TABLES.values():
        assert table.doc
        assert all(column.doc for column in table.columns)
        assert table.required


def test_a_moment_knows_the_zone_it_is_asked_for() -> None:
    late = Moment(at=datetime(2026, 3, 2, 23, 0, tzinfo=UTC))
    assert late.local_day(ZoneInfo("Asia/Kolkata")) == date(2026, 3, 3)
