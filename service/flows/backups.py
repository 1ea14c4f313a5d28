"""The whole database to a file and back. What comes back is held in the same transaction."""

import os
import shutil
import subprocess
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from alembic.util import CommandError
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Engine

from db import batches, copies, deployments, migrations
from db.engine import make_engine, writing
from db.tables import Deployment
from service.errors import Refused, one_line

RESTORED = "a backup was restored"
LOCKED_MS = 10_000  # how long a restore waits for others who use the database


def is_there(engine: Engine) -> bool:
    """Whether a restore would overwrite something."""
    if engine.dialect.name == "sqlite":
        return _file(engine).exists()
    return migrations.current(engine) is not None


def _file(engine: Engine) -> Path:
    return Path(engine.url.database or "")


# ---- out


def backup(engine: Engine, file: Path) -> None:
    """Write the database to a new file that only its owner can read. Refused where a file is already."""
    if file.exists():
        raise Refused(f"{file} is there already: a backup does not overwrite; choose another name")
    if not file.parent.is_dir():
        raise Refused(f"{file.parent}: there is no such folder")
    part = file.with_name(f"{file.name}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        _write(engine, part)
        _to_disk(part)
        part.rename(file)
    except OSError as error:
        raise Refused(f"{file} cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


def _write(engine: Engine, part: Path) -> None:
    if engine.dialect.name == "sqlite":
        copies.copy(_file(engine), part)
        if wrong := copies.faults(part):
            raise Refused(f"the copy is damaged, and so may the database be: {one_line(wrong[0])}")
    else:
        _run(engine, "pg_dump", "--format=custom", f"--file={part}", at=f"--dbname={_address(engine)}")


def _to_disk(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


# ---- and back


def restore(engine: Engine, file: Path, *, now: datetime) -> None:
    """Make the database what the file says, in HOLD. Refused when the file is no backup."""
    if not file.is_file():
        raise Refused(f"{file}: there is no such file")
    if engine.dialect.name == "sqlite":
        _restore_sqlite(_file(engine), file, now)
    else:
        _restore_postgresql(engine, file, now)


def _restore_sqlite(target: Path, file: Path, now: datetime) -> None:
    """The copy is made ready beside the database, held, and only then becomes it."""
    if wrong := copies.faults(file):
        raise Refused(f"{file} is no sound backup: {one_line(wrong[0])}")
    with tempfile.TemporaryDirectory(prefix=f"{target.name}-restore-", dir=target.parent) as folder:
        ready = Path(folder) / "ready"
        copies.copy(file, ready)
        _hold(ready, file, now)
        copies.copy(ready, target)


def _hold(ready: Path, file: Path, now: datetime) -> None:
    engine = make_engine(f"sqlite:///{ready}")
    try:
        if migrations.current(engine) is None:
            raise Refused(f"{file} is no backup of nextcount")
        migrations.upgrade(engine)
        with writing(engine) as session:
            deployments.hold(session, reason=RESTORED, now=now)
    except CommandError:
        raise Refused(f"{file} was written by a later version of nextcount: install that one") from None
    finally:
        engine.dispose()


def _restore_postgresql(engine: Engine, file: Path, now: datetime) -> None:
    """The dump as a script with the hold at its end, in one transaction."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "restore.sql"
        parts = ("--clean", "--if-exists", "--no-owner", "--no-privileges", f"--file={script}")
        _run(engine, "pg_restore", *parts, at=str(file))
        with script.open("a", encoding="utf-8") as stream:
            stream.write(f"\nSET search_path = public;\n{_holding(now)};\n")
        once = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", f"--file={script}")
        _run(engine, "psql", *once, at=f"--dbname={_address(engine)}")


def _holding(now: datetime) -> str:
    insert: Any = postgresql.insert(batches.table(Deployment))
    statement = deployments.holding(insert, reason=RESTORED, now=now)
    return str(statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))


def _address(engine: Engine) -> str:
    bare = engine.url.set(drivername="postgresql", password=None)
    return bare.render_as_string(hide_password=False)


def _run(engine: Engine, tool: str, *options: str, at: str) -> None:
    """One of PostgreSQL's own programs; the password goes by its environment, which `ps` does not show."""
    found = shutil.which(tool)
    if found is None:
        raise Refused(
            f"{tool} is not on this machine: install PostgreSQL's client programs of the server's version"
        )
    told = {"PGOPTIONS": f"-c lock_timeout={LOCKED_MS}"}
    if engine.url.password is not None:
        told["PGPASSWORD"] = str(engine.url.password)
    ran = subprocess.run(
        [found, *options, at], env=os.environ | told, capture_output=True, text=True, check=False
    )
    if ran.returncode != 0:
        said = ran.stderr.strip().splitlines() or [f"it ended with {ran.returncode}"]
        raise Refused(f"{tool} failed: {one_line(said[0])}")
