"""Nothing leaves the house until a named person lets the configured transports send."""

from datetime import datetime

from sqlalchemy.engine import Engine

from db import audit, clinics
from db.engine import writing
from service.channels import INSIDE, Channels
from service.errors import Refused


def release(engine: Engine, channels: Channels, *, by: str | None, now: datetime) -> None:
    """Write down who let them send. Refused when there are transports and nobody did."""
    outside = sorted(set(channels) - INSIDE)
    if not outside:
        return
    if by is None or not by.strip():
        raise Refused(
            f"{' and '.join(outside)} would really be sent: say --release-transports-by NAME, or configure "
            "no transport and everything stays in the local outbox"
        )
    detail = {"channels": list(outside)}
    with writing(engine) as session:
        for clinic in clinics.every(session):
            audit.record(
                session, clinic.id, by, "transports release", subject=("clinic", str(clinic.id)), now=now,
                detail=detail,
            )  # fmt: skip
