"""What becomes of an import: previewed, released by a named person and then paced, or undone."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from db import audit, contacts, imports, items
from db.batches import Key, batched
from db.items import Stored
from db.tables import Audience, Import
from schedules import days, ladder
from schedules.ladder import Hours, Step, Track
from service.errors import Refused
from service.flows import plans, reach, rejudged, rungs
from service.flows.rungs import Person

ALONE = 50  # patients of an import that one person may bring in and release: a product choice
PACED = 5  # days over which those who are overdue already are told: a product choice
AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Coming:
    """How many of one rung would go out on one local day."""

    day: date
    audience: str
    rung: str
    effect: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a release now would bring within the days of its pacing."""

    patients: int  # with an open item
    overdue: int  # of them with one that is overdue
    unreachable: int  # of them without a contact that may be used: each becomes a work item
    coming: tuple[Coming, ...]


def waiting(session: Session, import_id: UUID) -> list[Import]:
    """The rows of a run that can still be released. Refused when there are none."""
    rows = [row for row in _run(session, import_id) if row.undone_at is None]
    if not rows:
        raise Refused(f"import {import_id} was undone: import the folder again")
    if all(row.released_at for row in rows):
        raise Refused(
            f"import {import_id} was released by {rows[0].released_by} on {rows[0].released_at:%Y-%m-%d}"
        )
    return [row for row in rows if row.released_at is None]


def _run(session: Session, import_id: UUID) -> list[Import]:
    rows = imports.of_run(session, import_id)
    if not rows:
        raise Refused(f"there is no import {import_id}: `nextcount imports list` shows them")
    return rows


def _key(run: Import) -> Key:
    return run.clinic_id, run.id


# ---- pace: the longest overdue first


