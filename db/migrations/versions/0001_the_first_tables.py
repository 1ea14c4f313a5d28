"""The first tables"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID, TEXT, MOMENT = sa.Uuid, AutoString, UTCDateTime
AUDIENCES = ("patient", "carer", "coordinator", "prescriber")
CHANNELS = ("sms", "email", "push", "voice", "chat", "post", "webhook", "outbox", "worklist")
TABLES = (
    "clinic",
    "heartbeat",
    "import",
    "protocol_version",
    "audit_entry",
    "patient",
    "contact",
    "course",
    "message",
    "result",
    "attempt",
    "consent",
    "course_event",
    "item",
    "reminder",
    "work_item",
)


def column(name: str, kind: Any) -> sa.Column:
    return sa.Column(name, kind, nullable=False)


def optional(name: str, kind: Any) -> sa.Column:
    return sa.Column(name, kind, nullable=True)


def words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def of_clinic(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=f"fk_{table}_clinic_id")


def belongs_to(table: str, parent: str, *, by: str | None = None, key: str = "id") -> sa.ForeignKeyConstraint:
    here = ["clinic_id", by or f"{parent}_id"]
    there = [f"{parent}.clinic_id", f"{parent}.{key}"]
    return sa.ForeignKeyConstraint(here, there, name=f"fk_{table}_{'_'.join(here)}")


def index(
    name: str, table: str, columns: list[str], *, where: str | None = None, unique: bool = False
) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    op.create_table(
        "clinic",
        column("id", ID),
        column("name", TEXT),
        column("phone", TEXT),
        column("emergency_number", TEXT),
        column("time_zone", TEXT),
        column("created_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_clinic"),
        sa.UniqueConstraint("name", name="uq_clinic_name"),
    )
    op.create_table(
        "heartbeat",
        column("loop", TEXT),
        column("process", TEXT),
        column("at", MOMENT),
        optional("oldest_due_at", MOMENT),
        column("tzdata_version", TEXT),
        sa.PrimaryKeyConstraint("loop", "process", name="pk_heartbeat"),
    )
    op.create_table(
        "import",
        column("clinic_id", ID),
        column("id", ID),
        column("name", TEXT),
        column("by", TEXT),
        column("created_at", MOMENT),
        optional("released_at", MOMENT),
        optional("released_by", TEXT),
        optional("undone_at", MOMENT),
        optional("undone_by", TEXT),
        column("counts", sa.Text),
        of_clinic("import"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_import"),
    )
    op.create_table(
        "protocol_version",
        column("clinic_id", ID),
        column("hash", TEXT),
        column("protocol_id", TEXT),
        column("version", sa.Integer),
        column("document", sa.Text),
        column("created_at", MOMENT),
        of_clinic("protocol_version"),
        sa.PrimaryKeyConstraint("clinic_id", "hash", name="pk_protocol_version"),
    )
    op.create_table(
        "audit_entry",
        column("clinic_id", ID),
        column("id", ID),
        column("at", MOMENT),
        column("actor", TEXT),
        column("action", TEXT),
        column("subject", TEXT),
        column("subject_id", TEXT),
        column("detail", sa.Text),
        optional("import_id", ID),
        belongs_to("audit_entry", "import"),
        of_clinic("audit_entry"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_audit_entry"),
    )
    index("ix_audit_entry_subject", "audit_entry", ["clinic_id", "subject", "subject_id"])
    op.create_table(
        "patient",
        column("clinic_id", ID),
        column("id", ID),
        column("authority", TEXT),
        column("mrn", TEXT),
        column("name", TEXT),
        column("birth_date", sa.Date),
        optional("sex", words("sex", "female", "male", "other", "unknown")),
        column("time_zone", TEXT),
        column("language", TEXT),
        column("preferred_time", sa.Time),
        optional("quiet_start", sa.Time),
        optional("quiet_end", sa.Time),
        column("wording", words("wording", "neutral", "blood-test")),
        optional("ended_on", sa.Date),
        optional("ended_reason", words("ended_reason", "died", "left", "moved-away")),
        optional("ended_recorded_at", MOMENT),
        column("created_at", MOMENT),
        optional("import_id", ID),
        optional("voided_at", MOMENT),
        sa.CheckConstraint(
            "(ended_on IS NULL) = (ended_reason IS NULL)", name=op.f("ck_patient_end_has_reason")
        ),
        sa.CheckConstraint(
            "(quiet_start IS NULL) = (quiet_end IS NULL)", name=op.f("ck_patient_quiet_hours_whole")
        ),
        belongs_to("patient", "import"),
        of_clinic("patient"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_patient"),
    )
    index(
        "uq_patient_mrn", "patient", ["clinic_id", "authority", "mrn"], where="voided_at IS NULL", unique=True
    )
    op.create_table(
        "contact",
        column("clinic_id", ID),
        column("id", ID),
        column("patient_id", ID),
        column("audience", words("audience", *AUDIENCES)),
        column("channel", words("channel", *CHANNELS)),
        column("address", TEXT),
        optional("bad_since", MOMENT),
        optional("import_id", ID),
        optional("voided_at", MOMENT),
        sa.CheckConstraint(
            "audience IN ('patient', 'carer')", name=op.f("ck_contact_reaches_a_person_at_home")
        ),
        belongs_to("contact", "import"),
        belongs_to("contact", "patient"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_contact"),
    )
    index("ix_contact_patient", "contact", ["clinic_id", "patient_id"])
    op.create_table(
        "course",
        column("clinic_id", ID),
        column("id", ID),
        column("patient_id", ID),
        column("protocol_id", TEXT),
        column("protocol_hash", TEXT),
        column("medicine", TEXT),
        column("start", sa.Date),
        optional("enrolled", sa.Date),
        optional("indication", TEXT),
        column("flags", sa.Text),
        optional("replan_on", sa.Date),
        optional("ended_on", sa.Date),
        column("created_at", MOMENT),
        optional("import_id", ID),
        optional("voided_at", MOMENT),
        belongs_to("course", "import"),
        belongs_to("course", "patient"),
        belongs_to("course", "protocol_version", by="protocol_hash", key="hash"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_course"),
    )
    index("ix_course_patient", "course", ["clinic_id", "patient_id"])
    index("ix_course_replan", "course", ["replan_on"], where="replan_on IS NOT NULL")
    op.create_table(
        "message",
        column("clinic_id", ID),
        column("id", ID),
        column("patient_id", ID),
        column("audience", words("audience", *AUDIENCES)),
        column("channel", words("channel", *CHANNELS)),
        optional("quarter", MOMENT),
        column("send_at", MOMENT),
        column(
            "state",
            words(
                "state",
                "waiting",
                "claimed",
                "accepted",
                "delivered",
                "undelivered",
                "empty",
                "unknown",
                "failed",
            ),
        ),
        column("token", sa.Integer),
        column("attempts", sa.Integer),
        optional("lease_until", MOMENT),
        optional("subject", TEXT),
        optional("body", TEXT),
        column("created_at", MOMENT),
        optional("accepted_at", MOMENT),
        belongs_to("message", "patient"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_message"),
        sa.UniqueConstraint(
            "clinic_id",
            "patient_id",
            "audience",
            "quarter",
            name="uq_message_clinic_id_patient_id_audience_quarter",
        ),
    )
    index("ix_message_claimed", "message", ["lease_until"], where="state = 'claimed'")
    index("ix_message_waiting", "message", ["send_at"], where="state = 'waiting'")
    op.create_table(
        "result",
        column("clinic_id", ID),
        column("id", ID),
        column("patient_id", ID),
        column("analyte", TEXT),
        optional("value", sa.Text),
        column("value_as_sent", TEXT),
        optional("unit_as_sent", TEXT),
        column("collected_on", sa.Date),
        optional("collected_at", MOMENT),
        column(
            "status", words("status", "preliminary", "final", "corrected", "cancelled", "entered-in-error")
        ),
        column("usable", sa.Boolean),
        optional("problem", TEXT),
        column("recorded_at", MOMENT),
        column("source", TEXT),
        optional("import_id", ID),
        optional("voided_at", MOMENT),
        belongs_to("result", "import"),
        belongs_to("result", "patient"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_result"),
    )
    index("ix_result_patient", "result", ["clinic_id", "patient_id", "collected_on"])
    op.create_table(
        "attempt",
        column("clinic_id", ID),
        column("id", ID),
        column("message_id", ID),
        column("number", sa.Integer),
        column("channel", words("channel", *CHANNELS)),
        optional("contact_id", ID),
        column("state", words("state", "started", "accepted", "rejected", "unknown")),
        column("started_at", MOMENT),
        optional("ended_at", MOMENT),
        optional("code", TEXT),
        optional("provider_id", TEXT),
        belongs_to("attempt", "contact"),
        belongs_to("attempt", "message"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_attempt"),
        sa.UniqueConstraint(
            "clinic_id", "message_id", "number", name="uq_attempt_clinic_id_message_id_number"
        ),
    )
    op.create_table(
        "consent",
        column("clinic_id", ID),
        column("id", ID),
        column("patient_id", ID),
        optional("contact_id", ID),
        column("purpose", TEXT),
        column("channel", words("channel", *CHANNELS)),
        column("given", sa.Boolean),
        column("source", TEXT),
        column("wording", TEXT),
        column("at", MOMENT),
        optional("import_id", ID),
        optional("voided_at", MOMENT),
        belongs_to("consent", "contact"),
        belongs_to("consent", "import"),
        belongs_to("consent", "patient"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_consent"),
    )
    index("ix_consent_patient", "consent", ["clinic_id", "patient_id"])
    op.create_table(
        "course_event",
        column("clinic_id", ID),
        column("id", ID),
        column("course_id", ID),
        column("on", sa.Date),
        column(
            "type",
            words(
                "type",
                "dose-increase",
                "dose-decrease",
                "brand-change",
                "maintenance-dose",
                "hold",
                "resume",
                "stop",
                "override",
                "died",
                "left",
                "moved-away",
                "attended",
                "administered",
                "answered",
                "booked",
                "not-attended",
                "cancelled",
                "waived",
                "attested",
            ),
        ),
        optional("clock", TEXT),
        optional("reason", TEXT),
        optional("review_on", sa.Date),
        optional("every", TEXT),
        optional("due_on", sa.Date),
        optional("decided_by", TEXT),
        optional("at_local", TEXT),
        optional("dose", TEXT),
        column("recorded_at", MOMENT),
        optional("import_id", ID),
        optional("voided_at", MOMENT),
        belongs_to("course_event", "course"),
        belongs_to("course_event", "import"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_course_event"),
    )
    index("ix_course_event_course", "course_event", ["clinic_id", "course_id"])
    op.create_table(
        "item",
        column("clinic_id", ID),
        column("id", ID),
        column("course_id", ID),
        column("patient_id", ID),
        column("clock", TEXT),
        column("ordinal", sa.Integer),
        column("kind", words("kind", "test", "visit", "check-in", "dose")),
        column("version", sa.Integer),
        column("version_at", MOMENT),
        column("phase", TEXT),
        column("base", sa.Date),
        column("due_on", sa.Date),
        column("opens_on", sa.Date),
        column("last_on_time", sa.Date),
        column("lapses_on", sa.Date),
        column("ladder", TEXT),
        column("why", TEXT),
        optional(
            "class",
            words(
                "class",
                "on-time",
                "late",
                "missed",
                "covered",
                "held",
                "waived",
                "attested",
                "ended",
                "withdrawn",
                "not-monitored-here",
            ),
        ),
        optional("collected_on", sa.Date),
        optional("closed_on", sa.Date),
        column("missing", sa.Text),
        column("held", sa.Boolean),
        optional("appointment", TEXT),
        belongs_to("item", "course"),
        belongs_to("item", "patient"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_item"),
        sa.UniqueConstraint(
            "clinic_id", "course_id", "clock", "ordinal", name="uq_item_clinic_id_course_id_clock_ordinal"
        ),
    )
    index("ix_item_overdue", "item", ["clinic_id", "last_on_time"], where="class IS NULL")
    index("uq_item_open", "item", ["clinic_id", "course_id", "clock"], where="class IS NULL", unique=True)
    op.create_table(
        "reminder",
        column("clinic_id", ID),
        column("id", ID),
        column("item_id", ID),
        column("patient_id", ID),
        column("version", sa.Integer),
        column("track", words("track", *AUDIENCES)),
        column("rung", TEXT),
        column("position", sa.Integer),
        column("day", sa.Date),
        column("at_local", TEXT),
        column("zone", TEXT),
        column("tzdata_version", TEXT),
        column("send_at", MOMENT),
        column("effect", words("effect", "message", "work-item")),
        column(
            "state", words("state", "waiting", "sent", "superseded", "withdrawn", "expired", "suppressed")
        ),
        optional("reason", TEXT),
        optional("message_id", ID),
        optional("decided_at", MOMENT),
        belongs_to("reminder", "item"),
        belongs_to("reminder", "message"),
        belongs_to("reminder", "patient"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_reminder"),
        sa.UniqueConstraint(
            "clinic_id",
            "item_id",
            "version",
            "track",
            "rung",
            name="uq_reminder_clinic_id_item_id_version_track_rung",
        ),
    )
    index("ix_reminder_message", "reminder", ["clinic_id", "message_id"])
    index(
        "uq_reminder_waiting",
        "reminder",
        ["clinic_id", "item_id", "version", "track"],
        where="state = 'waiting'",
        unique=True,
    )
    op.create_table(
        "work_item",
        column("clinic_id", ID),
        column("id", ID),
        optional("patient_id", ID),
        optional("course_id", ID),
        optional("item_id", ID),
        column("kind", TEXT),
        column("level", words("level", "routine", "24h", "same-day", "emergency")),
        column("role", words("role", "coordinator", "prescriber", "clinician", "admin")),
        optional("owner", TEXT),
        column("state", words("state", "open", "claimed", "snoozed", "done")),
        column("key", TEXT),
        column("raised", sa.Integer),
        column("opened_at", MOMENT),
        column("raised_at", MOMENT),
        column("due_by", MOMENT),
        optional("snoozed_until", MOMENT),
        optional("closed_at", MOMENT),
        optional("outcome", TEXT),
        optional("note", TEXT),
        belongs_to("work_item", "course"),
        belongs_to("work_item", "item"),
        belongs_to("work_item", "patient"),
        of_clinic("work_item"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_work_item"),
    )
    index("ix_work_item_course", "work_item", ["clinic_id", "course_id"])
    index("ix_work_item_due", "work_item", ["clinic_id", "due_by"], where="state <> 'done'")
    index("ix_work_item_item", "work_item", ["clinic_id", "item_id"])
    index("uq_work_item_key", "work_item", ["clinic_id", "key"], where="state <> 'done'", unique=True)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
