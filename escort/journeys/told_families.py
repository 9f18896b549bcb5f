"""Who comes, told to families: on the evening before, and again whenever it is no longer true."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from escort import spoken, wording
from escort.families.models import Child, Guardian
from escort.journeys.models import ToldFamily
from escort.journeys.taken_back import ended_legs, take_back, told_and_ended
from escort.journeys.told_by_voice import CALLS_BEGIN, rung_among, rung_children, with_calls
from escort.journeys.words import spoken_pair
from escort.roster.models import Volunteer
from escort.rota.asks import LinkMaker
from escort.rota.models import ChangedCar, Leg, LegState, Role, RunLeg, Shift, ShiftState
from escort.rota.release import Reason
from escort.spoken import Half
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many, respect_quiet_hours
from notifications.sealed import Keyring, keyring_of
from notifications.wording import Wording


def sweep_families(
    session: Session,
    *,
    now: datetime,
    zone: ZoneInfo,
    links: LinkMaker,
    duty_phone: str,
    child: int | None = None,
) -> int:
    """Tell families what they have not been told, or what is no longer true; return how many messages that made.

    `child` tells the family of that one child alone.
    """
    news = (
        _untold(session, now, zone, child)
        + _changed(session, now, zone, child)
        + _promised(session, now, zone, duty_phone, child)
    )
    ended = _tell_of_ended(session, now, zone, duty_phone, child)
    if not news:
        return ended
    people = people_to_tell(session, {one.legs[0].leg.child_id for one in news})
    to = sorted({f"guardian:{guardian}" for _, guardians in people.values() for guardian in guardians})
    link = links(session, to)
    letters = [
        _letter(one, name, guardian, link[f"guardian:{guardian}"], now, zone)
        for one in news
        for name, guardians in [people.get(one.legs[0].leg.child_id, ("", []))]
        for guardian in guardians
    ]
    return ended + len(enqueue_many(session, with_calls(session, letters), now=now))


def tell_nobody(
    session: Session, legs: Sequence[Leg], *, duty_phone: str, now: datetime, zone: ZoneInfo
) -> int:
    """Twenty minutes before T: the truth, so that no child is put at the roadside. Once a leg, whoever calls."""
    if not legs:
        return 0
    people = people_to_tell(session, {leg.child_id for leg in legs})
    letters = [
        Letter(
            to=f"guardian:{guardian}",
            wording=wording.family_nobody(
                name, Half(leg.pickup_at, leg.direction), duty_phone=duty_phone, zone=zone
            ),
            about=f"leg:{leg.id}",
            dedup_key=f"nobody:{leg.id}:{leg.generation}:{guardian}",
            urgency=Urgency.URGENT,
            do_not_send_after=leg.pickup_at + STILL_WAITING,
        )
        for leg in legs
        for name, guardians in [people.get(leg.child_id, ("", []))]
        for guardian in guardians
    ]
    return len(enqueue_many(session, with_calls(session, letters), now=now))


def evening_due_at(on: date, now: datetime, zone: ZoneInfo) -> datetime:
    """Return when untold legs of a date are next looked at: 17:30, 18:00 and 19:00 of the evening before."""
    before = on - timedelta(days=1)
    calls, evening = (datetime.combine(before, at, zone) for at in (CALLS_BEGIN, EVENING))
    return next((moment for moment in (calls, evening, evening + WAIT_FOR_BOTH) if moment > now), now)


def next_change_at(session: Session, *, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when something that is no longer true is to be told: at once, or when the search had its moment."""
    if told_and_ended(session, now=now):
        return now
    return min((_tell_at(row, now) for row in _stale(session, now, zone)), default=None)


class Stage(StrEnum):
    """Why a family is told."""

    EVENING = "evening"
    FOUND = "found"  # nobody was named before
    CHANGED = "changed"  # somebody else comes
    MOVED = "moved"  # the same driver at another time, or with another word
    CAR = "car"  # the same driver in another car
    LOST = "lost"  # he no longer comes, and nobody is found yet
    ASKED_AGAIN = "asked_again"  # the time or the place is another one, and nobody has said yes to it yet
    SEARCHING = "searching"  # still nobody: we had said by when we would say so


@dataclass(frozen=True)
class _LegNow:
    """A leg as it is now, ready to be said."""

    leg: Leg
    shift: Shift | None
    half: Half
    car_id: int | None = None  # of a changed car

    @property
    def shift_id(self) -> int | None:
        return self.shift.id if self.shift else None


