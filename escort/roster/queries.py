"""What the office asks about volunteers and teams. The number and the address are not read here."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import aliased, defer
from sqlmodel import Session, col, func, select

from escort import pinyin
from escort.roster.gates import Gate, gates_on, good_until
from escort.roster.households import Kin
from escort.roster.models import Blockout, HouseholdLink, MonthQuestion, PaperNotice, Team, Volunteer
from escort.roster.papers import PaperLeft, nearest, papers_left
from escort.typed_values import read_text
from notifications.addresses import party_by_phone


@dataclass(frozen=True, slots=True)
class VolunteerLine:
    """One line of the list of volunteers, as of a day."""

    volunteer_id: int
    name: str
    team: str
    plate: str
    seats: int
    child_seats: int
    wheelchair: bool
    pattern: str
    cap_week: int
    cap_month: int | None
    gates: tuple[Gate, ...]
    good_until: date | None
    next_paper: PaperLeft | None  # of those in the countdown, the one that runs out first

    @property
    def may_drive(self) -> bool:
        return not self.gates


@dataclass(frozen=True, slots=True)
class VolunteerPage:
    """How many there are, and one page of them."""

    total: int
    lines: tuple[VolunteerLine, ...]


def list_volunteers(
    session: Session,
    *,
    on: date,
    text: str = "",
    team_id: int | None = None,
    only_gate: Gate | None = None,
    only_soon: bool = False,
    only_ids: Collection[int] | None = None,
    offset: int = 0,
    limit: int = 50,
) -> VolunteerPage:
    """Return the volunteers whom the text may mean, sorted by pinyin. At most three queries.

    `only_soon`: a paper runs out within 60 days. The text is a name, its pinyin or initials, a plate or its tail, or a whole phone number.
    """
    teams = dict(session.exec(select(Team.id, Team.name)).all())
    text = read_text(text)
    by_phone = (
        set(party_by_phone(session, text)) if text.isascii() and sum(map(str.isdigit, text)) >= 11 else set()
    )
    rows = select(Volunteer)
    if team_id is not None:
        rows = rows.where(Volunteer.team_id == team_id)
    found = [
        volunteer
        for volunteer in session.exec(rows.options(*map(defer, _SEALED)))
        if f"volunteer:{volunteer.id}" in by_phone or _means(volunteer, text)
    ]
    lines = [(volunteer, tuple(gates_on(volunteer, on))) for volunteer in found]
    if only_gate is not None:
        lines = [(volunteer, gates) for volunteer, gates in lines if only_gate in gates]
    if only_ids is not None:
        lines = [(volunteer, gates) for volunteer, gates in lines if volunteer.id in only_ids]
    if only_soon:
        lines = [
            (volunteer, gates)
            for volunteer, gates in lines
            if not OUT & set(gates) and nearest(papers_left(volunteer, on)) is not None
        ]
    lines.sort(key=lambda line: (pinyin.sort_key(line[0].name), line[0].id))
    page = [_line(volunteer, gates, teams, on) for volunteer, gates in lines[offset : offset + limit]]
    return VolunteerPage(total=len(lines), lines=tuple(page))


def search(session: Session, text: str, *, on: date, limit: int = 20) -> list[VolunteerLine]:
    """Return the first volunteers whom the text may mean; [] for no text."""
    return list(list_volunteers(session, on=on, text=text, limit=limit).lines) if text.strip() else []


def volunteers_named(session: Session, name: str) -> list[int]:
    """Return everybody of exactly this name: a barred person may be a volunteer."""
    rows = session.exec(
        select(Volunteer.id).where(Volunteer.name == read_text(name)).order_by(col(Volunteer.id))
    )
    return [volunteer_id for volunteer_id in rows if volunteer_id is not None]


def blockouts_of(session: Session, volunteer_id: int, *, from_on: date) -> list[Blockout]:
    """Return the blockouts that are not over yet, in order."""
    rows = select(Blockout).where(
        Blockout.volunteer_id == volunteer_id,
        Blockout.until_on >= from_on,
        col(Blockout.removed_at).is_(None),
    )
    return list(session.exec(rows.order_by(col(Blockout.from_on), col(Blockout.id))))


@dataclass(frozen=True, slots=True)
class Around:
    """What the office's page says beside the volunteer's own columns."""

    team: str
    kin: tuple[Kin, ...]
    question: MonthQuestion | None  # the newest whose month is not over
    notices: dict[str, PaperNotice]  # by paper, the newest step that was told


def around_volunteer(session: Session, volunteer_id: int, *, today: date) -> Around:
    """Return team, household, the month's question and the papers' notices: one statement, few rows."""
    newest = (
        select(func.max(MonthQuestion.month_on))
        .where(MonthQuestion.volunteer_id == volunteer_id, MonthQuestion.month_on >= today.replace(day=1))
        .scalar_subquery()
    )
    other = aliased(Volunteer)
    columns: Any = (Team.name, HouseholdLink, other.name, MonthQuestion, PaperNotice)
    rows = session.exec(
        select(*columns)
        .select_from(Volunteer)
        .outerjoin(Team, col(Team.id) == col(Volunteer.team_id))
        .outerjoin(
            HouseholdLink,
            col(HouseholdLink.ended_at).is_(None)
            & (
                (col(HouseholdLink.volunteer_id) == col(Volunteer.id))
                | (col(HouseholdLink.other_id) == col(Volunteer.id))
            ),
        )
        .outerjoin(
            other,
            col(other.id)
            == col(HouseholdLink.volunteer_id) + col(HouseholdLink.other_id) - col(Volunteer.id),
        )
        .outerjoin(
            MonthQuestion,
            (col(MonthQuestion.volunteer_id) == col(Volunteer.id)) & (col(MonthQuestion.month_on) == newest),
        )
        .outerjoin(
            PaperNotice,
            (col(PaperNotice.volunteer_id) == col(Volunteer.id)) & (col(PaperNotice.until_on) >= today),
        )
        .where(Volunteer.id == volunteer_id)
        .order_by(col(HouseholdLink.id), col(PaperNotice.id))
    ).all()
    kin = {
        link.id: Kin(link.id, link.volunteer_id + link.other_id - volunteer_id, name, link.kind)
        for _, link, name, _, _ in rows
        if link is not None
    }
    return Around(
        team=(rows[0][0] if rows else None) or "",
        kin=tuple(kin.values()),
        question=rows[0][3] if rows else None,
        notices={notice.paper: notice for *_, notice in rows if notice is not None},
    )


@dataclass(frozen=True, slots=True)
class TeamLine:
    team_id: int
    name: str
    street: str
    leader_name: str
    volunteers: int  # not counting suspended ones


def list_teams(session: Session) -> list[TeamLine]:
    """Return the teams with the number of their volunteers, in one query."""
    size = func.count(col(Volunteer.id))
    rows = (
        select(Team, size)
        .join(
            Volunteer,
            (col(Volunteer.team_id) == Team.id) & col(Volunteer.suspended_at).is_(None),
            isouter=True,
        )
        .group_by(col(Team.id))
        .order_by(col(Team.id))
    )
    return [
        TeamLine(team.id or 0, team.name, team.street, team.leader_name, volunteers)
        for team, volunteers in session.exec(rows)
    ]


@dataclass(frozen=True, slots=True)
class NewcomerLine:
    """Somebody whom a team's leader brought in and who waits for the office to see the papers."""

    volunteer_id: int
    name: str
    team: str
    brought_at: datetime


