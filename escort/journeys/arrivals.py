"""Is the child really at home? For families that asked for it a driver's tap alone does not settle that.

After his tap the leg is *reported* (司机报已送到). Any guardian, wherever he is, says that the child is at home: on the
page, by a text, or on the phone to the office. Who says nothing is rung after five minutes, and after ten it is a case.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from escort import spoken, wording
from escort.cases.models import Case, CaseKind, CaseState
from escort.cases.service import close_because, open_case
from escort.errors import NotFound, Refused
from escort.families.models import Child, Family, Guardian
from escort.journeys.models import Step, Tap, WatchedArrival
from escort.journeys.taps import TapIn, TapOutcome, record_taps
from escort.rota.asks import LinkMaker
from escort.rota.models import Direction, Leg, LegState
from notifications.models import ChannelName, Message, Urgency
from notifications.outbox import Letter, enqueue_many, withdraw

ARRIVAL = "family.arrived_ask"
"""The text that asks whether the child is at home: 1 = 到家了, 2 = 没到."""


def sweep_arrivals(
    session: Session, *, now: datetime, zone: ZoneInfo, links: LinkMaker, duty_phone: str
) -> int:
    """Ask about every reported arrival, ring, and open a case; return how many rides were looked at."""
    _keep_rows(session, now)
    due = _due(session, now)
    if not due:
        return 0
    said = {one.leg.id for one in due if one.said_by or not one.holds}
    _settle(session, [one for one in due if one.leg.id in said], now)
    open_ones = [one for one in due if one.leg.id not in said]
    _ask(session, open_ones, now=now, zone=zone, links=links, duty_phone=duty_phone)
    closed = _closed_by_the_office(session, [one.about for one in open_ones])
    for one in open_ones:
        is_closed = one.about in closed and closed[one.about] >= one.row.reported_at
        if now >= one.row.reported_at + CASE_AFTER and not is_closed:
            open_case(
                session,
                kind=CaseKind.NOT_HOME,
                about=one.about,
                sentence=wording.case_arrival_unsaid(one.child, one.row.reported_at, zone=zone),
                now=now,
                needed_by=one.row.reported_at,
            )
        _look_next(session, one, None if is_closed else _next_look(one.row.reported_at, now))
    return len(due)


def next_due_at(session: Session, *, now: datetime) -> datetime | None:
    """Return when an arrival is next to be looked at, perhaps in the past; None if nothing is in sight."""
    if session.execute(_unwatched().limit(1), {"since": now - LOOK_BACK}).first() is not None:
        return now
    if session.execute(_due_rows().limit(1), {"now": now}).first() is not None:
        return now
    waiting = select(func.min(WatchedArrival.next_look_at)).where(
        col(WatchedArrival.next_look_at).is_not(None)
    )
    moment: datetime | None = session.exec(waiting).one()
    return moment


def say_arrived(session: Session, *, leg_ids: Collection[int], by: str, now: datetime) -> None:
    """Record that a family says its child is at home: a guardian himself, or the office that rang.

    Raises Refused with the tap's own sentence, for instance for a leg that was cancelled.
    """
    taps = [
        TapIn(f"home:{leg_id}:{by}"[:36], leg_id, Step.HANDED_OVER, now) for leg_id in sorted(set(leg_ids))
    ]
    for result in record_taps(session, by=by, taps=taps, now=now):
        if result.outcome is TapOutcome.REFUSED:
            raise Refused(result.sentence)


def say_not_home(session: Session, *, leg_id: int, by: str, who: str, now: datetime) -> None:
    """Open a case at once: the driver says delivered, `who` (家里, or the office that rang) says that it is not so.

    Raises NotFound for what is no way home.
    """
    found = session.exec(
        select(Leg, Child)
        .join(Child, col(Child.id) == col(Leg.child_id))
        .where(Leg.id == leg_id, Leg.direction == Direction.HOME)
    ).first()
    if found is None:
        raise NotFound("没有这趟接送。")
    leg, child = found
    open_case(
        session,
        kind=CaseKind.NOT_HOME,
        about=f"leg:{leg_id}",
        sentence=wording.case_not_home(child.short_name, who),
        now=now,
        needed_by=leg.due_at,
        by=by,
    )


def is_waiting(session: Session, leg_ids: Collection[int]) -> bool:
    """Say whether somebody still wants to know of one of these rides whether the child is at home."""
    rows = select(WatchedArrival.leg_id).where(
        col(WatchedArrival.leg_id).in_(list(leg_ids)), col(WatchedArrival.next_look_at).is_not(None)
    )
    return session.exec(rows.limit(1)).first() is not None


@dataclass(frozen=True)
class _Arrival:
    """One reported ride as it is now."""

    row: WatchedArrival
    leg: Leg
    child: str  # 小名
    in_message: str  # 杨同学
    family_id: int
    holds: bool  # the driver's tap still stands and the ride is wanted
    said_by: str  # who said that the child is at home; "" while nobody has

    @property
    def about(self) -> str:
        return f"leg:{self.leg.id}"


def _keep_rows(session: Session, now: datetime) -> None:
    """Give every newly reported arrival its row; a tap that was undone and made again begins anew."""
    first: dict[int, tuple[str, datetime]] = {}
    for uuid, leg_id, arrived_at in session.execute(_unwatched(), {"since": now - LOOK_BACK}):
        first.setdefault(leg_id, (uuid, arrived_at))
    if not first:
        return
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    insert: Any = sqlite.insert(WatchedArrival) if is_sqlite else postgresql.insert(WatchedArrival)
    rows = [
        {"leg_id": leg_id, "tap_uuid": uuid, "reported_at": at, "next_look_at": now}
        for leg_id, (uuid, at) in first.items()
    ]
    insert = insert.values(rows)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["leg_id"],
            set_={name: insert.excluded[name] for name in ("tap_uuid", "reported_at", "next_look_at")},
        )
    )


@cache
def _unwatched() -> Any:
    """Reported arrivals without a row, or whose row was written for a tap that was undone. Put together once."""
    before = aliased(Tap)
    return (
        select(Tap.uuid, Tap.leg_id, Tap.arrived_at)
        .join(Leg, col(Leg.id) == col(Tap.leg_id))
        .join(Child, col(Child.id) == col(Leg.child_id))
        .join(Family, col(Family.id) == col(Child.family_id))
        .outerjoin(WatchedArrival, col(WatchedArrival.leg_id) == col(Tap.leg_id))
        .outerjoin(before, col(before.uuid) == col(WatchedArrival.tap_uuid))
        .where(
            Tap.step == Step.DELIVERED,
            col(Tap.undone_at).is_(None),
            col(Tap.tapped_at) >= bindparam("since"),
            Leg.direction == Direction.HOME,
            Leg.state == LegState.WANTED,
            col(Family.confirms_arrival),
            col(WatchedArrival.leg_id).is_(None) | col(before.undone_at).is_not(None),
        )
        .order_by(col(Tap.arrived_at))
    )


@cache
def _due_rows() -> Any:
    """Rows whose moment has come, and those about which somebody has said something since. Put together once."""
    said, tap = aliased(Tap), aliased(Tap)
    columns: Any = (WatchedArrival, Leg, Child, said.by, tap.undone_at)
    return (
        select(*columns)
        .join(Leg, col(Leg.id) == col(WatchedArrival.leg_id))
        .join(Child, col(Child.id) == col(Leg.child_id))
        .join(tap, col(tap.uuid) == col(WatchedArrival.tap_uuid))
        .outerjoin(
            said,
            (col(said.leg_id) == col(WatchedArrival.leg_id))
            & (col(said.step) == Step.HANDED_OVER)
            & col(said.undone_at).is_(None)
            & ~col(said.by).startswith("gate:"),
        )
        .where(
            col(WatchedArrival.next_look_at).is_not(None),
            (col(WatchedArrival.next_look_at) <= bindparam("now"))
            | col(said.uuid).is_not(None)
            | col(tap.undone_at).is_not(None),
        )
        .order_by(col(WatchedArrival.leg_id), col(said.tapped_at))
        .execution_options(populate_existing=True)
    )


def _due(session: Session, now: datetime) -> list[_Arrival]:
    found: dict[int, _Arrival] = {}
    for row, leg, child, said_by, undone_at in session.execute(_due_rows(), {"now": now}):
        found.setdefault(
            row.leg_id,
            _Arrival(
                row=row,
                leg=leg,
                child=child.short_name,
                in_message=spoken.child_in_message(child.full_name, child.short_name),
                family_id=child.family_id,
                holds=undone_at is None and leg.state == LegState.WANTED,
                said_by=said_by or "",
            ),
        )
    return list(found.values())


def _settle(session: Session, arrivals: Sequence[_Arrival], now: datetime) -> None:
    """Somebody has said it, or there is nothing to say any more: texts and calls go, the case closes."""
    for one in arrivals:
        for about in _abouts(session, one.leg.id or 0):
            withdraw(session, about=about, templates={ARRIVAL}, reason="said", now=now)
        close_because(
            session,
            kinds=[CaseKind.NOT_HOME],
            abouts=[one.about],
            by=one.said_by or "system",
            reason="家里说到家了" if one.said_by else "司机收回了这一步，或者这趟取消了",
            now=now,
        )
        _look_next(session, one, None)


def _abouts(session: Session, leg_id: int) -> list[str]:
    """What the texts of this ride are about: it alone, or with a sibling's that was reported at the same moment."""
    rows = select(Message.about).where(Message.template == ARRIVAL, col(Message.about).contains(str(leg_id)))
    return sorted(
        {about for about in session.exec(rows) if str(leg_id) in about.partition(":")[2].split(",")}
    )


