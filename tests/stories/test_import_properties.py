"""Whatever comes in: a second time it changes nothing, and taken back it leaves everything as it was."""

import shutil
import tempfile
from datetime import date, timedelta
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from db import invariants
from db.engine import make_engine, reading, writing
from schedules import library
from schedules.facts import EventType
from service.flows import releases
from tests.service.records import NOW, Records, snapshot, standing

PROTOCOLS = sorted(library.protocols())
UNITS = {
    "wbc": "10*9/L",
    "anc": "10*9/L",
    "plt": "10*9/L",
    "hb": "g/dL",
    "alt": "U/L",
    "creatinine": "umol/L",
}
SIMPLE = ("hold", "resume", "stop", "dose-increase", "dose-decrease", "brand-change", "left", "died")

who = st.integers(1, 3)
day = st.integers(0, 120).map(lambda n: date(2025, 11, 2) + timedelta(days=n))
patients = who.map(lambda n: f"{n},Invented {n},1980-01-01")
contacts = st.builds("{},sms,+1202555010{},{},{},form".format, who, who, st.sampled_from(("yes", "no")), day)
courses = st.builds("{},{},{}".format, who, st.sampled_from(PROTOCOLS), day)
events = st.builds("{},{},{},{}".format, who, st.sampled_from(PROTOCOLS), day, st.sampled_from(SIMPLE))
results = st.builds(
    lambda n, on, name, value, status: f"{n},{on},{name},{value},{UNITS[name]},{status}",
    who,
    day,
    st.sampled_from(sorted(UNITS)),
    st.integers(1, 9),
    st.sampled_from(("final", "corrected", "preliminary")),
)
Tables = dict[str, list[str]]
TABLES = st.fixed_dictionaries(
    {
        "patients": st.lists(patients, max_size=3, unique=True),
        "contacts": st.lists(contacts, max_size=3, unique=True),
        "courses": st.lists(courses, max_size=4, unique=True),
        "events": st.lists(events, max_size=6, unique=True),
        "results": st.lists(results, max_size=20, unique=True),
    }
)


def test_the_events_are_among_those_that_there_are() -> None:
    assert set(SIMPLE) <= set(EventType)


@settings(max_examples=30, deadline=None, phases=[Phase.generate])  # making one smaller takes minutes
@given(before=TABLES, coming=TABLES)
def test_H45_an_import_and_its_undoing_are_nothing(
    sqlite_template: Path, before: Tables, coming: Tables
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = shutil.copy(sqlite_template, Path(folder) / "test.sqlite3")
        engine = make_engine(f"sqlite:///{database}")
        try:
            _there_and_back(engine, Records(Path(folder)), before, coming)
        finally:
            engine.dispose()


def _there_and_back(engine: Engine, records: Records, before: Tables, coming: Tables) -> None:
    records.write(**before).take(engine, good_rows=True)
    stood = standing(engine)
    run = records.write(**coming).take(engine, good_rows=True, now=NOW + timedelta(hours=1)).import_id
    after = snapshot(engine)
    assert records.take(engine, good_rows=True, now=NOW + timedelta(hours=2)).import_id is None
    assert snapshot(engine) == after
    if run is not None:
        with writing(engine) as session:
            releases.undo(session, run, by="Kim Invented", now=NOW + timedelta(hours=3))
    assert standing(engine) == stood
    with reading(engine) as session:
        assert invariants.broken(session) == {}