@dataclass(frozen=True)
class _News:
    """One message to one family."""

    legs: tuple[_LegNow, ...]
    stage: Stage
    gone: str = ""  # the surname that is no longer valid
    before: str = ""  # what was told before: two tellings of one change are one message
    was: datetime | None = None  # the pick-up that was told before


def children_to_tell(session: Session, *, now: datetime, zone: ZoneInfo) -> set[int]:
    """Return the children of whom a sweep may have something to tell now."""
    _, untold = _untold_legs(now, zone)
    rows = [*session.exec(untold), *_stale(session, now, zone), *session.exec(_due_promises(now))]
    return {row[0].child_id for row in rows} | {leg.child_id for leg in told_and_ended(session, now=now)}


def _untold(session: Session, now: datetime, zone: ZoneInfo, child: int | None) -> list[_News]:
    """Tomorrow's legs from 18:00, both halves in one message: as soon as both are sure, at 19:00 in any case.

    Families that are rung come first, at 17:30 and with the truth as it is then: nobody can ring them all at 19:00.
    """
    local = now.astimezone(zone)
    evening, untold = _untold_legs(now, zone)
    rows = session.exec(untold.where(_of(child))).all()
    keyring = keyring_of(session.get_bind().dialect)
    by_child: dict[tuple[int, date], list[_LegNow]] = defaultdict(list)
    for leg, shift, name, plate, car in rows:
        by_child[leg.child_id, leg.on].append(_now(leg, shift, name, plate, car, keyring, now, zone))
    rung = rung_among(session, {child_id for child_id, _ in by_child})
    ready = [
        legs
        for (child_id, on), legs in by_child.items()
        if on == local.date()
        or now >= evening + WAIT_FOR_BOTH
        or child_id in rung
        or all(one.shift_id for one in legs)
    ]
    claimed = _claim(session, [one for legs in ready for one in legs], now)
    kept = [tuple(one for one in legs if one.leg.id in claimed) for legs in ready]
    return [_News(legs, Stage.EVENING) for legs in kept if legs]


def _untold_legs(now: datetime, zone: ZoneInfo) -> tuple[datetime, Any]:
    """Return today's evening hour, and the untold legs of today, from that hour on of tomorrow too.

    Half an hour before it, those of tomorrow whose family is rung.
    """
    local = now.astimezone(zone)
    evening = datetime.combine(local.date(), EVENING, zone)
    tomorrow = local.date() + timedelta(days=1)
    is_due = col(Leg.on) <= (tomorrow if now >= evening else local.date())
    if datetime.combine(local.date(), CALLS_BEGIN, zone) <= now < evening:
        is_due |= (col(Leg.on) == tomorrow) & col(Leg.child_id).in_(rung_children())
    rows = (
        _legs_with_drivers()
        .outerjoin(ToldFamily, col(ToldFamily.leg_id) == col(Leg.id))
        .where(
            Leg.on >= local.date(),
            is_due,
            Leg.state == LegState.WANTED,
            col(Leg.pickup_at) > now,
            col(ToldFamily.leg_id).is_(None),
        )
        .order_by(col(Leg.child_id), col(Leg.pickup_at))
    )
    return evening, rows


def _of(child: int | None) -> Any:
    return col(Leg.child_id) == child if child is not None else true()


def _changed(session: Session, now: datetime, zone: ZoneInfo, child: int | None) -> list[_News]:
    """Legs whose driver or time is not what the family was told."""
    stale = [row for row in _stale(session, now, zone) if child in (None, row[0].child_id)]
    due = {row[0].id: row[1] for row in stale if _tell_at(row, now) <= now}
    return _news(session, due, now, zone)


def _due_promises(now: datetime) -> Any:
    return (
        select(Leg, ToldFamily)
        .join(ToldFamily, col(ToldFamily.leg_id) == col(Leg.id))
        .where(col(ToldFamily.promised_at) <= now)
        .execution_options(populate_existing=True)
    )


