"""The standing arrangement: pause it, end it, change its days or its places. Legs follow from the rows."""

from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import update
from sqlmodel import Session, col, select

from escort.access import audit
from escort.errors import Conflict, NotFound, Refused
from escort.families.models import Child, Escort, EscortPause, PlaceKind, Why
from escort.families.places import ChosenPlace

End = Literal["pickup", "dropoff"]


def escort_of(session: Session, child_id: int) -> Escort:
    """Return the child's live arrangement. Raises NotFound if it has ended or was never made."""
    found = session.exec(
        select(Escort).where(Escort.child_id == child_id, col(Escort.ended_at).is_(None))
    ).first()
    if found is None:
        raise NotFound("这个孩子没有正在进行的接送安排。")
    return found


def pause_escort(
    session: Session,
    *,
    child_id: int,
    from_on: date,
    until_on: date,
    why: Why = Why.OTHER,
    reason: str = "",
    today: date,
    now: datetime,
    by: str,
) -> int:
    """Let no legs run between the dates, both included; the same said twice is one pause."""
    escort = escort_of(session, child_id)
    if until_on < from_on:
        raise Refused("最后一天早于第一天，请核对。")
    if until_on < today:
        raise Refused("这些日子已经过去了，请核对。")
    if until_on - from_on > LONGEST_PAUSE:
        raise Refused("一次最多暂停半年；如果不再需要接送，请点“结束接送”。")
    known = session.exec(
        select(EscortPause.id).where(
            EscortPause.escort_id == escort.id,
            EscortPause.from_on == from_on,
            EscortPause.until_on == until_on,
            col(EscortPause.lifted_at).is_(None),
        )
    ).first()
    if known is not None:
        return known
    pause = EscortPause(
        escort_id=escort.id or 0,
        from_on=from_on,
        until_on=until_on,
        why=why,
        reason=reason[:80],
        said_by=by,
        said_at=now,
    )
    session.add(pause)
    session.flush()
    assert pause.id is not None
    audit.record(
        session,
        actor=by,
        action="escort.pause",
        subject=f"child:{child_id}",
        fields=[f"{from_on}..{until_on}"],
        now=now,
    )
    return pause.id


def lift_pause(session: Session, *, child_id: int, pause_id: int, now: datetime, by: str) -> None:
    """Let the legs run again. Raises NotFound if it is not this child's pause, Conflict if it was lifted before."""
    its_child = session.exec(
        select(Escort.child_id)
        .join(EscortPause, col(EscortPause.escort_id) == col(Escort.id))
        .where(EscortPause.id == pause_id)
    ).first()
    if its_child != child_id:
        raise NotFound("没有这次暂停，请刷新页面。")
    lifted = session.exec(
        update(EscortPause)
        .where(col(EscortPause.id) == pause_id, col(EscortPause.lifted_at).is_(None))
        .values(lifted_at=now)
    )
    if lifted.rowcount == 0:
        raise Conflict("这次暂停已经取消了，请刷新页面。")
    audit.record(session, actor=by, action="escort.lift_pause", subject=f"pause:{pause_id}", now=now)


def pauses_of(session: Session, escort_id: int, *, from_on: date) -> list[EscortPause]:
    """Return the pauses that are not over yet, in order."""
    rows = select(EscortPause).where(
        EscortPause.escort_id == escort_id,
        EscortPause.until_on >= from_on,
        col(EscortPause.lifted_at).is_(None),
    )
    return list(session.exec(rows.order_by(col(EscortPause.from_on))))


def end_escort(
    session: Session, *, child_id: int, last_on: date | None = None, today: date, now: datetime, by: str
) -> None:
    """End the arrangement: after `last_on`, or at once. Raises NotFound if it has ended already."""
    escort = escort_of(session, child_id)
    if last_on is not None and last_on >= today:
        if last_on < escort.from_on:
            raise Refused("结束日期早于开始日期，请核对。")
        values: dict[str, object] = {"until_on": last_on}
    else:
        values = {"ended_at": now}
    _move(session, escort, escort.version, values)
    audit.record(session, actor=by, action="escort.end", subject=f"child:{child_id}", now=now)


