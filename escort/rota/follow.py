"""What follows at once when a book, or a hand, has changed what the rota rests on."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from escort.rota.legs import extend_calendar
from escort.rota.needs import fit_everything
from escort.rota.release import free_barred, free_unfit


def follow_book(session: Session, *, now: datetime, zone: ZoneInfo) -> None:
    """Bring legs up to date, and free whoever may not or cannot drive any more, in the transaction that took the book over."""
    extend_calendar(session, now=now, zone=zone)
    today = now.astimezone(zone).date()
    free_unfit(session, from_on=today, now=now, zone=zone)
    free_barred(session, now=now, zone=zone)
    fit_everything(session, by="system", now=now, zone=zone)
