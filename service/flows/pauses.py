"""A pause of sending: a named owner, a reason, an end. It concerns patients and carers; staff go on.

When it ends, by itself or by a person, what has passed is decided at once: of each track the latest rung.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from db import audit, clinics, items, pauses, reminders
from db.batches import batched
from db.tables import Clinic, Pause
from service.errors import Refused
from service.flows import rungs

LONGEST = timedelta(days=28)  # a product choice: who needs longer pauses again, and says why
AT_ONCE = 200


def named(session: Session, name: str | None) -> Sequence[Clinic]:
    """The clinic of that name, or every clinic."""
    if name is None:
        return clinics.every(session)
    found = clinics.by_name(session, name)
    if found is None:
        raise Refused("--clinic: there is no clinic of that name: write it as its reports do")
    return [found]


def begin(
    session: Session, those: Sequence[Clinic], *, by: str, reason: str, until: datetime, now: datetime
) -> None:
    """Pause these clinics until that moment. Refused where one is on, or when it has no near end."""
    if not now < until <= now + LONGEST:
        raise Refused(f"--until: a pause ends within {LONGEST.days} days from now: write a moment in them")
    paused = {pause.clinic_id: pause for pause in pauses.lasting(session, now=now)}
    if on := next((clinic for clinic in those if clinic.id in paused), None):
        raise Refused(f"{on.name} is paused already by {paused[on.id].by}: run nextcount pause end first")
    common = {"by": by, "reason": reason, "since": now, "until": until}
    pauses.begin(session, [common | {"clinic_id": clinic.id} for clinic in those], now=now)
    for clinic in those:
        detail = {"reason": reason, "until": until.isoformat()}
        audit.record(
            session, clinic.id, by, "pause", subject=("clinic", str(clinic.id)), now=now, detail=detail
        )


def end(session: Session, those: Sequence[Clinic], *, by: str, now: datetime) -> int:
    """End the pauses of these clinics; how many. What waited for their end is due again."""
    ended = pauses.end(session, [clinic.id for clinic in those], by=by, now=now)
    if not ended:
        raise Refused("nothing is paused: nextcount pause shows what is")
    decide_again(session, ended, now=now, beyond=now)
    for clinic_id in ended:
        audit.record(session, clinic_id, by, "pause end", subject=("clinic", str(clinic_id)), now=now)
    return len(ended)


def decide_again(session: Session, clinic_ids: Sequence[UUID], *, now: datetime, beyond: datetime) -> None:
    """What was put off in these clinics beyond that moment although its own time has come is due now."""
    for some in batched(reminders.put_off(session, clinic_ids, now=now, beyond=beyond), AT_ONCE):
        still = items.lock_open(session, list({(row.clinic_id, row.item_id) for row in some}))
        rows = [row._asdict() for row in some if row.item_id in still]
        slots = rungs.message_slots(session, rows, now=now)
        reminders.move(
            session,
            [
                {"clinic_id": row["clinic_id"], "id": row["id"], "message_id": slots[rungs.slot_of(row)]}
                for row in rows
            ],
        )


def sentences(session: Session, lasting: Sequence[Pause]) -> tuple[str, ...]:
    """Who paused which clinic, why, since when and until when."""
    names = {clinic.id: clinic.name for clinic in clinics.every(session)} if lasting else {}
    return tuple(
        f"{names[pause.clinic_id]}: paused by {pause.by} since {pause.since:%Y-%m-%d %H:%M} UTC until "
        f"{pause.until:%Y-%m-%d %H:%M} UTC: {pause.reason}"
        for pause in sorted(lasting, key=lambda pause: names[pause.clinic_id])
    )
