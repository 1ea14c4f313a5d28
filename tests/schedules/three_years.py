"""Three years of dates of every packaged protocol, for a clinician to read.

Each date has the rule that gave it and the line of the protocol's file. After a change that is meant, write
the files again: `python -m tests.schedules.three_years`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

from schedules import library, plan
from schedules.facts import Course, Draw, Event, EventType, Item, Plan
from schedules.protocol import Clock, Protocol, as_json

FOLDER = Path(__file__).parent / "golden_protocols"
START, END = date(2026, 1, 5), date(2029, 1, 5)
DONE = {"visit": EventType.ATTENDED, "check-in": EventType.ANSWERED, "dose": EventType.ADMINISTERED}
HEADER = re.compile(r"^\[+(clocks[a-z_.]*|limits|baseline|source)\]+$")


@dataclass(frozen=True, slots=True)
class Life:
    """One invented course: what it is for, its flags, and what happens on which day."""

    indication: str | None = None
    flags: frozenset[str] = frozenset()
    events: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        said = [
            self.indication or "",
            *sorted(self.flags),
            *(f"{kind} on {on}" for on, kind in self.events.items()),
        ]
        return ", ".join(part for part in said if part) or "nothing happens"


def _happens(**days: str) -> Life:
    found = [(on, kind.replace("_", "-")) for kind, all_ in days.items() for on in all_.split()]
    return Life(events=dict(sorted(found)))


MAINTENANCE = _happens(maintenance_dose="2026-03-10")
LIVES: Mapping[str, Sequence[Life]] = {
    "azathioprine-bad-2011": [
        MAINTENANCE,
        _happens(maintenance_dose="2026-03-10 2026-10-20", dose_increase="2026-09-01"),
    ],
    "azathioprine-bsg-2019": [Life(), _happens(dose_increase="2026-09-14")],
    "azathioprine-bsr-2017": [Life(), _happens(dose_increase="2026-09-14")],
    "azathioprine-neurology": [Life(), Life(flags=frozenset({"high-risk"}))],
    "azathioprine-nhs-fife": [Life(events={"2026-06-01": "maintenance-dose", "2026-09-14": "dose-increase"})],
    "azathioprine-nhs-ggc": [Life(), _happens(dose_increase="2027-03-01")],
    "azathioprine-sps-rheumatology": [MAINTENANCE],
    "azathioprine-us-label": [Life(), _happens(dose_increase="2026-09-14")],
    "ciclosporin-us-label": [Life(indication="rheumatoid-arthritis"), Life(indication="psoriasis")],
    "hydroxychloroquine-aao-2016": [Life(), Life(flags=frozenset({"tamoxifen"}))],
    "hydroxychloroquine-rcophth-2020": [Life(), Life(flags=frozenset({"tamoxifen"}))],
    "infliximab-nhs-lanarkshire": [Life("crohns-disease"), Life("ankylosing-spondylitis")],
    "leflunomide-us-label": [Life(), Life(flags=frozenset({"with-methotrexate"}))],
    "tacrolimus-kidney-transplant-kdigo": [
        Life("kidney-transplant", events={"2026-02-16": "maintenance-dose", "2026-09-01": "brand-change"})
    ],
}  # fmt: skip


def lives(name: str) -> Sequence[Life]:
    return LIVES.get(name, [Life()])


def live(protocol: Protocol, life: Life) -> Plan:
    """The plan at the end: everything done on its due day, by the planner alone."""
    course = Course(protocol=protocol, start=START, indication=life.indication, flags=life.flags)
    events = [Event(on=date.fromisoformat(on), type=EventType(kind)) for on, kind in life.events.items()]
    days = sorted(event.on for event in events)
    draws: list[Draw] = []
    found = plan.plan(course, events, draws, today=START)
    while coming := [day for day in (*days, *(item.due_on for item in found.open_items)) if day < END]:
        day = min(coming)
        days = [later for later in days if later > day]
        for item in found.open_items:
            if item.due_on <= day:
                _do(protocol, item, day, events=events, draws=draws)
        found = plan.plan(course, events, draws, today=day)
    return plan.plan(course, events, draws, today=END)


@cache
def lived(name: str, number: int) -> Plan:
    """The plan of a packaged protocol's life, by its place in `lives`."""
    return live(library.protocol(name), lives(name)[number])


