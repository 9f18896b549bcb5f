"""A step that a driver told on the phone: the office writes it down, it counts like a tap and is undone like one."""

from datetime import datetime

from sqlmodel import Session, col, func, select

from escort.access import audit
from escort.errors import Conflict, NotFound, Refused
from escort.journeys.models import Step, Tap
from escort.journeys.taps import TapIn, TapOutcome, record_taps, undo_tap
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
    tap = TapIn(uuid=_uuid(session, leg_id, step, by), leg_id=leg_id, step=step, tapped_at=now)
    (result,) = record_taps(session, by=by, taps=[tap], now=now)
    if result.outcome is TapOutcome.REFUSED:
        raise Refused(result.sentence)
    if result.outcome is TapOutcome.KNOWN:
        raise Conflict("这一步您已经记过了，请刷新页面再看。")
    audit.record(session, actor=by, action="leg.step", subject=f"leg:{leg_id}", fields=[step], now=now)


def undo_told_step(session: Session, *, leg_id: int, by: str, now: datetime) -> None:
    """Take back what this account wrote down last for a leg. Raises Conflict if there is nothing, or it is too late."""
    mine = session.exec(
        select(Tap).where(
            Tap.leg_id == leg_id,
            Tap.by == by,
            col(Tap.step).in_(STEPS),
            col(Tap.undone_at).is_(None),
        )
    ).all()
    newest = max(mine, key=lambda tap: (tap.arrived_at, STEPS.index(Step(tap.step))), default=None)
    if newest is None or not undo_tap(session, uuid=newest.uuid, by=by, now=now):
        raise Conflict("过了 10 秒，撤不了了。记错了，请打值班电话告诉家里，再结掉那件急事。")
    audit.record(session, actor=by, action="leg.step_undone", subject=f"leg:{leg_id}", now=now)


def _uuid(session: Session, leg_id: int, step: Step, by: str) -> str:
    """Return the same name for the same step told twice; another one after it was taken back."""
    taken_back = session.exec(
        select(func.count()).where(
            Tap.leg_id == leg_id, Tap.by == by, Tap.step == step, col(Tap.undone_at).is_not(None)
        )
    ).one()
    return f"{by}:{leg_id}:{step}" + (f":{taken_back}" if taken_back else "")
