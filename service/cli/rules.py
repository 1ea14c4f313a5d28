"""The rules as programs: `simulate`, and the packaged and a clinic's own protocols. No database."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from schedules import library, simulate
from schedules import protocol as protocols
from schedules.protocol import Protocol, ProtocolError
from schedules.simulate import SimulateError
from schedules.templates import Figure
from schedules.templates import fill as filled
from service.errors import Refused
from service.flows import preview

protocols_app = typer.Typer(help="The protocols: which there are, what one says, whether a file is one.")
File = Annotated[Path, typer.Argument(metavar="FILE", help="A file, or - for standard input.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    app.command("simulate")(simulate_file)
    app.add_typer(protocols_app, name="protocols")


def simulate_file(file: File) -> None:
    """Wind the clock forward over courses: every due day, reminder and work item, as one JSON object.

    Example: nextcount simulate course.json
    """
    raw = _read(file, largest=preview.LARGEST)
    try:
        answer = simulate.run(preview.read(raw))
    except SimulateError as error:
        fault = preview.fault(error)
        raise Refused(": ".join(part for part in (str(file), fault.loc, fault.msg) if part)) from None
    except Refused as refusal:
        raise Refused(f"{file}: {refusal}") from None
    _print(answer)


@protocols_app.command("list")
def list_protocols(
    as_json: Json = False,
    templates: Annotated[bool, typer.Option("--templates", help="Those that wait for a figure.")] = False,
) -> None:
    """The packaged protocols, by medicine; or the templates, for which no source gives a figure.

    Example: nextcount protocols list
    """
    found = library.templates() if templates else library.protocols()
    if as_json:
        _print([_summary(protocol) for protocol in found.values()])
        return
    wide = max(len(name) for name in found)
    for name, protocol in found.items():
        typer.echo(f"{name:{wide}}  {protocol.title}")


@protocols_app.command("show")
def show(name: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """A packaged protocol as its file is written, its notes included.

    Example: nextcount protocols show azathioprine-us-label
    """
    try:
        protocol, text = library.either(name), library.source_text(name)
    except ProtocolError as error:
        raise Refused(f"{name}: {error}") from None
    if as_json:
        _print(protocols.as_json(protocol))
    else:
        typer.echo(text, nl=False)


@protocols_app.command("fill")
def fill(
    name: Annotated[str, typer.Argument(metavar="ID")],
    own_id: Annotated[
        str, typer.Option("--as", metavar="OWN-ID", help="The id of the clinic's own protocol.")
    ],
    figures: Annotated[list[str], typer.Option("--set", metavar="CLOCK=EVERY[,FOR]")],
) -> None:
    """A clinic's own protocol, as JSON: a packaged one with figures where the source gives none.

    Example: nextcount protocols fill stress-check-ins --as our-stress-check-ins --set stress=P1M
    """
    try:
        given = dict(_figure(text) for text in figures)
        _print(protocols.as_json(filled(library.either(name), own_id=own_id, figures=given)))
    except ProtocolError as error:
        raise Refused(f"{name}: {error}") from None


def _figure(text: str) -> tuple[str, Figure]:
    clock, _, figure = text.partition("=")
    try:
        return clock, Figure.parse(figure)
    except ValueError as error:
        raise Refused(f"--set {text}: {error}") from None


@protocols_app.command("check")
def check(file: File, as_json: Json = False) -> None:
    """Whether a file is a protocol: the file, the key and the reason when it is not.

    Example: nextcount protocols check our-clinic.toml
    """
    try:
        protocol = protocols.parse(_read(file, largest=protocols.LARGEST_FILE), where=str(file))
    except ProtocolError as error:
        raise Refused(str(error)) from None
    if as_json:
        _print(_summary(protocol))
    else:
        typer.echo(f"{file}: a valid protocol, {protocol.id} version {protocol.version}")


def _summary(protocol: Protocol) -> dict[str, Any]:
    return {
        "id": protocol.id,
        "version": protocol.version,
        "title": protocol.title,
        "medicine": protocol.medicine.name,
        "superseded_by": protocol.superseded_by,
        "hash": protocol.hash,
    }


def _read(file: Path, *, largest: int) -> bytes:
    """The file, or enough of it to see that it is too large."""
    try:
        if str(file) == "-":
            return sys.stdin.buffer.read(largest + 1)
        with file.open("rb") as opened:
            return opened.read(largest + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it cannot be opened"
        raise Refused(f"{file}: {reason}") from None


def _print(answer: Any) -> None:
    """ASCII, whatever the terminal: every character that was given comes back."""
    typer.echo(json.dumps(answer, indent=2))
