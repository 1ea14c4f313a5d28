"""Every table: importing this package fills the metadata.

A row does not validate what it is made of, so it is never a request body.
"""

from sqlmodel import SQLModel

from db.tables.answers import StoredAnswer
from db.tables.audit import AuditEntry
from db.tables.check_ins import Bound, CheckIn, CheckInAnswer, CheckInSwitch, PatientReport
from db.tables.clinics import Clinic
from db.tables.closed_days import ClosedDate, ClosedDays
from db.tables.contacts import Audience, Channel, Consent, Contact
from db.tables.courses import Course, CourseEvent
from db.tables.deployments import Deployment
from db.tables.hand_overs import HandOver, HandOverState
from db.tables.heartbeats import Heartbeat
from db.tables.imports import Import
from db.tables.items import Item
from db.tables.lanes import Lane
from db.tables.merges import Merge
from db.tables.messages import Attempt, AttemptState, Kind, Message, MessageState
from db.tables.moves import CourseVersion, ProtocolMove
from db.tables.patients import EndReason, Patient, Sex, Wording
from db.tables.pauses import Pause
from db.tables.protocols import ProtocolProposal, ProtocolVersion
from db.tables.receipts import Receipt, ReceiptState
from db.tables.reminders import Effect, Reminder, ReminderState
from db.tables.replies import Reply, ReplyKind
from db.tables.results import Result, ResultStatus
from db.tables.rota import Rota, RotaShift
from db.tables.staff import StaffAddress
from db.tables.users import ApiKey, SignIn, User, UserRole
from db.tables.wordings import WordingSignature
from db.tables.work_items import Role, WorkItem, WorkState
from db.types import read_fast

METADATA = SQLModel.metadata
read_fast(METADATA)

__all__ = [
    "METADATA",
    "ApiKey",
    "Attempt",
    "AttemptState",
    "Audience",
    "AuditEntry",
    "Bound",
    "Channel",
    "CheckIn",
    "CheckInAnswer",
    "CheckInSwitch",
    "Clinic",
    "ClosedDate",
    "ClosedDays",
    "Consent",
    "Contact",
    "Course",
    "CourseEvent",
    "CourseVersion",
    "Deployment",
    "Effect",
    "EndReason",
    "HandOver",
    "HandOverState",
    "Heartbeat",
    "Import",
    "Item",
    "Kind",
    "Lane",
    "Merge",
    "Message",
    "MessageState",
    "Patient",
    "PatientReport",
    "Pause",
    "ProtocolMove",
    "ProtocolProposal",
    "ProtocolVersion",
    "Receipt",
    "ReceiptState",
    "Reminder",
    "ReminderState",
    "Reply",
    "ReplyKind",
    "Result",
    "ResultStatus",
    "Role",
    "Rota",
    "RotaShift",
    "Sex",
    "SignIn",
    "StaffAddress",
    "StoredAnswer",
    "User",
    "UserRole",
    "Wording",
    "WordingSignature",
    "WorkItem",
    "WorkState",
]
