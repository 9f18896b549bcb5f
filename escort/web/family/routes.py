"""The family's page: who comes, in which car, when; cancel; "that is not the person". Works without a script."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup
from pydantic import Field
from sqlmodel import Session

from escort.errors import NotAllowed, Refused
from escort.families import next_term
from escort.families.models import Why
from escort.families.queries import children_by_name, own_children
from escort.journeys import alarms, taps, words
from escort.journeys.arrivals import say_not_home
from escort.journeys.family_view import FamilyView, RideState, RideView, family_view, own_legs
from escort.journeys.models import Step
from escort.journeys.taps import TapIn
from escort.rota import pauses
from escort.rota.afternoons import cancel_rides, keep_afternoon
from escort.sentences import mark
from escort.typed_values import UnreadableError, read_date
from escort.web import recognise
from escort.web.deps import CurrentGuardian, House, HouseDep, NowDep, ReadSessionDep, SessionDep
from escort.web.deps import GuardianHere as Visitor
from escort.web.forms import FormModel, Ids, OptionalLine20, RowId
from escort.web.render import STATIC, page

router = APIRouter(include_in_schema=False)


class BindForm(FormModel):
    code: OptionalLine20 = ""


class CancelForm(FormModel):
    leg: Ids = Field(default_factory=list)
    reason: OptionalLine20 = ""


class PauseForm(FormModel):
    child: Ids = Field(default_factory=list)
    why: Why = Why.OTHER
    from_on: OptionalLine20 = ""
    until_on: OptionalLine20 = ""


class LiftForm(FormModel):
    child: RowId
    pause: RowId


class NextTermForm(FormModel):
    child: RowId
    answer: Literal["yes", "no"]


class LegForm(FormModel):
    leg: RowId


class ArrivedForm(FormModel):
    leg: RowId
    uuid: Annotated[str, Field(min_length=8, max_length=36)]


@router.get("/f/{token}")
def show(
    request: Request, visitor: CurrentGuardian, session: ReadSessionDep, house: HouseDep, now: NowDep
) -> Response:
    view = _view(session, visitor, house, now)
    if not visitor.bound:
        first = tuple(child.ride for child in view.children if child.ride)
        return _page(request, visitor, "unbound", rides=_apart(first))
    at_hand = [ride for ride in view.rides if ride.driver and ride.state in MAY_BE_WRONG]
    return _page(
        request,
        visitor,
        "page",
        view=view,
        has_driver=any(ride.driver for ride in view.rides),
        cancel_word=_cancel_word(view),
        at_hand=[ride for child in view.children for ride in at_hand if ride is child.ride],
    )


@router.post("/f/{token}/bind")
def bind(
    request: Request,
    visitor: CurrentGuardian,
    session: SessionDep,
    now: NowDep,
    form: Annotated[BindForm, Form()],
) -> Response:
    response = _back(visitor)
    if form.code:
        mistake = recognise.redeem(response, request, session, visitor, form.code, now)
        return _page(request, visitor, "code", 400, mistake=mistake) if mistake else response
    if recognise.bind_first(response, request, session, visitor, now):
        return response
    recognise.ask_for_code(request, session, visitor, now)
    return _page(request, visitor, "code", mistake="")


@router.get("/f/{token}/cancel")
def ask_what_to_cancel(
    request: Request, visitor: CurrentGuardian, session: ReadSessionDep, house: HouseDep, now: NowDep
) -> Response:
    _must_be_bound(visitor)
    return _cancel_page(request, visitor, _view(session, visitor, house, now))


@router.post("/f/{token}/cancel")
def cancel(
    request: Request,
    visitor: CurrentGuardian,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    form: Annotated[CancelForm, Form()],
) -> Response:
    _must_be_bound(visitor)
    view = _view(session, visitor, house, now)
    if not form.leg:
        return _cancel_page(request, visitor, view, mistake=mark("请至少选一趟。没有选的，照常来。"))
    legs = own_legs(session, guardian_id=visitor.id, leg_ids=form.leg)
    if any((ride := view.ride(leg.id or 0)) is None or not ride.may_cancel for leg in legs):
        raise Refused("孩子已经上车，或者这趟已经改过了。请打值班电话，我们马上办。")
    cancel_rides(
        session,
        legs=legs,
        by=visitor.subject,
        reason=form.reason or "家里说不用接",
        now=now,
        zone=house.zone,
    )
    return _back(visitor)


@router.post("/f/{token}/keep")
def keep(
    visitor: CurrentGuardian,
    session: SessionDep,
    now: NowDep,
    form: Annotated[LegForm, Form()],
) -> Response:
    """The morning is off, and the way home is wanted all the same."""
    _must_be_bound(visitor)
    (leg,) = own_legs(session, guardian_id=visitor.id, leg_ids=[form.leg])
    keep_afternoon(session, leg_id=leg.id or 0, by=visitor.subject, now=now)
    return _back(visitor)


@router.get("/f/{token}/pause")
def ask_how_long(
    request: Request, visitor: CurrentGuardian, session: ReadSessionDep, house: HouseDep, now: NowDep
) -> Response:
    _must_be_bound(visitor)
    return _pause_page(request, visitor, session, house, now)


@router.post("/f/{token}/pause")
def pause(
    request: Request,
    visitor: CurrentGuardian,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    form: Annotated[PauseForm, Form()],
) -> Response:
    """Sick, or away, until a day: nobody comes until then, and from the day after as usual."""
    _must_be_bound(visitor)
    today = now.astimezone(house.zone).date()
    try:
        children = own_children(session, guardian_id=visitor.id, child_ids=form.child)
        from_on, until_on = _days_off(form, today)
        with session.begin_nested():
            for child_id in children:
                pauses.pause_child(
                    session,
                    child_id=child_id,
                    why=form.why,
                    from_on=from_on,
                    until_on=until_on,
                    by=visitor.subject,
                    now=now,
                    zone=house.zone,
                )
    except Refused as wrong:
        return _pause_page(request, visitor, session, house, now, form=form, mistake=wrong.sentence)
    return _back(visitor)


@router.post("/f/{token}/pause/lift")
def lift_pause(
    visitor: CurrentGuardian,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    form: Annotated[LiftForm, Form()],
) -> Response:
    """The child is well again: the rides come back, and somebody is asked for each of them."""
    _must_be_bound(visitor)
    (child_id,) = own_children(session, guardian_id=visitor.id, child_ids=[form.child])
    pauses.lift_pause(
        session, child_id=child_id, pause_id=form.pause, by=visitor.subject, now=now, zone=house.zone
    )
    return _back(visitor)


@router.post("/f/{token}/next-term")
def answer_next_term(
    visitor: CurrentGuardian, session: SessionDep, now: NowDep, form: Annotated[NextTermForm, Form()]
) -> Response:
    _must_be_bound(visitor)
    own_children(session, guardian_id=visitor.id, child_ids=[form.child])
    next_term.record_answer(
        session,
        child_id=form.child,
        wants=form.answer == "yes",
        by=visitor.subject,
        how="page",
        now=now,
    )
    return _back(visitor)


@router.post("/f/{token}/not-this-person")
def not_this_person(
    request: Request,
    visitor: CurrentGuardian,
    session: SessionDep,
    now: NowDep,
    form: Annotated[LegForm, Form()],
) -> Response:
    (leg,) = own_legs(session, guardian_id=visitor.id, leg_ids=[form.leg])
    alarms.not_this_person(session, leg_id=leg.id or 0, by=visitor.subject, now=now)
    return _page(request, visitor, "wrong_person")


@router.post("/f/{token}/arrived")
def arrived(
    visitor: CurrentGuardian, session: SessionDep, now: NowDep, form: Annotated[ArrivedForm, Form()]
) -> Response:
    _must_be_bound(visitor)
    (leg,) = own_legs(session, guardian_id=visitor.id, leg_ids=[form.leg])
    pressed = TapIn(form.uuid, leg.id or 0, Step.HANDED_OVER, now)
    taps.record_taps(session, by=visitor.subject, taps=[pressed], now=now)
    return _back(visitor)


@router.post("/f/{token}/not-home")
def not_home(
    request: Request,
    visitor: CurrentGuardian,
    session: SessionDep,
    now: NowDep,
    form: Annotated[LegForm, Form()],
) -> Response:
    """The driver says delivered, and the child is not there."""
    (leg,) = own_legs(session, guardian_id=visitor.id, leg_ids=[form.leg])
    say_not_home(session, leg_id=leg.id or 0, by=visitor.subject, who="家里", now=now)
    return _page(request, visitor, "not_home")


def _view(session: Session, visitor: Visitor, house: House, now: datetime) -> FamilyView:
    return family_view(
        session,
        guardian_id=visitor.id,
        is_bound=visitor.bound,
        words_of=lambda shift_id, leg_id: " ".join(words.word_pair(house.store.keyring, shift_id, leg_id)),
        now=now,
        zone=house.zone,
    )


def _cancel_page(request: Request, visitor: Visitor, view: FamilyView, mistake: str = "") -> Response:
    open_rides = tuple(ride for ride in view.rides if ride.may_cancel)
    return _page(request, visitor, "cancel", 400 if mistake else 200, rides=open_rides, mistake=mistake)


def _pause_page(
    request: Request,
    visitor: Visitor,
    session: Session,
    house: House,
    now: datetime,
    *,
    form: PauseForm | None = None,
    mistake: str = "",
) -> Response:
    today = now.astimezone(house.zone).date()
    return _page(
        request,
        visitor,
        "pause",
        400 if mistake else 200,
        children=children_by_name(session, visitor.id),
        chosen=form.child if form else [],
        why=form.why if form else Why.SICK,
        from_on=form.from_on if form else today.isoformat(),
        until_on=form.until_on if form else "",
        today=today,
        mistake=mistake,
    )


def _days_off(form: PauseForm, today: date) -> tuple[date, date]:
    """Return the first day, today where none is given, and the last. Raises Refused."""
    try:
        from_on, until_on = read_date(form.from_on) or today, read_date(form.until_on)
    except UnreadableError as unreadable:
        raise Refused(str(unreadable)) from unreadable
    if until_on is None:
        raise Refused("到哪天止没填，请选一天。到了第二天照常来接。")
    if from_on < today:
        raise Refused("第一天已经过去了，请从今天或以后选。")
    if until_on - today > LONGEST_BY_FAMILY:
        raise Refused("这么久不用接送，请打值班电话说一声，我们来改。")
    return from_on, until_on


def _page(
    request: Request, visitor: Visitor, name: str, status_code: int = 200, **context: object
) -> Response:
    return page(request, f"family/{name}.html", status_code, token=visitor.token, style=_style(), **context)


def _cancel_word(view: FamilyView) -> str:
    """Return the button's words: the nearest day that can still be cancelled, or nothing."""
    first = next((ride for ride in view.rides if ride.may_cancel), None)
    if first is None:
        return ""
    days = (first.on - view.today).days
    return {0: mark("今天不用接"), 1: mark("明天不用接")}.get(days, mark("这几天不用接"))


def _apart(rides: Sequence[RideView]) -> list[RideView]:
    """Return one ride a time and area: siblings who ride together are one line on a phone that is not bound."""
    return list({(ride.pickup_at, ride.area, ride.state): ride for ride in rides}.values())


def _back(visitor: Visitor) -> RedirectResponse:
    return RedirectResponse(f"/f/{visitor.token}", status_code=303)


def _must_be_bound(visitor: Visitor) -> None:
    if not visitor.bound:
        raise NotAllowed("这部手机还没认过。请打开链接，先点“这是我的手机”。")


@cache
def _style() -> Markup:
    """The page's own style, sent inside it: an old phone on a slow line asks once."""
    return Markup((STATIC / "family.css").read_text("utf-8"))


LONGEST_BY_FAMILY = timedelta(days=62)
MAY_BE_WRONG = (
    RideState.CONFIRMED,
    RideState.CHANGED,
    RideState.STARTED,
    RideState.AT_PICKUP,
    RideState.ON_BOARD,
)
