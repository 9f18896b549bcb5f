"""今天换车: the driver comes in another car than the one we know. Family, gate and board see it marked as changed.

Until departure, and for one turn: the next one is driven in the known car again. The gate then asks for the word, for a
plate that nobody has seen before proves nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from escort.access import audit
from escort.errors import Conflict, NotFound, Refused
from escort.families.models import Child
from escort.journeys import windows
from escort.journeys.models import Step, Tap
from escort.roster.models import Volunteer
from escort.rota.models import ChangedCar, Leg, Role, RunLeg, Shift, ShiftState
from escort.rota.seats import lock_runs
from escort.sentences import Sentence
from escort.typed_values import UnreadableError, read_plate


@dataclass(frozen=True)
class TodaysCar:
    """What the driver, or the office for him, says of the car."""

    plate: str  # as typed
    colour: str
    seats: int  # for children
    child_seats: int = 0
    wheelchair: bool = False
    is_insured: bool = False  # 座位险


def change_car(
    session: Session,
    *,
    shift_id: int,
    volunteer_id: int,
    car: TodaysCar,
    by: str,
    how: str,
    now: datetime,
    zone: ZoneInfo,
) -> None:
    """Write down today's car. The known car's own plate takes the change back.

    Raises Refused, with what to mend, NotFound unless it is their turn, Conflict if two said it at once.
    """
    shift = _own_shift(session, shift_id, volunteer_id, now, zone)
    try:
        plate = read_plate(car.plate)
    except UnreadableError as wrong:
        raise Refused(str(wrong)) from wrong
    if not plate:
        raise Refused("请填今天这辆车的车牌。")
    if plate == session.get_one(Volunteer, volunteer_id).plate:
        _end(session, shift_id, now)
        return
    if car.colour not in COLOURS:
        raise Refused("请选今天这辆车的颜色。")
    if not car.is_insured:
        raise Refused("没有座位险的车不能接送。请换一辆，或马上打值班电话。")
    _must_hold(session, shift, car)
    _end(session, shift_id, now)
    row = ChangedCar(
        shift_id=shift_id, plate=plate, colour=car.colour, given_at=now, given_how=f"{how}:{by}"[:40]
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as twice:
        raise Conflict("刚刚已经记过一辆车，请刷新页面看一下。") from twice
    audit.record(session, actor=by, action="car.change", subject=f"shift:{shift_id}", now=now)


def known_car_again(
    session: Session, *, shift_id: int, volunteer_id: int, by: str, now: datetime, zone: ZoneInfo
) -> None:
    """He comes in his own car after all. Raises like `change_car`."""
    _own_shift(session, shift_id, volunteer_id, now, zone)
    if _end(session, shift_id, now):
        audit.record(session, actor=by, action="car.change_back", subject=f"shift:{shift_id}", now=now)


def _own_shift(session: Session, shift_id: int, volunteer_id: int, now: datetime, zone: ZoneInfo) -> Shift:
    shift = session.get(Shift, shift_id)
    if shift is None or shift.volunteer_id != volunteer_id or shift.run_id is None:
        raise NotFound("这趟已经不是您的了，或者链接不对。有疑问请打值班电话。")
    lock_runs(session, [shift.run_id])
    session.refresh(shift)
    if shift.state != ShiftState.CONFIRMED or shift.role != Role.DRIVER or shift.confirmed_at is None:
        raise NotFound("这趟已经不是您的了，或者链接不对。有疑问请打值班电话。")
    if now < windows.duty_opens_at(shift.on, shift.confirmed_at, zone):
        raise Refused("前一天 17:00 起才能写今天换的车。")
    left = (
        select(Tap.uuid)
        .join(RunLeg, col(RunLeg.leg_id) == col(Tap.leg_id))
        .where(
            RunLeg.run_id == shift.run_id,
            col(RunLeg.is_live),
            col(Tap.step).in_(DRIVING),
            col(Tap.undone_at).is_(None),
        )
    )
    if session.exec(left.limit(1)).first() is not None:
        raise Refused("已经出发了，这里改不了车。请停稳后马上打值班电话。")
    return shift


def _must_hold(session: Session, shift: Shift, car: TodaysCar) -> None:
    """Refuse a car that has not what the children of the run need."""
    riding = session.exec(
        select(col(Child.child_seat), col(Child.wheelchair))
        .join(Leg, col(Leg.child_id) == col(Child.id))
        .join(RunLeg, col(RunLeg.leg_id) == col(Leg.id))
        .where(RunLeg.run_id == shift.run_id, col(RunLeg.is_live))
    ).all()
    wanted = sum(1 for child_seat, _ in riding if child_seat)
    if car.seats < len(riding):
        raise Refused(
            Sentence("这趟接 %(n)s 个孩子，这辆车坐不下。请换一辆，或马上打值班电话。", n=len(riding))
        )
    if car.child_seats < wanted:
        raise Refused(
            Sentence("这趟要 %(n)s 个儿童座椅，这辆车不够。请装好再写，或马上打值班电话。", n=wanted)
        )
    if any(wheelchair for _, wheelchair in riding) and not car.wheelchair:
        raise Refused("这趟有轮椅，这辆车放不下。请换一辆，或马上打值班电话。")


def _end(session: Session, shift_id: int, now: datetime) -> bool:
    ended = session.exec(
        update(ChangedCar)
        .where(col(ChangedCar.shift_id) == shift_id, col(ChangedCar.ended_at).is_(None))
        .values(ended_at=now)
    )
    return ended.rowcount > 0


DRIVING = (Step.STARTED, Step.AT_PICKUP, Step.ON_BOARD, Step.DELIVERED)
COLOURS = ("白", "黑", "银", "灰", "红", "蓝", "绿", "黄", "棕", "金", "橙", "紫")