def _promised(
    session: Session, now: datetime, zone: ZoneInfo, duty_phone: str, child: int | None
) -> list[_News]:
    """We said by when we would say more: the moment has come. The last such word is that nobody comes."""
    rows = session.exec(_due_promises(now).where(_of(child))).all()
    due = {leg.id: told for leg, told in rows}
    still = {
        leg.id: told
        for leg, told in rows
        if leg.state == LegState.WANTED and leg.pickup_at > now + LAST_WORD and told.shift_id is None
    }
    last = [
        leg.id for leg, _ in rows if leg.state == LegState.WANTED and now < leg.pickup_at <= now + LAST_WORD
    ]
    if last:
        legs = session.exec(_legs_with_drivers().where(col(Leg.id).in_(last), col(Shift.id).is_(None)))
        tell_nobody(session, [leg for leg, *_ in legs], duty_phone=duty_phone, now=now, zone=zone)
    news = _news(session, still, now, zone)
    session.execute(
        update(ToldFamily)
        .where(col(ToldFamily.leg_id).in_(list(due)), col(ToldFamily.promised_at) <= now)
        .values(promised_at=None)
    )
    return news


def _news(
    session: Session, due: Mapping[int | None, ToldFamily], now: datetime, zone: ZoneInfo
) -> list[_News]:
    """Return one message a leg, for those legs whose row nobody else has renewed meanwhile."""
    if not due:
        return []
    rows = session.exec(_legs_with_drivers().where(col(Leg.id).in_(list(due)))).all()
    keyring = keyring_of(session.get_bind().dialect)
    news = []
    for leg, shift, name, plate, car in rows:
        told, one = due[leg.id], _now(leg, shift, name, plate, car, keyring, now, zone)
        stage, gone = _what_changed(session, one, told)
        before = f"{told.shift_id or 0}{_car_mark(told.car_id)}@{told.promised_at or told.pickup_at:%d%H%M}"
        if _renew(session, one, told, now):
            news.append(_News((one,), stage, gone, before, told.pickup_at))
    take_back(session, [one.legs[0].leg.id or 0 for one in news], now=now)
    return news


def _tell_of_ended(
    session: Session, now: datetime, zone: ZoneInfo, duty_phone: str, child: int | None
) -> int:
    """The calendar, or one of the family, took the ride away: the others must not wait for a car."""
    ended = ended_legs(session, now=now, child=child)
    if not ended:
        return 0
    people = people_to_tell(session, {one.leg.child_id for one in ended})
    letters = []
    for one in ended:
        leg, (name, guardians) = one.leg, people.get(one.leg.child_id, ("", []))
        words = wording.family_not_coming(
            name, Half(leg.pickup_at, leg.direction), duty_phone=duty_phone, now=now, zone=zone
        )
        calm_at = respect_quiet_hours(now, urgency=Urgency.ROUTINE, zone=zone)
        is_urgent = leg.pickup_at - calm_at <= LAST_HOUR or leg.pickup_at - now <= SOON
        letters += [
            Letter(
                to=f"guardian:{guardian}",
                wording=words,
                about=f"leg:{leg.id}",
                dedup_key=f"not-coming:{leg.id}:{leg.generation}:{guardian}",
                urgency=Urgency.URGENT if is_urgent else Urgency.ROUTINE,
                not_before=None if is_urgent else calm_at,
                do_not_send_after=leg.due_at,
            )
            for guardian in guardians
            if f"guardian:{guardian}" != one.by
        ]
    return len(enqueue_many(session, with_calls(session, letters), now=now))


def _what_changed(session: Session, one: _LegNow, told: ToldFamily) -> tuple[Stage, str]:
    before = session.get(Shift, told.shift_id) if told.shift_id else None
    if one.shift is None:
        asked_again = before is not None and before.end_reason.startswith(Reason.CHANGED)
        if asked_again or one.leg.pickup_at != told.pickup_at:
            return Stage.ASKED_AGAIN, ""
        return (Stage.LOST, told.surname) if told.shift_id else (Stage.SEARCHING, "")
    if told.shift_id is None:
        return Stage.FOUND, ""
    is_only_car = one.shift_id == told.shift_id and one.leg.pickup_at == told.pickup_at
    if is_only_car and one.car_id != told.car_id:
        return Stage.CAR, ""
    if before is not None and before.volunteer_id == one.shift.volunteer_id:
        return Stage.MOVED, ""
    return Stage.CHANGED, told.surname


def _legs_with_drivers() -> Any:
    """Legs with the confirmed driver's shift, name, plate and changed car, where there is one."""
    columns: Any = (Leg, Shift, Volunteer.name, Volunteer.plate, ChangedCar)
    return (
        select(*columns)
        .select_from(Leg)
        .outerjoin(RunLeg, (col(RunLeg.leg_id) == col(Leg.id)) & col(RunLeg.is_live))
        .outerjoin(
            Shift,
            (col(Shift.run_id) == col(RunLeg.run_id))
            & (col(Shift.role) == Role.DRIVER)
            & col(Shift.state).in_(_YES),
        )
        .outerjoin(Volunteer, col(Volunteer.id) == col(Shift.volunteer_id))
        .outerjoin(ChangedCar, _car_of(Shift))
        .execution_options(populate_existing=True)
    )