def renew_escort(
    session: Session, *, child_id: int, from_on: date, until_on: date | None, now: datetime, by: str
) -> int:
    """Start the last arrangement afresh with new dates, such as for the next term. Raises Refused if one runs then."""
    last = session.exec(
        select(Escort).where(Escort.child_id == child_id).order_by(col(Escort.id).desc())
    ).first()
    if last is None:
        raise NotFound("这个孩子还没有接送安排。")
    if until_on is not None and until_on < from_on:
        raise Refused("结束日期早于开始日期，请核对。")
    if last.ended_at is None:
        if last.until_on is None or last.until_on >= from_on:
            raise Refused("现在的接送安排还没有结束，请先填它的结束日期。")
        _move(session, last, last.version, {"ended_at": now})
    kept = last.model_dump(exclude={"id", "ended_at", "version", "from_on", "until_on"})
    escort = Escort(**kept, from_on=from_on, until_on=until_on)
    session.add(escort)
    session.flush()
    assert escort.id is not None
    audit.record(session, actor=by, action="escort.renew", subject=f"child:{child_id}", now=now)
    return escort.id


def change_days(
    session: Session,
    *,
    child_id: int,
    weekdays: str,
    to_school: bool,
    home: bool,
    from_on: date,
    until_on: date | None,
    version: int,
    now: datetime,
    by: str,
) -> None:
    """Set on which weekdays, which ways and between which dates the child rides. Raises Conflict."""
    if len(weekdays) != 7 or not set(weekdays) <= {"0", "1"} or "1" not in weekdays:
        raise Refused("请至少勾选一天。")
    if not (to_school or home):
        raise Refused("上学、放学都没有选，请至少选一个。")
    if until_on is not None and until_on < from_on:
        raise Refused("结束日期早于开始日期，请核对。")
    values: dict[str, object] = {
        "weekdays": weekdays,
        "to_school": to_school,
        "home": home,
        "from_on": from_on,
        "until_on": until_on,
    }
    _move(session, escort_of(session, child_id), version, values)
    audit.record(
        session, actor=by, action="escort.days", subject=f"child:{child_id}", fields=list(values), now=now
    )


def change_place(
    session: Session, *, child_id: int, end: End, place: ChosenPlace, version: int, now: datetime, by: str
) -> None:
    """Set where the child is fetched or brought. A yes that was given for the old place ends, in rota."""
    escort = escort_of(session, child_id)
    _move(session, escort, version, {})
    put_place(escort, end, place)
    if place.kind is PlaceKind.HOME and place.point is not None:
        session.exec(
            update(Child)
            .where(col(Child.id) == child_id)
            .values(home_lat=place.point.lat, home_lon=place.point.lon)
        )
    session.flush()
    audit.record(session, actor=by, action="escort.place", subject=f"child:{child_id}", fields=[end], now=now)


def put_place(escort: Escort, end: End, place: ChosenPlace) -> None:
    """Write one end into an escort's columns. Km by hand hold for both ways, until both ends have a point."""
    setattr(escort, f"{end}_kind", place.kind)
    setattr(escort, f"{end}_name", place.name[:80])
    setattr(escort, f"{end}_lat", place.point.lat if place.point else None)
    setattr(escort, f"{end}_lon", place.point.lon if place.point else None)
    if place.km is not None:
        escort.km_by_hand, escort.minutes_by_hand = place.km, place.minutes
    elif escort.pickup_lat is not None and escort.dropoff_lat is not None:
        escort.km_by_hand = escort.minutes_by_hand = None


LONGEST_PAUSE = timedelta(days=184)


def _move(session: Session, escort: Escort, version: int, values: dict[str, object]) -> None:
    moved = session.exec(
        update(Escort)
        .where(col(Escort.id) == escort.id, col(Escort.version) == version)
        .values(**values, version=version + 1)
    )
    if moved.rowcount == 0:
        raise Conflict("这份接送安排刚刚被别人改过，请刷新后再改。")
