"""What drivers and families are told without asking: the evening before, in the morning, and when it changes.

What was told is a row, so that running again tells nobody twice, and whatever changes after the telling is found by
comparing the row with the truth.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from escort import wording
from escort.journeys import told_families
from escort.journeys.models import Step, Tap, ToldDriver, ToldFamily
from escort.rota.asks import LinkMaker
from escort.rota.models import Leg, LegState, Run, Shift, ShiftState
from escort.rota.shown import shown_runs
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many, respect_quiet_hours


def sweep_reminders(
    session: Session,
    *,
    now: datetime,
    zone: ZoneInfo,
    links: LinkMaker,
    duty_phone: str,
    only: str | None = None,
) -> int:
    """Tell everybody what they should know by now and have not been told; return how many messages that made.

    `only` tells one driver ("volunteer:12") or one child's family ("child:7") and nobody else.
    """
    kind, _, number = (only or "").partition(":")
    told = 0
    if kind != "child":
        driver = int(number) if number else None
        told += _evening(session, now=now, zone=zone, links=links, duty_phone=duty_phone, driver=driver)
        told += _morning(session, now=now, zone=zone, links=links, driver=driver)
    if kind != "volunteer":
        child = int(number) if number else None
        told += told_families.sweep_families(
            session, now=now, zone=zone, links=links, duty_phone=duty_phone, child=child
        )
    return told


def waiting(session: Session, *, now: datetime, zone: ZoneInfo) -> list[str]:
    """Return whom a sweep may have to tell something now, as `only` takes it; perhaps more than it will tell."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    drivers = {
        shift.volunteer_id
        for kind in ("evening", "morning")
        for shift, starts_at in session.execute(_unreminded().where(Shift.on <= tomorrow), _ahead(kind, now))
        if kind == "evening" or starts_at <= now + BEFORE_START
    }
    children = told_families.children_to_tell(session, now=now, zone=zone)
    return [f"volunteer:{one}" for one in sorted(drivers)] + [f"child:{one}" for one in sorted(children)]


