"""One Settings value, built by the command line: a flag beats the environment, and that a file."""

import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from service.errors import Refused
from service.links import SHORTEST_KEY

SECRETS = Path("/run/secrets")
PREFIX = "NEXTCOUNT_"
ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:\d{1,5})?/?", re.IGNORECASE)
CARRIED = frozenset({"sms", "push", "voice", "chat", "email"})


class Settings(BaseSettings):
    """Every field can be set as NEXTCOUNT_<FIELD>, or as a file of that name in /run/secrets."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: str = Field(default="sqlite:///nextcount.db", repr=False)
    database_password: SecretStr | None = None
    deployment_id: Annotated[str, Field(min_length=1, max_length=100)] | None = None  # PostgreSQL's
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8400
    public_url: str | None = None  # where patients see the pages from: https://HOST, without a path
    link_keys: SecretStr | None = (
        None  # sign the links in messages: one, or several with commas, the newest last
    )
    metrics_host: str = "127.0.0.1"  # of the worker's metrics; the web has them at /metrics
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    email_url: SecretStr | None = None  # smtp://USER:PASSWORD@HOST:PORT or smtps://…
    email_from: str | None = None
    email_per_second: Annotated[float, Field(gt=0, le=10_000)] = 5  # mails, of all workers together
    webhook_url: str | None = None
    webhook_secret: SecretStr | None = None
    webhook_carries: str = "sms"  # of sms, push, voice, chat and email, with commas
    webhook_can_be_asked: bool = False  # whether the gateway answers GET URL/KEY
    webhook_per_second: Annotated[float, Field(gt=0, le=10_000)] = 20  # on each channel that it carries
    dead_man_url: SecretStr | None = None  # is called by GET when a canary went all the way
    canary_address: str | None = None  # where canaries fly to; without one they stay in the house
    canary_every: Annotated[float, Field(ge=60, le=3600)] = 300  # seconds
    reminders_every: Annotated[float, Field(gt=0, le=30)] = 10  # seconds
    upkeep_every: Annotated[float, Field(gt=0, le=60)] = 30  # seconds

    @field_validator("database_url")
    @classmethod
    def _is_an_address(cls, text: str) -> str:
        try:
            make_url(text)
        except ArgumentError:
            raise ValueError("write sqlite:///FILE or postgresql://USER@HOST/NAME") from None
        return text

    @field_validator("public_url")
    @classmethod
    def _is_an_origin(cls, text: str | None) -> str | None:
        if text is not None and not ORIGIN.fullmatch(text):
            raise ValueError("write https://HOST, without a path")
        return text and text.rstrip("/").lower()

    @field_validator("link_keys")
    @classmethod
    def _are_long(cls, keys: SecretStr | None) -> SecretStr | None:
        if keys is not None and any(len(key) < SHORTEST_KEY for key in _parts(keys.get_secret_value())):
            raise ValueError(f"a key has {SHORTEST_KEY} signs or more")
        return keys

    @field_validator("webhook_carries")
    @classmethod
    def _is_carried(cls, text: str) -> str:
        if not set(_parts(text)) <= CARRIED:
            raise ValueError(f"write some of {', '.join(sorted(CARRIED))}, with commas")
        return text

    @property
    def webhook_channels(self) -> tuple[str, ...]:
        return _parts(self.webhook_carries)

    @property
    def signing_keys(self) -> tuple[str, ...]:
        return () if self.link_keys is None else _parts(self.link_keys.get_secret_value())

    @property
    def public_host(self) -> str | None:
        return None if self.public_url is None else urlsplit(self.public_url).hostname

    @property
    def has_transports(self) -> bool:
        return self.email_url is not None or self.webhook_url is not None

    @property
    def mails(self) -> bool:
        """Whether a transport carries e-mail."""
        by_webhook = self.webhook_url is not None and "email" in self.webhook_channels
        return self.email_url is not None or by_webhook

    @property
    def database(self) -> URL:
        """The database's address with its password, which `str()` of it hides."""
        url = make_url(self.database_url)
        if self.database_password is None or url.get_backend_name() == "sqlite":
            return url
        return url.set(password=self.database_password.get_secret_value())


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def load(**flags: Any) -> Settings:
    """This process's settings; a flag that is None was not given. Refused names the wrong variable."""
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(_secrets_dir=SECRETS if SECRETS.is_dir() else None, **given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = f"{PREFIX}{first['loc'][0]}".upper()
        raise Refused(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None
