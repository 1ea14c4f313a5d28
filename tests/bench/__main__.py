"""How fast it is, beside others and bare SQL: `python -m tests.bench`, or `--quick` to see that it works.

Every row of a run is measured before the next run begins. What one leaves behind must hold: db/invariants.
"""

import argparse
import logging
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from statistics import median

from db import migrations
from service.cli import logs
from tests.bench import api, enrol, ground, growth, race, reports, seed, table
from tests.bench.ground import Ground
from tests.bench.race import Lap

Laps = Mapping[str, list[Lap]]
Case = Callable[[Ground], Lap]
LITE, POSTGRES = "sqlite", "postgresql"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of each; `peers` run fewer jobs, for they take longer."""

    patients: int = 100_000
    two: int = 50_000
    pgqueuer: int = 20_000
    peers: int = 5_000
    later: tuple[int, ...] = (100_000, 1_000_000, 10_000_000)
    courses: int = 10_000
    orm: int = 500
    requests: int = 400
    runs: int = 5
    with_peers: bool = True


QUICK = Sizes(
    patients=100, two=50, pgqueuer=100, peers=50, later=(2_000, 4_000), courses=20, orm=10, requests=8, runs=1
)
PARTS = ("dispatch", "ticks", "clock", "enrolment", "reports", "api")


def dispatch(sizes: Sizes) -> dict[str, Case]:
    return _dispatch(sizes) | (_peers(sizes) if sizes.with_peers else {})


def _dispatch(sizes: Sizes) -> dict[str, Case]:
    return {
        "nextcount, SQLite, 1 worker": _ours(LITE, sizes.patients),
        "bare SQL, SQLite, 1 worker": _ours(LITE, sizes.patients, module="bare"),
        "nextcount, PostgreSQL, 1 worker": _ours(POSTGRES, sizes.patients),
        "nextcount, PostgreSQL, 2 workers": _ours(POSTGRES, sizes.patients, processes=2),
        "nextcount, PostgreSQL, 4 workers": _ours(POSTGRES, sizes.patients, processes=4),
        OUTSIDE: _ours(POSTGRES, sizes.patients, "outside", processes=2),
        "the same, two reminders in each message": _ours(POSTGRES, sizes.two, processes=2, courses=2),
        "bare SQL, PostgreSQL, 1 worker": _ours(POSTGRES, sizes.patients, module="bare"),
        "bare SQL, PostgreSQL, 2 workers": _ours(POSTGRES, sizes.patients, module="bare", processes=2),
        SLICED: _ours(POSTGRES, sizes.patients, "outside", module="bare", processes=2),
    }


def _peers(sizes: Sizes) -> dict[str, Case]:
    return {
        "PgQueuer, 2 workers": _peer("pgqueuer", sizes.pgqueuer),
        "Procrastinate, 2 workers": _peer("procrastinate", sizes.peers),
        "APScheduler, PostgreSQL": _apscheduler(POSTGRES, sizes.peers),
        "APScheduler, SQLite": _apscheduler(LITE, sizes.peers),
    }


def _ours(
    kind: str,
    patients: int,
    how: str = "inside",
    *,
    module: str = "worker",
    processes: int = 1,
    courses: int = 1,
) -> Case:
    def case(there: Ground) -> Lap:
        with there.copy(kind, f"people{patients}x{courses}", seed.fill(patients, courses)) as url:
            lap = race.run(module, url, how, processes=processes)
            ground.check(url)
        return _whole(lap, patients)

    return case


def _peer(name: str, jobs: int) -> Case:
    def case(there: Ground) -> Lap:
        with there.empty() as url:
            race.prepare("peers", url, name, "fill", str(jobs))
            return _whole(race.run("peers", url, name, "drain", str(jobs), processes=2), jobs)

    return case


def _apscheduler(kind: str, jobs: int) -> Case:
    def case(there: Ground) -> Lap:
        with there.copy(kind, ground.TABLES, migrations.upgrade) as url:
            return _whole(race.run("peers", url, "apscheduler", "drain", str(jobs)), jobs)

    return case


def _whole(lap: Lap, wanted: int) -> Lap:
    if lap.handled != wanted:
        raise SystemExit(f"{lap.handled} of {wanted} were handled: the figures count for nothing")
    return lap


def ticks(sizes: Sizes) -> dict[str, Case]:
    return {
        f"{what}, {rows:,} due later": _tick(rows, what) for rows in sizes.later for what in ("due", "empty")
    }


def _tick(rows: int, what: str) -> Case:
    def case(there: Ground) -> Lap:
        url = there.original(POSTGRES, f"later{rows}", growth.fill(rows))
        lap = race.run("growth", url, what)
        growth.again(url)
        return lap

    return case


def clock(sizes: Sizes) -> dict[str, Case]:
    return {f"while a batch is at work, {kind}": _clock(kind, sizes.patients) for kind in (LITE, POSTGRES)}


def _clock(kind: str, patients: int) -> Case:
    def case(there: Ground) -> Lap:
        with there.copy(kind, f"people{patients}x1", seed.fill(patients, 1)) as url:
            return _whole(race.run("lag", url), patients)

    return case


def enrolment(sizes: Sizes) -> dict[str, Case]:
    return {
        f"{name}, {kind}": _enrol(kind, how, sizes.courses, count)
        for kind in (LITE, POSTGRES)
        for name, how, count in (
            ("planned in bulk", "plan", sizes.courses),
            ("one ORM commit a patient", "orm", sizes.orm),
        )
    }


def _enrol(kind: str, how: str, courses: int, count: int) -> Case:
    def case(there: Ground) -> Lap:
        with there.copy(kind, f"courses{courses}", enrol.fill(courses)) as url:
            lap = race.run("enrol", url, how, str(count))
            if how == "plan":
                ground.check(url)
        return _whole(lap, count)

    return case


# ---- the tables


def _dispatched(laps: Laps) -> str:
    title = ("dispatch", "N", "a second", "processor s per 1,000", "nextcount beside it")
    rates = {name: [lap.per_second for lap in some] for name, some in laps.items()}
    return table.rows(title, (_line(name, laps[name], rates) for name in laps))


OUTSIDE = "the same through a channel that leaves the house"
SLICED = "bare SQL, PostgreSQL, 2 workers, in the slices of what leaves the house"
OWN_PEER = {"bare SQL, PostgreSQL, 1 worker": "nextcount, PostgreSQL, 1 worker", SLICED: OUTSIDE}


def _line(name: str, laps: list[Lap], rates: Mapping[str, list[float]]) -> tuple[str, ...]:
    ours = "nextcount, SQLite, 1 worker" if "SQLite" in name else "nextcount, PostgreSQL, 2 workers"
    ours = OWN_PEER.get(name, ours)
    beside = "" if name.startswith(("nextcount", "the same")) else table.ratio(rates[ours], rates[name])
    used = table.number(median(lap.processor_per_1000 for lap in laps))
    return name, f"{laps[0].handled:,}", table.spread(rates[name]), used, beside


def _ticked(laps: Laps) -> str:
    spent = {name: [lap.seconds * 1000 / _parts(name) for lap in some] for name, some in laps.items()}
    first = {name.partition(",")[0]: values for name, values in reversed(list(spent.items()))}
    lines = (
        (name, table.spread(values), table.ratio(values, first[name.partition(",")[0]]))
        for name, values in spent.items()
    )
    return table.rows(("a tick, PostgreSQL, 1,000 due or none", "ms", "beside the first"), lines)


def _parts(name: str) -> int:
    return growth.EMPTY if name.startswith("empty") else 1


def _enrolled(laps: Laps) -> str:
    rates = {name: [lap.per_second for lap in some] for name, some in laps.items()}
    lines = (
        (name, f"{laps[name][0].handled:,}", table.spread(values), _beside_orm(name, rates))
        for name, values in rates.items()
    )
    return table.rows(("courses of three years", "N", "patients a second", "beside the ORM"), lines)


def _beside_orm(name: str, rates: Mapping[str, list[float]]) -> str:
    if not name.startswith("planned"):
        return ""
    return table.ratio(rates[name], rates[name.replace("planned in bulk", "one ORM commit a patient")])


def _clocked(laps: Laps) -> str:
    lags = {name: sorted(lag * 1000 for lap in some for lag in lap.lags) for name, some in laps.items()}
    lines = (
        (name, f"{len(late):,}", *(table.number(late[int(part * len(late))]) for part in (0.5, 0.99)))
        for name, late in lags.items()
    )
    return table.rows(("a tick is late by, ms", "ticks", "half of them", "99 of 100"), lines)


CASES = {
    "clock": (clock, _clocked),
    "dispatch": (dispatch, _dispatched),
    "ticks": (ticks, _ticked),
    "enrolment": (enrolment, _enrolled),
    "reports": (lambda sizes: reports.cases(sizes.patients), reports.told),
}


def measure(there: Ground, cases: Mapping[str, Case], runs: int) -> Laps:
    laps: dict[str, list[Lap]] = defaultdict(list)
    for run in range(runs):
        for name, case in cases.items():
            laps[name].append(case(there))
            sys.stderr.write(f"run {run + 1}: {name}: {laps[name][-1].seconds:.2f} s\n")
    return laps


def report(sizes: Sizes, parts: tuple[str, ...]) -> Iterator[str]:
    with ground.ground() as there:
        yield table.head(there.server, sizes.runs)
        for part in parts:
            if part == "api":
                yield from api.told(there, patients=sizes.patients, requests=sizes.requests, runs=sizes.runs)
                continue
            cases, told = CASES[part]
            yield told(measure(there, cases(sizes), sizes.runs))


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the server of the run ends with it
    logs.configure()
    logging.disable(logging.INFO)  # of every page a line
    asked = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    asked.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; by default all")
    asked.add_argument("--quick", action="store_true", help="seconds, to see that it works: no figures")
    asked.add_argument("--without-peers", action="store_true", help="what needs the extra `bench`")
    asked.add_argument("--runs", type=int, help="how often, by default 5")
    asked.add_argument("--patients", type=int, help="to dispatch to, by default 100,000; courses: a tenth")
    given = asked.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        asked.error(f"there is no part {', '.join(sorted(unknown))}: choose of {', '.join(PARTS)}")
    if not given.without_peers and find_spec("pgqueuer") is None:
        asked.error("the peers are not installed: pip install '.[bench]', or say --without-peers")
    for piece in report(sizes(given), tuple(given.parts) or PARTS):
        sys.stdout.write(f"{piece}\n\n")
        sys.stdout.flush()


def sizes(given: argparse.Namespace) -> Sizes:
    chosen = QUICK if given.quick else Sizes()
    said = {"runs": given.runs, "patients": given.patients}
    said |= {name: given.patients and given.patients // of for name, of in (("two", 2), ("courses", 10))}
    return replace(
        chosen, with_peers=not given.without_peers, **{name: value for name, value in said.items() if value}
    )


if __name__ == "__main__":
    main()
