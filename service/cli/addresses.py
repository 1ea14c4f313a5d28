"""The links of messages, from the settings: where the pages are seen from, and what signs."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from service import links
from service.errors import Refused

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from service.links import Links
    from service.settings import Settings


def links_of(engine: Engine, given: Settings) -> Links | None:
    """What makes and reads links; None without a public address. Refused without a key."""
    if given.public_url is None:
        return None
    keys = given.signing_keys or _beside(engine)
    if not keys:
        raise Refused(
            "NEXTCOUNT_LINK_KEYS: links in messages need a key that every process shares: "
            f"give {links.SHORTEST_KEY} random signs or more"
        )
    return links.Links(given.public_url, keys)


def _beside(engine: Engine) -> tuple[str, ...]:
    """On SQLite a key in a file beside the database, made at its first start."""
    if engine.dialect.name != "sqlite":
        return ()
    file = Path(f"{Path(engine.url.database or '').resolve()}-link-key")
    try:
        made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return (file.read_text("ascii").strip(),)
    with os.fdopen(made, "w") as opened:
        opened.write(f"{secrets.token_urlsafe(32)}\n")
    return _beside(engine)
