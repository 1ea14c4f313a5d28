"""One Settings value, built by the command line: a flag beats the environment, and that a file."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from service.errors import Refused

SECRETS = Path("/run/secrets")
PREFIX = "NEXTCOUNT_"
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
    email_url: SecretStr | None = None  # smtp://USER:PASSWORD@HOST:PORT or smtps://…
    email_from: str | None = None
    webhook_url: str | None = None
    webhook_secret: SecretStr | None = None
    webhook_carries: str = "sms"  # of sms, push, voice, chat and email, with commas
    webhook_can_be_asked: bool = False  # whether the gateway answers GET URL/KEY
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

    @field_validator("webhook_carries")
    @classmethod
    def _is_carried(cls, text: str) -> str:
        if not {name.strip() for name in text.split(",")} <= CARRIED:
            raise ValueError(f"write some of {', '.join(sorted(CARRIED))}, with commas")
        return text

    @property
    def webhook_channels(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.webhook_carries.split(","))

    @property
    def has_transports(self) -> bool:
        return self.email_url is not None or self.webhook_url is not None

    @property
    def database(self) -> URL:
        """The database's address with its password, which `str()` of it hides."""
        url = make_url(self.database_url)
        if self.database_password is None or url.get_backend_name() == "sqlite":
            return url
        return url.set(password=self.database_password.get_secret_value())


def load(**flags: Any) -> Settings:
    """This process's settings; a flag that is None was not given. Refused names the wrong variable."""
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(_secrets_dir=SECRETS if SECRETS.is_dir() else None, **given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = f"{PREFIX}{first['loc'][0]}".upper()
        raise Refused(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None
