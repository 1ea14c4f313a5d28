"""What is said beside an import's folder, checked: who, which map, which protocols, which clinics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from service.errors import Refused

if TYPE_CHECKING:
    from sqlmodel import Session

    from db.tables import Clinic
    from schedules.protocol import Protocol
    from service.flows.intake import NewClinics
    from service.ingest.mapping import Map


def named(by: str) -> str:
    from service.ingest import cells

    try:
        name = cells.name(by).strip()
    except cells.Refused as error:
        raise Refused(f"--by: {error}") from None
    if not name:
        raise Refused("--by: write the name of the person who decides this")
    return name


def region(region: str | None) -> str | None:
    import phonenumbers

    if region is not None and region not in phonenumbers.SUPPORTED_REGIONS:
        raise Refused("--region: there is no such region: write two letters, as GB")
    return region


def mapping(path: Path | None) -> Map | None:
    from service.ingest import mapping as maps

    try:
        return None if path is None else maps.load(path)
    except maps.MapError as error:
        raise Refused(str(error)) from None


def new_clinics(time_zone: str | None, phone: str | None, emergency: str | None) -> NewClinics:
    from service.flows.intake import NewClinics
    from service.ingest import cells

    def read(option: str, text: str | None, reader: Callable[[str], str]) -> str | None:
        try:
            return None if text is None else reader(text)
        except cells.Refused as error:
            raise Refused(f"{option}: {error}") from None

    return NewClinics(
        time_zone=read("--clinic-time-zone", time_zone, cells.zone),
        phone=read("--clinic-phone", phone, cells.identifier),
        emergency_number=read("--emergency-number", emergency, cells.identifier),
    )


def protocols(folder: Path, given: list[Path], map_file: Path | None) -> dict[str, Protocol]:
    """Those given by name, and those that lie in the folder: another TOML file is only mentioned."""
    from schedules.protocol import ProtocolError

    found: dict[str, Protocol] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            protocol = _protocol(path)
        except ProtocolError as error:
            if map_file is None or not path.samefile(map_file):
                typer.echo(f"warning: not read as a protocol: {error}", err=True)
            continue
        found[protocol.id] = protocol
    for path in given:
        try:
            protocol = _protocol(path)
        except ProtocolError as error:
            raise Refused(str(error)) from None
        found[protocol.id] = protocol
    return found


def _protocol(path: Path) -> Protocol:
    from schedules import protocol as protocols

    try:
        with path.open("rb") as stream:
            return protocols.parse(stream.read(protocols.LARGEST_FILE + 1), where=path.name)
    except OSError:
        raise protocols.ProtocolError("the file cannot be read", where=path.name) from None


def clinic(session: Session, name: str | None) -> Clinic:
    """The clinic of that name, or the only one."""
    from db import clinics

    every = clinics.every(session)
    found = [clinic for clinic in every if name in (None, clinic.name)]
    if len(found) == 1:
        return found[0]
    if not every:
        raise Refused("there is no clinic yet: `nextcount import DIR` brings the first")
    raise Refused(
        "there are several clinics: name one with --clinic" if found else "--clinic: there is no such clinic"
    )
