"""Who may do what: one row an operation. What has no row cannot be called by anybody.

A key belongs to a clinic or to the whole house. `clinic` is who may do it with a key of the clinic concerned,
`house` with one of the whole house; a key of another clinic never can, and is told that nothing is there.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from db.tables import UserRole

MOST = 57  # operations under /v1: every one is somebody's to keep

PUBLIC = frozenset(
    {
        "alive",
        "ready",
        "metrics",
        "take_receipt",  # the gateway signs it
        "sign_in_form",
        "sign_in",
        "sign_out",
        "patient_page",  # a signed link, and a birth date
        "patient_opens",
        "patient_stops",
        "patient_starts",
        "patient_is_another",
        "patient_tells",
        "patient_calendar",
    }
)


class Allowed(NamedTuple):
    clinic: frozenset[UserRole]
    house: frozenset[UserRole]


def _roles(words: str) -> frozenset[UserRole]:
    return frozenset(UserRole(word) for word in words.split())


CARE = "coordinator clinician admin"
ALL = "coordinator clinician reporter admin"
NOBODY = Allowed(frozenset(), frozenset())

ROWS = (
    # operation          with a key of the clinic  with a key of the house
    ("list_overdue", CARE, CARE),
    ("list_outbox", CARE, CARE),
    ("preview_schedule", ALL, ALL),
    ("report_adherence", ALL, ALL),
    ("list_adherence_lines", ALL, ALL),
    ("list_prescribing_status", CARE, CARE),
    ("list_patients_without_next_date", CARE, CARE),
    ("create_patient", "coordinator admin", "coordinator admin"),
    ("find_patients", CARE, CARE),
    ("read_patient", CARE, CARE),
    ("change_patient", "coordinator admin", "coordinator admin"),
    ("enrol_patient", CARE, CARE),
    ("read_course", CARE, CARE),
    ("read_whole_patient", CARE, CARE),
    ("record_event", CARE, CARE),
    ("record_results", CARE, CARE),
    ("list_results", CARE, CARE),
    ("list_protocols", ALL, ALL),
    ("show_protocol", ALL, ALL),
    ("preview_protocol", ALL, ALL),
    ("propose_protocol", CARE, CARE),
    ("approve_protocol", "clinician admin", "clinician admin"),
    ("propose_move", CARE, CARE),
    ("show_move", CARE, CARE),
    ("approve_move", "clinician admin", "clinician admin"),
    ("add_contact", "coordinator admin", "coordinator admin"),
    ("answer_consent", "coordinator admin", "coordinator admin"),
    ("mark_contact", "coordinator admin", "coordinator admin"),
    ("record_appointment", CARE, CARE),
    ("list_reminders", CARE, CARE),
    ("list_messages", CARE, CARE),
    ("explain_reminder", CARE, CARE),
    ("list_work", CARE, CARE),
    ("claim_work", CARE, CARE),
    ("snooze_work", CARE, CARE),
    ("finish_work", CARE, CARE),
    ("act_on_work", CARE, CARE),
    ("read_rota", CARE, CARE),
    ("set_rota", "coordinator admin", "coordinator admin"),
    ("read_closed_days", CARE, CARE),
    ("set_closed_days", "coordinator admin", "coordinator admin"),
    ("end_patient", CARE, CARE),
    ("take_back", CARE, CARE),
    ("switch_check_ins", "clinician admin", "clinician admin"),
    ("list_check_ins", CARE, CARE),
    ("import_records", "coordinator admin", "coordinator admin"),
    ("show_import", CARE, CARE),
    ("release_import", "coordinator admin", "coordinator admin"),
    ("undo_import", "coordinator admin", "coordinator admin"),
    ("merge_patient", "coordinator admin", "coordinator admin"),
    ("offer_hand_over", CARE, CARE),
    ("list_hand_overs", CARE, CARE),
    ("answer_hand_over", CARE, CARE),
    ("report_check_ins", ALL, ALL),
    ("decide_report", "clinician admin", "clinician admin"),
    # pages
    ("front_page", CARE, CARE),
    ("overdue_page", CARE, CARE),
    ("work_page", CARE, CARE),
    ("work_on_page", CARE, CARE),
    ("outbox_page", CARE, CARE),
    ("adherence_page", ALL, ALL),
    ("side_effects_page", ALL, ALL),
    ("prescribing_page", CARE, CARE),
)

TABLE: Mapping[str, Allowed] = MappingProxyType(
    {operation: Allowed(_roles(clinic), _roles(house)) for operation, clinic, house in ROWS}
)
