"""A body for `simulate` from bytes: the same rules for a file, standard input and HTTP."""

import json
from typing import Any, NoReturn

from service.errors import Refused

LARGEST = 2 * 1024 * 1024


def read(raw: bytes) -> object:
    """The document in a JSON text. Refused says in one sentence why there is none."""
    if len(raw) > LARGEST:
        raise Refused(f"the body is larger than {LARGEST // 1024} KiB")
    try:
        return json.loads(raw, parse_constant=_no_number, object_pairs_hook=_once)
    except RecursionError:
        raise Refused("the body is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise Refused(f"line {error.lineno}, column {error.colno}: this is not JSON: {error.msg}") from None
    except ValueError:
        raise Refused("this is not JSON: it is not UTF-8, or a number in it is too long") from None


def _no_number(name: str) -> NoReturn:
    raise Refused(f"{name} is no number in JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refused(f"{twice}: the key is there twice")
    return found
