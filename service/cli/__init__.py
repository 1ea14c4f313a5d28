"""`nextcount`, the one command. Results go to standard output, everything else to standard error.

Exit 0: done. 1: failed. 2: asked for wrongly, said in one line.
"""

import io
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import metadata

import typer

from service.cli import (
    backups,
    closed_days,
    demo,
    doctor,
    holding,
    imports,
    moves,
    reports,
    rota,
    rules,
    running,
    staff,
    transports,
    users,
    wordings,
)
from service.errors import Failed, Refused, one_line

# Each adds its commands in `register(app)`.
MODULES = (
    rules,
    running,
    users,
    imports,
    moves,
    wordings,
    transports,
    staff,
    rota,
    closed_days,
    holding,
    backups,
    doctor,
    reports,
    demo,
)
INTERRUPTED = 130

app = typer.Typer(
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Keeps every patient on a toxic medicine in date with blood counts, and says when one slips.",
)
for module in MODULES:
    module.register(app)


def _version(wanted: bool) -> None:
    if not wanted:
        return
    try:
        typer.echo(f"nextcount {metadata.version('nextcount')}")
    except metadata.PackageNotFoundError:
        typer.echo("nextcount, run from a tree that is not installed")
    raise typer.Exit


@app.callback(invoke_without_command=True)
def nextcount(
    context: typer.Context,
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Nothing that goes wrong ends in a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal need not know every letter
    command = typer.main.get_command(app)
    try:
        return command.main(arguments, prog_name="nextcount", standalone_mode=False) or 0
    except Refused as refusal:
        return _say(str(refusal), code=2)
    except Failed as failure:
        return _say(str(failure), code=1)
    except typer.TyperException as wrong:
        return _say(wrong.format_message(), code=wrong.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:
        return _unexpected(error)


def _unexpected(error: Exception) -> int:
    from sqlalchemy.exc import DatabaseError

    if os.environ.get("NEXTCOUNT_DEBUG") == "1":
        traceback.print_exception(error)
        return 1
    if isinstance(error, DatabaseError):
        return _say(f"the database cannot be used: {error.orig}", code=1)
    if isinstance(error, OSError) and error.strerror:
        return _say(f"{error.filename or 'the output'}: {error.strerror}", code=1)
    kind = type(error).__name__
    return _say(
        f"this failed unexpectedly ({kind}): run it again with NEXTCOUNT_DEBUG=1 for the details", code=1
    )


def _say(text: str, *, code: int) -> int:
    typer.echo(f"nextcount: {one_line(text)}", err=True)
    return code
