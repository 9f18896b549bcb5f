"""A team with its leader: 石桥车队, led by 何青松, with a child of its own; 别队's people stand beside it."""

from dataclasses import dataclass

from sqlmodel import Session

from escort.roster.leaders import Leader, make_leader_of_volunteer
from escort.roster.models import Team, Volunteer
from escort.rota.models import CircleMember, CircleState
from tests.builders import NOW, EscortedChild, a_child, a_team, a_volunteer
from tests.cast import LIN
from tests.escort.rota.weeks import links


@dataclass(frozen=True)
class LedTeam:
    team: Team
    he: Volunteer  # 何青松, who leads it
    su: Volunteer  # 苏明远, of the team
    stranger: Volunteer  # of another team, and as near
    child: EscortedChild  # 小禾, whom this team brings
    leader: Leader

    @property
    def team_id(self) -> int:
        return self.leader.team_id


def a_led_team(session: Session, *, needs: tuple[str, ...] = ()) -> LedTeam:
    team = a_team(session, "石桥车队", street="石桥镇")
    he = a_volunteer(session, "何青松", team=team, plate="川A55K21")
    return LedTeam(
        team=team,
        he=he,
        su=a_volunteer(session, "苏明远", team=team, plate="川A66K22"),
        stranger=a_volunteer(session, "外人某", team=a_team(session, "望溪车队"), plate="川A77K23"),
        child=a_child(session, "小禾", team=team, needs=needs),
        leader=lead(session, team, he),
    )


def lead(session: Session, team: Team, volunteer: Volunteer) -> Leader:
    return make_leader_of_volunteer(
        session, team_id=team.id or 0, volunteer_id=volunteer.id or 0, links=links, by=LIN, now=NOW
    )


def knows(session: Session, volunteer: Volunteer, child: EscortedChild) -> None:
    """Let a child know this driver."""
    session.add(
        CircleMember(
            child_id=child.id, volunteer_id=volunteer.id or 0, state=CircleState.KNOWN, proposed_at=NOW
        )
    )
    session.flush()
