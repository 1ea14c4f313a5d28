"""Protocol files that somebody, or something, has damaged: valid, or a ProtocolError, and nothing else."""

import copy
import json
import random
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from schedules import library, protocol
from schedules.protocol import ProtocolError

EXTRA = """
id = "everything"
version = 3
title = "Every key of a protocol"
medicine = {name = "exampline", rxnorm = "1", snomed = "2", atc = "L04AX01"}
indications = ["crohns-disease"]
adults_only = false
source = {title = "Nobody", section = "None", url = "None", evidence = "product-choice"}
note = "A note"
review_on = 2027-06-30
valid_from = "2017-01-01"
valid_to = "2025-01-01"
superseded_by = "Another"
[[clocks]]
id = "level"
kind = "test"
panel = ["ue", "crp"]
on_dose_decrease = "ask"
on_resume = {every = "P1W", for = "P4W", evidence = "memory"}
while_held = "continue"
restart_after_gap = "P30D"
after_stop = ["P4W", "P2M"]
ladder = "standard"
when = {indications = ["sle", "crohns-disease"], flags_any = ["age-65"]}
[[clocks.step_ups]]
when = "anc < 1.5"
every = "P2D"
until = "anc >= 1.5"
times = 2
[[clocks.phases]]
every = "P1W"
first = "P0D"
until = {event = "maintenance-dose", at_least = "P4W"}
[[clocks.phases]]
every = {min = "P8W", max = "P12W"}
for = "P1Y"
early = "P5D"
grace = "P10D"
lapse = "P20D"
when = {flags_any = ["high-risk", "tamoxifen"]}
[[clocks.phases]]
every = "P3M"
until = "P5Y"
then = "clinician-decides"
reason = "none given"
[[limits]]
analyte = "anc"
fall_percent = 10.5
over = "P12M"
times = 3
level = "24h"
"""
TEXTS = [*(library.source_text(name) for name in library.protocols()), EXTRA]
DOCUMENTS = [tomllib.loads(text) for text in TEXTS]
STRANGE: list[Any] = [
    None, True, False, 0, 1, -1, 3.5, 1e308, 5e-324, float("nan"), float("inf"), -0.0, 10**400, -(10**30),
    "", " ",
    "P0D", "P1D", "P99999D", "P100Y", "P1M", "P5W", "-P1D", "restart", "ask", "end", "test", "visit",
    "dose", "cbc",
    "anc", "wbc", "10*9/L", "/uL", "g/dL", "auto", "short", "anc < 1.5", "anc < 1e9", "2027-02-30",
    "a" * 3000,
    "\0", "\ud800", "\U0001f9ea", "ﬀ", "\u202e", "[clocks]", "{}", b"bytes", [], {}, [[]], [{}], {"": ""},
    [None],
    {"min": "P1W", "max": "P2W"}, {"event": "maintenance-dose"}, {"every": "P1W", "for": "P4W"},
    {"flags_any": ["age-65"]}, date(2027, 6, 30), datetime(2027, 6, 30, tzinfo=UTC), time(9),
    {"a": {"b": {"c": {}}}},
    {1: 2}, {None: None}, ("P1W", "P2W"), {"P1W"},
]  # fmt: skip
TOKENS = [
    "=", ".", '"', "'", '"""', "'''", "[", "]", "[[", "]]", "{", "}", ",", "#", "\n", "\r", "\t", "\0",
    "\\", "\\u",
    "\\ud800", "P1D", "P0D", "P9Y", "every", "until", "for", "offsets", "then", "[[clocks.phases]]",
    "[[limits]]",
    "[clocks]", "nan", "inf", "1e999", "0x1F", "9" * 400, "1_0", "-1", "true", "2027-06-30", "07:00:00",
    "\ufeff", "é",
    "clocks", "panel", '"P1W"', "[[clocks]]\n", "a.b.c = 1\n", "{" * 50, "[" * 3000,
]  # fmt: skip


