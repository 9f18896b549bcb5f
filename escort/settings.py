"""What the environment may say, checked once at start. Every name has the prefix DUJUAN_."""

import re
from collections.abc import Iterable
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from escort.errors import NotConfigured
from notifications import signing

PREFIX = "DUJUAN_"


class Settings(BaseSettings):
    """The settings of one store. `docs/settings.md` lists them for the person who installs."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

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
    blockout_day: Annotated[int, Field(ge=1, le=28)] = Field(
        20, description="day of each month on which volunteers are asked which days of the next they cannot"
    )
    sms_url: str | None = Field(None, description="address of the SMS gateway")
    sms_secret: SecretStr | None = Field(None, description="shared secret of the SMS gateway")
    sms_receipts: bool = Field(True, description="whether the gateway reports what reached the phone")
    aliyun_key_id: str | None = Field(None, description="AccessKey id of Alibaba Cloud SMS")
    aliyun_key_secret: SecretStr | None = Field(None, description="AccessKey secret of Alibaba Cloud SMS")
    aliyun_sign_name: str | None = Field(None, description="the registered signature, without 【】")
    aliyun_endpoint: str = Field("https://dysmsapi.aliyuncs.com", description="where SendSms is called")
    webhook_url: str | None = Field(
        None, description="address that receives every message as a Standard Webhook"
    )
    webhook_secret: SecretStr | None = Field(None, description="whsec_… secret of the webhook")
    console: bool = Field(False, description="print messages that no other channel carries")
    heartbeat_url: str | None = Field(
        None, description="an outside dead-man's switch, pinged while all is well"
    )
    backup_passphrase: SecretStr | None = Field(
        None, description="what backup files are sealed with; asked for where it is not set"
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

    @field_validator("duty_phone")
    @classmethod
    def _can_be_rung(cls, value: str) -> str:
        digits = re.sub(r"[\s()（）-]", "", value)
        is_cut_off = re.fullmatch(r"1[3-9]\d*", digits) is not None and len(digits) != MOBILE_DIGITS
        if not re.fullmatch(r"\+?\d{5,15}", digits) or is_cut_off:
            raise ValueError(f"{value!r} is not a phone number such as 028 8700 0000")
        return value

    @field_validator("sms_secret", "webhook_secret")
    @classmethod
    def _is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            signing.check_secret(value.get_secret_value())
        return value

    @field_validator("base_url", "sms_url", "aliyun_endpoint", "webhook_url", "heartbeat_url")
    @classmethod
    def _is_http(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme not in {"http", "https"}:
            raise ValueError(f"{value!r} is not an address that begins with http:// or https://")
        return value.rstrip("/") if value else value

    @model_validator(mode="after")
    def _secrets_come_with_addresses(self) -> "Settings":
        if self.sms_url and not (self.sms_secret and self.callback_token):
            raise ValueError("DUJUAN_SMS_URL also needs DUJUAN_SMS_SECRET and DUJUAN_CALLBACK_TOKEN")
        aliyun = (self.aliyun_key_id, self.aliyun_key_secret, self.aliyun_sign_name)
        if any(aliyun) and not (all(aliyun) and self.callback_token):
            raise ValueError(
                "DUJUAN_ALIYUN_KEY_ID, DUJUAN_ALIYUN_KEY_SECRET, DUJUAN_ALIYUN_SIGN_NAME and DUJUAN_CALLBACK_TOKEN "
                "go together"
            )
        if any(aliyun) and self.sms_url:
            raise ValueError(
                "DUJUAN_SMS_URL or DUJUAN_ALIYUN_KEY_ID, not both: one provider carries the texts"
            )
        if self.webhook_url and not self.webhook_secret:
            raise ValueError("DUJUAN_WEBHOOK_URL also needs DUJUAN_WEBHOOK_SECRET")
        return self

    @property
    def is_demonstration(self) -> bool:
        """True where no store is named: then the demonstration district is served."""
        return self.database_url is None and self.data_dir is None

    @property
    def stays_on_this_machine(self) -> bool:
        """True where only this machine's own browser comes in: neither address nor links lead here from outside."""
        return {self.host, urlsplit(self.base_url).hostname} <= LOOPBACK

    @property
    def uses_aliyun(self) -> bool:
        return self.aliyun_key_id is not None

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


def check_names(environment: Iterable[str]) -> None:
    """Raise NotConfigured for names with our prefix that no setting has: a mistyped one would pass unseen."""
    known = [name.upper() for name in Settings.model_fields]
    ours = [name for name in environment if name.upper().startswith(PREFIX)]
    unknown = sorted(name for name in ours if name.upper().removeprefix(PREFIX) not in known)
    if not unknown:
        return
    meant = []
    for name in unknown:
        near = get_close_matches(name.upper().removeprefix(PREFIX), known, n=1)
        meant.append(f"{name}（是不是 {PREFIX}{near[0]}？）" if near else name)
    raise NotConfigured(f"不认识这些设置：{'、'.join(meant)}。请改正或去掉，全部名字见 docs/settings.md。")


MOBILE_DIGITS = 11
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
