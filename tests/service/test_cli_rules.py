"""`simulate` and `protocols` as other programs drive them: an answer, or exit 2 and one line."""

import io
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schedules import library, protocol, simulate
from service import cli
from service.flows import preview

NAUGHTY = json.loads(Path(__file__).parents[1].joinpath("data", "blns", "blns.json").read_text("utf-8"))
ROOT = Path(__file__).parents[2]
BODY: dict[str, Any] = {
    "until": "2026-04-30",
    "patient": {"time_zone": "America/New_York"},
    "courses": [{"protocol": "azathioprine-us-label", "start": "2026-01-05"}],
    "tests": "on-due",
}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """One command in this process: its exit code, standard output and standard error."""

    def run(*arguments: str | Path, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def process(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "import sys; from service.cli import main; sys.exit(main())"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    environment |= options.pop("environment", {})
    return subprocess.run(
        [*program, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


def refused(outcome: tuple[int, str, str], *words: str) -> None:
    code, out, err = outcome
    assert (code, out) == (2, "")
    assert err.startswith("nextcount: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err
    for word in words:
        assert word in err


# ---- simulate


def test_simulate_prints_one_json_object_and_nothing_else(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "course.json"
    file.write_text(json.dumps(BODY))
    code, out, err = run("simulate", file)
    assert (code, err) == (0, "")
    assert json.loads(out) == simulate.run(BODY)


def test_simulate_reads_standard_input(run: Run) -> None:
    code, out, _ = run("simulate", "-", stdin=json.dumps(BODY).encode())
    assert code == 0
    assert json.loads(out) == simulate.run(BODY)


def test_simulate_as_a_process_of_its_own() -> None:
    done = process("simulate", "-", input=json.dumps(BODY))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == simulate.run(BODY)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["line 1"]),
        ("{", ["line 1", "JSON"]),
        ('{\n"until": }', ["line 2"]),
        ("NaN", ["NaN"]),
        ('{"until": 1, "until": 2}', ["until", "twice"]),
        ("[" * 100_000, ["nested"]),
        ("9" * 5000, ["number"]),
        (json.dumps(BODY | {"until": "x" * 1_000_000}), ["until"]),
        (json.dumps(BODY | {"x" * 1_000_000: 1}), ["there is no such key"]),
        (json.dumps(BODY | {"until": "2026-13-01"}), ["until"]),
        (json.dumps(BODY | {"until": "2025-01-01"}), ["until", "before"]),
        (json.dumps(BODY | {"until": 10**300}), ["until"]),
        (json.dumps(BODY | {"courses": {}}), ["courses"]),
        (json.dumps(BODY | {"courses": [{"protocol": {}, "start": "2026-01-05"}]}), ["courses.0.protocol"]),
        (json.dumps(BODY | {"patient": None}), ["patient"]),
        (
            json.dumps(BODY | {"results": [{"on": "2026-01-05", "values": {"wbc": True}}]}),
            ["results.0.values"],
        ),
        (json.dumps(BODY | {"a\nb\u2028c\u202e\x1b[31m": 1}), []),
        ('{"\\ud800": 1}', []),
    ],
    ids=lambda text: repr(text[:30]) if isinstance(text, str) else "",
)
def test_a_bad_body_is_refused_by_file_and_key(run: Run, tmp_path: Path, text: str, words: list[str]) -> None:
    file = tmp_path / "course.json"
    file.write_text(text)
    outcome = run("simulate", file)
    refused(outcome, "course.json", *words)
    assert len(outcome[2]) < 700
    assert "\x1b" not in outcome[2]


def test_a_file_of_more_than_two_mebibytes_is_refused_unread(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "course.json"
    file.write_bytes(b" " * (preview.LARGEST + 1))
    refused(run("simulate", file), "larger than 2048 KiB")
    file.write_bytes(json.dumps(BODY).encode().ljust(preview.LARGEST))
    assert run("simulate", file)[0] == 0


def test_a_file_that_cannot_be_read_is_named_once(run: Run, tmp_path: Path) -> None:
    refused(run("simulate", tmp_path / "none.json"), "none.json: No such file")
    refused(run("simulate", tmp_path), "Is a directory")
    refused(run("protocols", "check", "a\0b"), "null byte")
    assert run("simulate", tmp_path / "none.json")[2].count("none.json") == 1


def test_no_naughty_string_ends_in_a_traceback(run: Run) -> None:
    course = BODY["courses"][0]
    for number, text in enumerate(NAUGHTY):
        bodies = (
            BODY | {"until": text},
            BODY | {"courses": [course | {"indication": text, "flags": [text]}]},
            BODY | {text: text},
            text,
        )
        code, out, err = run("simulate", "-", stdin=json.dumps(bodies[number % len(bodies)]).encode())
        assert (code == 0 and json.loads(out)) or (code, out, len(err.splitlines())) == (2, "", 1)


# ---- protocols


def test_the_packaged_protocols_are_listed(run: Run) -> None:
    code, out, _ = run("protocols", "list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(library.protocols())
    _, out, _ = run("protocols", "list", "--json")
    assert {one["id"]: one["hash"] for one in json.loads(out)} == {
        name: protocol.hash for name, protocol in library.protocols().items()
    }


def test_templates_are_listed_apart_and_filled_by_the_clinic(run: Run) -> None:
    code, out, _ = run("protocols", "list", "--templates")
    assert (code, [line.split()[0] for line in out.splitlines()]) == (0, list(library.templates()))
    code, out, _ = run(
        "protocols", "fill", "stress-check-ins", "--as", "our-check-ins", "--set", "stress=P1M"
    )
    assert code == 0
    assert library.templates()["stress-check-ins"].template
    assert not protocol.build(json.loads(out)).template
    fill = ("protocols", "fill", "stress-check-ins", "--as", "ours", "--set")
    refused(run(*fill, "stress=monthly"), "--set stress=monthly")
    refused(run(*fill, "other=P1M"), "stress-check-ins", "other", "what can be set is stress")
    refused(run("protocols", "fill", "no-such", "--as", "ours", "--set", "stress=P1M"), "no-such")


@pytest.mark.parametrize("name", library.protocols())
def test_a_protocol_is_shown_as_it_is_written_and_is_a_protocol(run: Run, name: str) -> None:
    _, shown, _ = run("protocols", "show", name)
    assert tomllib.loads(shown)["id"] == name
    code, out, _ = run("protocols", "check", "-", stdin=shown.encode())
    assert (code, out) == (0, f"-: a valid protocol, {name} version {library.protocol(name).version}\n")
    _, as_json, _ = run("protocols", "show", name, "--json")
    assert json.loads(as_json)["id"] == name
    _, checked, _ = run("protocols", "check", "-", "--json", stdin=shown.encode())
    assert json.loads(checked)["hash"] == library.protocol(name).hash


def test_an_unknown_protocol_is_refused_with_those_there_are(run: Run) -> None:
    azathioprine = [name for name in library.protocols() if name.startswith("azathioprine-")]
    refused(run("protocols", "show", "azathioprine-nhs-leeds"), "azathioprine-nhs-leeds", *azathioprine)
    refused(run("protocols", "show", "hydroxychlorquine"), "hydroxychlorquine", "hydroxychloroquine-aao-2016")
    refused(run("protocols", "show", "no-such"), "no-such", "no such packaged protocol: use one of")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", ["id", "missing"]),
        (b"id = ", ["TOML"]),
        (b"\xff\xfe", ["TOML"]),
        (b"a = " + b"[" * 5000, ["TOML"]),
        (b'"a\\nb" = 1', []),
        (b"x = nan", []),
        (b"#" * (256 * 1024 + 1), ["256 KiB"]),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_protocol_is_refused_by_file_and_key(
    run: Run, tmp_path: Path, text: bytes, words: list[str]
) -> None:
    file = tmp_path / "clinic.toml"
    file.write_bytes(text)
    refused(run("protocols", "check", file), "clinic.toml", *words)


def test_a_changed_key_is_named(run: Run, tmp_path: Path) -> None:
    text = library.source_text("azathioprine-us-label")
    refused(run("protocols", "check", "-", stdin=text.replace("P1W", "weekly", 1).encode()), "-: clocks.0")


# ---- the command itself


def test_every_command_has_help_with_an_example(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert run() == (0, out, "")
    for command in (["simulate"], ["protocols", "list"], ["protocols", "show"], ["protocols", "check"],
                    ["serve"], ["worker"], ["migrate"]):  # fmt: skip
        code, out, _ = run(*command, "-h")
        assert code == 0
        assert f"Example: nextcount {' '.join(command)}" in " ".join(out.split())


def test_the_version_is_said(run: Run) -> None:
    code, out, _ = run("--version")
    assert code == 0
    assert out.startswith("nextcount")


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["simulate"], ["simulate", "a", "b"], ["simulate", "--loud", "a"], ["protocols", "x"]],
)
def test_wrong_usage_is_one_line(run: Run, arguments: list[str]) -> None:
    refused(run(*arguments))


def test_a_failure_of_ours_is_one_line_without_what_it_was_about(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(document: object) -> None:
        raise RuntimeError("Ann Smith")

    monkeypatch.setattr(simulate, "run", fail)
    monkeypatch.delenv("NEXTCOUNT_DEBUG", raising=False)
    code, out, err = run("simulate", "-", stdin=b"{}")
    assert (code, out) == (1, "")
    assert err.startswith(
        "nextcount: this failed unexpectedly (RuntimeError): run it again with NEXTCOUNT_DEBUG=1"
    )
    assert err.count("\n") == 1
    monkeypatch.setenv("NEXTCOUNT_DEBUG", "1")
    code, out, err = run("simulate", "-", stdin=b"{}")
    assert code == 1
    assert "RuntimeError: Ann Smith" in err


def test_ctrl_c_ends_it_without_a_word(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(document: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(simulate, "run", interrupt)
    assert run("simulate", "-", stdin=b"{}") == (130, "", "")


def test_a_reader_that_goes_away_is_no_failure() -> None:
    program = f"{sys.executable} -c 'import sys; from service.cli import main; sys.exit(main())'"
    shell = (
        f"{program} protocols show azathioprine-us-label --json | true; {program} protocols list | head -n 1"
    )
    done = subprocess.run(
        ["sh", "-c", shell],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""


def test_a_terminal_without_utf8_gets_an_answer(tmp_path: Path) -> None:
    file = tmp_path / "Zürich.toml"
    file.write_text(library.source_text("azathioprine-us-label"))
    done = process("protocols", "check", file, environment={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("rich.toml: a valid protocol, azathioprine-us-label version 2\n")
