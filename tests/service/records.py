"""Folders of records, made on the spot and taken in; and what a database holds."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db import batches, imports
from db.tables import METADATA, Item, Reminder, WorkItem
from service.flows import imports as flow
from service.flows.imports import Manner, Outcome
from service.flows.intake import NewClinics
from service.ingest import folder as folders

STATED = [c.key for c in batches.table(Item).c if c.key not in ("version", "version_at")]
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ELM = NewClinics(time_zone="America/New_York", phone="+1 202-555-0100", emergency_number="911")
HEADERS = {
    "patients": "clinic,mrn,name,birth_date",
    "contacts": "clinic,mrn,channel,address,consent,consent_at,consent_source",
    "courses": "clinic,mrn,protocol,start",
    "events": "clinic,mrn,protocol,on,type",
    "results": "clinic,mrn,collected_on,analyte,value,unit,status",
}


@dataclass
class Records:
    """One folder, of a clinic named Elm Street unless a row begins with another name."""

    folder: Path

    def write(self, **tables: list[str]) -> "Records":
        """Whole tables by name: rows without the clinic. `columns` after a | replace the header's own."""
        for name, rows in tables.items():
            header = HEADERS[name]
            if rows and rows[0].startswith("|"):
                header, rows = f"clinic,{rows[0][1:]}", rows[1:]
            lines = [header, *(f"Elm Street,{row}" for row in rows)]
            (self.folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
        return self

    def take(self, engine: Engine, *, now: datetime = NOW, **manner: Any) -> Outcome:
        values = {"name": "records", "by": "Kim Invented", "clinics": ELM} | manner
        return flow.take(engine, folders.read(self.folder), Manner(**values), now=now)


def snapshot(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in METADATA.sorted_tables
        }


def standing(engine: Engine) -> dict[str, list[Any]]:
    """What is not voided, withdrawn or finished. An item's version and its rungs are history: they go on."""
    with engine.connect() as connection:

        def rows_of(model: Any, *names: str, where: str) -> list[Any]:
            table = batches.table(model)
            query = sa.select(*(table.c[name] for name in names)).where(sa.text(where))
            return sorted((tuple(row) for row in connection.execute(query)), key=repr)

        facts = {
            fact.__tablename__: rows_of(fact, *batches.table(fact).c.keys(), where="voided_at IS NULL")
            for fact in imports.FACTS
        }
        return facts | {
            "items": rows_of(Item, *STATED, where="class IS NULL OR class <> 'withdrawn'"),
            "work": [
                row[:3] if row[0].startswith("need/") else row  # asked anew after a while: from that moment
                for row in rows_of(WorkItem, "key", "kind", "level", "opened_at", where="state <> 'done'")
            ],
            "waiting": rows_of(Reminder, "item_id", "track", where="state = 'waiting'"),
        }


def places(outcome: Outcome) -> list[str]:
    """Where the errors are, and what they say."""
    return [f"{error.line.file}:{error.line.number}: {error.what}" for error in outcome.errors]
