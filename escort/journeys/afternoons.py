"""Afternoons that nobody has spoken for: seen on the board until the family, or somebody for it, says so."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from escort import wording
from escort.cases.models import Case, CaseKind, CaseState
from escort.cases.service import close_because, live_cases_of, open_case
from escort.rota.aboard import boarded
from escort.rota.afternoons import OpenAfternoon, open_afternoons
from escort.spoken import HOME, Turn
from notifications.outbox import withdraw


def sweep_afternoons(session: Session, *, now: datetime, zone: ZoneInfo) -> None:
    """Open a case for each way home of today or tomorrow whose morning is off and of which nobody has spoken.

    It is not urgent until an hour before; the leg stays wanted and its driver comes. A word, a cancellation or the
    child in the car closes it.
    """
    today = now.astimezone(zone).date()
    cases = live_cases_of(session, [CaseKind.AFTERNOON])
    live = {case.about for case in cases}
    first_on = min([today, *(case.needed_by.astimezone(zone).date() for case in cases if case.needed_by)])
    waiting = open_afternoons(session, from_on=first_on, until_on=today + timedelta(days=1))
    aboard = boarded(session, [one.leg_id for one in waiting])
    open_still = {_about(one): one for one in waiting if one.leg_id not in aboard}
    new = [one for about, one in open_still.items() if about not in live and one.pickup_at > now]
    settled = _settled(session, [_about(one) for one in new])
    for one in new:
        if _about(one) not in settled:
            _open(session, one, now, zone)
    said = sorted(live - open_still.keys())
    for about in said:  # the question, where it still waits to be sent, or on the office's list
        withdraw(session, about=about, templates={AFTERNOON}, reason="said", now=now)
    close_because(
        session,
        kinds=[CaseKind.AFTERNOON],
        abouts=said,
        by="system",
        reason="说好了，或已经接走",
        now=now,
    )


def _open(session: Session, one: OpenAfternoon, now: datetime, zone: ZoneInfo) -> None:
    open_case(
        session,
        kind=CaseKind.AFTERNOON,
        about=_about(one),
        sentence=wording.case_afternoon(one.child, Turn(one.pickup_at, HOME), zone=zone),
        is_urgent=False,
        needed_by=one.pickup_at,
        now=now,
    )


def _settled(session: Session, abouts: list[str]) -> set[str]:
    """What the office has closed is not opened again."""
    if not abouts:
        return set()
    rows = select(Case.about).where(
        col(Case.about).in_(abouts), Case.kind == CaseKind.AFTERNOON, Case.state == CaseState.CLOSED
    )
    return set(session.exec(rows))


AFTERNOON = "family.afternoon"
"""The text that asks."""


def _about(one: OpenAfternoon) -> str:
    return f"leg:{one.leg_id}"
