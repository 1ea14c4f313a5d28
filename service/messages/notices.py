"""What staff are mailed: no name, no medicine, no diagnosis, for a mail is read on locked screens.

In English alone, as the pages are that it leads to: no reviewer signs these for patients.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from schedules import limits
from schedules.fields import Level
from service.messages import Text, catalogues
from service.messages.catalogues import FALLBACK

WORDS = {  # a kind of work item in general words
    "limit": "a result beyond a limit",
    "problem-told": "a patient tells of a problem",
    "clinic-cannot-be-called": "the clinic has no phone or emergency number, so its reminders wait",
}
REPEATED = (
    "This mail is repeated until somebody takes them: after half an hour, after an hour, then hourly "
    "for a day."
)
ON_CALL = (
    "You are on call. Until somebody claims them they go to the next on the rota every 10 minutes, then to "
    "everybody every 30; a claim holds for 60 minutes."
)
OTHER = "something for a person to decide"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a digest counts."""

    red: int
    overdue: int
    due: int  # in the next seven days
    unreachable: int
    undelivered: int
    uncovered: int | None  # hours of the rota's next seven days; None for who has none


@dataclass(frozen=True, slots=True, kw_only=True)
class Red:
    """Work items of one level and kind that nobody has claimed."""

    level: Level
    kind: str
    count: int
    since: datetime


def digest(clinic: str, figures: Figures, *, now: datetime, zone: ZoneInfo, link: str | None) -> Text:
    words = catalogues.every()[FALLBACK].dates
    local = now.astimezone(zone)
    day, at = words.written(local.date()), words.clock(local.time())
    lines = [
        f"{clinic}: {day}, checked at {at} ({zone.key}).",
        "",
        f"Open work, same-day and emergency: {figures.red}",
        f"Overdue: {figures.overdue}",
        f"Due in the next 7 days: {figures.due}",
        f"Patients who cannot be reached: {figures.unreachable}",
        f"Messages that did not arrive, or perhaps did not: {figures.undelivered}",
        *_uncovered(figures.uncovered),
        "",
        f"Who they are: {link}" if link else "Who they are is on the pages of nextcount.",
        "",
        "This mail comes every day at 8:00 am, also when everything is at 0. On a day without it reminders "
        "may have stopped as well: look at nextcount, or call whoever runs it.",
    ]
    return Text(
        subject=f"{clinic}: {figures.overdue} overdue, {figures.red} same-day ({day})", body="\n".join(lines)
    )


def _uncovered(hours: int | None) -> list[str]:
    return [] if hours is None else [f"The rota's hours without a reachable person, next 7 days: {hours}"]


def alarm(clinic: str, red: Sequence[Red], *, zone: ZoneInfo, link: str | None, climbs: bool = False) -> Text:
    """All red work that nobody has claimed, in one mail."""
    counts: Counter[str] = Counter()
    for one in red:
        counts[one.level] += one.count
    told = ", ".join(f"{counts[level]} {level}" for level in reversed(limits.LEVELS) if counts[level])
    lines = [
        f"{clinic}: work for today that nobody has taken yet.",
        "",
        *(
            f"{one.count} {one.level}: {WORDS.get(one.kind, OTHER)}, since {_moment(one.since, zone)}"
            for one in red
        ),
        "",
        f"The work list: {link}" if link else "They are on the work list of nextcount.",
        "",
        ON_CALL if climbs else REPEATED,
    ]
    return Text(subject=f"{clinic}: {told}: please look now", body="\n".join(lines))


def canary(now: datetime) -> Text:
    """Nobody reads it: that it was taken is what it says."""
    return Text(subject="nextcount: canary", body=f"A message of {now:%Y-%m-%d %H:%M} UTC went all the way.")


def _moment(moment: datetime, zone: ZoneInfo) -> str:
    words = catalogues.every()[FALLBACK].dates
    local = moment.astimezone(zone)
    return f"{words.written(local.date())}, {words.clock(local.time())}"
