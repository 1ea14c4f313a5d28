"""What is known of the patient of each work item, so that nobody has to look it up before a call."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db import overdue
from db.engine import reading
from db.overdue import Overdue
from schedules import reasons
from service.flows.overdue import known
from service.flows.work_items import Ranked


def told(engine: Engine, found: Sequence[Ranked], *, now: datetime) -> list[Ranked]:
    """These places of the list, each with what is late, the stage of treatment and the last counts."""
    people = {(one.row.clinic_id, one.row.patient_id) for one in found if one.row.patient_id is not None}
    open_: dict[UUID, list[Overdue]] = defaultdict(list)
    with reading(engine) as session:
        for item in overdue.open_of(session, sorted(people)):
            open_[item.patient_id].append(item)
    return [_with(one, _concerned(one.row, open_.get(one.row.patient_id, [])), now) for one in found]


def _concerned(row: sa.Row, open_: Sequence[Overdue]) -> Sequence[Overdue]:
    """The item of the work, or those of its course; where neither is open, all of the patient's."""
    of_item = [one for one in open_ if one.item_id == row.item_id]
    return of_item or [one for one in open_ if one.course_id == row.course_id] or open_


def _with(one: Ranked, open_: Sequence[Overdue], now: datetime) -> Ranked:
    more = reasons.of(known(item, now) for item in open_)
    return replace(one, reasons=tuple(dict.fromkeys((*one.reasons, *more))))
