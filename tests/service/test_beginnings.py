"""Before the first dose: the baseline, interactions, and whose limits judge."""

from datetime import date
from typing import Any

import pytest

from db.tables import AuditEntry
from schedules import library, protocol
from tests.schedules.test_protocol import file
from tests.service.desk import Desk
from tests.service.operations import World
from tests.stories.conftest import Practice

TODAY = "2026-01-04"  # in New York, when it is the 5th in UTC
ASKED = [
    {"id": "cbc", "required": True},
    {"id": "tpmt", "required": True},
    {"id": "hiv", "required": False},
]
COUNTS = {"wbc": "6.1 10*9/L", "anc": "3.5 10*9/L", "plt": "250 10*9/L", "hb": "135 g/L"}


@pytest.fixture
def desk(practice: Practice) -> Desk:
    """A clinic that has a protocol of its own with a baseline, in use by somebody."""
    found = Desk(World(practice))
    own = protocol.build(file(id="with-baseline", version=1, adults_only=False, baseline=ASKED))
    practice.course(practice.patient(), own, date(2025, 12, 1))
    return found


def enrol(desk: Desk, patient: Any, **said: Any) -> Any:
    body = {"protocol": "with-baseline", "start": TODAY} | said
    return desk.ask("POST", f"/patients/{patient}/courses", body)


def kinds(desk: Desk, patient: Any) -> list[tuple[str, str]]:
    """Of the start: that nobody of these can be reached is another work item."""
    mine = [row for row in desk.practice.work if row.patient_id == patient and row.kind != "unreachable"]
    return sorted((row.kind, row.level) for row in mine)


def test_a_start_without_a_required_baseline_needs_a_named_clinicians_reason(desk: Desk) -> None:
    patient = desk.practice.patient()
    refused = enrol(desk, patient)
    assert refused.status_code == 409
    assert "TPMT" in refused.json()["detail"]
    assert "HIV" not in refused.json()["detail"]
    assert enrol(desk, patient, reason="no time").status_code == 422
    assert kinds(desk, patient) == []
    made = enrol(desk, patient, reason="A flare that cannot wait", decided_by="Dr Grace Example")
    assert made.status_code == 201
    assert [one["id"] for one in made.json()["baseline_missing"]] == ["cbc", "tpmt", "hiv"]
    assert kinds(desk, patient) == [("baseline-missing", "24h")]
    [work] = [row for row in desk.practice.work if row.kind == "baseline-missing"]
    assert "Dr Grace Example: A flare that cannot wait" in work.about
    entry = desk.practice.rows(AuditEntry, "at", "id")[-1]
    assert entry.detail["decided_by"] == "Dr Grace Example"


def test_what_is_measured_or_attested_is_not_missing(desk: Desk) -> None:
    patient = desk.practice.patient()
    desk.practice.draw(patient, date(2026, 1, 3), set(COUNTS), wbc=6.1, anc=3.5, plt=250, hb=135)
    assert "TPMT" in enrol(desk, patient).json()["detail"]
    unasked = enrol(desk, patient, attested=["chest-x-ray"])
    assert unasked.status_code == 422
    made = enrol(desk, patient, attested=["tpmt"])
    assert made.status_code == 201
    assert made.json()["baseline_missing"] == [
        {"id": "hiv", "name": "HIV test", "required": False},
    ]
    assert kinds(desk, patient) == []


def test_who_is_on_the_medicine_already_is_enrolled_and_what_is_missing_is_shown(desk: Desk) -> None:
    patient = desk.practice.patient()
    made = enrol(desk, patient, start="2025-12-01")
    assert made.status_code == 201
    assert len(made.json()["baseline_missing"]) == 3


def test_an_interaction_is_flagged_whichever_medicine_comes_second(desk: Desk) -> None:
    for first, second in (("azathioprine-us-label", "methotrexate-us-label"),
                          ("methotrexate-us-label", "azathioprine-us-label")):  # fmt: skip
        patient = desk.practice.patient()
        desk.practice.course(patient, library.protocol(first), date(2025, 12, 1))
        made = enrol(desk, patient, protocol=second, start="2026-01-02")
        assert made.status_code == 201
        assert ("interaction", "24h") in kinds(desk, patient)


def test_packaged_limits_are_not_for_leukaemia_a_transplant_or_a_child_and_a_person_hears(desk: Desk) -> None:
    adult = desk.practice.patient()
    body = {"protocol": "azathioprine-bsr-2017", "start": "2026-01-02"}
    assert enrol(desk, adult, **body, indication="leukaemia").status_code == 201
    assert ("limits-not-applied", "24h") in kinds(desk, adult)
    judged = desk.practice.patient()
    assert enrol(desk, judged, **body, indication="crohns-disease").status_code == 201
    assert kinds(desk, judged) == []
    child = desk.practice.patient(birth_date=date(2008, 1, 3))
    assert "under 18" in enrol(desk, child, **body).json()["detail"]
    own = desk.practice.patient(birth_date=date(2015, 1, 3))
    assert enrol(desk, own, start="2025-12-01", indication="leukaemia").status_code == 201
    assert kinds(desk, own) == []