def newcomers_without_papers(session: Session) -> list[NewcomerLine]:
    """Return the newcomers of whom some paper was never entered, whoever has waited longest first."""
    columns: Any = (Volunteer.id, Volunteer.name, Team.name, Volunteer.created_at)
    rows = session.execute(
        select(*columns)
        .join(Team, col(Team.id) == col(Volunteer.team_id))
        .where(
            col(Volunteer.brought_by).is_not(None),
            col(Volunteer.suspended_at).is_(None),
            col(Volunteer.vetted_on).is_(None)
            | col(Volunteer.licence_until).is_(None)
            | col(Volunteer.insured_until).is_(None),
        )
        .order_by(col(Volunteer.created_at), col(Volunteer.id))
    )
    return [NewcomerLine(*row) for row in rows]


def half_days_of(pattern: str) -> list[tuple[bool, bool]]:
    """Return for each weekday, Monday first, whether the volunteer can drive to school, and home."""
    return [(pattern[2 * day] == "1", pattern[2 * day + 1] == "1") for day in range(7)]


def _means(volunteer: Volunteer, text: str) -> bool:
    plate = text.replace("·", "").replace(" ", "").upper()
    return pinyin.matches(volunteer.name, text) or (len(plate) >= 2 and plate in volunteer.plate)


def _line(
    volunteer: Volunteer, gates: tuple[Gate, ...], teams: dict[int | None, str], on: date
) -> VolunteerLine:
    return VolunteerLine(
        volunteer_id=volunteer.id or 0,
        name=volunteer.name,
        team=teams.get(volunteer.team_id, ""),
        plate=volunteer.plate,
        seats=volunteer.seats,
        child_seats=volunteer.child_seats,
        wheelchair=volunteer.wheelchair,
        pattern=volunteer.pattern,
        cap_week=volunteer.cap_week,
        cap_month=volunteer.cap_month,
        gates=gates,
        good_until=good_until(volunteer),
        next_paper=nearest(papers_left(volunteer, on)),
    )


OUT = {Gate.SUSPENDED, Gate.LEFT}  # whose papers nobody need renew
_SEALED: tuple[Any, ...] = (Volunteer.address, Volunteer.photo)  # a list does not open a thousand of them
