"""Invented patients on azathioprine, one or more in every state that a clinic meets.

Days are counted back from today: whatever the date, the same things have just happened.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from schedules import analytes, library
from schedules.facts import Course, Draw, Event, EventType
from schedules.plan import plan

US_LABEL, BSR, BSG = "azathioprine-us-label", "azathioprine-bsr-2017", "azathioprine-bsg-2019"
CLINIC = "Harbour Immunology Clinic"
USUAL = {
    "wbc": "6.1",
    "anc": "3.8",
    "plt": "240",
    "hb": "134",
    "alt": "24",
    "alp": "70",
    "bilirubin": "9",
    "creatinine": "78",
    "albumin": "42",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`kept_until`: so many days ago tests were last on their day. Events and draws are days ago, too."""

    name: str
    state: str  # what the demo shows with this person
    protocol: str
    started: int
    kept_until: int = 0
    events: tuple[tuple[int, EventType, dict[str, Any]], ...] = ()
    draws: tuple[tuple[int, dict[str, str]], ...] = ()
    consent: bool = True
    wording: str = "blood-test"
    born: str = "1984-03-02"


PEOPLE = (
    Person(name="Noor Haddad", state="new", protocol=US_LABEL, started=3),
    Person(name="Ingrid Solberg", state="in date", protocol=BSR, started=280),
    Person(name="Tomasz Zielinski", state="in date", protocol=BSG, started=460),
    Person(name="Leila Farsi", state="in date", protocol=US_LABEL, started=25),
    Person(name="Owen Pryce", state="due", protocol=US_LABEL, started=13, kept_until=2),
    Person(name="Mei-Ling Tan", state="due", protocol=BSG, started=27, kept_until=5),
    Person(name="Rafael Duarte", state="overdue", protocol=US_LABEL, started=26, kept_until=10),
    Person(name="Hannah Weiss", state="overdue", protocol=BSR, started=144, kept_until=20),
    Person(
        name="Samuel Okafor",
        state="unreachable",
        protocol=US_LABEL,
        started=34,
        kept_until=19,
        consent=False,
    ),
    Person(name="Giulia Bruno", state="lapsed", protocol=BSR, started=330, kept_until=130),
    Person(
        name="Pavel Novak",
        state="lapsed",
        protocol=US_LABEL,
        started=60,
        kept_until=25,
        wording="neutral",
    ),
    Person(
        name="Amara Diallo",
        state="held",
        protocol=BSR,
        started=210,
        events=((8, EventType.HOLD, {"reason": "planned surgery", "review": 6}),),
    ),
    Person(
        name="Erik Lindqvist",
        state="stepped up",
        protocol=BSR,
        started=260,
        events=((6, EventType.DOSE_INCREASE, {}),),
    ),
    Person(
        name="Yuki Sato",
        state="beyond a limit",
        protocol=BSG,
        started=85,
        kept_until=20,
        draws=((1, {"wbc": "3.1", "anc": "1.4"}),),
    ),
    Person(
        name="Carmen Ibarra",
        state="came after a reminder",
        protocol=US_LABEL,
        started=34,
        kept_until=14,
        draws=((5, {}),),
    ),
)


@dataclass(slots=True)
class Records:
    """Canonical rows by table, each with the day on which it became known."""

    rows: list[tuple[str, date, dict[str, str]]] = field(default_factory=list)

    def add(self, table: str, known_on: date, **values: object) -> None:
        written = {name: str(value) for name, value in values.items() if value is not None}
        self.rows.append((table, known_on, written))

    def on(self, table: str, *, after: date, by: date) -> list[dict[str, str]]:
        """The rows of a table that became known in (after, by]."""
        return [row for name, known_on, row in self.rows if name == table and after < known_on <= by]


def records(today: date, *, since: date) -> Records:
    """Everybody's records; who began after `since` is known from the first day on."""
    found = Records()
    for number, person in enumerate(PEOPLE, start=1):
        _write(found, person, f"H{number:03}", today, since)
    return found


def _write(found: Records, person: Person, mrn: str, today: date, since: date) -> None:
    start = today - timedelta(days=person.started)
    known = max(start, since)
    who = {"clinic": CLINIC, "mrn": mrn}
    found.add("patients", known, **who, name=person.name, birth_date=person.born, wording=person.wording)
    found.add(
        "contacts",
        known,
        **who,
        channel="sms",
        address=f"+1202555{100 + int(mrn[1:]):04}",
        consent="yes" if person.consent else "no",
        consent_at=start,
        consent_source="paper form",
        consent_wording="We may send reminders of your blood tests to this number.",
    )
    found.add("courses", known, **who, protocol=person.protocol, start=start, indication="crohns-disease")
    for ago, kind, more in person.events:
        on = today - timedelta(days=ago)
        review = today + timedelta(days=more["review"]) if "review" in more else None
        found.add(
            "events",
            on,
            **who,
            protocol=person.protocol,
            on=on,
            type=kind.value,
            reason=more.get("reason"),
            review_on=review,
            decided_by="Dr Lund",
        )
    for on, values in _draws(person, today):
        for analyte, value in values.items():
            unit = analytes.analyte(analyte).unit
            found.add("results", on, **who, collected_on=on, analyte=analyte, value=value, unit=unit)


def _draws(person: Person, today: date) -> Iterator[tuple[date, dict[str, str]]]:
    """The tests that were kept on their days, and the others that the person had."""
    protocol = library.protocol(person.protocol)
    clock = protocol.clocks[0]
    usual = {name: USUAL.get(name, "1") for name in sorted(clock.components)}
    course = Course(protocol=protocol, start=today - timedelta(days=person.started))
    events = [Event(on=today - timedelta(days=ago), type=kind) for ago, kind, _ in person.events]
    last = today - timedelta(days=max(1, person.kept_until))
    draws: list[Draw] = []
    held_on = min((event.on for event in events if event.type is EventType.HOLD), default=today)
    while (due := plan(course, events, draws, today=last).open_items[0].due_on) <= last and due < held_on:
        draws.append(Draw(on=due, components=clock.components))
        yield due, usual
    for ago, values in person.draws:
        yield today - timedelta(days=ago), usual | values
