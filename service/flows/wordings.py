"""In which language a clinic may speak to a patient: a named reviewer signs each, in exactly these words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import audit, wordings, work_items
from db.tables import Clinic
from schedules import ladder
from schedules.fields import Level
from service.errors import Refused
from service.messages import catalogues
from service.messages.catalogues import FALLBACK, Catalogue

LEVEL: Level = "routine"


class Signed(NamedTuple):
    clinic_id: UUID
    language: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one language stands in one clinic. `by` signed an older text where it is not `current`."""

    clinic: str
    catalogue: Catalogue
    by: str | None
    at: datetime | None
    current: bool

    @property
    def in_use(self) -> bool:
        return self.current or self.catalogue.language == FALLBACK


def signed(session: Session) -> frozenset[Signed]:
    return frozenset(Signed(row.clinic_id, row.language, row.hash) for row in wordings.signatures(session))


def spoken(row: sa.Row, signatures: frozenset[Signed]) -> str:
    """The language of a patient's messages: the patient's own where it is signed, else the fallback."""
    words = catalogues.closest(row.language)
    if words is not None and Signed(row.clinic_id, words.language, words.hash) in signatures:
        return words.language
    return FALLBACK


def unspoken(rows: Iterable[sa.Row], signatures: frozenset[Signed]) -> list[sa.Row]:
    """The patients who are spoken to in another language than their own."""
    return [row for row in rows if _language(row.language) != spoken(row, signatures)]


def _language(code: str) -> str:
    return code.partition("-")[0]


def raise_(session: Session, rows: Sequence[sa.Row], *, now: datetime) -> None:
    """One work item for each patient and text that is not signed: once a person has seen it, no second."""
    wanted = {(row.clinic_id, _key(row)): row.id for row in rows}
    known = work_items.newest(session, sorted(wanted))
    new = [_work_item(key, wanted[key], now) for key in sorted(wanted) if key not in known]
    work_items.raise_(session, new, now=now)


def _key(row: sa.Row) -> str:
    words = catalogues.closest(row.language)
    return f"{_about(_language(row.language))}{words.hash[:12] if words else 'none'}/{row.id}"


def _about(language: str) -> str:
    return f"language/{language}/"


def _work_item(key: tuple[UUID, str], patient_id: UUID, now: datetime) -> dict[str, Any]:
    return {
        "clinic_id": key[0],
        "patient_id": patient_id,
        "kind": "language-not-signed",
        "level": LEVEL,
        "role": "coordinator",
        "key": key[1],
        "due_by": now + ladder.DUE_BY[LEVEL],
    }


def standings(session: Session, clinics: Sequence[Clinic]) -> list[Standing]:
    """Every language in each of these clinics."""
    rows = wordings.signatures(session)
    return [
        _standing(clinic, words, [row for row in rows if row.clinic_id == clinic.id])
        for clinic in clinics
        for words in catalogues.every().values()
    ]


def _standing(clinic: Clinic, words: Catalogue, rows: Sequence[sa.Row]) -> Standing:
    mine = [row for row in rows if row.language == words.language]
    of_these = [row for row in mine if row.hash == words.hash]
    last = next(iter(of_these or mine), None)
    return Standing(
        clinic=clinic.name,
        catalogue=words,
        by=None if last is None else last.by,
        at=None if last is None else last.at,
        current=bool(of_these),
    )


def sign(session: Session, clinic: Clinic, language: str, *, by: str, now: datetime) -> int:
    """Put a language in use in a clinic; how many work items asked for it. Refused when it is already."""
    words = catalogue(language)
    for standing in standings(session, [clinic]):
        if standing.catalogue is words and standing.current:
            raise Refused(f"{language} was signed for {clinic.name} by {standing.by}, in these very words")
    wordings.sign(session, clinic.id, language, words.hash, by=by, now=now)
    asked: list[tuple[UUID, str]] = work_items.beginning(session, clinic.id, _about(language))
    work_items.finish(session, asked, outcome=f"{language} was signed by {by}", now=now)
    subject = ("wording_signature", language)
    audit.record(
        session, clinic.id, by, "wording sign", subject=subject, now=now, detail={"hash": words.hash}
    )
    return len(asked)


def catalogue(language: str) -> Catalogue:
    """The catalogue of exactly this code. Refused when there is none."""
    found = catalogues.every().get(language)
    if found is None:
        raise Refused(f"there is no wording in that language: use one of {', '.join(catalogues.every())}")
    return found
