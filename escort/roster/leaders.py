"""Who leads a team: made by the office, told by message with the address of his page, and ended at any time.

Whoever is a volunteer leads as that person: his number, his bound phones and his suspension are the volunteer's. Who
is none has a number of his own under the party `leader:<id>`. What he may still do is derived, never pushed: a leader
who was suspended or has left the team leads nobody with the next request.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from escort import wording
from escort.access import audit
from escort.access.links import revoke_all, revoke_links
from escort.access.models import Purpose
from escort.errors import Conflict, NotFound, Refused
from escort.roster.models import Team, TeamLeader, Volunteer
from escort.typed_values import read_name, read_phone
from notifications.addresses import party_by_phone, phone_of, set_phone
from notifications.models import Urgency
from notifications.outbox import enqueue

LinkMaker = Callable[[Session, Sequence[str]], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Leader:
    """A live leader with his team."""

    leader_id: int
    team_id: int
    team: str
    name: str
    subject: str  # "volunteer:<id>" or "leader:<id>"
    volunteer_id: int | None
    made_at: datetime

    @property
    def door(self) -> str:
        """Return what a link maker turns into the address of his team's page."""
        return f"lead:{self.subject}"


def make_leader_of_volunteer(
    session: Session, *, team_id: int, volunteer_id: int, links: LinkMaker, by: str, now: datetime
) -> Leader:
    """Let a volunteer of the team lead it, in place of whoever did. Raises NotFound, Refused or Conflict."""
    volunteer = session.get(Volunteer, volunteer_id)
    if volunteer is None or volunteer.team_id != team_id:
        raise Refused("队长要从这支车队的志愿者里选，请重新选一位。")
    if volunteer.suspended_at is not None:
        raise Refused("这位志愿者已停用，不能当队长。请另选一位，或先恢复。")
    return _make(session, team_id, volunteer.name, volunteer_id, phone=None, links=links, by=by, now=now)


def make_leader_by_phone(
    session: Session, *, team_id: int, name: str, phone: str, links: LinkMaker, by: str, now: datetime
) -> Leader:
    """Let somebody lead a team who is known by name and number; one of its volunteers leads as that volunteer.

    Raises NotFound, Refused for a name or a number that cannot be read, or Conflict.
    """
    try:
        who, number = read_name(name), read_phone(phone)
    except ValueError as unreadable:
        raise Refused(str(unreadable)) from unreadable
    if number is None:
        raise Refused("手机号没填，请填 11 位手机号。")
    own = _volunteer_with(session, team_id, who, number)
    if own is not None:
        return make_leader_of_volunteer(
            session, team_id=team_id, volunteer_id=own, links=links, by=by, now=now
        )
    return _make(session, team_id, who, None, phone=number, links=links, by=by, now=now)


def make_leader_of_book(
    session: Session, *, team_id: int, links: LinkMaker, by: str, now: datetime
) -> Leader:
    """Let whoever the office's book names lead the team. Raises Refused where the book lacks name or number."""
    team = _team(session, team_id)
    phone = phone_of(session, f"team:{team_id}")
    if not team.leader_name or phone is None:
        raise Refused("名册里没有这支车队的队长姓名或电话，请选一位志愿者，或填姓名和手机号。")
    return make_leader_by_phone(
        session, team_id=team_id, name=team.leader_name, phone=phone, links=links, by=by, now=now
    )


def end_leader(session: Session, *, team_id: int, duty_phone: str, by: str, now: datetime) -> None:
    """End a leader's page at once and tell him. Raises Conflict if the team has none."""
    row = session.exec(
        select(TeamLeader).where(TeamLeader.team_id == team_id, col(TeamLeader.ended_at).is_(None))
    ).first()
    if row is None or not _end(session, row, by=by, now=now):
        raise Conflict("这支车队现在没有队长，请刷新页面再看。")
    enqueue(
        session,
        to=_subject(row),
        wording=wording.leader_ended(_team(session, team_id).name, duty_phone=duty_phone),
        about=f"leader:{row.id}",
        dedup_key=f"leader-ended:{row.id}",
        now=now,
    )


def send_leader_link(session: Session, *, team_id: int, links: LinkMaker, by: str, now: datetime) -> None:
    """Send the team's leader the address of his page once more. Raises Conflict if nobody leads it now."""
    leader = next((one for one in live_leaders(session) if one.team_id == team_id), None)
    if leader is None:
        raise Conflict("这支车队现在没有队长，请刷新页面再看。")
    _send_link(session, leader, links, now)
    audit.record(session, actor=by, action="leader.link", subject=leader.subject, now=now)


def leader_of(session: Session, subject: str) -> Leader | None:
    """Return the live leadership of a person: "volunteer:<id>" or "leader:<id>"; None if there is none."""
    kind, _, number = subject.partition(":")
    column = {"volunteer": TeamLeader.volunteer_id, "leader": TeamLeader.id}.get(kind)
    if column is None or not number.isdecimal():
        return None
    found = [_leader(*row) for row in session.execute(_live().where(col(column) == int(number)))]
    return next((leader for leader in found if leader.subject == subject), None)


