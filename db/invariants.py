"""What must hold in every database at every moment: each a name and a SELECT that must return no rows.

Tests run them at the end, production every night.
"""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlmodel import Session

UNFINISHED = "w.clinic_id = i.clinic_id AND w.item_id = i.id AND w.state <> 'done'"
CURRENT = "r.clinic_id = i.clinic_id AND r.item_id = i.id AND r.version = i.version AND r.state = 'waiting'"
BEGUN = "a.clinic_id = m.clinic_id AND a.message_id = m.id AND a.started_at <= m.accepted_at"

INVARIANTS: Mapping[str, str] = {
    # A check-in needs neither for ever: the next one closes it, on the day its course is planned again.
    "every open item has a waiting rung, an unfinished work item, or is held": f"""
        SELECT i.clinic_id, i.id FROM item i
        JOIN course c ON c.clinic_id = i.clinic_id AND c.id = i.course_id
        WHERE i.class IS NULL AND NOT i.held AND NOT (i.kind = 'check-in' AND c.replan_on IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM reminder r WHERE {CURRENT})
        AND NOT EXISTS (SELECT 1 FROM work_item w WHERE {UNFINISHED})""",
    "a course has at most one open item per clock": """
        SELECT clinic_id, course_id, clock FROM item WHERE class IS NULL
        GROUP BY clinic_id, course_id, clock HAVING count(*) > 1""",
    "an item's version has a rung at most once per track": """
        SELECT clinic_id, item_id, version, track, rung FROM reminder
        GROUP BY clinic_id, item_id, version, track, rung HAVING count(*) > 1""",
    "a message is accepted at most once per channel": """
        SELECT clinic_id, message_id, channel FROM attempt WHERE state = 'accepted'
        GROUP BY clinic_id, message_id, channel HAVING count(*) > 1""",
    "nothing is accepted without an attempt begun before": f"""
        SELECT m.clinic_id, m.id FROM message m
        WHERE m.state IN ('accepted', 'delivered', 'undelivered')
        AND (m.accepted_at IS NULL OR NOT EXISTS (SELECT 1 FROM attempt a WHERE {BEGUN}))""",
    "what was sent was in a message that was accepted": """
        SELECT r.clinic_id, r.id FROM reminder r
        LEFT JOIN message m ON m.clinic_id = r.clinic_id AND m.id = r.message_id
        WHERE r.state = 'sent' AND (m.id IS NULL OR m.accepted_at IS NULL)""",
    "an accepted message of reminders said one of them": """
        SELECT m.clinic_id, m.id FROM message m
        WHERE m.accepted_at IS NOT NULL AND m.quarter IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM reminder r
            WHERE r.clinic_id = m.clinic_id AND r.message_id = m.id AND r.state = 'sent')""",
    "a problem that a patient told has its work item": """
        SELECT r.clinic_id, r.id FROM reply r
        WHERE r.kind = 'problem' AND NOT EXISTS (SELECT 1 FROM work_item w
            WHERE w.clinic_id = r.clinic_id AND w.key = r.work_key)""",
    "a red check-in has exactly one work item": """
        SELECT c.clinic_id, c.id FROM check_in c
        WHERE c.level IN ('same-day', 'emergency') AND 1 <> (SELECT count(*) FROM work_item w
            WHERE w.clinic_id = c.clinic_id AND w.key = c.work_key AND w.level = c.level)""",
    "a red check-in's work item is finished by a person, in words": """
        SELECT clinic_id, id FROM work_item
        WHERE kind = 'check-in' AND level IN ('same-day', 'emergency') AND state = 'done'
        AND (owner IS NULL OR note IS NULL)""",
    "what a patient reported has exactly one work item": """
        SELECT r.clinic_id, r.id FROM patient_report r
        WHERE 1 <> (SELECT count(*) FROM work_item w
            WHERE w.clinic_id = r.clinic_id AND w.key = r.work_key)""",
    "a course that was handed over goes on in one place": """
        SELECT h.clinic_id, h.id FROM hand_over h
        JOIN course c ON c.clinic_id = h.clinic_id AND c.id = h.course_id
        WHERE h.state IN ('accepted', 'returned') AND (c.ended_on IS NULL OR (h.made_course_id IS NOT NULL
            AND 1 <> (SELECT count(*) FROM course m WHERE m.id = h.made_course_id
                AND m.clinic_id = coalesce(h.to_clinic_id, h.clinic_id) AND m.voided_at IS NULL)))
        OR (h.state = 'accepted' AND (h.to_clinic_id IS NULL) <> (h.made_course_id IS NULL))""",
    "no reminder waits on a closed item": """
        SELECT r.clinic_id, r.id FROM reminder r
        JOIN item i ON i.clinic_id = r.clinic_id AND i.id = r.item_id
        WHERE r.state = 'waiting' AND i.class IS NOT NULL""",
    "no reminder waits for a message that has ended": """
        SELECT r.clinic_id, r.id FROM reminder r
        JOIN message m ON m.clinic_id = r.clinic_id AND m.id = r.message_id
        WHERE r.state = 'waiting' AND m.state NOT IN ('waiting', 'claimed', 'unknown')""",
}


def broken(session: Session) -> dict[str, list[tuple[object, ...]]]:
    """The invariants that do not hold, each with the keys of the rows that break it."""
    found = {name: session.execute(sa.text(query)).all() for name, query in INVARIANTS.items()}
    return {name: [tuple(row) for row in rows] for name, rows in found.items() if rows}
