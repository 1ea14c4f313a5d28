"""Every sentence we send, one catalogue per language; `render` fills it at sending."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache

from service.messages import catalogues
from service.messages.catalogues import Catalogue

LONGEST_NAME, LONGEST_NUMBER = 60, 30  # of a clinic: a text message pays for every sign
TONES = ("overdue", "due", "ahead", "booked")  # in the order in which a message tells them


@dataclass(frozen=True, slots=True)
class Line:
    """One reminder to be said: what is asked, how it stands, by which day, and booked for what time."""

    kind: str  # test, visit, check-in, dose
    tone: str
    day: date
    at: time = time(0)


@dataclass(frozen=True, slots=True)
class Sender:
    clinic: str
    phone: str
    emergency_number: str

    @property
    def can_be_called(self) -> bool:
        """Whether a message can say whom to call, and whom in an emergency."""
        return _has_digits(self.phone) and _has_digits(self.emergency_number)


@lru_cache
def _has_digits(number: str) -> bool:
    return any(map(str.isdigit, number))


@dataclass(frozen=True, slots=True)
class Text:
    subject: str
    body: str


def render(
    sender: Sender,
    lines: Sequence[Line],
    *,
    audience: str,
    language: str,
    wording: str,
    link: str | None = None,
) -> Text:
    """All that is to be said to one person now, in one message. ValueError where nobody can be called."""
    if not sender.can_be_called:
        raise ValueError("a clinic without a phone and an emergency number cannot send")
    words = catalogues.every()[language]
    ordered = sorted(lines, key=lambda line: (TONES.index(line.tone), line.day, line.at))
    said = dict.fromkeys(sentence(words, line, audience=audience, wording=wording) for line in ordered)
    parts = [
        words.opening.format(clinic=sender.clinic),
        *said,
        *_advice(words, ordered[0].tone, audience),
        *([words.link.format(link=link)] if link is not None else ()),
        words.phone.format(phone=sender.phone),
        words.emergency.format(emergency=sender.emergency_number),
    ]
    return Text(subject=words.subject.format(clinic=sender.clinic), body=" ".join(parts))


def sentence(words: Catalogue, line: Line, *, audience: str, wording: str) -> str:
    """How one line stands, as its audience is told."""
    voice, dates = words.voice(audience), words.dates
    form = {"overdue": voice.overdue, "due": voice.due, "ahead": voice.ahead, "booked": voice.booked}
    thing = voice.things.of(line.kind, wording)
    return form[line.tone].format(thing=thing, day=dates.written(line.day), time=dates.clock(line.at))


def _advice(words: Catalogue, gravest: str, audience: str) -> tuple[str, ...]:
    advice = words.voice(audience).advice
    return {"overdue": (advice.overdue,), "due": (advice.due,)}.get(gravest, ())
