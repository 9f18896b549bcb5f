"""A step that a driver told on the phone: the office writes it down, and it counts like a tap."""

from datetime import datetime

from sqlmodel import Session

from escort.access import audit
from escort.errors import Conflict, NotFound, Refused
from escort.journeys.models import Step
from escort.journeys.taps import TapIn, TapOutcome, record_taps
from escort.rota.models import Leg

STEPS = (Step.STARTED, Step.ON_BOARD, Step.DELIVERED)


def record_told_step(session: Session, *, leg_id: int, step: Step, by: str, now: datetime) -> None:
    """Record one step of a leg as it was told, with who wrote it down.

    Raises NotFound, Refused with the tap's own sentence, or Conflict if this account wrote it down before.
    """
    if step not in STEPS:
        raise Refused("这一步不能代记，请打值班电话问清楚。")
    if session.get(Leg, leg_id) is None:
        raise NotFound("没有这趟接送。")
    tap = TapIn(uuid=f"{by}:{leg_id}:{step}", leg_id=leg_id, step=step, tapped_at=now)
    (result,) = record_taps(session, by=by, taps=[tap], now=now)
    if result.outcome is TapOutcome.REFUSED:
        raise Refused(result.sentence)
    if result.outcome is TapOutcome.KNOWN:
        raise Conflict("这一步您已经记过了，请刷新页面再看。")
    audit.record(session, actor=by, action="leg.step", subject=f"leg:{leg_id}", fields=[step], now=now)
