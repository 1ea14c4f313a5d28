"""Records of a real trial, moved in time: its cut-off day becomes today (see records/README.md)."""

import csv
import gzip
from datetime import date, timedelta
from importlib import resources
from importlib.resources.abc import Traversable

from service.demo.people import Records

CUT_OFF = date(2013, 10, 1)
CLINICS = {"709": "Elm Street Clinic", "710": "Lakeside Clinic", "718": "Old Mill Clinic"}
FIRST = (
    "Ruth",
    "Amos",
    "Vera",
    "Hugo",
    "Nina",
    "Otto",
    "Alma",
    "Leon",
    "Edith",
    "Karl",
    "Iris",
    "Paul",
    "Olga",
)
LAST = ("Marsh", "Keller", "Dunn", "Petrov", "Alves", "Byrne", "Castro", "Frost", "Grant", "Hale", "Ivers")


def folder() -> Traversable:
    return resources.files("service.demo").joinpath("records")


def records(today: date, *, since: date) -> Records:
    found, moved = Records(), today - CUT_OFF
    known: dict[str, date] = {}
    subjects = folder().joinpath("subjects.csv").read_text("utf-8")
    for number, row in enumerate(csv.DictReader(subjects.splitlines())):
        known[row["subject"]] = max(date.fromisoformat(row["start"]) + moved, since)
        _subject(found, row, number, moved, known[row["subject"]])
    text = gzip.decompress(folder().joinpath("results.csv.gz").read_bytes()).decode()
    for row in csv.DictReader(text.splitlines()):
        on = date.fromisoformat(row["collected_on"]) + moved
        values = {name: row[name] for name in ("analyte", "value", "unit")}
        told = max(on, known[row["subject"]])
        found.add("results", told, **_who(row), collected_on=on, **values)
    return found


def _who(row: dict[str, str]) -> dict[str, str]:
    return {"clinic": CLINICS[row["site"]], "mrn": row["subject"]}


def _subject(found: Records, row: dict[str, str], number: int, moved: timedelta, known: date) -> None:
    start, who = date.fromisoformat(row["start"]) + moved, _who(row)
    name = f"{FIRST[number % len(FIRST)]} {LAST[number % len(LAST)]}"
    found.add("patients", known, **who, name=name, birth_date=row["birth_date"])
    found.add(
        "contacts",
        known,
        **who,
        channel="sms",
        address=f"+1202555{1000 + number:04}",
        consent="yes",
        consent_at=start,
        consent_source="paper form",
        consent_wording="We may send reminders of your visits to this number.",
    )
    found.add("courses", known, **who, protocol="cdisc-pilot", start=start)
    if row["stop"]:
        stop = date.fromisoformat(row["stop"]) + moved
        told = {"type": "stop", "reason": row["reason"] or "ended", "decided_by": "the investigator"}
        found.add("events", stop, **who, protocol="cdisc-pilot", on=stop, **told)
