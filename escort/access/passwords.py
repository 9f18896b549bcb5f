"""Passwords: argon2id, long rather than clever, and none that everybody tries first."""

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from escort.access.models import Role
from escort.errors import Refused
from escort.sentences import Sentence


class Passwords:
    """Hashes and checks passwords. Costs are handed in, so that tests need not pay for real ones."""

    def __init__(self, hasher: Argon2Hasher | None = None) -> None:
        self._hash = PasswordHash((hasher or Argon2Hasher(),))
        self._nobody = self._hash.hash("nobody signs in with this")

    def hash(self, password: str) -> str:
        return self._hash.hash(password)

    def is_right(self, password: str, stored: str | None) -> bool:
        """Return whether the password fits. For an unknown account (None) the same work is done, and it never fits."""
        fits = self._hash.verify(password, stored if stored is not None else self._nobody)
        return fits and stored is not None


def check_password(password: str, *, role: str, login: str, name: str = "") -> None:
    """Raise Refused with what to do if the password is too short, too long, too common or names its owner."""
    shortest = SHORTEST.get(Role(role), 15)
    if len(password) < shortest:
        raise Refused(
            Sentence("密码至少要 %(shortest)s 个字，可以用一句话，也可以用空格。", shortest=shortest)
        )
    if len(password) > LONGEST:
        raise Refused(Sentence("密码最多 %(longest)s 个字。", longest=LONGEST))
    plain = "".join(password.casefold().split())
    if _is_common(plain) or any(len(own) > 2 and own.casefold() in plain for own in (login, name)):
        raise Refused("这个密码太容易猜到。请换一句只有您知道的话，不要含登录名、姓名或 123456 这样的数字。")


def _is_common(plain: str) -> bool:
    if len(set(plain)) < 5:
        return True
    rest = plain
    for word in COMMON:
        rest = rest.replace(word, "")
    return len(rest) < 5


SHORTEST = {Role.COORDINATOR: 15, Role.GATE: 10}
LONGEST = 256
# What attackers try first, with words of this house; a password that is little else is refused.
COMMON = (
    "1234567890", "0123456789", "9876543210", "123456789", "12345678", "87654321", "123123", "123456", "654321",
    "112233", "abc123", "a123456", "5201314", "1314520", "147258369", "qwertyuiop", "asdfghjkl", "zxcvbnm",
    "qwerty", "1qaz2wsx", "1q2w3e4r", "q1w2e3r4", "abcdefghijklmnop", "abcdefgh", "abcd1234", "abcdef", "password",
    "passw0rd", "p@ssw0rd", "p@ssword", "admin", "administrator", "letmein", "welcome", "iloveyou", "woaini",
    "dragon", "monkey", "football", "superman", "sunshine", "princess", "test", "guest", "root", "login", "mima",
    "dujuan", "dujuanniao", "杜鹃鸟", "杜鵑鳥", "郫都", "pidu", "pixian", "chengdu", "sichuan", "zhiyuanzhe", "volunteer",
    "school", "xuexiao", "coordinator", "2020", "2021", "2022", "2023", "2024", "2025", "2026", "888888", "666666",
    "123", "000", "111", "888", "666", "520", "!", "@", "#", ".", "-", "_",
)  # fmt: skip
