"""A cancellation that somebody gave to the office by phone: done, and repeated to the whole family."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from escort import spoken, wording
from escort.families.models import Child
from escort.families.queries import parties_to_tell
from escort.journeys.taken_back import forget, take_back
from escort.journeys.told_by_voice import with_calls
from escort.rota.legs import cancel_leg
from escort.rota.models import Leg
from escort.spoken import Half
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many, respect_quiet_hours


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
