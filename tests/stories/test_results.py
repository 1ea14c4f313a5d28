"""Results that come, are corrected, and are taken back."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from db import batches
from db.engine import writing
from db.tables import Result
from schedules import library
from service.flows import plans, results

START = date(2026, 1, 5)
PROTOCOL = library.protocol("azathioprine-bsr-2017")
DRAWN = date(2026, 1, 19)
USUAL = {name: 1 for name in PROTOCOL.clocks[0].components} | {"wbc": 6, "anc": 4, "plt": 250, "albumin": 40}


def someone(practice: Any) -> UUID:
    patient: UUID = practice.patient()
    practice.contact(patient)
    practice.course(patient, PROTOCOL, START)
    return patient


def arrive(practice: Any, patient: UUID, values: dict[str, float], **more: Any) -> None:
    """As an import does it: store, plan again, judge."""
    practice.clock.wind(practice.clock().replace(month=2, day=min(28, practice.clock().day + 1)))
    common = {
        "clinic_id": practice.clinic_id,
        "patient_id": patient,
        "value_as_sent": "",
        "unit_as_sent": "",
        "collected_on": DRAWN,
        "status": "final",
        "usable": True,
        "recorded_at": practice.clock(),
        "source": "test",
    }
    rows = [common | {"analyte": name, "value": Decimal(value)} | more for name, value in values.items()]
    with writing(practice.engine) as session:
        stored = batches.insert(session, Result, rows)
        keys = [(row.clinic_id, row.course_id) for row in practice.items]
        plans.apply(session, keys, now=practice.clock())
        results.judge(session, stored, now=practice.clock())


def test_a_result_entered_in_error_opens_again_what_it_closed(practice: Any) -> None:
    patient = someone(practice)
    arrive(practice, patient, USUAL)
    assert [item.class_ and item.class_.value for item in practice.items] == ["on-time", None]
    arrive(practice, patient, {"wbc": 6}, status="entered-in-error")
    first, second = practice.items
    assert (first.class_, first.missing, first.collected_on) == (None, ["wbc"], None)
    assert second.class_.value == "withdrawn"
    assert {r.item_id for r in practice.reminders if r.state == "waiting"} == {first.id}
    arrive(practice, patient, {"wbc": 5}, status="corrected")
    assert [item.class_ and item.class_.value for item in practice.items] == ["on-time", None]


def test_a_correction_marks_the_finding_and_a_person_still_finishes_it(practice: Any) -> None:
    patient = someone(practice)
    arrive(practice, patient, USUAL | {"wbc": 3})
    [finding] = [work for work in practice.work if work.kind == "limit"]
    assert (finding.state.value, finding.note) == ("open", None)
    arrive(practice, patient, {"wbc": 6}, status="corrected")
    [finding] = [work for work in practice.work if work.kind == "limit"]
    assert (finding.state.value, finding.note) == ("open", results.REPLACED)


def test_a_newer_normal_result_leaves_a_finding_as_it_is(practice: Any) -> None:
    patient = someone(practice)
    arrive(practice, patient, USUAL | {"wbc": 3})
    arrive(practice, patient, USUAL, collected_on=date(2026, 2, 2))
    [finding] = [work for work in practice.work if work.kind == "limit"]
    assert (finding.state.value, finding.note) == ("open", None)


def test_a_correction_that_cannot_be_used_leaves_no_value(practice: Any) -> None:
    patient = someone(practice)
    arrive(practice, patient, USUAL)
    arrive(practice, patient, {"wbc": 6}, status="corrected", usable=False)
    assert practice.items[0].missing == ["wbc"]


def test_a_preliminary_value_closes_nothing_and_is_judged_all_the_same(practice: Any) -> None:
    patient = someone(practice)
    arrive(practice, patient, USUAL | {"wbc": 2}, status="preliminary")
    assert [item.class_ for item in practice.items] == [None]
    assert [work.kind for work in practice.work if work.kind == "limit"] == ["limit"]
    arrive(practice, patient, USUAL | {"wbc": 6})
    assert [item.class_ and item.class_.value for item in practice.items] == ["on-time", None]


def test_what_a_late_result_makes_needless_is_no_longer_asked(practice: Any) -> None:
    """The phase seemed to end with too few tests; a result that comes late shows that it did not."""
    patient = someone(practice)
    practice.clock.wind(practice.clock().replace(month=2, day=20))
    practice.plan(*{item.course_id for item in practice.items})
    [asked] = [work for work in practice.work if work.kind == "phase-unfinished"]
    assert asked.state.value == "open"
    arrive(practice, patient, USUAL)
    arrive(practice, patient, USUAL, collected_on=date(2026, 2, 2))
    [asked] = [work for work in practice.work if work.kind == "phase-unfinished"]
    assert (asked.state.value, asked.outcome) == ("done", "the plan no longer asks it")
