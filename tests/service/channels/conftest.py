"""Providers in processes of their own: a mail server and a gateway, each with a ledger of what it took."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from db.types import new_id
from service.channels import Letter

HERE = Path(__file__).parent
SECRET = b"a secret of the gateway and ours"


@dataclass(frozen=True)
class Peer:
    ports: tuple[int, ...]
    file: Path

    @property
    def ledger(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()]


@contextmanager
def peer(program: str, ledger: Path, *arguments: str) -> Iterator[Peer]:
    ledger.touch()
    command = [sys.executable, str(HERE / program), str(ledger), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Peer(tuple(map(int, process.stdout.readline().split())), ledger)
        finally:
            process.kill()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for localhost that signs itself, in one file."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    named = ["-addext", "subjectAltName=DNS:localhost", "-keyout", f"{file}.key", "-out", str(file)]
    subprocess.run([*made, *named], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.key").read_text())
    return file


@pytest.fixture(scope="session")
def mail_server(tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> Iterator[Peer]:
    with peer("smtp_server.py", tmp_path_factory.mktemp("mail") / "ledger", str(certificate)) as found:
        yield found


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with peer("gateway.py", tmp_path_factory.mktemp("gateway") / "ledger") as found:
        yield found


def letter(address: str, **other: Any) -> Letter:
    given: dict[str, Any] = {
        "key": new_id(),
        "attempt": new_id(),
        "address": address,
        "subject": "Your blood test",
        "body": "Please come by Tuesday, 13 January 2026.",
        "sender": "Elm Street",
    }
    return Letter(**given | other)