def live_leaders(session: Session) -> list[Leader]:
    """Return who leads which team now, by team. Who was suspended or has left the team is not among them."""
    return [_leader(*row) for row in session.execute(_live())]


def former_leaders(session: Session, *, team_id: int) -> list[TeamLeader]:
    """Return who led the team before, the latest first."""
    rows = select(TeamLeader).where(TeamLeader.team_id == team_id, col(TeamLeader.ended_at).is_not(None))
    return list(session.exec(rows.order_by(col(TeamLeader.ended_at).desc(), col(TeamLeader.id).desc())))


def _make(
    session: Session,
    team_id: int,
    name: str,
    volunteer_id: int | None,
    *,
    phone: str | None,
    links: LinkMaker,
    by: str,
    now: datetime,
) -> Leader:
    team = _team(session, team_id)
    before = session.exec(
        select(TeamLeader).where(TeamLeader.team_id == team_id, col(TeamLeader.ended_at).is_(None))
    ).first()
    if before is not None:
        if volunteer_id is not None and before.volunteer_id == volunteer_id:
            raise Conflict("这位已经是队长了。要再发一次链接，请点“再发一次链接”。")
        _end(session, before, by=by, now=now)
    row = TeamLeader(team_id=team_id, volunteer_id=volunteer_id, name=name, made_at=now, made_by=by)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as taken:
        raise Conflict("这支车队的队长刚刚被别人改过，请刷新页面再看。") from taken
    if phone is not None:
        set_phone(session, party=f"leader:{row.id}", phone=phone, now=now)
    audit.record(
        session,
        actor=by,
        action="leader.made",
        subject=f"team:{team_id}",
        fields=[f"{_subject(before) if before else 'nobody'} -> {_subject(row)}"],
        now=now,
    )
    leader = _leader(row, team.name)
    _send_link(session, leader, links, now)
    return leader


def _end(session: Session, row: TeamLeader, *, by: str, now: datetime) -> bool:
    """End a leadership and every address of its page; False if somebody was first."""
    ended = session.exec(
        update(TeamLeader)
        .where(col(TeamLeader.id) == row.id, col(TeamLeader.ended_at).is_(None))
        .values(ended_at=now, ended_by=by)
    )
    if ended.rowcount == 0:
        return False
    if row.volunteer_id is None:
        revoke_all(session, _subject(row), now, by)
    else:  # his phones stay the volunteer's
        revoke_links(session, subject=_subject(row), purpose=Purpose.LEADER, now=now)
    audit.record(
        session,
        actor=by,
        action="leader.ended",
        subject=f"team:{row.team_id}",
        fields=[_subject(row)],
        now=now,
    )
    return True


def _send_link(session: Session, leader: Leader, links: LinkMaker, now: datetime) -> None:
    enqueue(
        session,
        to=leader.subject,
        wording=wording.leader_made(leader.team, link=links(session, [leader.door])[leader.door]),
        about=f"leader:{leader.leader_id}",
        dedup_key=f"leader-link:{leader.leader_id}:{now.isoformat()}",
        now=now,
        urgency=Urgency.ROUTINE,
    )


def _live() -> Any:
    still = or_(
        col(TeamLeader.volunteer_id).is_(None),
        and_(col(Volunteer.team_id) == col(TeamLeader.team_id), col(Volunteer.suspended_at).is_(None)),
    )
    columns: Any = (TeamLeader, col(Team.name))
    return (
        select(*columns)
        .join(Team, col(Team.id) == col(TeamLeader.team_id))
        .outerjoin(Volunteer, col(Volunteer.id) == col(TeamLeader.volunteer_id))
        .where(col(TeamLeader.ended_at).is_(None), still)
        .order_by(col(TeamLeader.team_id))
    )


def _leader(row: TeamLeader, team: str) -> Leader:
    return Leader(row.id or 0, row.team_id, team, row.name, _subject(row), row.volunteer_id, row.made_at)


def _subject(row: TeamLeader) -> str:
    return f"leader:{row.id}" if row.volunteer_id is None else f"volunteer:{row.volunteer_id}"


def _team(session: Session, team_id: int) -> Team:
    team = session.get(Team, team_id)
    if team is None:
        raise NotFound("没有这支车队，请回到列表重新选择。")
    return team


def _volunteer_with(session: Session, team_id: int, name: str, phone: str) -> int | None:
    """Return the team's own volunteer of this name and number."""
    parties = [party.partition(":") for party in party_by_phone(session, phone)]
    ids = [int(number) for kind, _, number in parties if kind == "volunteer"]
    rows = select(Volunteer.id).where(
        col(Volunteer.id).in_(ids), Volunteer.team_id == team_id, Volunteer.name == name
    )
    return session.exec(rows).first()
