"""For coordinators: many records at once, as files in one request, and what becomes of them."""

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

import phonenumbers
from fastapi import Path, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints
from sqlmodel import Session

from db.tables import Import
from service import guard
from service.api.calls import Call, Creating, Looking
from service.api.differences import READ, DryRun
from service.api.patients import strict
from service.api.problems import documented
from service.flows import imports, releases, uploads
from service.flows.imports import TABLES, Manner, Outcome
from service.flows.releases import Preview
from service.ingest.rows import Batch, grouped

router = guard.router(prefix="/v1/imports", tags=["imports"])

ImportId = Annotated[UUID, Path(examples=["01a0d6b8-7a8c-7b7e-9d7a-3f6a1c2b4d65"])]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,80}\.csv$")]


def _region(text: str) -> str:
    if text not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("there is no such region")
    return text


EXAMPLE = {
    "name": "january",
    "files": {
        "patients.csv": "clinic,mrn,name,birth_date\nElm Street,204417,Ada Invented,1968-04-30\n",
        "courses.csv": "clinic,mrn,protocol,start\nElm Street,204417,azathioprine-us-label,2026-01-05\n",
    },
}


class ImportIn(BaseModel):
    """The files of a folder of records, as `nextcount import` reads them, each by its name."""

    model_config = strict(EXAMPLE)

    name: str = Field(min_length=1, max_length=80, description="By which people know it.")
    files: dict[FileName, str] = Field(min_length=1, max_length=20, description="The text of each CSV file.")
    map: str | None = Field(None, description="How files of another shape become the five tables: TOML.")
    region: Annotated[str, AfterValidator(_region)] | None = Field(
        None, description="The country of telephone numbers without one.", examples=["GB"]
    )
    good_rows: bool = Field(False, description="Where a row is refused take the others, instead of nothing.")


class TableOut(BaseModel):
    new: int
    known: int = Field(description="Stored already.")
    refused: int
    merged: int = Field(description="Said twice.")
    left_out: int = Field(description="By the map.")
    unusable: int = Field(description="Kept, but closing nothing.")


class PlaceOut(BaseModel):
    """What is wrong in one place, and how to put it right; never the value."""

    file: str
    line: int
    column: str | None
    what: str
    remedy: str
    count: int = Field(description="How many places of this file say the same.")


class ImportedOut(BaseModel):
    """What became of the files' rows. What is new sends nothing before its release."""

    id: UUID | None = Field(description="Null: nothing was new, or a dry run.")
    tables: dict[str, TableOut]
    errors: list[PlaceOut]
    warnings: list[PlaceOut]

    @classmethod
    def of(cls, batch: Batch, outcome: Outcome) -> Self:
        return cls(
            id=outcome.import_id,
            tables={name: _table(batch, outcome, name) for name in TABLES},
            errors=[_place(problem, 1) for problem in outcome.errors[: uploads.NAMED]],
            warnings=[_place(problem, count) for problem, count in grouped(outcome.warnings)],
        )


def _table(batch: Batch, outcome: Outcome, name: str) -> TableOut:
    read = batch.counts[name]
    return TableOut(
        new=outcome.new[name], known=outcome.known[name], refused=outcome.refused[name],
        merged=read.merged, left_out=read.left_out, unusable=read.unusable,
    )  # fmt: skip


def _place(problem: Any, count: int) -> PlaceOut:
    said = {"file": problem.line.file, "line": problem.line.number, "column": problem.column}
    return PlaceOut(**said, what=problem.what, remedy=problem.remedy, count=count)


class ComingOut(BaseModel):
    model_config = READ

    day: date
    audience: str = Field(examples=["patient"])
    rung: str = Field(examples=["overdue-1"])
    effect: str = Field(examples=["message"])
    count: int


class PreviewOut(BaseModel):
    """What a release now would bring within its five days."""

    model_config = READ

    patients: int = Field(description="With something open.")
    overdue: int
    unreachable: int = Field(description="Each becomes a work item.")
    coming: list[ComingOut]


class ImportOut(BaseModel):
    """One import of this clinic."""

    id: UUID
    name: str
    by: str
    at: AwareDatetime
    released_by: str | None
    released_at: AwareDatetime | None
    undone_by: str | None
    undone_at: AwareDatetime | None
    counts: dict[str, int] = Field(examples=[{"patient": 2, "course": 2}], description="New facts by table.")
    preview: PreviewOut | None = Field(description="Null: it was released or undone.")

    @classmethod
    def of(cls, row: Import, expected: Preview | None) -> Self:
        names = cls.model_fields.keys() - {"at", "preview", "counts"}
        said = {name: getattr(row, name) for name in names}
        shown = None if expected is None else PreviewOut.model_validate(expected)
        return cls(at=row.created_at, counts=dict(row.counts), preview=shown, **said)


@router.post(
    "",
    operation_id="import_records",
    status_code=201,
    response_model=ImportedOut,
    responses={200: {"model": ImportedOut, "description": "With dry_run: what would become of them."}},
)
def import_records(call: Creating, body: ImportIn, dry_run: DryRun = False) -> Response:
    """Take in records of this clinic: all, or nothing where a row is refused. They wait for their release."""
    batch = uploads.read(body.files, body.map, region=body.region)
    manner = Manner(name=body.name, by=call.by, good_rows=body.good_rows)

    def rehearsal(session: Session) -> ImportedOut:
        uploads.must_be_of(session, batch, call.clinic_id)
        with uploads.as_problem():
            return ImportedOut.of(batch, imports.foresee(session, batch, manner, now=call.now))

    def effect(session: Session) -> ImportedOut:
        uploads.must_be_of(session, batch, call.clinic_id)
        with uploads.as_problem():
            found = imports.bring(session, batch, manner, now=call.now)
        uploads.must_be_whole(found, good_rows=body.good_rows)
        return ImportedOut.of(batch, found)

    return call.foresee(rehearsal) if dry_run else call.once(body, effect)


@router.get("/{import_id}", operation_id="show_import", responses=documented(404))
def show_import(call: Looking, import_id: ImportId) -> ImportOut:
    """What an import brought, and while it waits what its release would send."""
    return call.look(lambda session: _shown(session, call, import_id))


def _shown(session: Session, call: Call, import_id: UUID) -> ImportOut:
    row = uploads.of_clinic(session, call.clinic_id, import_id)
    waits = row.released_at is None and row.undone_at is None
    return ImportOut.of(row, releases.preview(session, [row], now=call.now) if waits else None)


@router.post(
    "/{import_id}/release",
    operation_id="release_import",
    response_model=ImportOut,
    responses=documented(404, 409),
)
def release_import(call: Looking, import_id: ImportId) -> Response:
    """Let its reminders go out, the longest overdue first; of a large one somebody else than who sent it."""

    def effect(session: Session) -> ImportOut:
        uploads.of_clinic(session, call.clinic_id, import_id)
        with uploads.as_problem():
            releases.release(session, import_id, by=call.by, now=call.now)
        return _shown(session, call, import_id)

    return call.act(effect)


@router.post(
    "/{import_id}/undo", operation_id="undo_import", response_model=ImportOut, responses=documented(404, 409)
)
def undo_import(call: Looking, import_id: ImportId) -> Response:
    """Take back everything it brought; what was sent stays in the log."""

    def effect(session: Session) -> ImportOut:
        uploads.of_clinic(session, call.clinic_id, import_id)
        with uploads.as_problem():
            releases.undo(session, import_id, by=call.by, now=call.now)
        return _shown(session, call, import_id)

    return call.act(effect)
