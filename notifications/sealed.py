"""Columns that only we can read: AES-256-GCM with a key from a file outside the store.

What is sealed is worth nothing to whoever has the database alone. What must still be found (a phone number)
has a *blind index* beside it: an HMAC with its own key, equal for equal values and nothing else.

A sealed text names its suite and its key, so that keys can be turned: `a1.<key id>.<base64url(nonce | ciphertext)>`.
The context ("table.column") is authenticated with it: a value moved to another column does not open.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import ClauseElement, Engine, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator


class SealError(ValueError):
    """A sealed text cannot be opened, or a key file cannot be used."""


class Keyring:
    """The keys of one district's store. Seals with the active key, opens with any key it holds."""

    def __init__(self, *, active: str, keys: Mapping[str, bytes], index_key: bytes) -> None:
        """Raises SealError if a key is not 32 bytes or the active one is missing."""
        if active not in keys:
            raise SealError("the active key is not in the keyring")
        if any(len(key) != KEY_BYTES for key in keys.values()) or len(index_key) != KEY_BYTES:
            raise SealError(f"every key must have {KEY_BYTES} bytes")
        self._active = active
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._keys = dict(keys)
        self._index_key = index_key

    @classmethod
    def fresh(cls) -> "Keyring":
        """Return a keyring with new random keys."""
        key_id = "k" + secrets.token_hex(3)
        return cls(active=key_id, keys={key_id: os.urandom(KEY_BYTES)}, index_key=os.urandom(KEY_BYTES))

    @classmethod
    def load(cls, path: Path) -> "Keyring":
        """Read a key file. Raises SealError if others than its owner may read it, or if it is damaged."""
        if path.stat().st_mode & 0o077:
            raise SealError("the key file can be read by others: its mode must be 0600")
        try:
            written = path.read_text("ascii")
        except ValueError as damaged:
            raise SealError("the key file is damaged") from damaged
        return cls.from_text(written)

    @classmethod
    def from_text(cls, written: str) -> "Keyring":
        """Read what `as_text` wrote. Raises SealError if it is damaged."""
        try:
            stored = json.loads(written)
            keys = {key_id: base64.b64decode(key) for key_id, key in stored["keys"].items()}
            return cls(active=stored["active"], keys=keys, index_key=base64.b64decode(stored["index_key"]))
        except (KeyError, TypeError, AttributeError, ValueError) as damaged:
            raise SealError("the key file is damaged") from damaged

    def as_text(self) -> str:
        """Return the keys as they stand in a key file: whoever has this text opens everything."""
        return json.dumps(self._as_json())

    def save(self, path: Path) -> None:
        """Write a new key file, for its owner alone; one that is there already is left as it is."""
        self._write_new(path)

    @classmethod
    def load_or_create(cls, path: Path) -> "Keyring":
        """Read the key file, or make it with new keys. Two processes that start together get the same keys."""
        if not path.exists():
            cls.fresh()._write_new(path)
        return cls.load(path)

    def attach(self, engine: Engine) -> None:
        """Let the `Sealed` columns of this engine use this keyring."""
        engine.dialect.dujuan_keyring = self  # type: ignore[attr-defined]  # our own attribute: no module global

    def seal(self, plain: str, context: str) -> str:
        """Return the text sealed for one context ("table.column"). Equal texts never look equal."""
        nonce = os.urandom(NONCE_BYTES)
        ciphertext = self._ciphers[self._active].encrypt(nonce, plain.encode(), context.encode())
        return f"{SUITE}.{self._active}.{base64.urlsafe_b64encode(nonce + ciphertext).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """Return the plain text. Raises SealError for a wrong key, another context, or any changed byte."""
        suite, _, rest = sealed.partition(".")
        key_id, _, body = rest.partition(".")
        cipher = self._ciphers.get(key_id)
        if suite != SUITE or cipher is None:
            raise SealError(f"{context}: sealed with a suite or key that this keyring does not hold")
        try:
            raw = base64.urlsafe_b64decode(body)
            return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], context.encode()).decode()
        except (InvalidTag, ValueError) as broken:
            raise SealError(f"{context}: the sealed text is damaged or belongs elsewhere") from broken

    def index(self, value: str) -> str:
        """Return the blind index of a value (64 hex digits). Normalise the value first."""
        return hmac.new(self._index_key, value.encode(), hashlib.sha256).hexdigest()

    def derive(self, purpose: str) -> bytes:
        """Return a 32-byte key for one named purpose (signing links, word pairs), stable for this keyring."""
        return hmac.new(self._index_key, b"derive:" + purpose.encode(), hashlib.sha256).digest()

    def _write_new(self, path: Path) -> None:
        """Write beside the place and link it there: the file appears whole, and only if there is none yet."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with open(
            os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
        ) as file:
            file.write(self.as_text())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)
        except FileExistsError:
            return  # another process was first: its keys are the keys
        finally:
            beside.unlink()

    def _as_json(self) -> dict[str, Any]:
        keys = {key_id: base64.b64encode(key).decode() for key_id, key in self._keys.items()}
        return {
            "active": self._active,
            "keys": keys,
            "index_key": base64.b64encode(self._index_key).decode(),
        }


class Sealed(TypeDecorator[str]):
    """A text column that is sealed on its way into the store: `Field(sa_type=Sealed("child.full_name"))`.

    It takes its keyring from the engine (`Keyring.attach`). It can be asked only whether it is NULL: two seals of
    one text differ, so `==` would silently find nothing and is refused; compare blind indexes.
    """

    impl = Text
    cache_ok = True

    class Comparator(TypeDecorator.Comparator[str]):
        """Refuses to be compared with a value; columns among themselves stay comparable, as SQLAlchemy needs."""

        def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> Any:
            if other and not (other[0] is None or isinstance(other[0], ClauseElement)):
                raise TypeError("a sealed column cannot be compared: use its blind index")
            return super().operate(op, *other, **kwargs)

    comparator_factory = Comparator

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else keyring_of(dialect).seal(value, self.context)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else keyring_of(dialect).open(value, self.context)


class SealedJson(TypeDecorator[dict[str, str]]):
    """A mapping of texts, sealed as one: `Field(sa_type=SealedJson("message.parameters"))`."""

    impl = Text
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: dict[str, str] | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return keyring_of(dialect).seal(json.dumps(value, ensure_ascii=False), self.context)

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, str] | None:
        if value is None:
            return None
        opened = json.loads(keyring_of(dialect).open(value, self.context))
        return {str(name): str(text) for name, text in opened.items()}


def keyring_of(dialect: Dialect) -> Keyring:
    """Return the keyring attached to an engine's dialect. Raises SealError if nobody attached one."""
    keyring = getattr(dialect, "dujuan_keyring", None)
    if not isinstance(keyring, Keyring):
        raise SealError("no keyring: call keyring.attach(engine) after making the engine")
    return keyring


SUITE = "a1"
KEY_BYTES = 32
NONCE_BYTES = 12
