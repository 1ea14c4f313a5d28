"""What of claimed notices is still news: work that nobody took, today's digest, the newest canary."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import clinics, notices, staff, work_items
from db.messages import Claimed, Outcome
from db.tables import Channel, Clinic, Kind, MessageState, StaffAddress
from schedules import days
from service.flows import alarms, doubts
from service.flows.doubts import Tried, Turn


@dataclass(slots=True, kw_only=True)
class Seen:
    """The facts around claimed notices, and who was told something in this claim."""

    now: datetime
    carried: frozenset[Channel]
    rows: Mapping[UUID, sa.Row]
    clinics: Mapping[UUID, Clinic]
    staff: Mapping[UUID, StaffAddress]
    red: Mapping[UUID, Sequence[sa.Row]]  # by clinic, what nobody has claimed
    last: Mapping[tuple[UUID, UUID], datetime]  # by clinic and address, the last alarm
    canary: UUID | None  # the newest
    told: set[tuple[Kind, UUID, UUID]] = field(default_factory=set)

    def to(self, message: Claimed) -> StaffAddress | None:
        """Whom it is sent to; None where it stays in the house."""
        to = self.staff.get(self.rows[message.id].staff_address_id)
        return to if to is not None and to.channel in self.carried else None

    def climbs(self, message: Claimed) -> bool:
        """Whether it goes up the rota: to whoever stands there, alarms being mailed to them or not."""
        return bool(self.rows[message.id].key.startswith(notices.RUNG))

    def place(self, message: Claimed) -> tuple[UUID, UUID]:
        """Where it is read: at an address, or in the clinic's outbox."""
        to = self.to(message)
        return message.clinic_id, notices.HOUSE if to is None else to.id


def look(
    session: Session, claimed: Sequence[Claimed], now: datetime, *, carried: Collection[Channel]
) -> Seen:
    alarmed = {message.clinic_id for message in claimed if message.kind is Kind.ALARM}
    red: dict[UUID, list[sa.Row]] = defaultdict(list)
    for row in work_items.unacknowledged(session, alarmed, now=now):
        red[row.clinic_id].append(row)
    canary = notices.newest_canary(session)
    return Seen(
        now=now,
        carried=frozenset(carried),
        rows=notices.of(session, [message.key for message in claimed]),
        clinics={clinic.id: clinic for clinic in clinics.every(session)},
        staff={row.id: row for row in staff.of_clinics(session, {message.clinic_id for message in claimed})},
        red=red,
        last=notices.last_told(session, Kind.ALARM, alarmed),
        canary=None if canary is None else canary.id,
    )


def left_unsaid(seen: Seen, message: Claimed, tried: Tried, turn: Turn) -> Outcome | None:
    """How a notice ends, or waits, that is not sent now; None for one that is."""
    if tried.doubt is not None and turn is Turn.LATER:
        again_at = tried.doubt.started_at + doubts.PATIENCE
        return Outcome(claimed=message, state=MessageState.UNKNOWN, again_at=again_at)
    if turn is not Turn.SEND:
        return None
    over = MessageState.EMPTY if tried.doubt is None else MessageState.UNKNOWN
    if not _has_news(seen, message):
        return Outcome(claimed=message, state=over)
    free_at = _free_at(seen, message)
    if free_at > seen.now and tried.doubt is None:
        return Outcome(claimed=message, state=MessageState.WAITING, send_at=free_at)
    seen.told.add((message.kind, *seen.place(message)))
    return None


def _has_news(seen: Seen, message: Claimed) -> bool:
    """Whether there is still something to say, at this address, that no other notice of this claim says."""
    row = seen.rows[message.id]
    if message.kind is Kind.CANARY:
        return message.id == seen.canary
    to = seen.staff.get(row.staff_address_id)
    if (row.staff_address_id is not None and to is None) or (message.kind, *seen.place(message)) in seen.told:
        return False
    if message.kind is Kind.DIGEST:
        zone = days.zone(seen.clinics[message.clinic_id].time_zone)
        return (to is None or to.digest) and row.key.startswith(f"{days.local_day(seen.now, zone)}/")
    last = seen.last.get(seen.place(message))
    overtaken = row.key.startswith(notices.AGAIN) and last is not None and last > row.created_at
    if seen.climbs(message):
        return bool(seen.red[message.clinic_id]) and not _just_said(seen, message, last, row.created_at)
    return bool(seen.red[message.clinic_id]) and (to is None or to.alarms) and not overtaken


def _just_said(seen: Seen, message: Claimed, last: datetime | None, planned_at: datetime) -> bool:
    """Whether this address was told of everything that is red in the minute before this was planned."""
    opened = max(row.last for row in seen.red[message.clinic_id])
    return last is not None and opened <= last and timedelta(0) <= planned_at - last < alarms.GAP


def _free_at(seen: Seen, message: Claimed) -> datetime:
    last = seen.last.get(seen.place(message)) if message.kind is Kind.ALARM else None
    return seen.now if last is None else last + alarms.GAP
