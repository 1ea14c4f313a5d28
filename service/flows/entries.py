"""Events as an import gives them: every history is tried before anything is written."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from db.tables import Course, CourseEvent
from schedules import plan as planning
from schedules.facts import Event, EventType
from schedules.plan import EventRefused
from service.flows.histories import Histories, History, News
from service.flows.intake import Columns, Intake, differs
from service.ingest.rows import EventRow

SAID = ("reason", "review_on", "due_on", "decided_by", "dose")  # of an event, beside its key


def add(intake: Intake, rows: Sequence[EventRow], found: Histories) -> None:
    """Take the new courses, and the events that they and the stored ones can have."""
    refused = set[EventRow]()
    for row in sorted(rows, key=lambda row: (row.on, row.line)):
        _event(intake, row, found, refused)
    for histories in found.values():
        for history in histories:
            _try(intake, history, refused)
        for wrong in _overlapping(histories):
            _refuse_course(intake, wrong, refused)
            histories.remove(wrong)
        _take_courses(intake, histories)
    _take_events(intake, found, rows, refused)


def _event(intake: Intake, row: EventRow, found: Histories, refused: set[EventRow]) -> None:
    if intake.whose(row) is None:
        refused.add(row)
        return
    concerned = _concerned(row, found[row.patient])
    if not concerned:
        _refuse(intake, row, refused, "the patient has no such course begun by that day", "add the course")
    for history in concerned:
        alike = [e for e in history.stored if (e.on, e.type, e.clock) == (row.on, row.type, row.clock)]
        if not alike:
            history.news.append(News(_as_event(intake, row), row))
        elif all(differs(event, _said(row)) for event in alike):
            what = f"another {row.type.value} is stored for this course and day"
            _refuse(intake, row, refused, what, "correct the row, or undo the import that said otherwise")


def _refuse(intake: Intake, row: EventRow, refused: set[EventRow], what: str, remedy: str) -> None:
    """A row that concerns several courses is refused once, for all of them."""
    if row not in refused:
        intake.refuse(row, what, remedy)
        refused.add(row)


def _concerned(row: EventRow, histories: Sequence[History]) -> list[History]:
    """Who dies or leaves does so in every course; anything else is of the last one begun by that day."""
    if row.type is EventType.DIED:
        return list(histories)
    begun = [history for history in histories if history.course.start <= row.on]
    if row.type in planning.FAREWELLS:
        return begun
    mine = [history for history in begun if history.protocol_id == row.protocol]
    return [max(mine, key=lambda history: history.course.start)] if mine else []


def _as_event(intake: Intake, row: EventRow) -> Event:
    return Event(
        on=row.on, type=row.type, recorded_at=intake.now, clock=row.clock, reason=row.reason,
        review_on=row.review_on, every=row.every, due_on=row.due_on, decided_by=row.decided_by, at=row.at,
    )  # fmt: skip


def _said(row: EventRow) -> Columns:
    """An event's columns beside its key."""
    return {name: getattr(row, name) for name in SAID} | {
        "every": None if row.every is None else str(row.every),
        "at_local": None if row.at is None else row.at.isoformat(),
    }


# ---- whether it can all have happened


def _try(intake: Intake, history: History, refused: set[EventRow]) -> None:
    """Keep the events that the course can have: all of them, or those that do not contradict the earlier."""
    history.news = [news for news in history.news if news.row not in refused]
    if history.news and _refusal(history, history.news) is not None:
        wanted, history.news = history.news, []
        for news in wanted:
            refusal = _refusal(history, [*history.news, news])
            if refusal is None:
                history.news.append(news)
            else:
                _refuse(intake, news.row, refused, *_words(refusal, news))


def _refusal(history: History, news: Sequence[News]) -> EventRefused | None:
    events = [*history.events, *(one.event for one in news)]
    try:
        planning.check(history.course, sorted(events, key=lambda e: (e.on, planning.ORDER[e.type])))
    except EventRefused as refusal:
        return refusal
    return None


def _words(refusal: EventRefused, news: News) -> tuple[str, str]:
    reason, _, remedy = str(refusal).partition(": ")
    if refusal.event is news.event:
        return reason, remedy or "correct the row"
    kind, day = refusal.event.type.value, refusal.event.on
    return f"with it the {kind} of {day} cannot be, for {reason}", "correct the one that is wrong"


def _overlapping(histories: Sequence[History]) -> list[History]:
    """A patient has one course under a protocol at a time: a new one begins when the one before has ended."""
    found: list[History] = []
    by_protocol: dict[str, list[History]] = defaultdict(list)
    for history in sorted(histories, key=lambda history: history.course.start):
        mine = by_protocol[history.protocol_id]
        if mine and not mine[-1].ended_by(history):
            wrong = history if history.row is not None else mine.pop()
            found.append(wrong)
            if wrong is history:
                continue
        mine.append(history)
    return [history for history in found if history.row is not None]


def _refuse_course(intake: Intake, wrong: History, refused: set[EventRow]) -> None:
    assert wrong.row is not None
    what = "the patient has another course under this protocol at the time"
    intake.refuse(wrong.row, what, "give the stop of the earlier one, on a day before the next begins")
    for news in wrong.news:
        _refuse(intake, news.row, refused, "its course was refused", "correct the row of the course")


def _take_courses(intake: Intake, histories: Iterable[History]) -> None:
    for history in histories:
        if history.row is not None and history.columns is not None:
            protocol = history.course.protocol
            intake.pins[history.person.clinic_id, protocol.hash] = protocol
            intake.take(history.row, (Course, history.columns))


def _take_events(intake: Intake, found: Histories, rows: Sequence[EventRow], refused: set[EventRow]) -> None:
    """One row can be an event of several courses, and of some of them be stored already."""
    new: dict[EventRow, list[Columns]] = defaultdict(list)
    for history in (history for histories in found.values() for history in histories):
        for news in history.news:
            new[news.row].append(_columns(intake, history, news.row))
    for row in rows:
        if row not in refused:
            intake.take(row, *((CourseEvent, columns) for columns in new[row]))


def _columns(intake: Intake, history: History, row: EventRow) -> Columns:
    key = {"on": row.on, "type": row.type, "clock": row.clock, "recorded_at": intake.now}
    return {"clinic_id": history.person.clinic_id, "course_id": history.id} | key | _said(row)
