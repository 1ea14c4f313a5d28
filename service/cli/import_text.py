"""What an import did, in plain sentences and as JSON. Counts and places, never a patient's name or value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from service.ingest.rows import Batch, Problem, grouped

if TYPE_CHECKING:
    from db.tables import Import
    from service.flows.imports import Manner, Outcome
    from service.flows.releases import Preview

TABLES = ("patients", "contacts", "courses", "events", "results")


def problems(outcome: Outcome) -> Iterator[str]:
    """A line for each refused row; alike warnings are one line."""
    for problem, count in grouped(outcome.warnings):
        more = f" ({count - 1:,} more like it.)" if count > 1 else ""
        yield f"{_place(problem)}: warning: {problem.what}; {problem.remedy}.{more}"
    for problem in outcome.errors:
        yield f"{_place(problem)}: {problem.what}; {problem.remedy}."


def _place(problem: Problem) -> str:
    place = f"{problem.line.file}:{problem.line.number}"
    return f"{place}: {problem.column}" if problem.column else place


def sentences(batch: Batch, outcome: Outcome, manner: Manner, *, dry_run: bool) -> Iterator[str]:
    for name in TABLES:
        if any(counts[name] for counts in (outcome.new, outcome.known, outcome.refused)):
            yield f"{name.capitalize()}: {_row_counts(batch, outcome, name)}."
    yield _verdict(outcome, manner, dry_run)
    if outcome.import_id is not None:
        yield (
            f"It is import {outcome.import_id}. It sends nothing until somebody releases it: see "
            "`nextcount imports preview latest`, then `nextcount imports release latest --by NAME`."
        )


def _row_counts(batch: Batch, outcome: Outcome, name: str) -> str:
    read = batch.counts[name]
    counts = {
        "new": outcome.new[name],
        "stored already": outcome.known[name],
        "refused": outcome.refused[name],
        "said twice": read.merged,
        "left out by the map": read.left_out,
        "kept but closing nothing": read.unusable,
    }
    always = ("new", "stored already", "refused")
    return ", ".join(f"{n:,} {word}" for word, n in counts.items() if n or word in always)


def _verdict(outcome: Outcome, manner: Manner, dry_run: bool) -> str:
    refused = len(outcome.errors)
    rows = f"{refused:,} {'row was' if refused == 1 else 'rows were'} refused"
    if refused and not manner.good_rows:
        return f"{rows}, so nothing was written: put them right, or ask for --good-rows."
    if not any(outcome.new.values()):
        return (
            f"{rows}, and the others are stored already." if refused else "Nothing is new: nothing changed."
        )
    if dry_run:
        return f"{rows}; the new rows would be written. This was a dry run: nothing was."
    return f"{rows}; the good rows are written." if refused else "All of it is written."


def as_json(batch: Batch, outcome: Outcome, *, dry_run: bool) -> dict[str, Any]:
    return {
        "import": None if outcome.import_id is None else str(outcome.import_id),
        "dry_run": dry_run,
        "tables": {
            name: {
                "new": outcome.new[name],
                "known": outcome.known[name],
                "refused": outcome.refused[name],
                "merged": batch.counts[name].merged,
                "left_out": batch.counts[name].left_out,
                "unusable": batch.counts[name].unusable,
            }
            for name in TABLES
        },
        "errors": [_problem(problem) for problem in outcome.errors],
        "warnings": [_problem(problem) | {"count": count} for problem, count in grouped(outcome.warnings)],
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.line.file,
        "line": problem.line.number,
        "column": problem.column,
        "what": problem.what,
        "remedy": problem.remedy,
    }


# ---- the imports there are


def runs(rows: Sequence[Import]) -> list[dict[str, Any]]:
    """One entry a run, with its clinics counted together."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        run = found.setdefault(str(row.id), _run(row))
        run["clinics"] += 1
        for name, count in row.counts.items():
            run["counts"][name] = run["counts"].get(name, 0) + count
    return list(found.values())


def _run(row: Import) -> dict[str, Any]:
    moments = {"at": row.created_at, "released_at": row.released_at, "undone_at": row.undone_at}
    return {
        "import": str(row.id),
        "folder": row.name,
        "by": row.by,
        "released_by": row.released_by,
        "undone_by": row.undone_by,
        "clinics": 0,
        "counts": {},
    } | {name: None if at is None else at.isoformat() for name, at in moments.items()}


def run_lines(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not found:
        yield "Nothing was imported yet."
    for run in found:
        yield f"{run['import']}  {run['at'][:16]}  {run['folder']}, by {run['by']}: {_state(run)}"
        yield f"    {_clinics(run['clinics'])}: {listed(run['counts'])}"


def _clinics(count: int) -> str:
    return "1 clinic" if count == 1 else f"{count:,} clinics"


def _state(run: Mapping[str, Any]) -> str:
    if run["undone_at"]:
        return f"undone by {run['undone_by']} at {run['undone_at'][:16]}"
    if run["released_at"]:
        return f"released by {run['released_by']} at {run['released_at'][:16]}"
    return "paused: it waits to be released"


def listed(counts: Mapping[str, int]) -> str:
    """Counts of facts by table, in words: `2 patients, 1 course event`."""
    words = [f"{n:,} {_word(name)}{'' if n == 1 else 's'}" for name, n in counts.items() if n]
    return ", ".join(words) or "nothing"


def _word(table: str) -> str:
    return table.replace("_", " ")


# ---- a preview


def preview_lines(found: Preview) -> Iterator[str]:
    yield f"{found.patients:,} patients have something open; {found.overdue:,} of them are overdue already."
    if found.unreachable:
        yield f"{found.unreachable:,} cannot be reached: each becomes a work item."
    if not found.coming:
        yield "Released now, nothing would go out in the next five days."
        return
    yield "Released now, the next five days would bring, by each place's own day:"
    for day, rows in _by_day(found):
        yield f"  {day}: " + "; ".join(rows)


def _by_day(found: Preview) -> Iterable[tuple[str, list[str]]]:
    days: dict[str, list[str]] = defaultdict(list)
    for coming in found.coming:
        what = "message" if coming.effect == "message" else "work item"
        plural = "" if coming.count == 1 else "s"
        days[coming.day.isoformat()].append(
            f"{coming.count:,} {what}{plural} to the {coming.audience} ({coming.rung})"
        )
    return days.items()


def preview_json(import_id: object, found: Preview) -> dict[str, Any]:
    return {
        "import": str(import_id),
        "patients": found.patients,
        "overdue": found.overdue,
        "unreachable": found.unreachable,
        "coming": [
            {
                "day": coming.day.isoformat(),
                "audience": coming.audience,
                "rung": coming.rung,
                "effect": coming.effect,
                "count": coming.count,
            }
            for coming in found.coming
        ],
    }
