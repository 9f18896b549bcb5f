"""Somebody's new number: told to the old one, in use after a day, or as soon as the office has rung and knows who it is.

Links and phones were handed to whoever holds the old number. They go on until the new one is used, and end then: no
duty and no family falls silent in between. Who has no number yet gets the first one at once.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlmodel import Session

from escort import wording
from escort.access import audit
from escort.access.links import revoke_all
from escort.errors import Conflict, Refused
from escort.sentences import mark
from notifications import holds
from notifications.addresses import freeze_party, phone_of, set_phone
from notifications.holds import HoldOutcome, held_number
from notifications.models import HeldNumber, Urgency
from notifications.outbox import enqueue, withdraw


class Change(StrEnum):
    """What became of a number that the office wrote down."""

    NONE = "none"  # the party has it already, or it waits already
    AT_ONCE = "at_once"  # the first number of somebody who had none
    HELD = "held"


def change_number(session: Session, *, party: str, phone: str, by: str, now: datetime) -> Change:
    """Let a new number wait for a day; the first one of somebody is used at once. Raises ValueError."""
    if phone_of(session, party) is None:
        set_phone(session, party=party, phone=phone, now=now)
        return Change.AT_ONCE
    before = held_number(session, party)
    held = holds.hold_phone(session, party=party, phone=phone, starts_at=now + HOLD, by=by, now=now)
    if held is None or (before is not None and before.id == held.id):
        return Change.NONE
    if before is not None:
        withdraw(session, about=_about(before), reason="replaced", now=now)
    _note(session, "number.held", party, by, now)
    return Change.HELD


def confirm_number(session: Session, *, party: str, spoken_with: str, by: str, now: datetime) -> None:
    """Use the new number from now on, since `by` has rung and spoken with this person.

    Raises Refused where nobody is named, Conflict where no number waits.
    """
    if not spoken_with.strip():
        raise Refused("请写明回拨时接电话的是谁，例如“奶奶本人”。")
    _settle(session, party, HoldOutcome.CONFIRMED, by, now, spoken_with=spoken_with.strip()[:40])


def cancel_number(session: Session, *, party: str, by: str, now: datetime) -> None:
    """Drop the new number: it was mistyped, or nobody asked for it. Raises Conflict where none waits."""
    _settle(session, party, HoldOutcome.CANCELLED, by, now)


def object_to_number(session: Session, *, party: str, now: datetime) -> bool:
    """The old number says: that was not me. Returns False where no number waits."""
    held = held_number(session, party)
    if held is None:
        return False
    _settle(session, party, HoldOutcome.OBJECTED, party, now)
    return True


def old_number_is_dead(session: Session, *, party: str, by: str, now: datetime) -> None:
    """Let humans tell this party everything until the new number is used. Raises Conflict where none waits."""
    if held_number(session, party) is None:
        raise Conflict(SETTLED)
    freeze_party(session, party=party, reason="dead", now=now)
    _note(session, "number.dead", party, by, now)


def sweep_numbers(session: Session, *, now: datetime, zone: ZoneInfo, duty_phone: str) -> int:
    """Tell old numbers of changes, and use new ones whose time has come; return how many were moved."""
    untold = holds.untold_holds(session)
    for held in untold:
        _tell(session, held, now=now, zone=zone, duty_phone=duty_phone)
        holds.note_told(session, hold_id=held.id or 0, now=now)
    due = holds.due_holds(session, now=now)
    for held in due:
        _start(session, held, HoldOutcome.STARTED, "system", now)
    return len(untold) + len(due)


def _tell(session: Session, held: HeldNumber, *, now: datetime, zone: ZoneInfo, duty_phone: str) -> None:
    enqueue(
        session,
        to=held.party,
        wording=wording.number_changing(held.starts_at, duty_phone=duty_phone, now=now, zone=zone),
        about=_about(held),
        dedup_key=f"number-held:{held.id}",
        now=now,
        urgency=Urgency.URGENT,
        do_not_send_after=held.starts_at,
    )


def _settle(
    session: Session, party: str, outcome: HoldOutcome, by: str, now: datetime, *, spoken_with: str = ""
) -> None:
    held = held_number(session, party)
    if held is None or not _start(session, held, outcome, by, now, spoken_with=spoken_with):
        raise Conflict(SETTLED)


def _start(
    session: Session,
    held: HeldNumber,
    outcome: HoldOutcome,
    by: str,
    now: datetime,
    *,
    spoken_with: str = "",
) -> bool:
    """End the waiting; with a new number in use, what was handed to the old one ends."""
    if not holds.settle_hold(
        session, hold_id=held.id or 0, outcome=outcome, by=by, now=now, spoken_with=spoken_with
    ):
        return False
    withdraw(session, about=_about(held), reason=str(outcome), now=now)
    if outcome in (HoldOutcome.STARTED, HoldOutcome.CONFIRMED):
        revoke_all(session, held.party, now, by)
    _note(session, f"number.{outcome}", held.party, by, now)
    return True


def _about(held: HeldNumber) -> str:
    return f"number:{held.id}"


def _note(session: Session, action: str, party: str, by: str, now: datetime) -> None:
    audit.record(session, actor=by, action=action, subject=party, fields=["phone"], now=now)


HOLD = timedelta(hours=24)
SETTLED = mark("这个新号码已经启用或取消了，请刷新页面。")