def _do(protocol: Protocol, item: Item, day: date, *, events: list[Event], draws: list[Draw]) -> None:
    if item.kind == "test":
        draws.append(Draw(on=day, components=protocol.clock(item.clock).components, clock=item.clock))
    else:
        events.append(Event(on=day, type=DONE[item.kind], clock=item.clock))


def source_lines(name: str) -> dict[tuple[str, int | str], int]:
    """By clock and phase (or the answer to an event) the line of the file on which its figures begin."""
    found: dict[tuple[str, int | str], int] = {}
    clock, phase = "", -1
    for number, line in enumerate(library.source_text(name).splitlines(), start=1):
        header = HEADER.match(line)
        if header is not None and header[1] == "clocks":
            clock, phase = "", -1
        elif header is not None and header[1] == "clocks.phases":
            phase += 1
            found[clock, phase] = number + 1
        elif header is not None and header[1].startswith("clocks."):
            found.setdefault((clock, "step-up"), number + 1)
        elif line.startswith("id = ") and not clock:
            clock = line.split('"')[1]
    return found


def place(clock: Clock, life: Life, phase: int | str) -> int | str:
    """The phase's place in the file: a course's own phases leave out those of other courses."""
    if isinstance(phase, str):
        return phase
    return clock.phases.index(clock.phases_for(life.indication, life.flags)[phase])


def pages() -> Iterator[tuple[str, str]]:
    for name, protocol in library.protocols().items():
        yield name, "\n".join(_page(protocol)) + "\n"


def _page(protocol: Protocol) -> Iterator[str]:
    source = protocol.source
    yield f"{protocol.id} version {protocol.version}: {protocol.title}"
    yield f"{source.title}{', ' + source.section if source.section else ''} (evidence: {source.evidence})"
    yield f"From {START} to {END}, everything done on its due day."
    yield from _legend(protocol)
    for number, life in enumerate(lives(protocol.id)):
        yield from ("", f"== {life.words}")
        yield from _life(protocol, number)


def _legend(protocol: Protocol) -> Iterator[str]:
    lines, documents = source_lines(protocol.id), as_json(protocol)["clocks"]
    for clock, document in zip(protocol.clocks, documents, strict=True):
        yield from ("", f"{clock.id} ({clock.kind}): {clock.title or ''}")
        for number, phase in enumerate(document["phases"]):
            figures = {key: value for key, value in phase.items() if key not in ("note", "source", "reason")}
            said = " ".join((phase.get("note") or phase.get("no_figure") or "").split())
            rule = ", ".join(f"{key} {_plain(value)}" for key, value in figures.items() if key != "no_figure")
            yield f"  line {lines[clock.id, number]:3}  {rule or 'no figure'}. {said}"


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return "(" + " ".join(f"{key} {_plain(part)}" for key, part in value.items()) + ")"
    return " ".join(map(_plain, value)) if isinstance(value, list) else str(value)


def _life(protocol: Protocol, number: int) -> Iterator[str]:
    life, found, lines = lives(protocol.id)[number], lived(protocol.id, number), source_lines(protocol.id)
    rows = []
    for item in found.items:
        line = lines[item.clock, place(protocol.clock(item.clock), life, item.phase)]
        rule = item.why.split(", phase")[0].split(", step-up")[0]
        state = item.class_.value if item.class_ is not None else "open"
        rows.append((item.due_on, 0, f"{item.clock} {item.ordinal}: {rule} (line {line}), {state}"))
    rows += [(need.on, 1, f"asks the {need.role}: {need.kind}. {need.why}") for need in found.needs]
    rows += [(on, 2, f"{name} ends. {why}") for name, (on, why) in found.ends.items()]
    for on, _, text in sorted(rows):
        yield f"{on:%Y-%m-%d %a}  {text}"


def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.txt"):
        old.unlink()
    for name, page in pages():
        FOLDER.joinpath(f"{name}.txt").write_text(page, "utf-8")


if __name__ == "__main__":
    write()
