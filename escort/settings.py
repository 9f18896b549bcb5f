"""What the environment may say, checked once at start. Every name has the prefix DUJUAN_."""

from datetime import datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The settings of one store. `docs/settings.md` lists them for the person who installs."""

    model_config = SettingsConfigDict(env_prefix="DUJUAN_", extra="forbid", frozen=True)

    database_url: str | None = Field(None, description="postgresql://… or sqlite:///…; wins over DATA_DIR")
    data_dir: Path | None = Field(None, description="folder of the SQLite store and of the key file")
    key_file: Path | None = Field(
        None, description="keys of the sealed columns; default: DATA_DIR/dujuan.key"
    )
    now: datetime | None = Field(None, description="first instant of a demonstration's clock, with zone")
    base_url: str = Field(
        "http://127.0.0.1:8000", description="the address that links in messages begin with"
    )
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    zone: str = Field("Asia/Shanghai", description="IANA name of the district's time zone")
    district: str = Field("郫都区", description="the district's name, on every page")
    duty_phone: str = Field("199 0000 0001", description="the number that families and guards ring")
    sms_url: str | None = Field(None, description="address of the SMS gateway")
    sms_secret: SecretStr | None = Field(None, description="shared secret of the SMS gateway")
    sms_receipts: bool = Field(True, description="whether the gateway reports what reached the phone")
    webhook_url: str | None = Field(
        None, description="address that receives every message as a Standard Webhook"
    )
    webhook_secret: SecretStr | None = Field(None, description="whsec_… secret of the webhook")
    console: bool = Field(False, description="print messages that no other channel carries")
    heartbeat_url: str | None = Field(
        None, description="an outside dead-man's switch, pinged while all is well"
    )
    callback_token: SecretStr | None = Field(None, description="path token of the provider's callbacks")

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"DUJUAN_ZONE: no time zone is called {value!r}; try Asia/Shanghai") from error
        return value

    @field_validator("database_url")
    @classmethod
    def _is_a_database_we_speak(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("postgresql", "sqlite")):
            raise ValueError("it must begin with postgresql:// or sqlite:///")
        return value

    @field_validator("now")
    @classmethod
    def _now_has_a_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("DUJUAN_NOW needs a zone, such as 2021-04-06T18:00:00+08:00")
        return value

    @field_validator("base_url", "sms_url", "webhook_url", "heartbeat_url")
    @classmethod
    def _is_http(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme not in {"http", "https"}:
            raise ValueError(f"{value!r} is not an address that begins with http:// or https://")
        return value.rstrip("/") if value else value

    @model_validator(mode="after")
    def _secrets_come_with_addresses(self) -> "Settings":
        if self.sms_url and not (self.sms_secret and self.callback_token):
            raise ValueError("DUJUAN_SMS_URL also needs DUJUAN_SMS_SECRET and DUJUAN_CALLBACK_TOKEN")
        if self.webhook_url and not self.webhook_secret:
            raise ValueError("DUJUAN_WEBHOOK_URL also needs DUJUAN_WEBHOOK_SECRET")
        return self

    @property
    def is_demonstration(self) -> bool:
        """True where no store is named: then the demonstration district is served."""
        return self.database_url is None and self.data_dir is None

    @property
    def folder(self) -> Path:
        """The folder of this store's files; created by the command line."""
        if self.data_dir is not None:
            return self.data_dir
        return self.key_file.parent if self.database_url and self.key_file else Path("var") / "demo"

    @property
    def url(self) -> str:
        """The SQLAlchemy address of the store."""
        return self.database_url or f"sqlite:///{self.folder / 'dujuan.db'}"

    @property
    def keys(self) -> Path:
        return self.key_file or self.folder / "dujuan.key"

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)