def _stale(session: Session, now: datetime, zone: ZoneInfo) -> Sequence[Any]:
    """Return legs of which a family was told something else than what is true now.

    Each with what was told, the driver's shift and when the one who was named was lost.
    """
    coming = {"today": now.astimezone(zone).date(), "waits_since": now - STILL_WAITING}
    return session.execute(_told_otherwise(), coming).all()


@cache
def _told_otherwise() -> Any:
    """Put together once: every heartbeat asks it."""
    before = aliased(Shift)
    return (
        select(Leg, ToldFamily, col(Shift.id), col(before.ended_at))
        .join(ToldFamily, col(ToldFamily.leg_id) == col(Leg.id))
        .outerjoin(RunLeg, (col(RunLeg.leg_id) == col(Leg.id)) & col(RunLeg.is_live))
        .outerjoin(
            Shift,
            (col(Shift.run_id) == col(RunLeg.run_id))
            & (col(Shift.role) == Role.DRIVER)
            & col(Shift.state).in_(_YES),
        )
        .outerjoin(before, col(before.id) == col(ToldFamily.shift_id))
        .outerjoin(ChangedCar, _car_of(Shift))
        .where(
            ToldFamily.on >= bindparam("today"),
            Leg.state == LegState.WANTED,
            col(Leg.pickup_at) > bindparam("waits_since"),
            (func.coalesce(col(Shift.id), 0) != func.coalesce(col(ToldFamily.shift_id), 0))
            | (func.coalesce(col(ChangedCar.id), 0) != func.coalesce(col(ToldFamily.car_id), 0))
            | (col(Leg.pickup_at) != col(ToldFamily.pickup_at)),
        )
        .execution_options(populate_existing=True)
    )


def _tell_at(row: Any, now: datetime) -> datetime:
    """Return when a change is told: another time at once, a lost driver far from T after the search had ten minutes."""
    leg, told, shift_id, ended_at = row
    first_search: datetime = min(ended_at + SEARCH_FIRST, leg.pickup_at - LAST_HOUR) if ended_at else now
    is_lost = shift_id is None and told.shift_id is not None and leg.pickup_at == told.pickup_at
    return max(now, first_search) if is_lost else now


def _now(
    leg: Leg,
    shift: Shift | None,
    name: str | None,
    plate: str | None,
    car: ChangedCar | None,
    keyring: Keyring,
    now: datetime,
    zone: ZoneInfo,
) -> _LegNow:
    if shift is None or shift.id is None or leg.id is None:
        return _LegNow(leg, None, Half(leg.pickup_at, leg.direction, told_by=_promise(leg, now, zone)))
    return _LegNow(
        leg,
        shift,
        Half(
            leg.pickup_at,
            leg.direction,
            spoken.surname_of(name or ""),
            spoken.plate_tail(car.plate if car is not None else plate or ""),
            spoken_pair(keyring, shift.id, leg.id),
        ),
        car.id if car is not None else None,
    )


