"""The same rows, batches and commits in bare SQL, `inside` or `outside` as worker.py says.

Nothing is decided, rendered or looked up: claim and attempts; then, slice by slice, outcomes and next rungs.
"""

import json
from collections.abc import Sequence
from typing import Any

from db.batches import batched
from db.engine import make_engine
from service.flows.reminders import BATCH
from service.flows.settling import SLICE
from tests.bench import stage

BODY = "x" * 170  # as long as a reminder
NOW, NEXT, LEASE = "2026-01-11 14:00:00.000000", "2026-01-12 14:00:00.000000", "2026-01-11 14:01:00.000000"
CLAIM = f"""WITH due AS (SELECT clinic_id, id FROM message WHERE state = 'waiting' AND send_at <= '{NOW}'
      ORDER BY send_at LIMIT {BATCH} LOCKING)
    UPDATE message SET state = 'claimed', token = token + 1, attempts = attempts + 1,
      lease_until = '{LEASE}'
    FROM due WHERE message.clinic_id = due.clinic_id AND message.id = due.id
    RETURNING CAST(message.clinic_id AS text), CAST(message.id AS text)"""
ATTEMPTS = f"""KEYS INSERT INTO attempt (clinic_id, id, message_id, number, channel, state, started_at)
    SELECT m.clinic_id, NEW_ID, m.id, m.attempts, m.channel, 'started', '{NOW}'
    FROM k JOIN message AS m ON m.clinic_id = k.clinic_id AND m.id = k.id"""
SETTLE = (
    f"""KEYS UPDATE message AS m SET state = 'accepted', lease_until = NULL, accepted_at = '{NOW}',
    subject = 'Elm Street', body = '{BODY}' FROM k WHERE m.clinic_id = k.clinic_id AND m.id = k.id""",
    f"""KEYS UPDATE attempt AS a SET state = 'accepted', ended_at = '{NOW}'
    FROM k WHERE a.clinic_id = k.clinic_id AND a.message_id = k.id""",
    f"""KEYS UPDATE reminder AS r SET state = 'sent', reason = 'sent', decided_at = '{NOW}'
    FROM k WHERE r.clinic_id = k.clinic_id AND r.message_id = k.id""",
    f"""KEYS INSERT INTO message (clinic_id, id, patient_id, audience, channel, quarter, send_at, state,
      token, attempts, created_at)
    SELECT m.clinic_id, NEW_ID, m.patient_id, m.audience, m.channel, '{NEXT}', '{NEXT}', 'waiting', 0, 0,
      '{NOW}'
    FROM k JOIN message AS m ON m.clinic_id = k.clinic_id AND m.id = k.id""",
    f"""KEYS INSERT INTO reminder (clinic_id, id, item_id, patient_id, version, track, rung, position, day,
      at_local, zone, tzdata_version, send_at, effect, state, message_id)
    SELECT r.clinic_id, NEW_ID, r.item_id, r.patient_id, r.version, r.track, 'due-day', r.position + 1,
      '2026-01-12', r.at_local, r.zone, r.tzdata_version, '{NEXT}', r.effect, 'waiting', m.id
    FROM k JOIN reminder AS r ON r.clinic_id = k.clinic_id AND r.message_id = k.id
    JOIN message AS m ON m.clinic_id = r.clinic_id AND m.patient_id = r.patient_id AND m.audience = r.track
      AND m.quarter = '{NEXT}'""",
)
WORDS = {
    "postgresql": {
        "KEYS": """WITH k AS (
            SELECT * FROM unnest(CAST(%s AS uuid[]), CAST(%s AS uuid[])) AS k(clinic_id, id))""",
        "NEW_ID": "gen_random_uuid()",
        "LOCKING": "FOR UPDATE SKIP LOCKED",
    },
    "sqlite": {
        "KEYS": """WITH k AS (
            SELECT substr(value, 1, 32) AS clinic_id, substr(value, 33) AS id FROM json_each(?))""",
        "NEW_ID": "lower(hex(randomblob(16)))",
        "LOCKING": "",
    },
}


class Script:
    def __init__(self, url: str, kind: str) -> None:
        self._slice = BATCH if kind == "inside" else SLICE
        engine = make_engine(url)
        self._dialect = engine.dialect.name
        self._raw: Any = engine.raw_connection()
        self._cursor = self._raw.cursor()

    def run(self) -> int:
        handled = 0
        while keys := self._claim():
            for some in batched(keys, self._slice):
                self._write(SETTLE, some)
            handled += len(keys)
        return handled

    def _claim(self) -> list[tuple[str, str]]:
        self._begin()
        self._cursor.execute(self._said(CLAIM))
        keys = self._cursor.fetchall()
        if keys:
            self._cursor.execute(self._said(ATTEMPTS), self._arrays(keys))
        self._end()
        return list(keys)

    def _write(self, statements: Sequence[str], keys: Sequence[tuple[str, str]]) -> None:
        arrays = self._arrays(keys)
        self._begin()
        for statement in statements:
            self._cursor.execute(self._said(statement), arrays)
        self._end()

    def _begin(self) -> None:
        if self._dialect == "sqlite":
            self._cursor.execute("BEGIN IMMEDIATE")

    def _end(self) -> None:
        if self._dialect == "sqlite":
            self._cursor.execute("COMMIT")
        else:
            self._raw.commit()

    def _said(self, statement: str) -> str:
        for mark, words in WORDS[self._dialect].items():
            statement = statement.replace(mark, words)
        return statement

    def _arrays(self, keys: Sequence[tuple[str, str]]) -> list[str]:
        if self._dialect == "sqlite":
            return [json.dumps([clinic + id_ for clinic, id_ in keys])]
        return [f"{{{','.join(column)}}}" for column in zip(*keys, strict=True)]


def main(url: str, kind: str) -> None:
    stage.run(Script(url, kind).run)
