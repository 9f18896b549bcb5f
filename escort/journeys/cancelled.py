"""A cancellation that somebody gave to the office by phone: done, and repeated to the whole family."""

from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlmodel import Session

from escort import spoken, wording
from escort.families.models import Child
from escort.families.queries import parties_to_tell
from escort.journeys.taken_back import forget, take_back
from escort.journeys.told_by_voice import with_calls
from escort.rota.afternoons import afternoon_of, keep_afternoon
from escort.rota.asks import LinkMaker
from escort.rota.legs import cancel_leg
from escort.rota.models import Leg
from escort.spoken import Half
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many, respect_quiet_hours


class Afternoon(StrEnum):
    """What whoever rang about the morning said of the way home."""

    NOT_SAID = "not_said"  # it stays wanted, and the family is asked
    KEEP = "keep"
    CANCEL = "cancel"


def cancel_morning(
    session: Session,
    *,
    leg_id: int,
    afternoon: Afternoon,
    by: str,
    reason: str,
    duty_phone: str,
    links: LinkMaker,
    now: datetime,
    zone: ZoneInfo,
) -> Leg:
    """Cancel one leg by the office's hand, and do with the afternoon as was said: nothing is assumed.

    Raises what `cancel_leg` raises.
    """
    leg = cancel_for_family(
        session, leg_id=leg_id, by=by, reason=reason, duty_phone=duty_phone, now=now, zone=zone
    )
    home = afternoon_of(session, leg, now=now)
    if home is None or home.id is None:
        return leg
    if afternoon is Afternoon.CANCEL:
        cancel_for_family(
            session, leg_id=home.id, by=by, reason=reason, duty_phone=duty_phone, now=now, zone=zone
        )
    elif afternoon is Afternoon.KEEP:
        keep_afternoon(session, leg_id=home.id, by=by, now=now)
    else:
        _ask_about(session, home, duty_phone=duty_phone, links=links, now=now, zone=zone)
    return session.get_one(Leg, leg_id)


def _ask_about(
    session: Session, home: Leg, *, duty_phone: str, links: LinkMaker, now: datetime, zone: ZoneInfo
) -> None:
    child = session.get_one(Child, home.child_id)
    parties = parties_to_tell(session, [home.child_id]).get(home.child_id, [])
    if not parties:
        return
    link = links(session, parties)
    calm_at = respect_quiet_hours(now, urgency=Urgency.ROUTINE, zone=zone)
    letters = [
        Letter(
            to=party,
            wording=wording.family_afternoon(
                spoken.child_in_message(child.full_name, child.short_name),
                Half(home.pickup_at, home.direction),
                duty_phone=duty_phone,
                link=link[party],
                now=max(now, calm_at),
                zone=zone,
            ),
            about=f"leg:{home.id}",
            dedup_key=f"afternoon:{home.id}:{home.generation}:{party}",
            not_before=calm_at,
            do_not_send_after=home.pickup_at,
        )
        for party in parties
    ]
    enqueue_many(session, with_calls(session, letters), now=now)


def cancel_for_family(
    session: Session, *, leg_id: int, by: str, reason: str, duty_phone: str, now: datetime, zone: ZoneInfo
) -> Leg:
    """Cancel one leg by the office's hand and return it; its driver and everybody who gets messages is told.

    Who rang may not be who waits at the roadside: so the family hears it too. What was about to tell them who comes
    is not sent any more. Raises what `cancel_leg` raises.
    """
    cancel_leg(session, leg_id=leg_id, by=by, reason=reason, now=now, zone=zone)
    leg = session.get_one(Leg, leg_id)
    child = session.get_one(Child, leg.child_id)
    take_back(session, [leg_id], now=now)
    forget(session, [leg_id])  # told here, at once and in the office's name
    words = wording.family_office_cancelled(
        spoken.child_in_message(child.full_name, child.short_name),
        Half(leg.pickup_at, leg.direction),
        duty_phone=duty_phone,
        now=now,
        zone=zone,
    )
    calm_at = respect_quiet_hours(now, urgency=Urgency.ROUTINE, zone=zone)
    is_urgent = leg.pickup_at - calm_at <= SOON
    letters = [
        Letter(
            to=party,
            wording=words,
            about=f"leg:{leg_id}",
            dedup_key=f"office_cancelled:{leg_id}:{leg.generation}:{party}",
            urgency=Urgency.URGENT if is_urgent else Urgency.ROUTINE,
            not_before=None if is_urgent else calm_at,
            do_not_send_after=leg.due_at,
        )
        for party in parties_to_tell(session, [leg.child_id]).get(leg.child_id, [])
    ]
    enqueue_many(session, with_calls(session, letters), now=now)
    return leg


SOON = timedelta(hours=3)
