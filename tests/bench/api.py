"""The API with many patients: reading one by id beside the bare framework, and the ten main operations."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL

from db import batches
from db.engine import make_engine, reading, writing
from db.tables import Course, UserRole
from service.flows import users
from tests.bench import asking, ground, race, seed, table
from tests.bench.ground import Ground

CONNECTIONS = 4  # one worker of two cores, with some who wait
SAMPLE = 500
Rates = dict[str, list[float]]
START = "2025-12-15"
DRAW = {"collected_on": "2026-01-10", "values": [{"analyte": "wbc", "value": "4.1", "unit": "10*9/L"}]}


class People:
    """Some of the patients, with a key of each one's clinic."""

    def __init__(self, url: URL) -> None:
        engine, courses = make_engine(url), batches.table(Course)
        columns = [courses.c[name] for name in ("clinic_id", "patient_id", "id")]
        with reading(engine) as session:
            found = session.execute(sa.select(*columns).order_by(courses.c.id)).all()
        self.rows = found[:: max(1, len(found) // SAMPLE)]
        with writing(engine) as session:
            self.keys = {
                clinic_id: _key(session, clinic_id) for clinic_id in {row.clinic_id for row in self.rows}
            }
        engine.dispose()

    def ask(self, number: int, method: str, path: str, body: Any = None, *, once: str = "") -> bytes:
        row = self.rows[number % len(self.rows)]
        path = path.format(patient=row.patient_id, course=row.id)
        again = f"{once}-{number}" if once else ""
        return asking.request(method, path, self.keys[row.clinic_id], body, once=again)


def _key(session: Any, clinic_id: Any) -> str:
    return users.add(session, "Bench", UserRole.COORDINATOR, clinic_id=clinic_id, by="bench", now=seed.BEGUN)


Make = Callable[[People, int], bytes]


def _patient(people: People, number: int) -> bytes:
    body = {"mrn": f"new-{number}", "name": "Ben Invented", "birth_date": "1968-04-30", "contacts": []}
    return people.ask(number, "POST", "/v1/patients", body, once="patient")


OPERATIONS: dict[str, Make] = {
    "read a patient": lambda who, n: who.ask(n, "GET", "/v1/patients/{patient}"),
    "find by number": lambda who, n: who.ask(n, "POST", "/v1/patients/search", {"mrn": str(n)}),
    "find by a part of the name": lambda who, n: who.ask(n, "POST", "/v1/patients/search", {"name": "a inv"}),
    "read a course": lambda who, n: who.ask(n, "GET", "/v1/courses/{course}"),
    "read a patient whole": lambda who, n: who.ask(n, "GET", "/v1/patients/{patient}/whole"),
    "list work": lambda who, n: who.ask(n, "GET", "/v1/work"),
    "list who is overdue": lambda who, n: who.ask(n, "GET", "/v1/overdue"),
    "enter a patient": _patient,
    "enrol": lambda who, n: who.ask(
        n,
        "POST",
        "/v1/patients/{patient}/courses",
        {"protocol": "mercaptopurine-sps", "start": START},
        once="enrol",
    ),
    "enter a result": lambda who, n: who.ask(
        n, "POST", "/v1/patients/{patient}/results", DRAW, once="result"
    ),
    "the front page": lambda who, n: who.ask(n, "GET", "/"),
}


def told(there: Ground, *, patients: int, requests: int, runs: int) -> Iterator[str]:
    for kind in ("sqlite", "postgresql"):
        with there.copy(kind, f"people{patients}x1", seed.fill(patients, 1)) as url:
            yield from _of(url, kind, patients=patients, requests=requests, runs=runs)
            ground.check(url)


def _of(url: URL, kind: str, *, patients: int, requests: int, runs: int) -> Iterator[str]:
    people = People(url)
    with _serving(url, "ours") as port, _serving(url, "bare") as bare, _serving(url, "noted") as noted:
        yield _beside(kind, _rates(people, (port, noted, bare), requests, runs))
        spent = {name: _asked(people, port, make, requests) for name, make in OPERATIONS.items()}
        title = (f"{kind}, {patients:,} patients", "p50 ms", "p99 ms")
        yield table.rows(title, (_line(name, seconds) for name, seconds in spent.items()))


BY_ID = (
    "GET /v1/patients/{id}",
    "one route, its key looked up, an audit entry",
    "one route, one bare SELECT",
)


def _rates(people: People, ports: tuple[int, int, int], requests: int, runs: int) -> Rates:
    """Answers a second, in turn."""
    mine = [people.ask(n, "GET", "/v1/patients/{patient}") for n in range(requests)]
    rows = (people.rows[n % len(people.rows)] for n in range(requests))
    others = [asking.request("GET", f"/{row.clinic_id.hex}/{row.patient_id.hex}") for row in rows]
    found: Rates = {name: [] for name in BY_ID}
    asked = (mine, mine, others)
    for port, some in zip(ports, asked, strict=True):
        asking.ask(port, some[:20], connections=CONNECTIONS)  # what is made once is made
    for _ in range(runs):
        for name, port, some in zip(found, ports, asked, strict=True):
            seconds = asking.ask(port, some, connections=CONNECTIONS)
            found[name].append(len(seconds) * CONNECTIONS / sum(seconds))
    return found


def _asked(people: People, port: int, make: Make, requests: int) -> list[float]:
    asking.ask(port, [make(people, n) for n in range(4)], connections=1)
    return asking.ask(port, [make(people, n) for n in range(4, requests)], connections=CONNECTIONS)


def _beside(kind: str, rates: Rates) -> str:
    bare = list(rates.values())[-1]
    title = (f"by id, {kind}, {CONNECTIONS} connections", "answers a second", "beside the bare one")
    return table.rows(
        title, ((name, table.spread(some), table.ratio(some, bare)) for name, some in rates.items())
    )


def _line(name: str, seconds: list[float]) -> tuple[str, ...]:
    middle, late = median(seconds) * 1000, quantiles(seconds, n=100, method="inclusive")[-1] * 1000
    return name, table.number(middle), table.number(late)


@contextmanager
def _serving(url: URL, which: str) -> Iterator[int]:
    with race.process("host", url, which) as door:
        yield race.told(door, "host")
