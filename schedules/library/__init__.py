"""The packaged protocols and ladders: what a clinician would change is in these files and nowhere else."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from schedules.protocol import Protocol, ProtocolError, parse


def _texts(folder: str) -> dict[str, str]:
    """The texts of a folder's TOML files, by the file's name without its ending."""
    files = sorted(
        resources.files("schedules").joinpath("library", folder).iterdir(), key=lambda file: file.name
    )
    return {
        file.name.removesuffix(".toml"): file.read_text("utf-8")
        for file in files
        if file.name.endswith(".toml")
    }


@cache
def protocols() -> Mapping[str, Protocol]:
    """The packaged protocols by id."""
    return MappingProxyType(
        {name: parse(text, where=f"{name}.toml") for name, text in _texts("protocols").items()}
    )


def protocol(name: str) -> Protocol:
    """ProtocolError, naming the packaged protocols, when there is none of that id."""
    if name not in protocols():
        raise ProtocolError(f"there is no such packaged protocol: use one of {', '.join(protocols())}")
    return protocols()[name]


def source_text(name: str) -> str:
    """A packaged protocol's file as it is written, notes included."""
    return _texts("protocols")[protocol(name).id]


@cache
def ladder_documents() -> Mapping[str, Mapping[str, Any]]:
    """The packaged ladders by id, as read from TOML; `schedules.ladder` makes them ladders."""
    documents = [tomllib.loads(text) for text in _texts("ladders").values()]
    return MappingProxyType({str(document["id"]): document for document in documents})
