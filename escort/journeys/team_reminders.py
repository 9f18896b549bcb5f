"""Team leaders with open turns in the next two days are told of them: one short message a day, however many turns."""

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select, update

from escort import wording
from escort.roster.leaders import Leader, live_leaders
from escort.roster.models import TeamLeader
from escort.rota.asks import LinkMaker
from escort.rota.shown import shown_runs
from escort.rota.team import Hole, holes_of
from notifications.outbox import Letter, enqueue_many


def remind_leaders(session: Session, *, now: datetime, zone: ZoneInfo, links: LinkMaker) -> int:
    """Tell each leader whose team has open turns within two days, if he was not told today; return how many.

    By day only: at night the search and the person on duty go on.
    """
    if not _is_day(now, zone):
        return 0
    today = now.astimezone(zone).date()
    waiting = _not_told(session, now, zone)
    by_team: dict[int, list[Hole]] = defaultdict(list)
    for hole in _near_holes(session, waiting, now, zone):
        by_team[hole.team_id].append(hole)
    told = [leader for leader in waiting if leader.team_id in by_team and _claim(session, leader, today)]
    if not told:
        return 0
    first = {leader.team_id: by_team[leader.team_id][0].run_id for leader in told}
    shown = shown_runs(session, list(first.values()))
    link = links(session, [leader.door for leader in told])
    letters = [
        Letter(
            to=leader.subject,
            wording=wording.leader_holes(
                leader.team,
                len(by_team[leader.team_id]),
                shown[first[leader.team_id]].turn,
                link=link[leader.door],
                now=now,
                zone=zone,
            ),
            about=_about(by_team[leader.team_id]),
            dedup_key=f"holes:{leader.leader_id}:{today}",
            do_not_send_after=by_team[leader.team_id][-1].starts_at,
        )
        for leader in told
    ]
    return len(enqueue_many(session, letters, now=now))


def next_due_at(session: Session, *, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the next instant at which a leader may have to be told, perhaps now; None if there is none in sight."""
    leaders = live_leaders(session)
    if not leaders:
        return None
    if _is_day(now, zone) and _near_holes(session, _not_told(session, now, zone), now, zone):
        return now
    morning = datetime.combine(now.astimezone(zone).date(), DAY_BEGINS, zone)
    if morning <= now:
        morning += timedelta(days=1)
    return morning if _near_holes(session, leaders, morning, zone) else None


def _near_holes(session: Session, leaders: list[Leader], now: datetime, zone: ZoneInfo) -> list[Hole]:
    if not leaders:
        return []
    until = now + AHEAD
    return holes_of(
        session,
        teams=[leader.team_id for leader in leaders],
        now=now,
        until=until,
        until_on=until.astimezone(zone).date(),
    )


def _not_told(session: Session, now: datetime, zone: ZoneInfo) -> list[Leader]:
    today = now.astimezone(zone).date()
    told = set(session.exec(select(TeamLeader.id).where(TeamLeader.told_on == today)))
    return [leader for leader in live_leaders(session) if leader.leader_id not in told]


def _claim(session: Session, leader: Leader, today: date) -> bool:
    """Note that this leader is told today; False if another node was first."""
    claimed = session.exec(
        update(TeamLeader)
        .where(
            col(TeamLeader.id) == leader.leader_id,
            col(TeamLeader.told_on).is_(None) | (col(TeamLeader.told_on) < today),
        )
        .values(told_on=today)
    )
    return claimed.rowcount == 1


def _about(holes: list[Hole]) -> str:
    return "holes:" + ",".join(str(hole.run_id) for hole in holes[:NAMED])


def _is_day(now: datetime, zone: ZoneInfo) -> bool:
    return DAY_BEGINS <= now.astimezone(zone).time() < DAY_ENDS


AHEAD = timedelta(hours=48)
DAY_BEGINS, DAY_ENDS = time(8, 30), time(21, 0)
NAMED = 20  # so many turns are looked at again before the message goes out
