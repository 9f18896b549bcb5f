"""When two records mean the same child."""

from datetime import date

from notifications.sealed import Keyring


def natural_key(keyring: Keyring, *, full_name: str, born_on: date, school_id: int) -> str:
    """Return `Child.natural_key`: a child is its full name, birth date and school."""
    return keyring.index(f"child|{full_name}|{born_on.isoformat()}|{school_id}")