def pace(rows: Sequence[Stored], today: Mapping[UUID, date], *, now: datetime) -> dict[UUID, datetime]:
    """From when the rungs of each item count: now, or for what is overdue one of the next five days.

    The longest overdue patients come first. A patient's items that are not overdue keep their days.
    """
    worst: dict[UUID, date] = {}
    for row in rows:
        if _is_overdue(row, today):
            last = row.item.last_on_time
            worst[row.patient_id] = min(last, worst.get(row.patient_id, last))
    longest = sorted(worst, key=lambda patient: (worst[patient] - today[patient], str(patient)))
    turn = {patient: rank * PACED // len(longest) for rank, patient in enumerate(longest)}
    return {
        row.id: now + timedelta(days=turn[row.patient_id] if _is_overdue(row, today) else 0) for row in rows
    }


def _is_overdue(row: Stored, today: Mapping[UUID, date]) -> bool:
    return not row.item.held and row.item.last_on_time < today[row.patient_id]


def begun(rows: Sequence[Stored], who: Mapping[UUID, Person], *, now: datetime) -> list[Stored]:
    """The open items of one clinic as a release now would leave them."""
    begins = pace(rows, _today(who, now), now=now)
    return [row if row.item.held else replace(row, version_at=begins[row.id]) for row in rows]


def _today(who: Mapping[UUID, Person], now: datetime) -> dict[UUID, date]:
    return {id_: days.local_day(now, person.hours.zone) for id_, person in who.items()}


# ---- preview


def preview(session: Session, runs: Sequence[Import], *, now: datetime) -> Preview:
    """The real ladder, asked what a release of these runs would do; nothing is written."""
    found: list[Stored] = []
    for run in runs:
        rows = list(items.of(session, imports.open_items(session, _key(run))).values())
        who = rungs.people(session, [(row.clinic_id, row.patient_id) for row in rows])
        found += begun(rows, who, now=now)
    return foresee(session, found, done={}, now=now)


def foresee(
    session: Session, rows: Sequence[Stored], *, done: Mapping[tuple[UUID, Track], int], now: datetime
) -> Preview:
    """What these open items bring within the days of pacing; `done`: how far each has come on a track."""
    people = [(row.clinic_id, row.patient_id) for row in rows]
    who, reachable = rungs.people(session, people), contacts.reachable(session, people)
    today = _today(who, now)
    coming: Counter[tuple[date, str, str, str]] = Counter()
    unreachable = set[UUID]()
    for row in rows:
        for said in _said(row, who[row.patient_id], now + timedelta(days=PACED), done):
            if said.to_people and not reachable.get((row.patient_id, Audience(said.track))):
                unreachable.add(row.patient_id)
            else:
                coming[said.day, said.track, said.step.name, said.step.rung.effect] += 1
    return Preview(
        patients=len(who),
        overdue=len({row.patient_id for row in rows if _is_overdue(row, today)}),
        unreachable=len(unreachable),
        coming=tuple(
            Coming(day=day, audience=audience, rung=rung, effect=effect, count=count)
            for (day, audience, rung, effect), count in sorted(coming.items())
        ),
    )


@dataclass(frozen=True, slots=True)
class _Said:
    day: date
    track: Track
    step: Step

    @property
    def to_people(self) -> bool:
        return self.track in ladder.PEOPLE


def _said(
    row: Stored, person: Person, until: datetime, done: Mapping[tuple[UUID, Track], int]
) -> Iterator[_Said]:
    """What would be said of one item before `until`, on every track."""
    for track in () if row.item.held else person.tracks(row.item.ladder):
        hours = person.of(track)
        for step in _steps(row, track, hours, until, after=done.get((row.id, track), 0)):
            yield _Said(days.local_day(step.planned, hours.zone), track, step)


def _steps(row: Stored, track: Track, hours: Hours, until: datetime, *, after: int) -> Iterator[Step]:
    """At each sending time the latest rung that has passed: the sending loop supersedes the others."""
    found = ladder.steps(row.item, track, hours=hours, begins=row.version_at)
    coming = itertools.dropwhile(lambda step: step.position <= after, found)
    for _, together in itertools.groupby(coming, key=lambda step: step.planned):
        *_, last = together
        if last.planned >= until:
            return
        yield last


# ---- release and undo


def release(session: Session, import_id: UUID, *, by: str, now: datetime) -> Preview:
    """Let a run's reminders go out, paced; what this brings. Refused when there is nothing to release.

    Of a large one it takes two: who brought it in may not release it.
    """
    runs = waiting(session, import_id)
    _by_another(runs, by)
    expected = preview(session, runs, now=now)
    for run in runs:
        if not imports.release(session, _key(run), by=by, now=now):
            raise Refused(f"import {import_id} was released or undone at this very moment")
        opened = _start(session, _key(run), now)
        _record(session, run, by, "release", {"open items": opened}, now)
    return expected


def _by_another(runs: Sequence[Import], by: str) -> None:
    patients = sum(max(run.counts.get(fact, 0) for fact in ("patient", "course")) for run in runs)
    if patients > ALONE and by.strip().casefold() in {run.by.strip().casefold() for run in runs}:
        raise Refused(
            f"{by} brought these {patients} patients in: of more than {ALONE} somebody else looks at the "
            "preview and releases them"
        )


def _start(session: Session, key: Key, now: datetime) -> int:
    keys = imports.open_items(session, key)
    items.lock_open(session, keys)
    rows = list(items.of(session, keys).values())
    who = rungs.people(session, [(row.clinic_id, row.patient_id) for row in rows])
    start(session, begun(rows, who, now=now), now=now)
    reach.look(session, {(row.clinic_id, row.patient_id) for row in rows}, now=now)
    return len(rows)


def start(session: Session, rows: Sequence[Stored], *, now: datetime) -> None:
    """Write these items, which are locked, and give each its waiting rungs."""
    items.write(session, changed=rows)
    for some in batched(rows, AT_ONCE):
        rungs.climb(session, some, now=now)


def undo(session: Session, import_id: UUID, *, by: str, now: datetime) -> dict[str, int]:
    """Take back everything a run brought; how many facts, by table. Refused where others build on it."""
    runs = _run(session, import_id)
    if all(run.undone_at is not None for run in runs):
        raise Refused(f"import {import_id} was undone by {runs[0].undone_by}")
    if later := sorted({str(id_) for run in runs for id_ in imports.built_on(session, _key(run))}):
        raise Refused(f"later imports tell more of its patients: undo {', '.join(later)} first")
    counts: Counter[str] = Counter()
    for run in runs:
        undone = imports.undo(session, _key(run), by=by, now=now)
        if undone is not None:
            for some in batched(undone.to_plan, AT_ONCE):
                plans.apply(session, some, now=now)
            rejudged.again(session, undone.results, now=now, cause=rejudged.TAKEN_BACK)
            counts.update(undone.counts)
            _record(session, run, by, "undo", undone.counts, now)
    return dict(counts)


def _record(
    session: Session, run: Import, by: str, action: str, counts: Mapping[str, int], now: datetime
) -> None:
    audit.record(
        session, run.clinic_id, by, f"import {action}", subject=("import", str(run.id)), now=now,
        import_id=run.id, detail=dict(counts),
    )  # fmt: skip
