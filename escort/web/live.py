"""Pages that keep themselves up to date: a stream says only that there is something newer, and the page fetches itself.

The mark of a picture is what it was drawn from: the store's revision, and the minute, since every page of the day
counts minutes. The same mark is the same picture, so nothing has to be kept for readers who come back.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

import anyio
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import ServerSentEvent
from sqlmodel import Session

from escort.revision import revision_of


def mark_of_store(session: Session, now: datetime) -> str:
    """Return the mark of a picture of the whole store. Read it before the picture: then it is never too new."""
    return mark_of_revision(revision_of(session), now)


def mark_of_revision(revision: int, now: datetime) -> str:
    return f"{revision}-{_minute(now)}"


def mark_of_view(view: object, now: datetime) -> str:
    """Return the mark of one reader's view, a frozen dataclass: only what he sees makes his page fetch itself."""
    return f"{hashlib.sha256(repr(view).encode()).hexdigest()[:16]}-{_minute(now)}"


class ViewMark:
    """The mark of one reader's view over time. The view is drawn again only when anything in the store has moved."""

    def __init__(self, draw: Callable[[Session, datetime], object]) -> None:
        self._draw = draw
        self._of_store = self._mark = ""

    def at(self, session: Session, now: datetime) -> str:
        if (of_store := mark_of_store(session, now)) != self._of_store:
            self._of_store, self._mark = of_store, mark_of_view(self._draw(session, now), now)
        return self._mark


async def events(
    look: Callable[[], str | None],
    *,
    is_closing: Callable[[], bool],
    every: float = 1.0,
    beat_after: float = 15.0,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> AsyncIterator[ServerSentEvent]:
    """Yield the first mark at once, every new one within `every` seconds, and a sign of life after `beat_after`.

    `look` returns the mark of now, or None for a reader who may not look any more: that ends the stream.
    """
    told: str | None = None
    silent = 0.0
    while (mark := await run_in_threadpool(look)) is not None:
        if mark != told:
            yield ServerSentEvent(event="change", id=mark, raw_data=mark, retry=RETRY_MS)
            told, silent = mark, 0.0
        elif silent >= beat_after:
            yield ServerSentEvent(event="beat", id=mark, raw_data=mark)
            silent = 0.0
        if is_closing():
            return
        await sleep(every)
        silent += every


def _minute(now: datetime) -> int:
    return int(now.timestamp() // 60)


RETRY_MS = 2000