def _ask(
    session: Session,
    arrivals: Sequence[_Arrival],
    *,
    now: datetime,
    zone: ZoneInfo,
    links: LinkMaker,
    duty_phone: str,
) -> None:
    """One text a guardian at once, and a call five minutes later; asked twice, the dedup key keeps it one."""
    by_family: dict[int, list[_Arrival]] = defaultdict(list)
    for one in arrivals:
        by_family[one.family_id].append(one)
    guardians = session.exec(
        select(Guardian.id, Guardian.family_id)
        .where(col(Guardian.family_id).in_(list(by_family)), col(Guardian.gets_messages))
        .order_by(col(Guardian.id))
    ).all()
    link = links(session, [f"guardian:{guardian_id}" for guardian_id, _ in guardians]) if guardians else {}
    letters = []
    for guardian_id, family_id in guardians:
        rides = by_family[family_id]
        party = f"guardian:{guardian_id}"
        words = wording.family_arrived_ask(
            [one.in_message for one in rides],
            rides[0].row.reported_at,
            duty_phone=duty_phone,
            link=link[party],
            zone=zone,
        )
        reported = ",".join(f"{one.row.reported_at:%d%H%M%S}" for one in rides)
        letter = Letter(
            to=party,
            wording=words,
            about=f"{'leg' if len(rides) == 1 else 'legs'}:{','.join(str(one.leg.id) for one in rides)}",
            dedup_key=f"arrived:{guardian_id}:{','.join(str(one.leg.id) for one in rides)}:{reported}",
            urgency=Urgency.URGENT,
            do_not_send_after=rides[0].row.reported_at + TELLS_FOR,
        )
        letters.append(letter)
        if now >= rides[0].row.reported_at + CALL_AFTER:
            letters.append(_call(letter))
    enqueue_many(session, letters, now=now)


