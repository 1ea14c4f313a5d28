"""Where the configuration comes from, and that a wrong one is refused by its name and kept to itself."""

import os
from pathlib import Path

import pytest

from service import settings
from service.channels import transports
from service.errors import Refused
from service.flows import health


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No variable of this machine, and a folder of secrets that is not there yet."""
    for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(settings, "SECRETS", tmp_path / "secrets")
    return tmp_path / "secrets"


def test_nothing_needs_to_be_configured() -> None:
    given = settings.load()
    assert (str(given.database), given.host, given.port) == ("sqlite:///nextcount.db", "127.0.0.1", 8400)


def test_a_flag_beats_the_environment_and_that_a_file(monkeypatch: pytest.MonkeyPatch, bare: Path) -> None:
    bare.mkdir()
    (bare / "nextcount_port").write_text("1001")
    assert settings.load().port == 1001
    monkeypatch.setenv("NEXTCOUNT_PORT", "1002")
    assert settings.load().port == 1002
    assert settings.load(port=None).port == 1002
    assert settings.load(port=1003).port == 1003


def test_the_password_comes_from_a_file_and_shows_nowhere(
    monkeypatch: pytest.MonkeyPatch, bare: Path
) -> None:
    bare.mkdir()
    (bare / "nextcount_database_password").write_text("s3cret/with@signs\n")
    monkeypatch.setenv("NEXTCOUNT_DATABASE_URL", "postgresql://nextcount@db/nextcount")
    given = settings.load()
    assert given.database.password == "s3cret/with@signs"
    assert "s3cret" not in repr(given) + str(given) + str(given.database)


def test_a_password_in_the_address_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXTCOUNT_DATABASE_URL", "postgresql://nextcount:s3cret@db/nextcount")
    given = settings.load()
    assert given.database.password == "s3cret"
    assert "s3cret" not in repr(given) + str(given.database)


def test_sqlite_needs_no_password(bare: Path) -> None:
    bare.mkdir()
    (bare / "nextcount_database_password").write_text("s3cret")
    assert settings.load().database.password is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NEXTCOUNT_PORT", "http"),
        ("NEXTCOUNT_PORT", "65536"),
        ("NEXTCOUNT_DATABASE_URL", "our s3cret database"),
        ("NEXTCOUNT_REMINDERS_EVERY", "31"),
        ("NEXTCOUNT_UPKEEP_EVERY", "0"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Refused, match=f"^{name}: ") as refused:
        settings.load()
    assert "s3cret" not in str(refused.value)


def test_a_loop_ticks_often_enough_not_to_look_stopped() -> None:
    for name in ("reminders_every", "upkeep_every"):
        [longest] = [b.le for b in settings.Settings.model_fields[name].metadata if hasattr(b, "le")]
        assert longest < health.STALLED.total_seconds()


def test_settings_do_not_change(bare: Path) -> None:
    given = settings.load()
    with pytest.raises(ValueError, match="frozen"):
        given.port = 1  # type: ignore[misc]


# ---- transports


def given(monkeypatch: pytest.MonkeyPatch, **values: str) -> settings.Settings:
    for name, value in values.items():
        monkeypatch.setenv(f"NEXTCOUNT_{name.upper()}", value)
    return settings.load()


def test_without_a_transport_everything_stays_in_the_house() -> None:
    assert set(transports.channels(settings.load())) == {"outbox", "worklist"}


def test_e_mail_and_a_webhook_carry_what_they_are_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    found = transports.channels(
        given(
            monkeypatch,
            email_url="smtps://ann:s3cret@mail.example",
            email_from="reminders@clinic.example",
            webhook_url="https://gateway.example/send",
            webhook_secret="s3cret" * 4,
            webhook_carries="sms, voice",
            webhook_can_be_asked="true",
        )
    )
    assert set(found) == {"outbox", "worklist", "email", "sms", "voice"}
    asked = {str(name): channel.capabilities.can_be_asked for name, channel in found.items()}
    assert [name for name, can in sorted(asked.items()) if can] == ["sms", "voice"]


WEBHOOK = {"webhook_url": "https://gateway.example", "webhook_secret": "s3cret" * 4}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("EMAIL_FROM", {"email_url": "smtp://mail.example"}),
        ("EMAIL_FROM", {"email_url": "smtp://mail.example", "email_from": "Clinic <a@b>"}),
        ("EMAIL_URL", {"email_url": "mail.s3cret.example", "email_from": "a@clinic.example"}),
        ("WEBHOOK_SECRET", {"webhook_url": "https://gateway.example"}),
        ("WEBHOOK_SECRET", WEBHOOK | {"webhook_secret": "s3cret"}),
        ("WEBHOOK_URL", WEBHOOK | {"webhook_url": "http://s3cret.example"}),
        ("WEBHOOK_CARRIES", WEBHOOK | {"webhook_carries": "sms,pigeon"}),
        ("WEBHOOK_CARRIES", WEBHOOK | {"webhook_carries": "outbox"}),
    ],
)
def test_a_transport_that_is_half_configured_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, values: dict[str, str]
) -> None:
    with pytest.raises(Refused, match=f"^NEXTCOUNT_{name}: ") as refused:
        transports.channels(given(monkeypatch, **values))
    assert "s3cret" not in str(refused.value)


def test_the_secrets_of_transports_show_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    found = given(monkeypatch, email_url="smtps://ann:s3cret@mail.example", webhook_secret="s3cret")
    assert "s3cret" not in repr(found) + str(found)


# ---- what is called or mailed besides patients


def test_canaries_and_the_switch_outside_are_as_they_were_set(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = settings.load()
    assert transports.canary(bare, {}) is None
    assert transports.dead_man(bare) is None
    found = given(
        monkeypatch,
        canary_address="+12025550101",
        dead_man_url="https://switch.example/s3cret",
        **WEBHOOK,
    )
    assert transports.canary(found, transports.channels(found)) == ("sms", "+12025550101")
    assert transports.dead_man(found) is not None
    assert "s3cret" not in repr(found) + str(found)
    assert (bare.canary_every, bare.mails, found.mails) == (300, False, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CANARY_ADDRESS", "s3cret@clinic.example"),
        ("CANARY_ADDRESS", "s3cret"),
        ("DEAD_MAN_URL", "http://switch.s3cret.example"),
        ("DEAD_MAN_URL", "ftp://127.0.0.1/s3cret"),
    ],
)
def test_what_cannot_be_called_or_mailed_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    found = given(monkeypatch, **{name.lower(): value})
    read = {
        "CANARY_ADDRESS": lambda: transports.canary(found, transports.channels(found)),
        "DEAD_MAN_URL": lambda: transports.dead_man(found),
    }
    with pytest.raises(Refused, match=f"^NEXTCOUNT_{name}: ") as refused:
        read[name]()
    assert "s3cret" not in str(refused.value)
