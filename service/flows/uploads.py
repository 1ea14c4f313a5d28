"""Records that come in one request instead of a folder: read alike, and of one clinic alone."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from sqlmodel import Session

from db import clinics, imports
from db.tables import Import
from service.errors import Fault, Problem, Refused
from service.flows.imports import Outcome
from service.ingest import folder as folders
from service.ingest import mapping as maps
from service.ingest.canonical import TABLES
from service.ingest.mapping import Map
from service.ingest.rows import Batch, Row
from service.ingest.rows import Problem as Wrong

FOLDER = "upload"
NAMED = 200  # refused rows that an answer names; it counts them all


def read(files: Mapping[str, str], mapping: str | None, *, region: str | None) -> Batch:
    """Everything the files say; Problem where the map is none, or is not for an upload."""
    found = None if mapping is None else _map(mapping)
    try:
        batch = _read(files, found, region)
    except OSError:
        raise Problem(503, "The files cannot be kept here while they are read: send them later.") from None
    known = _columns(found)
    return replace(batch, errors=_quiet(batch.errors, known), warnings=_quiet(batch.warnings, known))


def _read(files: Mapping[str, str], mapping: Map | None, region: str | None) -> Batch:
    with TemporaryDirectory() as place:
        folder = Path(place, FOLDER)
        folder.mkdir()
        for name, text in files.items():
            folder.joinpath(name).write_bytes(text.encode(errors="surrogatepass"))
        return folders.read(folder, mapping, region=region)


def _map(text: str) -> Map:
    try:
        found = maps.parse(text.encode(errors="surrogatepass"), where="map")
    except maps.MapError as error:
        raise Problem(422, "The map is none.", errors=[Fault("body.map", str(error))]) from None
    if any(given.capture or given.file for source in found.every for given in source.fields.values()):
        # one expression can take hours over forty letters, and everybody would wait
        what = "has an expression (capture, file): maps with expressions are for `nextcount import` alone"
        raise Problem(422, "The map cannot be used here.", errors=[Fault("body.map", what)])
    return found


def _columns(mapping: Map | None) -> frozenset[str]:
    mapped = () if mapping is None else chain.from_iterable(source.reads for source in mapping.every)
    return frozenset(chain(mapped, *(table.names for table in TABLES.values())))


def _quiet(problems: Iterable[Wrong], known: Collection[str]) -> tuple[Wrong, ...]:
    """A column that nobody knows is not named: where the header is missing it is somebody's value."""
    return tuple(one if one.column in known else replace(one, column=None) for one in problems)


def must_be_of(session: Session, batch: Batch, clinic_id: UUID) -> None:
    """Problem for the first row that names another clinic."""
    own = clinics.get(session, clinic_id)
    assert own is not None
    rows: list[Row] = [
        *batch.patients, *batch.contacts, *batch.courses, *batch.events, *batch.results,
    ]  # fmt: skip
    for row in rows:
        if row.patient[0] != own.name:
            fault = Fault(
                f"body.files.{row.line}", f"names another clinic: this upload is of {own.name} alone"
            )
            raise Problem(422, "The records are not of this clinic.", errors=[fault])


def must_be_whole(outcome: Outcome, *, good_rows: bool) -> None:
    """Problem where a row is refused and the good ones alone are not asked for: nothing is kept."""
    if outcome.errors and not good_rows:
        faults = [
            Fault(
                f"body.files.{problem.line}{f', column {problem.column}' if problem.column else ''}",
                f"{problem.what}; {problem.remedy}",
            )
            for problem in outcome.errors[:NAMED]
        ]
        count = len(outcome.errors)
        what = "1 row was refused" if count == 1 else f"{count:,} rows were refused"
        raise Problem(
            422, f"{what}, so nothing was written: put them right, or ask for good_rows.", errors=faults
        )


def of_clinic(session: Session, clinic_id: UUID, import_id: UUID) -> Import:
    """Problem where there is none, or where it brought something to another clinic too."""
    session.expire_all()
    runs = imports.of_run(session, import_id)
    if [run.clinic_id for run in runs] != [clinic_id]:
        raise Problem(404, "There is no such import of this clinic alone.")
    return runs[0]


@contextmanager
def as_problem() -> Iterator[None]:
    """What cannot be done to an import, as an answer."""
    try:
        yield
    except Refused as error:
        said = str(error)
        raise Problem(409, f"{said[0].upper()}{said[1:]}.") from None