def _call(letter: Letter) -> Letter:
    return Letter(
        to=letter.to,
        wording=letter.wording,
        about=letter.about,
        dedup_key=f"{letter.dedup_key}:call",
        urgency=letter.urgency,
        do_not_send_after=letter.do_not_send_after,
        channel=ChannelName.BY_HAND,
    )


def _closed_by_the_office(session: Session, abouts: Collection[str]) -> dict[str, datetime]:
    rows = session.exec(
        select(Case.about, func.max(Case.closed_at))
        .where(
            Case.kind == CaseKind.NOT_HOME,
            Case.state == CaseState.CLOSED,
            col(Case.closed_by).startswith("account:"),
            col(Case.about).in_(list(abouts)),
        )
        .group_by(Case.about)
    )
    return {about: closed_at for about, closed_at in rows if closed_at is not None}


def _next_look(reported_at: datetime, now: datetime) -> datetime:
    moments = (reported_at + CALL_AFTER, reported_at + CASE_AFTER)
    return next((moment for moment in moments if moment > now), now + AGAIN)


def _look_next(session: Session, one: _Arrival, at: datetime | None) -> None:
    session.execute(
        update(WatchedArrival).where(col(WatchedArrival.leg_id) == one.leg.id).values(next_look_at=at)
    )


CALL_AFTER = timedelta(minutes=5)
CASE_AFTER = timedelta(minutes=10)
AGAIN = timedelta(minutes=30)  # the case is told by itself; this only looks whether it still stands
TELLS_FOR = timedelta(hours=3)
LOOK_BACK = timedelta(hours=12)
