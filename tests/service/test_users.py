"""Keys and sessions: shown once, stored hashed, of no use once revoked; what a browser may do with one."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from db import users as stored
from db.engine import reading, writing
from db.tables import ApiKey, AuditEntry, SignIn, User, UserRole
from service import app as web
from service import auth
from service.demo import keys
from service.deps import SignIn as Asks
from service.flows import users
from service.limits import Limits, Rate
from tests.service.test_cli_running import done
from tests.stories.conftest import Practice

SAME = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}


def add(practice: Practice, name: str = "Dana Reyes", role: UserRole = UserRole.COORDINATOR) -> str:
    with writing(practice.engine) as session:
        return users.add(session, name, role, clinic_id=practice.clinic_id, by="a test", now=practice.clock())


def client_of(practice: Practice, **settings: Any) -> TestClient:
    app = web.create_app(practice.engine, practice.clock, **settings)
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


def overdue(client: TestClient, key: str) -> int:
    return client.get("/v1/overdue", headers={"Authorization": f"Bearer {key}"}).status_code


def test_of_a_key_only_its_hash_is_stored(practice: Practice) -> None:
    prefix, secret = add(practice).split(".")
    [row] = practice.rows(ApiKey)
    assert (row.prefix, row.secret_hash) == (prefix, users.hashed(secret))
    assert secret not in str([practice.rows(model) for model in (ApiKey, User, AuditEntry)])
    assert len(secret) == 43


def test_who_added_and_revoked_a_user_is_kept(practice: Practice) -> None:
    add(practice)
    with writing(practice.engine) as session:
        users.revoke(session, "Dana Reyes", by="Ann", now=practice.clock())
    assert [(row.actor, row.action) for row in practice.rows(AuditEntry)] == [
        ("a test", "add user"),
        ("Ann", "revoke user"),
    ]


def test_a_key_opens_until_it_is_revoked(practice: Practice, client: TestClient) -> None:
    key = add(practice)
    assert overdue(client, key) == 200
    assert [row.used_on for row in practice.rows(ApiKey)] == [practice.clock().date()]
    with writing(practice.engine) as session:
        users.revoke(session, key.split(".")[0], by="Ann", now=practice.clock())
    assert overdue(client, key) == 401


def test_no_other_key_opens(practice: Practice, client: TestClient) -> None:
    key = add(practice)
    prefix, secret = key.split(".")
    for wrong in (
        f"{prefix}.",
        prefix,
        f"{prefix}.{secret[:-1]}",
        f"{prefix}.{secret}x",
        f".{secret}",
        f"{prefix}\0.x",
    ):
        assert auth.identify(practice.engine, wrong, now=practice.clock()) is None
    assert overdue(client, key[:-1]) == 401


def test_an_unknown_prefix_is_compared_like_a_known_one(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[str, str]] = []
    compare = auth.hmac.compare_digest
    monkeypatch.setattr(auth.hmac, "compare_digest", lambda a, b: compared.append((a, b)) or compare(a, b))
    prefix = add(practice).split(".")[0]
    for wrong in (f"{prefix}.wrong", "nc_unknown.wrong"):
        assert auth.identify(practice.engine, wrong, now=practice.clock()) is None
    assert [len(a) + len(b) for a, b in compared] == [128, 128]


def test_nobody_is_asked_on_this_machine_until_there_is_a_user(
    practice: Practice, client: TestClient
) -> None:
    assert "Nobody is asked to sign in" in client.get("/").text
    add(practice)
    answer = client.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert client.get("/v1/overdue").status_code == 401


def test_beyond_this_machine_everybody_is_asked(practice: Practice) -> None:
    client = client_of(practice, sign_in=Asks.ALWAYS)
    assert client.get("/v1/overdue").status_code == 401


def sign_in(client: TestClient, key: str, **headers: str) -> Any:
    return client.post("/sign-in", data={"key": key}, headers=headers or SAME, follow_redirects=False)


def test_a_browser_signs_in_and_out(practice: Practice, client: TestClient) -> None:
    key = add(practice)
    answer = sign_in(client, key)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    page = client.get("/")
    assert "Dana Reyes" in page.text
    assert "Nobody is asked" not in page.text
    token = client.cookies["nextcount"]
    assert token not in str(practice.rows(SignIn, "token_hash"))
    assert client.get("/v1/overdue").status_code == 200
    assert client.post("/v1/patients", json={}).status_code == 401  # a cookie reads, and no more
    assert client.post("/sign-out", headers=SAME, follow_redirects=False).status_code == 303
    client.cookies.set("nextcount", token)
    assert client.get("/", follow_redirects=False).status_code == 303
    assert practice.rows(SignIn, "token_hash") == []


def test_beyond_this_machine_the_cookie_is_bound_to_https_and_the_host(practice: Practice) -> None:
    client = client_of(practice, sign_in=Asks.ALWAYS, hosts=None)
    cookie = sign_in(client, add(practice)).headers["set-cookie"]
    assert cookie.startswith("__Host-nextcount=")
    assert "; Secure" in cookie
    assert "; Path=/" in cookie
    assert "domain" not in cookie.lower()


def test_a_wrong_key_is_told_and_not_repeated(practice: Practice, client: TestClient) -> None:
    add(practice)
    answer = sign_in(client, "nc_Zephyrine.Quillfeather")
    assert answer.status_code == 403
    assert "not a key that is in use" in answer.text
    assert "Zephyrine" not in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Referer": "http://localhost/"},
    ],
)
def test_another_sites_form_signs_nobody_in_or_out(
    practice: Practice, client: TestClient, headers: dict[str, str]
) -> None:
    key = add(practice)
    assert sign_in(client, key, **headers).status_code == 403
    sign_in(client, key)
    assert client.post("/sign-out", headers=headers).status_code == 403
    assert client.get("/", follow_redirects=False).status_code == 200


@pytest.mark.parametrize(
    ("steps", "step", "still"),
    [(1, auth.IDLE - timedelta(seconds=1), True), (1, auth.IDLE, False), (100, timedelta(minutes=14), False)],
)
def test_a_session_ends_when_it_is_idle_or_too_old(
    practice: Practice, steps: int, step: timedelta, still: bool
) -> None:
    client = client_of(practice)
    sign_in(client, add(practice))
    answers = []
    for _ in range(steps):
        practice.clock.wind(practice.clock() + step)
        answers.append(client.get("/", follow_redirects=False).status_code)
    assert (answers[-1] == 200) is still
    if steps > 1:
        assert answers.index(303) == auth.LONGEST // step


def test_a_revoked_key_signs_its_browsers_out(practice: Practice, client: TestClient) -> None:
    sign_in(client, add(practice))
    with writing(practice.engine) as session:
        users.revoke(session, "Dana Reyes", by="Ann", now=practice.clock())
    assert client.get("/", follow_redirects=False).status_code == 303


def test_who_asks_too_fast_waits_and_is_told_how_long(practice: Practice) -> None:
    moment = [0.0]
    limits = Limits(Rate(5, 1), Rate(2, 0.5), lambda: moment[0])
    client, key = client_of(practice, limits=limits), add(practice)
    assert [overdue(client, key) for _ in range(3)] == [200, 200, 429]
    told = client.get("/v1/overdue", headers={"Authorization": f"Bearer {key}"})
    assert (told.status_code, told.headers["retry-after"], told.headers["ratelimit-limit"]) == (429, "2", "2")
    assert [client.get("/health/live").status_code for _ in range(2)] == [200, 429]
    moment[0] = 2
    answer = client.get("/v1/overdue", headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.headers["ratelimit-remaining"]) == (200, "0")


def test_the_command_adds_lists_and_revokes(tmp_path: Path) -> None:
    added = done("user", "add", "Dana Reyes", "--role", "coordinator", cwd=tmp_path)
    assert added.returncode == 0, added.stderr
    prefix, secret = added.stdout.strip().split(".")
    listed = done("user", "list", cwd=tmp_path).stdout
    assert listed == f"{prefix}: Dana Reyes, coordinator of every clinic, last used never\n"
    assert secret not in listed
    assert done("user", "revoke", prefix, cwd=tmp_path).stdout == "Dana Reyes may no longer ask.\n"
    again = done("user", "revoke", "Dana Reyes", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (
        2,
        "nextcount: there is no such user: see nextcount user list\n",
    )
    nowhere = done("user", "add", "Ann", "--role", "admin", "--clinic", "Nowhere", cwd=tmp_path)
    assert (nowhere.returncode, nowhere.stdout) == (2, "")


def test_a_user_that_was_revoked_still_has_everybody_asked(practice: Practice) -> None:
    add(practice)
    with writing(practice.engine) as session:
        users.revoke(session, "Dana Reyes", by="Ann", now=practice.clock())
    with reading(practice.engine) as session:
        assert stored.exist(session)


def test_the_demo_has_a_key_for_each_role_and_its_pages_ask_nobody(practice: Practice) -> None:
    lines = [line.split() for line in keys.made(practice.engine, now=practice.clock())][1:]
    assert [role for role, _ in lines] == [role.value for role in UserRole]
    client = client_of(practice, sign_in=Asks.NEVER, stand_in=keys.signed_in())
    assert [overdue(client, key) for _, key in lines] == [200, 200, 403, 200]
    page = client.get("/")
    assert page.status_code == 200
    assert "Nobody is asked" not in page.text
