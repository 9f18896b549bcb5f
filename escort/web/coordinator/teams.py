"""The teams: who leads them, their newcomers, and which of these may come into a child's circle."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from escort.errors import NotFound, Refused
from escort.journeys import introductions
from escort.roster import leaders, queries
from escort.roster.gates import Gate
from escort.rota.models import IntroductionState
from escort.web.deps import CurrentCoordinator, House, HouseDep, NowDep, ReadSessionDep, SessionDep
from escort.web.forms import FormModel, OptionalLine20, OptionalLine40, OptionalRowId, RowId
from escort.web.render import page
from notifications.addresses import phones_of

router = APIRouter()
WHOLE_TEAM = 1000


class LeaderForm(FormModel):
    """One of three: a volunteer of the team, a name with a number, or whom the book names."""

    volunteer_id: OptionalRowId = None
    name: OptionalLine40 = ""
    phone: OptionalLine20 = ""
    from_book: bool = False


class DecisionForm(FormModel):
    takes_in: bool


@router.get("/teams")
def show_teams(request: Request, _me: CurrentCoordinator, session: ReadSessionDep) -> HTMLResponse:
    rides = introductions.introductions(session, states=(IntroductionState.DONE, IntroductionState.PLANNED))
    return page(
        request,
        "coordinator/teams.html",
        teams=queries.list_teams(session),
        leaders={leader.team_id: leader for leader in leaders.live_leaders(session)},
        planned=[ride for ride in rides if ride.state == IntroductionState.PLANNED],
        undecided=[ride for ride in rides if ride.state == IntroductionState.DONE],
        children=introductions.children_riding(session, [ride.run_id for ride in rides]),
        newcomers=queries.newcomers_without_papers(session),
    )


@router.get("/teams/{team_id}")
def show_team(
    request: Request,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    team_id: RowId,
) -> HTMLResponse:
    return _team_page(request, session, house, now, team_id)


@router.post("/teams/{team_id}/leader")
def make_leader(
    request: Request,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    team_id: RowId,
    form: Annotated[LeaderForm, Form()],
) -> Response:
    links = request.app.state.links
    try:
        with session.begin_nested():
            if form.from_book:
                leaders.make_leader_of_book(session, team_id=team_id, links=links, by=me.subject, now=now)
            elif form.volunteer_id is not None:
                leaders.make_leader_of_volunteer(
                    session,
                    team_id=team_id,
                    volunteer_id=form.volunteer_id,
                    links=links,
                    by=me.subject,
                    now=now,
                )
            else:
                leaders.make_leader_by_phone(
                    session,
                    team_id=team_id,
                    name=form.name,
                    phone=form.phone,
                    links=links,
                    by=me.subject,
                    now=now,
                )
    except Refused as refused:
        return _team_page(request, session, house, now, team_id, typed=form, mistake=refused.sentence)
    return RedirectResponse(f"/teams/{team_id}", status_code=303)


@router.post("/teams/{team_id}/leader/link")
def send_link(
    request: Request, me: CurrentCoordinator, session: SessionDep, now: NowDep, team_id: RowId
) -> Response:
    leaders.send_leader_link(session, team_id=team_id, links=request.app.state.links, by=me.subject, now=now)
    return RedirectResponse(f"/teams/{team_id}?sent=1", status_code=303)


@router.post("/teams/{team_id}/leader/end")
def end_leader(
    me: CurrentCoordinator, session: SessionDep, house: HouseDep, now: NowDep, team_id: RowId
) -> Response:
    leaders.end_leader(session, team_id=team_id, duty_phone=house.settings.duty_phone, by=me.subject, now=now)
    return RedirectResponse(f"/teams/{team_id}", status_code=303)


@router.post("/introductions/{introduction_id}/call-off")
def call_off(
    me: CurrentCoordinator, session: SessionDep, house: HouseDep, now: NowDep, introduction_id: RowId
) -> Response:
    """The family does not want another adult in the car, or the office does not."""
    introductions.call_off(
        session,
        introduction_id=introduction_id,
        leader=None,
        by=me.subject,
        now=now,
        zone=house.zone,
        duty_phone=house.settings.duty_phone,
    )
    return RedirectResponse("/teams", status_code=303)


@router.post("/introductions/{introduction_id}/decide")
def decide(
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    introduction_id: RowId,
    form: Annotated[DecisionForm, Form()],
) -> Response:
    """The coordinator's word: a circle is widened by nothing else."""
    introductions.decide_introduction(
        session,
        introduction_id=introduction_id,
        takes_in=form.takes_in,
        by=me.subject,
        now=now,
        duty_phone=house.settings.duty_phone,
    )
    return RedirectResponse("/teams", status_code=303)


def _team_page(
    request: Request,
    session: Session,
    house: House,
    now: datetime,
    team_id: int,
    *,
    typed: LeaderForm | None = None,
    mistake: str = "",
) -> HTMLResponse:
    team = next((one for one in queries.list_teams(session) if one.team_id == team_id), None)
    if team is None:
        raise NotFound("没有这支车队，请回到列表重新选择。")
    leader = next((one for one in leaders.live_leaders(session) if one.team_id == team_id), None)
    members = queries.list_volunteers(
        session, on=now.astimezone(house.zone).date(), team_id=team_id, limit=WHOLE_TEAM
    )
    numbers = phones_of(session, [f"team:{team_id}", *([leader.subject] if leader else [])])
    return page(
        request,
        "coordinator/team.html",
        400 if mistake else 200,
        team=team,
        leader=leader,
        leader_phone=numbers.get(leader.subject) if leader else None,
        book_phone=numbers.get(f"team:{team_id}"),
        members=[line for line in members.lines if Gate.SUSPENDED not in line.gates],
        former=leaders.former_leaders(session, team_id=team_id),
        typed=typed or LeaderForm(),
        mistake=mistake,
        is_sent="sent" in request.query_params,
    )