def _promise(leg: Leg, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return by when we can say more: 20:00 the evening before, then twenty minutes before T."""
    evening = datetime.combine(leg.on - timedelta(days=1), PROMISED, zone)
    moments = (evening, leg.pickup_at - LAST_WORD)
    return next((moment for moment in moments if moment > now), None)


def _claim(session: Session, legs: Sequence[_LegNow], now: datetime) -> set[int]:
    """Write down what these families are told; whoever writes the row tells them."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    rows = [{"leg_id": one.leg.id, "on": one.leg.on, **_told(one, now)} for one in legs]
    claimed: set[int] = set()
    for start in range(0, len(rows), ROWS_AT_ONCE):
        insert: Any = sqlite.insert(ToldFamily) if is_sqlite else postgresql.insert(ToldFamily)
        insert = insert.values(rows[start : start + ROWS_AT_ONCE])
        claimed.update(session.scalars(insert.on_conflict_do_nothing().returning(ToldFamily.leg_id)))
    return claimed


def _renew(session: Session, one: _LegNow, told: ToldFamily, now: datetime) -> bool:
    renewed = session.execute(
        update(ToldFamily)
        .where(
            col(ToldFamily.leg_id) == one.leg.id,
            func.coalesce(col(ToldFamily.shift_id), 0) == (told.shift_id or 0),
            col(ToldFamily.told_at) == told.told_at,
        )
        .values(**_told(one, now))
        .execution_options(synchronize_session=False)
    )
    return bool(renewed.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result has it


def _told(one: _LegNow, now: datetime) -> dict[str, Any]:
    return {
        "shift_id": one.shift_id,
        "surname": one.half.surname,
        "car_id": one.car_id,
        "pickup_at": one.leg.pickup_at,
        "told_at": now,
        "promised_at": one.half.told_by,
    }


def people_to_tell(session: Session, child_ids: Iterable[int]) -> dict[int, tuple[str, list[int]]]:
    """Return, by child, how it is called in a message, and the guardians who get messages."""
    rows = session.exec(
        select(Child.id, Child.full_name, Child.short_name, Guardian.id)
        .join(Guardian, col(Guardian.family_id) == col(Child.family_id))
        .where(col(Child.id).in_(list(child_ids)), col(Guardian.gets_messages))
        .order_by(col(Guardian.id))
    )
    people: dict[int, tuple[str, list[int]]] = {}
    for child_id, full_name, short_name, guardian_id in rows:
        name = spoken.child_in_message(full_name, short_name)
        people.setdefault(child_id or 0, (name, []))[1].append(guardian_id or 0)
    return people


def _letter(one: _News, name: str, guardian: int, link: str, now: datetime, zone: ZoneInfo) -> Letter:
    first = one.legs[0].leg
    calm_at = respect_quiet_hours(now, urgency=Urgency.ROUTINE, zone=zone)
    is_urgent = first.pickup_at - calm_at <= LAST_HOUR or first.pickup_at - now <= SOON
    legs = ",".join(
        f"{leg.leg.id}.{leg.shift_id or 0}{_car_mark(leg.car_id)}@{leg.leg.pickup_at:%H%M}"
        for leg in one.legs
    )
    return Letter(
        to=f"guardian:{guardian}",
        wording=_said(one, name, link, now, zone),
        about=f"leg:{first.id}"
        if len(one.legs) == 1
        else f"legs:{','.join(str(leg.leg.id) for leg in one.legs)}",
        dedup_key=f"family:{guardian}:{one.stage}:{one.before}:{legs}",
        urgency=Urgency.URGENT if is_urgent else Urgency.ROUTINE,
        not_before=None if is_urgent else calm_at,
        do_not_send_after=first.pickup_at + STILL_WAITING,
    )


def _said(one: _News, name: str, link: str, now: datetime, zone: ZoneInfo) -> Wording:
    halves = [leg.half for leg in one.legs]
    match one.stage:
        case Stage.EVENING:
            return wording.family_tomorrow(name, halves, link=link, now=now, zone=zone)
        case Stage.FOUND | Stage.CHANGED:
            return wording.family_today_changed(name, halves[0], gone=one.gone, link=link, now=now, zone=zone)
        case Stage.CAR:
            return wording.family_car_changed(name, halves[0], link=link, now=now, zone=zone)
        case Stage.MOVED:
            return wording.family_time_changed(name, halves[0], link=link, now=now, zone=zone)
        case Stage.ASKED_AGAIN:
            was = one.was or halves[0].at
            return wording.family_asked_again(name, halves[0], was=was, link=link, now=now, zone=zone)
        case Stage.LOST | Stage.SEARCHING:
            return wording.family_searching(name, halves[0], gone=one.gone, link=link, now=now, zone=zone)


def _car_of(shift: Any) -> Any:
    return (col(ChangedCar.shift_id) == col(shift.id)) & col(ChangedCar.ended_at).is_(None)


def _car_mark(car_id: int | None) -> str:
    return f"c{car_id}" if car_id is not None else ""


_YES = (ShiftState.CONFIRMED, ShiftState.SERVED)
EVENING = time(18, 0)
PROMISED = time(20, 0)
WAIT_FOR_BOTH = timedelta(hours=1)
SEARCH_FIRST = timedelta(minutes=10)
LAST_HOUR = timedelta(minutes=60)
LAST_WORD = timedelta(minutes=20)  # then the watch tells the family that nobody comes
STILL_WAITING = timedelta(minutes=30)
SOON = timedelta(hours=3)
ROWS_AT_ONCE = 200
