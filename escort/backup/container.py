"""A file that only the passphrase opens: scrypt for the key, AES-256-GCM in chunks, so that any size fits in memory.

    dujuan-backup 1 ⏎ {"salt": …, "n": …, "r": …, "p": …, "check": …} ⏎ chunk chunk … last chunk

Each chunk's nonce holds its number and whether it is the last: chunks cannot be left out, swapped or cut off unseen.
The header is authenticated with every chunk. The key is of this one file, since its salt is.
"""

import base64
import hashlib
import json
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from escort.errors import Refused


@dataclass(frozen=True)
class Cost:
    """What one guess of a passphrase costs: about 128 * n * r bytes and, at the default, half a second."""

    n: int = 2**17
    r: int = 8
    p: int = 1


def write_sealed(
    target: BinaryIO,
    parts: Iterable[bytes],
    *,
    passphrase: str,
    cost: Cost | None = None,
    chance: Callable[[int], bytes] = os.urandom,
) -> str:
    """Write the parts, one after the other, so that only the passphrase opens them. Returns the file's fingerprint.

    Raises Refused for a passphrase shorter than `SHORTEST` characters.
    """
    if len(passphrase) < SHORTEST:
        raise Refused(f"备份口令至少要 {SHORTEST} 个字，可以是一句话。")
    cost = cost or Cost()
    salt = chance(SALT_BYTES)
    key, check = _keys(passphrase, salt, cost)
    described = {
        "salt": base64.b64encode(salt).decode(),
        "n": cost.n,
        "r": cost.r,
        "p": cost.p,
        "check": base64.b64encode(check).decode(),
    }
    header = MAGIC + json.dumps(described).encode() + b"\n"
    target.write(header)
    cipher = AESGCM(key)
    for number, (chunk, is_last) in enumerate(_chunks(parts)):
        target.write(cipher.encrypt(_nonce(number, is_last), chunk, header))
    return hashlib.sha256(header).hexdigest()


def fingerprint_of(source: BinaryIO) -> str:
    """Return the fingerprint of a backup file, without its passphrase. Raises Refused for what is no such file."""
    header, _ = _read_header(source)
    return hashlib.sha256(header).hexdigest()


def read_sealed(source: BinaryIO, *, passphrase: str) -> Iterator[bytes]:
    """Yield the parts of a backup file. Raises Refused: no such file, a wrong passphrase, cut off, changed, newer."""
    header, described = _read_header(source)
    try:
        cost = Cost(int(described["n"]), int(described["r"]), int(described["p"]))
        salt, check = base64.b64decode(described["salt"]), base64.b64decode(described["check"])
    except (KeyError, TypeError, ValueError) as broken:
        raise Refused(DAMAGED) from broken
    if cost.n * cost.r * cost.p > MOST_WORK:
        raise Refused(DAMAGED)
    key, own_check = _keys(passphrase, salt, cost)
    if check != own_check:
        raise Refused("备份口令不对。请换当时用的口令再试。")
    cipher = AESGCM(key)
    number = 0
    sealed = source.read(CHUNK + TAG_BYTES)
    while True:
        following = source.read(CHUNK + TAG_BYTES)
        try:
            yield cipher.decrypt(_nonce(number, not following), sealed, header)
        except (InvalidTag, ValueError) as broken:
            raise Refused(DAMAGED) from broken
        if not following:
            return
        sealed, number = following, number + 1


def _read_header(source: BinaryIO) -> tuple[bytes, dict[str, str]]:
    magic = source.readline(LONGEST_LINE)
    if not magic.startswith(FAMILY):
        raise Refused("这不是杜鹃鸟的备份文件。")
    if magic != MAGIC:
        raise Refused("这份备份是更新的版本做的，请先升级杜鹃鸟再恢复。")
    line = source.readline(LONGEST_LINE)
    try:
        described = json.loads(line)
    except ValueError as broken:
        raise Refused(DAMAGED) from broken
    if not isinstance(described, dict):
        raise Refused(DAMAGED)
    return magic + line, described


def _keys(passphrase: str, salt: bytes, cost: Cost) -> tuple[bytes, bytes]:
    """Return the file's key, and a few bytes that tell a wrong passphrase from a damaged file."""
    typed = unicodedata.normalize("NFKC", passphrase).encode()
    try:
        derived = Scrypt(salt=salt, length=KEY_BYTES + CHECK_BYTES, n=cost.n, r=cost.r, p=cost.p).derive(
            typed
        )
    except ValueError as impossible:
        raise Refused(DAMAGED) from impossible
    return derived[:KEY_BYTES], derived[KEY_BYTES:]


def _chunks(parts: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield the parts as chunks of one size, the last perhaps shorter, each with whether it is the last."""
    waiting = bytearray()
    for part in parts:
        waiting += part
        while len(waiting) > CHUNK:  # one stays, so that a last one is known as such
            yield bytes(waiting[:CHUNK]), False
            del waiting[:CHUNK]
    yield bytes(waiting), True


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if is_last else b"\x00")


FAMILY = b"dujuan-backup "
MAGIC = FAMILY + b"1\n"
CHUNK = 1024 * 1024
TAG_BYTES = 16
SALT_BYTES = 16
KEY_BYTES = 32
CHECK_BYTES = 8
LONGEST_LINE = 4096
MOST_WORK = 2**24  # n * r * p: a header cannot make us take 2 GB and more
SHORTEST = 15
DAMAGED = "备份文件不完整，或被改动过，不能用。请换一份。"
