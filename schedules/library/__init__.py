"""The packaged protocols, ladders and question sets: what a clinician would change is in these files."""

import difflib
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from schedules import questions
from schedules.protocol import Protocol, ProtocolError, parse
from schedules.questions import QuestionSet


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
def _all() -> Mapping[str, Protocol | ProtocolError]:
    """Every file of a protocol, or what is wrong with it: one that is broken takes no other with it."""
    return {name: _parsed(name, text) for name, text in _texts("protocols").items()}


def _parsed(name: str, text: str) -> Protocol | ProtocolError:
    try:
        return parse(text, where=f"{name}.toml", template=True)
    except ProtocolError as error:
        return error


@cache
def protocols() -> Mapping[str, Protocol]:
    """The packaged protocols by id, but for those whose file is broken."""
    good = {name: found for name, found in _all().items() if isinstance(found, Protocol)}
    return MappingProxyType({name: found for name, found in good.items() if not found.template})


@cache
def templates() -> Mapping[str, Protocol]:
    """Files that name duties without a figure, for no source gives one: a clinic's own are made of them."""
    good = {name: found for name, found in _all().items() if isinstance(found, Protocol)}
    return MappingProxyType({name: found for name, found in good.items() if found.template})


def broken() -> Mapping[str, ProtocolError]:
    """By id, why a packaged file is no protocol: somebody changed it."""
    return {name: found for name, found in _all().items() if isinstance(found, ProtocolError)}


def names() -> frozenset[str]:
    """The ids of the packaged protocols, also of those whose file is broken."""
    return frozenset(_all()) - templates().keys()


def protocol(name: str) -> Protocol:
    """ProtocolError, naming the packaged protocols of that medicine or the nearest, when there is none."""
    if name in templates():
        raise ProtocolError(
            "this is a template: the clinic sets its figures first (nextcount protocols fill)"
        )
    if name not in protocols():
        raise ProtocolError(f"there is no such packaged protocol: use one of {', '.join(_near(name))}")
    return protocols()[name]


def _near(name: str) -> list[str]:
    """The packaged protocols that somebody may have meant: never none, and few enough to read."""
    medicine = name.split("-")[0]
    same = [known for known in protocols() if known.split("-")[0] == medicine]
    return same or difflib.get_close_matches(name, protocols(), n=5, cutoff=0)


def either(name: str) -> Protocol:
    """A packaged protocol or a template."""
    return templates()[name] if name in templates() else protocol(name)


def source_text(name: str) -> str:
    """A packaged protocol's or template's file as it is written, notes included."""
    return _texts("protocols")[either(name).id]


@cache
def ladder_documents() -> Mapping[str, Mapping[str, Any]]:
    """The packaged ladders by id, as read from TOML; `schedules.ladder` makes them ladders."""
    documents = [tomllib.loads(text) for text in _texts("ladders").values()]
    return MappingProxyType({str(document["id"]): document for document in documents})


@cache
def question_sets() -> Mapping[tuple[str, int], QuestionSet]:
    """Every packaged version of every question set: old answers are judged by the one they were given to."""
    found = [questions.parse(text) for text in _texts("checkins").values()]
    return MappingProxyType({(each.id, each.version): each for each in found})


def question_set() -> QuestionSet:
    """The version that is asked now."""
    return max(question_sets().values(), key=lambda each: each.version)


@cache
def check_ins() -> Protocol:
    """When the question set is asked: a course of its own, which nobody chooses as a medicine's protocol."""
    name = "symptom-check-ins.toml"
    return parse(resources.files("schedules").joinpath("library", name).read_text("utf-8"), where=name)