def damaged_text(dice: random.Random) -> protocol.Protocol:
    text = dice.choice(TEXTS)
    for _ in range(dice.choice((1, 1, 1, 2, 5))):
        begin = dice.randrange(len(text))
        end = begin + dice.choice((0, 1, 1, 5, 40, 400))
        lines = text.split("\n")
        text = dice.choice(
            (
                text[:begin] + text[end:],
                text[:begin] + dice.choice(TOKENS) + text[end:],
                text[:begin] + chr(dice.randrange(0x250)) + text[begin + 1 :],
                text[:begin] + text[begin:end] * 3 + text[end:],
                "\n".join(dice.sample(lines, len(lines))),
                "\n".join([*lines, *dice.sample(lines, min(10, len(lines)))]),
                "\n".join(line for line in lines if dice.random() > 0.05),
            )
        )
        text = text or " "
    return protocol.parse(text, where="fuzz.toml")


def damaged_document(dice: random.Random) -> protocol.Protocol:
    document: Any = copy.deepcopy(dice.choice(DOCUMENTS))
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        holder, key = _somewhere(document, dice)
        action = dice.randrange(5)
        if action == 0:
            holder[key] = copy.deepcopy(dice.choice(STRANGE))
        elif action == 1:
            del holder[key]
        elif action == 2 and isinstance(holder, dict):
            holder[dice.choice(["every", "for", "until", "then", "lapse", "when", "note", "x", "limits"])] = (
                copy.deepcopy(dice.choice(STRANGE))
            )
        elif action == 3 and isinstance(holder, list):
            holder.extend(copy.deepcopy(holder[key]) for _ in range(dice.choice((1, 2, 60))))
        else:
            other, name = _somewhere(dice.choice(DOCUMENTS), dice)
            holder[key] = copy.deepcopy(other[name])
    return protocol.build(document, where="fuzz.json")


def _somewhere(document: dict[str, Any], dice: random.Random) -> tuple[Any, Any]:
    """A holder and a key in it, at any depth."""
    places: list[tuple[Any, Any]] = []
    holders: list[Any] = [document]
    while holders:
        holder = holders.pop()
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            places.append((holder, key))
            if isinstance(holder[key], dict | list):
                holders.append(holder[key])
    return dice.choice(places) if places else (document, document.setdefault("x", 1) and "x")


def _try(number: int, damaged: Callable[[random.Random], protocol.Protocol]) -> bool:
    """Whether the case is valid; it fails, with its number, on anything but a ProtocolError."""
    outcome = _outcome(number, damaged)
    if isinstance(outcome, ProtocolError):
        assert outcome.where in ("fuzz.toml", "fuzz.json"), number
        assert outcome.reason, number
        assert "\n" not in str(outcome), number
        return False
    again = protocol.build(json.loads(json.dumps(protocol.as_json(outcome))))
    assert again.hash == outcome.hash, number
    return True


def _outcome(
    number: int, damaged: Callable[[random.Random], protocol.Protocol]
) -> protocol.Protocol | ProtocolError:
    try:
        return damaged(random.Random(number))
    except ProtocolError as error:
        return error
    except Exception as error:
        raise AssertionError(f"case {number} is neither valid nor a ProtocolError") from error


@pytest.mark.parametrize("damaged", [damaged_text, damaged_document])
def test_damaged_files_are_valid_or_refused(damaged: Callable[[random.Random], protocol.Protocol]) -> None:
    valid = sum(_try(number, damaged) for number in range(2_500))
    assert 20 < valid < 2_480, "both must happen, or nothing is tested"


@pytest.mark.long
@pytest.mark.parametrize("damaged", [damaged_text, damaged_document])
def test_200_000_damaged_files_are_valid_or_refused(
    damaged: Callable[[random.Random], protocol.Protocol],
) -> None:
    valid = sum(_try(number, damaged) for number in range(100_000))
    assert 1_000 < valid < 99_000