def next_due_at(session: Session, *, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the next instant at which somebody may have to be told, perhaps in the past; None if never."""
    today = now.astimezone(zone).date()
    coming = {"today": today, "yesterday": today - timedelta(days=1), **_ahead("morning", now)}
    first_untold, promise, first_start = session.execute(_next_moments(), coming).one()
    moments = [promise, told_families.next_change_at(session, now=now, zone=zone)]
    if first_untold is not None:
        moments.append(told_families.evening_due_at(first_untold, now, zone))
    if first_start is not None:
        moments.append(first_start - BEFORE_START)
    return min((moment for moment in moments if moment is not None), default=None)


def _evening(
    session: Session,
    *,
    now: datetime,
    zone: ZoneInfo,
    links: LinkMaker,
    duty_phone: str,
    driver: int | None = None,
) -> int:
    """From 18:00: each driver's turns of tomorrow, in one message. Who said yes later has just been answered."""
    local = now.astimezone(zone)
    evening = datetime.combine(local.date(), EVENING, zone)
    if now < evening:
        return 0
    tomorrow = local.date() + timedelta(days=1)
    rows = _unreminded(driver).where(Shift.on == tomorrow, col(Shift.confirmed_at) < evening)
    shifts = session.execute(rows, _ahead("evening", now)).all()
    told = _claim(session, [shift for shift, _ in shifts], "evening", now)
    if not told:
        return 0
    mine: dict[int, list[Shift]] = defaultdict(list)
    for shift in told:
        mine[shift.volunteer_id].append(shift)
    shown = shown_runs(session, [shift.run_id for shift in told if shift.run_id is not None])
    link = links(session, [f"volunteer:{volunteer_id}" for volunteer_id in mine])
    letters = [
        Letter(
            to=f"volunteer:{volunteer_id}",
            wording=wording.evening_reminder_driver(
                [shown[shift.run_id or 0].turn for shift in turns],
                duty_phone=duty_phone,
                link=link[f"volunteer:{volunteer_id}"],
                now=now,
                zone=zone,
            ),
            about=_about(turns),
            dedup_key=f"evening:{volunteer_id}:{tomorrow}:{_ids(turns)}",
            not_before=respect_quiet_hours(now, urgency=Urgency.ROUTINE, zone=zone),
            do_not_send_after=min(shown[shift.run_id or 0].starts_at for shift in turns),
        )
        for volunteer_id, turns in mine.items()
    ]
    return len(enqueue_many(session, letters, now=now))


def _morning(
    session: Session, *, now: datetime, zone: ZoneInfo, links: LinkMaker, driver: int | None = None
) -> int:
    """One hour before the first pick-up. Who said yes a moment ago, or is on the road already, is left alone."""
    soon = _unreminded(driver).where(col(Run.starts_at) <= now + BEFORE_START)
    rows = session.execute(soon, _ahead("morning", now)).all()
    claimed = {shift.id for shift in _claim(session, [shift for shift, _ in rows], "morning", now)}
    on_road = _on_road(session, claimed)
    told = [
        (shift, starts_at)
        for shift, starts_at in rows
        if shift.id in claimed
        and shift.id not in on_road
        and shift.confirmed_at is not None
        and shift.confirmed_at <= starts_at - BEFORE_START - JUST_SAID_YES
    ]
    if not told:
        return 0
    shown = shown_runs(session, [shift.run_id for shift, _ in told if shift.run_id is not None])
    link = links(session, sorted({f"volunteer:{shift.volunteer_id}" for shift, _ in told}))
    letters = [
        Letter(
            to=f"volunteer:{shift.volunteer_id}",
            wording=wording.morning_reminder_driver(
                shown[shift.run_id or 0].turn,
                link=f"{link[f'volunteer:{shift.volunteer_id}']}/run/{shift.run_id}",
                zone=zone,
            ),
            about=f"shift:{shift.id}",
            dedup_key=f"morning:{shift.id}",
            not_before=respect_quiet_hours(now, urgency=Urgency.ROUTINE, zone=zone),
            do_not_send_after=starts_at,
        )
        for shift, starts_at in told
    ]
    return len(enqueue_many(session, letters, now=now))


@cache
def _next_moments() -> Any:
    """The first day with an untold family, the first promise to one, the first start of an unreminded driver."""
    untold = (
        select(col(Leg.on))
        .outerjoin(ToldFamily, col(ToldFamily.leg_id) == col(Leg.id))
        .where(
            Leg.on >= bindparam("today"),
            Leg.state == LegState.WANTED,
            col(Leg.pickup_at) > bindparam("now"),
            col(ToldFamily.leg_id).is_(None),
        )
        .order_by(col(Leg.on))
        .limit(1)
    )
    promised = select(func.min(ToldFamily.promised_at)).where(
        col(ToldFamily.promised_at).is_not(None), ToldFamily.on >= bindparam("yesterday")
    )
    start = _unreminded().with_only_columns(func.min(Run.starts_at))
    return select(untold.scalar_subquery(), promised.scalar_subquery(), start.scalar_subquery())


@cache
def _unreminded(driver: int | None = None) -> Any:
    """Confirmed shifts that lie ahead and have not had a reminder, with their start; see `_ahead`."""
    return (
        select(Shift, Run.starts_at)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .outerjoin(
            ToldDriver,
            (col(ToldDriver.shift_id) == col(Shift.id)) & (col(ToldDriver.kind) == bindparam("kind")),
        )
        .where(
            Shift.state == ShiftState.CONFIRMED,
            col(Shift.on) >= bindparam("since"),
            col(Run.starts_at) > bindparam("now"),
            col(ToldDriver.shift_id).is_(None),
            col(Shift.volunteer_id) == driver if driver is not None else true(),
        )
    )


def _ahead(kind: str, now: datetime) -> dict[str, Any]:
    """The parameters of `_unreminded`."""
    return {"kind": kind, "since": (now - timedelta(hours=12)).date(), "now": now}


def _claim(session: Session, shifts: Sequence[Shift], kind: str, now: datetime) -> list[Shift]:
    """Write down that these shifts get their reminder; whoever writes the row sends it."""
    if not shifts:
        return []
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    claimed: set[int] = set()
    for start in range(0, len(shifts), ROWS_AT_ONCE):
        part = shifts[start : start + ROWS_AT_ONCE]
        insert: Any = sqlite.insert(ToldDriver) if is_sqlite else postgresql.insert(ToldDriver)
        insert = insert.values([{"shift_id": shift.id, "kind": kind, "told_at": now} for shift in part])
        claimed.update(session.scalars(insert.on_conflict_do_nothing().returning(ToldDriver.shift_id)))
    return [shift for shift in shifts if shift.id in claimed]


def _on_road(session: Session, shift_ids: set[int | None]) -> set[int | None]:
    if not shift_ids:
        return set()
    rows = select(Tap.shift_id).where(
        col(Tap.shift_id).in_(shift_ids), Tap.step == Step.STARTED, col(Tap.undone_at).is_(None)
    )
    return set(session.exec(rows))


def _about(turns: Sequence[Shift]) -> str:
    return f"shift:{turns[0].id}" if len(turns) == 1 else f"shifts:{_ids(turns)}"


def _ids(turns: Sequence[Shift]) -> str:
    return ",".join(str(shift.id) for shift in turns)


EVENING = time(18, 0)
BEFORE_START = timedelta(minutes=60)
JUST_SAID_YES = timedelta(minutes=60)
ROWS_AT_ONCE = 200
