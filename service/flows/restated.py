"""A version of a value says what an older one said: is it a copy of that, or a correction back to it?

When the laboratory issued it decides. Where it does not say when, the order of arrival does: after another
version it is a correction, which counts, and a person asks the laboratory. A whole history that comes again
is a copy.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import results, work_items
from db.batches import Values
from db.tables import ResultStatus
from schedules import ladder

Version: TypeAlias = tuple[ResultStatus, str, str | None, datetime | None]  # as sent; when it was issued
KIND, ROLE = "restated-result", "coordinator"
REPLACING = (ResultStatus.CORRECTED, *results.TAKING_BACK)


def version(row: Any) -> Version:
    """Of a stored result."""
    return row.status, row.value_as_sent, row.unit_as_sent, row.resulted_at


def is_copy(said: Version, known: Sequence[Version], brought: Collection[Version] = ()) -> bool:
    """Whether a version is stored already, of a value whose `known` versions are in the order they came.

    `brought` is all that comes with it: what else is known of that shows a history that comes again.
    """
    if said not in known:
        return False
    told = [one for one in known if one[0] is not ResultStatus.PRELIMINARY]
    settled = said[0] not in REPLACING or said[3] is not None
    return settled or told[-1] == said or any(one != said and one in known for one in brought)


def look(session: Session, arrived: Iterable[Values], *, now: datetime) -> None:
    """Have a person ask which version stands, where one of these says again what another had corrected."""
    unsettled = [row for row in arrived if row["status"] in REPLACING and row.get("resulted_at") is None]
    people = sorted({(row["clinic_id"], row["patient_id"]) for row in unsettled})
    new = {row["id"] for row in unsettled}
    work = []
    for rows in _by_value(session, people):
        for place, row in enumerate(rows):
            if row.id in new and version(row) in map(version, rows[:place]):
                work.append(_work(row, rows[place - 1], now))
    work_items.raise_(session, work, now=now)


def _by_value(session: Session, people: Sequence[Any]) -> Iterable[Sequence[sa.Row]]:
    """The versions of each value of these patients but the preliminary, in the order they came."""
    found: dict[tuple[UUID, object, object, object], list[sa.Row]] = defaultdict(list)
    for rows in results.of_patients(session, people).values() if people else ():
        for row in rows:
            if row.status is not ResultStatus.PRELIMINARY:
                found[row.patient_id, row.analyte, row.collected_on, row.collected_at].append(row)
    return found.values()


def _work(row: sa.Row, before: sa.Row, now: datetime) -> Values:
    about = (
        f"{row.analyte}: {_words(row)} of {row.collected_on} came again after {_words(before)}. It counts, "
        "for it came last and nobody said when it was issued: ask the laboratory which version stands."
    )
    return {
        "clinic_id": row.clinic_id,
        "patient_id": row.patient_id,
        "kind": KIND,
        "level": "24h",
        "role": ROLE,
        "key": results.restated_key(row.id),
        "due_by": now + ladder.DUE_BY["24h"],
        "about": about,
    }


def _words(row: sa.Row) -> str:
    figure = f"{row.value_as_sent} {row.unit_as_sent or ''}".strip()
    return f"{row.status.value} {figure}".strip()
