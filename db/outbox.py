"""Messages as they were said to people at home, by whatever channel, the newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.tables import Channel, Clinic, Message, Patient

COLUMNS = (
    *("clinic_id", "id", "audience", "channel", "state"),
    *("subject", "body", "accepted_at", "unconfirmed_at"),
)


class Place(NamedTuple):
    """Where a page ended: the last row's moment and id. The next page begins after it."""

    accepted_at: datetime
    id: UUID


def page(
    session: Session, *, limit: int, after: Place | None = None, clinic_id: UUID | None = None
) -> Sequence[sa.Row]:
    """Messages of one clinic or of all, with the names and the zone of patient and clinic.

    What was for the clinic's staff has no patient's name, and the clinic's zone.
    """
    said, patients, clinics = (batches.table(model) for model in (Message, Patient, Clinic))
    place = (said.c.accepted_at, said.c.id)
    query = (
        sa.select(
            *(said.c[name] for name in COLUMNS),
            patients.c.name,
            sa.func.coalesce(patients.c.time_zone, clinics.c.time_zone).label("time_zone"),
            clinics.c.name.label("clinic"),
        )
        .join_from(said, patients, _same(said, patients), isouter=True)
        .join(clinics, clinics.c.id == said.c.clinic_id)
        .where(said.c.channel != Channel.WORKLIST, said.c.accepted_at.is_not(None))
        .order_by(*(column.desc() for column in place))
        .limit(limit)
    )
    if after is not None:
        query = query.where(sa.tuple_(*place) < sa.tuple_(*after, types=[column.type for column in place]))
    return session.execute(query if clinic_id is None else query.where(said.c.clinic_id == clinic_id)).all()


def _same(said: sa.Table, patients: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(patients.c.clinic_id == said.c.clinic_id, patients.c.id == said.c.patient_id)
