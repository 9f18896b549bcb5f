"""看车牌尾号找人: the keys beside the list, as a plain form. A script does the same without a load a key."""

import unicodedata
from dataclasses import dataclass

from escort.journeys.gate_view import GateRow, GateView

LONGEST = 8  # a new-energy plate without its dot
BACK, LETTERS, DIGITS = "back", "letters", "digits"


@dataclass(frozen=True)
class Search:
    """What was typed, which cars end in it, and the list with those moved up."""

    tail: str
    has_letters: bool  # which keys are shown
    hits: tuple[GateRow, ...]
    rows: tuple[GateRow, ...]

    def is_hit(self, row: GateRow) -> bool:
        return row in self.hits


def search(view: GateView, *, tail: str = "", key: str = "", letters: bool = False) -> Search:
    """Return the list after one more key. `key`: a letter or a digit, BACK, or which keys to show from now on."""
    wanted = _typed(tail, key)
    hits = tuple(row for row in view.rows if wanted and row.car and _plain(row.car.plate).endswith(wanted))
    return Search(
        tail=wanted,
        has_letters=key == LETTERS or (letters and key != DIGITS),
        hits=hits,
        rows=hits + tuple(row for row in view.rows if row not in hits),
    )


def _typed(tail: str, key: str) -> str:
    typed = _plain(tail)
    if key == BACK:
        return typed[:-1]
    return (typed + (key if len(key) == 1 and key.isascii() and key.isalnum() else ""))[:LONGEST].upper()


def _plain(plate: str) -> str:
    """Return a plate or its end as its characters alone: 川A·１２３ is 川A123."""
    whole = unicodedata.normalize("NFKC", plate).upper()
    return "".join(letter for letter in whole if letter.isalnum())
