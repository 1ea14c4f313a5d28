"""The ways out of the house: each a row that is locked briefly, last of all, in the order of their names."""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa
from sqlmodel import Session, col, select

from db import batches
from db.tables import Channel, Lane


def every(session: Session) -> Sequence[Lane]:
    return session.exec(select(Lane).order_by(col(Lane.channel))).all()


def get(session: Session, channel: Channel) -> Lane | None:
    return session.get(Lane, channel)


def lock(session: Session, channels: Collection[Channel]) -> dict[Channel, Lane]:
    """The lanes of these channels, made where there were none; what is changed on them is kept."""
    wanted = select(Lane).where(col(Lane.channel).in_(channels)).order_by(col(Lane.channel))
    locked = wanted.with_for_update().execution_options(populate_existing=True)
    found = session.exec(locked).all() if channels else []
    if len(found) < len(channels):
        for channel in sorted(channels):
            session.execute(batches.upsert(session, Lane).values(_new(channel)).on_conflict_do_nothing())
        found = session.exec(locked).all()
    return {lane.channel: lane for lane in found}


def meet(session: Session, places: Mapping[Channel, str]) -> None:
    """These transports are configured: one that leads elsewhere than before is not released."""
    for channel, lane in lock(session, places).items():
        if lane.place != places[channel]:
            session.delete(lane)
            session.flush()
            session.add(Lane(channel=channel, place=places[channel]))
    gone = sa.update(Lane).where(col(Lane.released_at).is_(None), col(Lane.channel).not_in(places))
    session.execute(gone.values(place=None))


def _new(channel: Channel) -> dict[str, object]:
    return {"channel": channel, "refused": 0}
