"""What the board says quietly below what is urgent: changes of the book that wait, and papers that run out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ScalarSelect

from escort.journeys.introductions import undecided
from escort.roster.papers import STEPS, people_within
from escort.roster_book.changes import waiting_number


@dataclass(frozen=True)
class QuietNotes:
    """How many of each; `papers` by days, each person counted once, at the nearest step."""

    book_changes: int
    rides: int  # newcomers who rode along and wait for the coordinator's word
    papers: dict[int, int]

    @property
    def people(self) -> int:
        return sum(self.papers.values())


def quiet_counts(today: date) -> list[ScalarSelect[int]]:
    """Return what is to be counted, for `quiet_notes` to read: parts of one query that the board asks anyway."""
    return [waiting_number(), undecided(), *(people_within(today, step) for step in _NEAREST_FIRST)]


def quiet_notes(counted: Sequence[int]) -> QuietNotes:
    changes, rides, *within = counted
    before = [0, *within[:-1]]
    return QuietNotes(
        changes,
        rides,
        {step: now - less for step, now, less in zip(_NEAREST_FIRST, within, before, strict=True)},
    )


_NEAREST_FIRST = sorted(STEPS)
