"""A team leader's pages on the phone: his team's open turns, his people, and newcomers. A link in a message."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field
from sqlmodel import Session

from escort.access import audit, devices
from escort.errors import DujuanError, NotAllowed, Refused
from escort.filled_form import FormMistakes
from escort.journeys import introductions
from escort.journeys.introductions import Side
from escort.journeys.team_view import TeamRun, newcomer_view, team_home, team_people, team_run
from escort.roster.forms import NewVolunteer
from escort.roster.gates import SENTENCES
from escort.roster.newcomers import bring_in
from escort.rota.fitness import TEAM_LEADER
from escort.rota.models import HowSaid, OfferState
from escort.rota.team import (
    ask_own_people,
    record_for_own,
    require_own_people,
    until_next_sunday,
)
from escort.sentences import Sentence, mark
from escort.web import recognise
from escort.web.coordinator.posted import Typed, TypedDep, filled
from escort.web.coordinator.reasons import chips_of
from escort.web.deps import CurrentLeader, House, HouseDep, NowDep, ReadSessionDep, SessionDep
from escort.web.deps import LeaderHere as Visitor
from escort.web.forms import FormModel, Ids, OptionalLine20, RowId
from escort.web.render import page
from notifications.addresses import phone_of, phones_of

router = APIRouter(include_in_schema=False)


class BindForm(FormModel):
    code: OptionalLine20 = ""


class AskForm(FormModel):
    volunteer_ids: Ids = Field(default_factory=list)


class RecordForm(FormModel):
    volunteer_id: RowId
    answer: Annotated[str, Field(pattern="^(yes|no)$")]
    how: HowSaid = HowSaid.PHONE


class RideForm(FormModel):
    run_id: RowId


class YesForm(FormModel):
    side: Side
    how: HowSaid = HowSaid.PHONE


@router.get("/t/{token}")
def home(
    request: Request, visitor: CurrentLeader, session: ReadSessionDep, house: HouseDep, now: NowDep
) -> Response:
    return _home(request, visitor, session, house, now)


@router.post("/t/{token}/bind")
def bind(
    request: Request,
    visitor: CurrentLeader,
    session: SessionDep,
    now: NowDep,
    form: Annotated[BindForm, Form()],
) -> Response:
    response = _back(visitor)
    if form.code:
        mistake = recognise.redeem(response, request, session, visitor, form.code, now)
        return _code_page(request, visitor, mistake) if mistake else response
    if recognise.bind_first(response, request, session, visitor, now):
        return response
    recognise.ask_for_code(request, session, visitor, now)
    return _code_page(request, visitor, "")


@router.get("/t/{token}/runs/{run_id}")
def show_run(
    request: Request,
    visitor: CurrentLeader,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    run_id: RowId,
    turned_away: RowId | None = None,
) -> Response:
    _must_be_bound(visitor)
    view = team_run(session, leader=visitor.leader, run_id=run_id, now=now, zone=house.zone)
    mistake = _why_turned_away(view, turned_away) if turned_away is not None else ""
    return _run_page(request, visitor, view, mistake=mistake)


@router.post("/t/{token}/runs/{run_id}/ask")
def ask(
    request: Request,
    visitor: CurrentLeader,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    run_id: RowId,
    form: Annotated[AskForm, Form()],
) -> Response:
    """An offer, to one or several of his own people: the first yes goes."""
    _must_be_bound(visitor)
    try:
        with session.begin_nested():
            asked = ask_own_people(
                session,
                leader=visitor.leader,
                run_id=run_id,
                volunteer_ids=form.volunteer_ids,
                now=now,
                zone=house.zone,
                links=request.app.state.links,
            )
    except Refused as refused:
        view = team_run(session, leader=visitor.leader, run_id=run_id, now=now, zone=house.zone)
        return _run_page(
            request, visitor, view, mistake=refused.sentence, ticked=form.volunteer_ids, status_code=400
        )
    return _back(visitor, f"?asked={asked}")


@router.post("/t/{token}/runs/{run_id}/record")
def record(
    request: Request,
    visitor: CurrentLeader,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    run_id: RowId,
    form: Annotated[RecordForm, Form()],
) -> Response:
    """An answer given by word: it counts like a tap, and its giver is told what was written down."""
    _must_be_bound(visitor)
    try:
        with session.begin_nested():
            turned_away = record_for_own(
                session,
                leader=visitor.leader,
                run_id=run_id,
                volunteer_id=form.volunteer_id,
                yes=form.answer == "yes",
                how=form.how,
                now=now,
                zone=house.zone,
                duty_phone=house.settings.duty_phone,
            )
    except Refused as refused:
        view = team_run(session, leader=visitor.leader, run_id=run_id, now=now, zone=house.zone)
        return _run_page(request, visitor, view, mistake=refused.sentence, typed=form, status_code=400)
    if turned_away:
        return _back(visitor, f"/runs/{run_id}?turned_away={form.volunteer_id}")
    return _back(visitor, "?done=recorded")


@router.get("/t/{token}/people")
def people(
    request: Request, visitor: CurrentLeader, session: ReadSessionDep, house: HouseDep, now: NowDep
) -> Response:
    _must_be_bound(visitor)
    found = team_people(session, leader=visitor.leader, today=now.astimezone(house.zone).date())
    return page(
        request,
        "leader/people.html",
        token=visitor.token,
        leader=visitor.leader,
        people=found,
        phones=phones_of(session, [f"volunteer:{one.volunteer_id}" for one in found]),
    )


@router.post("/t/{token}/people/{volunteer_id}/phone")
def show_number(
    request: Request, visitor: CurrentLeader, session: SessionDep, now: NowDep, volunteer_id: RowId
) -> Response:
    """Show one number, with a line in the trail: a POST, so that no preview and no scanner reads it."""
    _must_be_bound(visitor)
    [person] = require_own_people(session, leader=visitor.leader, volunteer_ids=[volunteer_id])
    subject = f"volunteer:{volunteer_id}"
    audit.record(session, actor=visitor.subject, action="read", subject=subject, fields=["phone"], now=now)
    return page(
        request,
        "leader/ring.html",
        token=visitor.token,
        who=person.name,
        phone_number=phone_of(session, subject),
    )


@router.get("/t/{token}/newcomers/new")
def show_newcomer_form(request: Request, visitor: CurrentLeader) -> Response:
    _must_be_bound(visitor)
    return _newcomer_form(request, visitor, FRESH, {})


@router.post("/t/{token}/newcomers/new")
def add_newcomer(
    request: Request,
    visitor: CurrentLeader,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    typed: TypedDep,
) -> Response:
    _must_be_bound(visitor)
    fields = filled(typed, lists=["weekdays"])
    asked = {name: fields.get(name, "") for name in ("name", "phone", "plate", "seats")}
    try:
        with session.begin_nested():
            form = NewVolunteer.read({**asked, "pattern": _half_days(fields)})
            newcomer = bring_in(
                session,
                leader=visitor.leader,
                form=form,
                today=now.astimezone(house.zone).date(),
                duty_phone=house.settings.duty_phone,
                now=now,
            )
    except FormMistakes as wrong:
        return _newcomer_form(request, visitor, fields, wrong.fields, status_code=400)
    return _back(visitor, f"/newcomers/{newcomer}")


@router.get("/t/{token}/newcomers/{volunteer_id}")
def show_newcomer(
    request: Request,
    visitor: CurrentLeader,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    volunteer_id: RowId,
) -> Response:
    _must_be_bound(visitor)
    return _newcomer(request, visitor, session, house, now, volunteer_id)


@router.post("/t/{token}/newcomers/{volunteer_id}/rides")
def plan_ride(
    request: Request,
    visitor: CurrentLeader,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    volunteer_id: RowId,
    form: Annotated[RideForm, Form()],
) -> Response:
    _must_be_bound(visitor)
    try:
        with session.begin_nested():
            introductions.plan_introduction(
                session,
                leader=visitor.leader,
                newcomer_id=volunteer_id,
                run_id=form.run_id,
                now=now,
                until_on=until_next_sunday(now.astimezone(house.zone).date()),
            )
    except Refused as refused:
        return _newcomer(request, visitor, session, house, now, volunteer_id, mistake=refused)
    return _back(visitor, f"/newcomers/{volunteer_id}")


@router.post("/t/{token}/rides/{introduction_id}/yes")
def record_yes_to_ride(
    visitor: CurrentLeader,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    introduction_id: RowId,
    form: Annotated[YesForm, Form()],
) -> Response:
    _must_be_bound(visitor)
    newcomer = introductions.record_yes(
        session,
        leader=visitor.leader,
        introduction_id=introduction_id,
        side=form.side,
        how=form.how,
        now=now,
        zone=house.zone,
        duty_phone=house.settings.duty_phone,
    )
    return _back(visitor, f"/newcomers/{newcomer}")


@router.post("/t/{token}/rides/{introduction_id}/done")
def tick_ride(visitor: CurrentLeader, session: SessionDep, now: NowDep, introduction_id: RowId) -> Response:
    _must_be_bound(visitor)
    introductions.tick_introduction(session, leader=visitor.leader, introduction_id=introduction_id, now=now)
    return _back(visitor, "?done=ridden")


@router.post("/t/{token}/rides/{introduction_id}/call-off")
def call_off_ride(
    visitor: CurrentLeader, session: SessionDep, house: HouseDep, now: NowDep, introduction_id: RowId
) -> Response:
    _must_be_bound(visitor)
    introductions.call_off(
        session,
        introduction_id=introduction_id,
        leader=visitor.leader,
        by=visitor.subject,
        now=now,
        zone=house.zone,
        duty_phone=house.settings.duty_phone,
    )
    return _back(visitor, "?done=called_off")


def _home(request: Request, visitor: Visitor, session: Session, house: House, now: datetime) -> Response:
    view = team_home(session, leader=visitor.leader, now=now, zone=house.zone)
    asked = request.query_params.get("asked", "")
    return page(
        request,
        "leader/home.html",
        view=view,
        leader=visitor.leader,
        token=visitor.token,
        bound=visitor.bound,
        needs_code=not visitor.bound and devices.has_ever_bound(session, subject=visitor.subject),
        asked=int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 4 else 0,
        said=DONE.get(request.query_params.get("done", ""), ""),
    )


def _run_page(
    request: Request,
    visitor: Visitor,
    view: TeamRun,
    *,
    mistake: str = "",
    ticked: Sequence[int] = (),
    typed: RecordForm | None = None,
    status_code: int = 200,
) -> Response:
    return page(
        request,
        "leader/run.html",
        status_code,
        view=view,
        leader=visitor.leader,
        token=visitor.token,
        candidates=[(one, chips_of(one)) for one in view.candidates],
        mistake=mistake,
        ticked=ticked,
        typed=typed,
        how_said=HOW_SAID,
        offer_words=OFFER_WORDS,
    )


def _newcomer(
    request: Request,
    visitor: Visitor,
    session: Session,
    house: House,
    now: datetime,
    volunteer_id: int,
    *,
    mistake: DujuanError | None = None,
) -> Response:
    view = newcomer_view(session, leader=visitor.leader, volunteer_id=volunteer_id, now=now, zone=house.zone)
    return page(
        request,
        "leader/newcomer.html",
        mistake.status if mistake else 200,
        view=view,
        token=visitor.token,
        leader=visitor.leader,
        mistake=mistake.sentence if mistake else "",
        gate_sentences=SENTENCES,
        how_said=HOW_SAID,
    )


def _newcomer_form(
    request: Request,
    visitor: Visitor,
    fields: Mapping[str, object],
    mistakes: Mapping[str, str],
    *,
    status_code: int = 200,
) -> Response:
    return page(
        request,
        "leader/newcomer_form.html",
        status_code,
        token=visitor.token,
        leader=visitor.leader,
        fields=fields,
        mistakes=mistakes,
    )


def _code_page(request: Request, visitor: Visitor, mistake: str) -> Response:
    return page(request, "leader/code.html", 400 if mistake else 200, token=visitor.token, mistake=mistake)


def _half_days(fields: Typed) -> list[str]:
    """Return the ticked half-days: weekday * 2 + half, of the chosen weekdays and the one chosen half or both."""
    halves = HALVES.get(str(fields.get("halves", "")), (0, 1))
    days = [str(day) for day in fields.get("weekdays", [])]
    return [str(2 * int(day) + half) for day in days if day in WEEKDAYS for half in halves]


def _why_turned_away(view: TeamRun, volunteer_id: int) -> str:
    """Return why a yes that was just written down could not be taken, in words for the leader."""
    for one in view.said:
        if one.volunteer_id == volunteer_id and one.name and one.end_reason:
            return Sentence(
                "%(name)s：这个回答不能算，%(why)s。",
                name=one.name,
                why=Sentence(TEAM_LEADER.words[one.end_reason]),
            )
    return ""


def _back(visitor: Visitor, to: str = "") -> RedirectResponse:
    return RedirectResponse(f"/t/{visitor.token}{to}", status_code=303)


def _must_be_bound(visitor: Visitor) -> None:
    if not visitor.bound:
        raise NotAllowed("这部手机还没认过。请打开链接，先点“这是我的手机”。")


FRESH = {"seats": "5", "weekdays": []}
WEEKDAYS = tuple("0123456")
HALVES = {"both": (0, 1), "to_school": (0,), "home": (1,)}
DONE = {
    "recorded": mark("记下了，本人会收到一条消息。"),
    "ridden": mark("记下了。放不放进熟人圈，由协调员定。"),
    "called_off": mark("取消了，说过能去的人会收到一条消息。"),
}
HOW_SAID = {
    HowSaid.PHONE: mark("电话"),
    HowSaid.IN_PERSON: mark("当面"),
    HowSaid.WECHAT: mark("微信"),
}
OFFER_WORDS = {
    OfferState.OPEN: mark("还没回"),
    OfferState.STANDING: mark("固定的，照常"),
    OfferState.WAITING: mark("说能去，等家里那位"),
    OfferState.ACCEPTED: mark("说能去"),
    OfferState.DECLINED: mark("说去不了"),
    OfferState.LAPSED: mark("到点没回"),
    OfferState.TAKEN: mark("别人先答应了"),
    OfferState.WITHDRAWN: mark("不用问了"),
}
