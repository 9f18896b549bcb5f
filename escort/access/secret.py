"""Secrets that strangers cannot guess, and their hashes, which are all that the store keeps."""

import base64
import hashlib
import hmac
import secrets


def new_token() -> str:
    """Return a token with 131 bits of chance: letters and digits only, because phones cut '-' off a link's end."""
    return "".join(secrets.choice(ALPHABET) for _ in range(TOKEN_LENGTH))


def new_code() -> str:
    """Return six random digits."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def new_authenticator_secret() -> str:
    """Return 160 random bits in base32, as authenticators take them (RFC 4226 asks for as many)."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def new_recovery_code() -> str:
    """Return a code of 49 bits for paper: no letter or digit that is taken for another."""
    return "".join(secrets.choice(READABLE) for _ in range(RECOVERY_LENGTH))


def hash_of(token: str) -> str:
    """Return the SHA-256 of a token (64 hex digits). A token has chance enough to need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def form_token(cookie: str) -> str:
    """Return the token that forms carry for the browser that holds this cookie; it does not tell the cookie."""
    return hmac.new(cookie.encode(), b"form", hashlib.sha256).hexdigest()[:32]


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
TOKEN_LENGTH = 22
CODE_DIGITS = 6
READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
RECOVERY_LENGTH = 10
