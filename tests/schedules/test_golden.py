"""Cases worked out by hand from the published rules alone; each names the sentence it proves.

A check of `expect` picks rows of one list of the answer: `of` names the list, `where` the rows, `fields` the
columns. `rows` are all of them, in any order unless `ordered`; `include` must be among them. `opened_on` is
the local day of `opened_at`. Messages are numbered from 1 in the order of the rows, because sharing one
is what counts.
"""

import difflib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schedules import simulate

GOLDEN = Path(__file__).parent / "golden"
INSTANTS = {"send_at", "sent_at", "opened_at", "due_by", "closed_at"}


def cases(folder: Path) -> list[Any]:
    files = sorted(folder.glob("*.json"))
    return [pytest.param(json.loads(file.read_text("utf-8")), id=file.stem) for file in files]


@pytest.mark.parametrize("case", cases(GOLDEN))
def test_the_rules_give_what_was_worked_out_by_hand(case: dict[str, Any]) -> None:
    answer = simulate.run(case["input"])
    zone = ZoneInfo(case["input"]["patient"]["time_zone"])
    differences = [line for check in case["expect"] for line in compare(check, answer[check["of"]], zone)]
    assert not differences, "\n".join(["", case["sentence"], *differences])


@pytest.mark.parametrize("case", cases(GOLDEN / "refused"))
def test_bad_input_is_refused_in_one_line_that_names_the_key(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=re.escape(case["refused"])) as refusal:
        simulate.run(case["input"])
    assert "\n" not in str(refusal.value)


def compare(check: dict[str, Any], entries: list[Mapping[str, Any]], zone: ZoneInfo) -> list[str]:
    fields = check["fields"]
    chosen = [entry for entry in entries if matches(entry, check["where"])]
    found = rows(chosen, fields, zone, ordered=check.get("ordered", False))
    wanted = [plain(row) for row in check.get("include") or check["rows"]]
    heading = f"{check['of']} {check['where']} {fields}"
    if "include" in check:
        absent = [f"- {row}" for row in wanted if row not in found]
        return absent and [heading, *absent, *(f"  {row}" for row in found)]
    if not check.get("ordered"):
        wanted, found = sorted(wanted), sorted(found)
    return [] if wanted == found else [heading, *difflib.ndiff(wanted, found)]


def matches(entry: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    return all(entry[key] == value for key, value in where.items())


def rows(entries: list[Mapping[str, Any]], fields: list[str], zone: ZoneInfo, *, ordered: bool) -> list[str]:
    columns = [{field: column(entry, field, zone) for field in fields} for entry in entries]
    if not ordered:
        columns.sort(key=lambda row: plain([row[field] for field in fields if field != "message"]))
    numbers: dict[int, int] = {}
    for row in columns:
        if row.get("message") is not None:
            row["message"] = numbers.setdefault(row["message"], len(numbers) + 1)
    return [plain(list(row.values())) for row in columns]


def column(entry: Mapping[str, Any], field: str, zone: ZoneInfo) -> Any:
    if field == "opened_on":
        return datetime.fromisoformat(entry["opened_at"]).astimezone(zone).date().isoformat()
    value = entry[field]
    if field in INSTANTS and value is not None:
        return datetime.fromisoformat(value).astimezone(UTC).isoformat().replace("+00:00", "Z")
    return sorted(value, key=plain) if isinstance(value, list) else value


def plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
