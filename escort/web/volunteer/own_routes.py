"""What a volunteer says of himself on his own page: next month, his limits, the rotation; and how long his papers last."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response
from sqlmodel import Session

from escort.errors import Refused
from escort.filled_form import number_of
from escort.roster import service as roster
from escort.roster.forms import HIGHEST_CAP, read_cap_month
from escort.roster.households import kin_of
from escort.roster.papers import WORDS, papers_left
from escort.rota import month_question, rotation
from escort.sentences import mark
from escort.web import recognise
from escort.web.deps import CurrentVolunteer, House, HouseDep, NowDep, ReadSessionDep, SessionDep
from escort.web.deps import VolunteerHere as Visitor
from escort.web.forms import FormModel, OptionalLine20, read_day
from escort.web.render import page
from escort.web.volunteer.here import back, must_be_bound, must_not_need_code

router = APIRouter(include_in_schema=False)
read_cap_week = number_of("每周最多次数", 1, HIGHEST_CAP)
KIND_WORDS = {
    "apart": mark("同一个半天只来一位"),
    "together": mark("两位一起才来"),
}


class LimitsForm(FormModel):
    cap_week: OptionalLine20 = ""
    cap_month: OptionalLine20 = ""


class RotationForm(FormModel):
    joins_on: OptionalLine20 = ""
    leaves_on: OptionalLine20 = ""


@router.get("/v/{token}/me")
def show_own(
    request: Request, visitor: CurrentVolunteer, session: ReadSessionDep, house: HouseDep, now: NowDep
) -> Response:
    return _own(request, visitor, session, house, now)


@router.post("/v/{token}/month")
def nothing_next_month(
    request: Request, visitor: CurrentVolunteer, session: SessionDep, house: HouseDep, now: NowDep
) -> Response:
    """没有, with one tap; dates are entered in the form below it."""
    must_not_need_code(session, visitor)
    month_question.answer_none(
        session,
        volunteer_id=visitor.id,
        how=f"page:{visitor.subject}",
        now=now,
        today=_today(house, now),
    )
    response = back(visitor, "?blocked=none")
    recognise.bind_first(response, request, session, visitor, now)
    return response


@router.post("/v/{token}/limits")
def set_limits(
    request: Request,
    visitor: CurrentVolunteer,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    form: Annotated[LimitsForm, Form()],
) -> Response:
    must_be_bound(visitor)
    try:
        cap_week, cap_month = read_cap_week(form.cap_week), read_cap_month(form.cap_month)
    except ValueError as wrong:
        typed = {"cap_week": form.cap_week, "cap_month": form.cap_month}
        return _own(
            request, visitor, session, house, now, mistake=wrong.args[0], typed=typed, status_code=400
        )
    roster.set_limits(
        session, volunteer_id=visitor.id, cap_week=cap_week, cap_month=cap_month, now=now, by=visitor.subject
    )
    return back(visitor, "/me?saved=1")


@router.get("/v/{token}/rotation")
def show_rotation(
    request: Request,
    visitor: CurrentVolunteer,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    joins_on: Annotated[str, Query(max_length=20)] = "",
    leaves_on: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Say plainly what joining or leaving on these dates does; nothing changes yet."""
    must_be_bound(visitor)
    try:
        joins, leaves = read_day(joins_on), read_day(leaves_on)
        rotation.check_dates(joins, leaves, today=_today(house, now))
    except Refused as refused:
        typed = {"joins_on": joins_on, "leaves_on": leaves_on}
        return _own(
            request, visitor, session, house, now, mistake=refused.sentence, typed=typed, status_code=400
        )
    return page(
        request,
        "volunteer/rotation.html",
        token=visitor.token,
        typed={"joins_on": joins_on, "leaves_on": leaves_on},
        joins_on=joins,
        leaves_on=leaves,
        outside=rotation.what_lies_outside(
            session, volunteer_id=visitor.id, joins_on=joins, leaves_on=leaves, now=now
        ),
    )


@router.post("/v/{token}/rotation")
def set_rotation(
    visitor: CurrentVolunteer,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    form: Annotated[RotationForm, Form()],
) -> Response:
    """Law 3: nobody is forced, so nobody needs the office to leave, or to come back."""
    must_be_bound(visitor)
    rotation.set_rotation(
        session,
        volunteer_id=visitor.id,
        joins_on=read_day(form.joins_on),
        leaves_on=read_day(form.leaves_on),
        by=visitor.subject,
        now=now,
        zone=house.zone,
        duty_phone=house.settings.duty_phone,
    )
    return back(visitor, "/me?saved=1")


def _own(
    request: Request,
    visitor: Visitor,
    session: Session,
    house: House,
    now: datetime,
    *,
    mistake: str = "",
    typed: dict[str, str] | None = None,
    status_code: int = 200,
) -> Response:
    volunteer = roster.get_volunteer(session, visitor.id) if visitor.bound else None
    today = _today(house, now)
    return page(
        request,
        "volunteer/me.html",
        status_code,
        token=visitor.token,
        volunteer=volunteer,
        today=today,
        papers=papers_left(volunteer, today) if volunteer else [],
        paper_words=WORDS,
        kin=kin_of(session, visitor.id) if volunteer else [],
        kind_words=KIND_WORDS,
        mistake=mistake,
        typed=typed or {},
        saved="saved" in request.query_params,
    )


def _today(house: House, now: datetime) -> date:
    return now.astimezone(house.zone).date()
