"""The volunteer's pages: the ask and his shifts, his run, and what he taps on it. No account, a link in a message."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError
from sqlmodel import Session

from escort.access.calendar_links import has_calendar, issue_calendar, stop_calendar
from escort.errors import Refused
from escort.journeys import alarms, taps
from escort.journeys.alarms import Trouble
from escort.journeys.taps import TapIn, TapOutcome, TapResult
from escort.journeys.volunteer_view import ask_of_own_offer, home_view, own_ask
from escort.rota.answers import answer_offer
from escort.rota.asks import answer_ask
from escort.rota.availability import block_out
from escort.sentences import mark
from escort.web import recognise
from escort.web.deps import CurrentVolunteer, House, HouseDep, NowDep, ReadLogDep, ReadSessionDep, SessionDep
from escort.web.deps import VolunteerHere as Visitor
from escort.web.forms import Day, FormModel, Ids, OptionalLine20, OptionalRowId, RowId
from escort.web.render import page
from escort.web.volunteer import car, own_routes, replace, standing
from escort.web.volunteer.here import back as _back
from escort.web.volunteer.here import must_be_bound as _must_be_bound
from escort.web.volunteer.here import must_not_need_code as _must_not_need_code
from escort.web.volunteer.here import needs_code as _needs_code
from escort.web.volunteer.run_page import a_run, run_page

router = APIRouter(include_in_schema=False)
router.include_router(standing.router)
router.include_router(replace.router)
router.include_router(car.router)
router.include_router(own_routes.router)


class AnswerForm(FormModel):
    answer: Annotated[str, Field(pattern="^(yes|no)$")]
    ask: OptionalRowId = None
    no: Ids = Field(default_factory=list)  # offers that the yes does not cover


class TakeBackForm(FormModel):
    offer: RowId


class BindForm(FormModel):
    code: OptionalLine20 = ""


class BlockoutForm(FormModel):
    from_on: Day
    until_on: OptionalLine20 = ""
    half_day: Annotated[str, Field(pattern="^(|to_school|home)$")] = ""


class UndoForm(FormModel):
    uuid: Annotated[list[str], Field(min_length=1, max_length=12)]
    run: RowId


class TroubleForm(FormModel):
    run: RowId
    what: Trouble


class PostedTap(BaseModel):
    uuid: Annotated[str, Field(min_length=8, max_length=36)]
    leg: RowId
    step: Annotated[str, Field(max_length=16)]
    at: AwareDatetime | None = None  # the phone's clock; a plain form has none


class PostedTaps(BaseModel):
    taps: Annotated[list[PostedTap], Field(max_length=200)]
    unreadable: list[str] = []  # uuids of what a script sent and nobody can read: answered, never repeated
    run: RowId | None = None  # where a plain form returns to
    is_form: bool


class RawTap(BaseModel, extra="allow"):
    """One row of a script's list: what it is called is known before the rest is judged."""

    uuid: Annotated[str, Field(min_length=8, max_length=36)]


LIST_OF_TAPS = TypeAdapter(Annotated[list[RawTap], Field(min_length=1, max_length=200)])
DAY: TypeAdapter[date] = TypeAdapter(Day)
UNREADABLE = mark("这一下没有记上，请刷新页面再点一次。")


async def posted_taps(request: Request) -> PostedTaps:
    """Return the taps of a script's JSON list, or those of one press of a form's button."""
    try:
        if request.headers.get("content-type", "").startswith("application/json"):
            return _script_taps(LIST_OF_TAPS.validate_json(await request.body()))
        form = await request.form()
        step, at = form.get("step"), form.get("at") or None
        pairs = zip(form.getlist("uuid"), form.getlist("leg"), strict=True)
        if not form.getlist("uuid"):
            raise ValueError("no tap")
        rows_of_form = [{"uuid": uuid, "leg": leg, "step": step, "at": at} for uuid, leg in pairs]
        return PostedTaps.model_validate({"taps": rows_of_form, "run": form.get("run"), "is_form": True})
    except (ValidationError, ValueError) as unreadable:
        raise Refused(UNREADABLE) from unreadable


def _script_taps(rows: list[RawTap]) -> PostedTaps:
    """Judge each row alone: a row that nobody can read stops no other of its batch."""
    good, bad = [], []
    for row in rows:
        try:
            good.append(PostedTap.model_validate(row.model_dump()))
        except ValidationError:
            bad.append(row.uuid)
    return PostedTaps(taps=good, unreadable=bad, is_form=False)


@router.get("/v/{token}")
def home(
    request: Request,
    visitor: CurrentVolunteer,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    answered: RowId | None = None,
) -> Response:
    return _home(request, visitor, session, house, now, answered=answered)


@router.post("/v/{token}/answer")
def answer(
    request: Request,
    visitor: CurrentVolunteer,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    form: Annotated[AnswerForm, Form()],
) -> Response:
    _must_not_need_code(session, visitor)
    ask_id = own_ask(session, volunteer_id=visitor.id, ask_id=form.ask)
    answer_ask(
        session,
        ask_id=ask_id,
        declined=form.no if form.answer == "yes" else None,
        by=visitor.subject,
        how="page",
        now=now,
        zone=house.zone,
    )
    response = _back(visitor, f"?answered={ask_id}")
    if form.answer == "yes":
        recognise.bind_first(response, request, session, visitor, now)
    return response


@router.post("/v/{token}/take-back")
def take_back(
    request: Request,
    visitor: CurrentVolunteer,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    form: Annotated[TakeBackForm, Form()],
) -> Response:
    """A no taken back: a yes like any other, unless somebody else was first."""
    _must_not_need_code(session, visitor)
    ask_id = ask_of_own_offer(session, volunteer_id=visitor.id, offer_id=form.offer)
    said_yes = answer_offer(
        session, offer_id=form.offer, yes=True, by=visitor.subject, how="page", now=now, zone=house.zone
    )
    response = _back(visitor, f"?answered={ask_id}")
    if said_yes:
        recognise.bind_first(response, request, session, visitor, now)
    return response


@router.post("/v/{token}/bind")
def bind(
    request: Request,
    visitor: CurrentVolunteer,
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


@router.post("/v/{token}/blockouts")
def add_blockout(
    request: Request,
    visitor: CurrentVolunteer,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    form: Annotated[BlockoutForm, Form()],
) -> Response:
    _must_be_bound(visitor)
    try:
        block_out(
            session,
            volunteer_id=visitor.id,
            from_on=form.from_on,
            until_on=DAY.validate_python(form.until_on) if form.until_on else form.from_on,
            half_day=form.half_day or None,
            by=visitor.subject,
            now=now,
            zone=house.zone,
        )
    except (Refused, ValueError) as refused:
        sentence = refused.sentence if isinstance(refused, Refused) else mark("日期没有看懂，请再选一次。")
        typed = {"from_on": form.from_on.isoformat(), "until_on": form.until_on}
        return _home(request, visitor, session, house, now, mistake=sentence, typed=typed, status_code=400)
    return _back(visitor, "?blocked=1")


@router.post("/v/{token}/calendar")
def calendar(
    request: Request, visitor: CurrentVolunteer, session: SessionDep, house: HouseDep, now: NowDep
) -> Response:
    """Make the address of this volunteer's feed. It is shown once: the store keeps its hash alone."""
    _must_be_bound(visitor)
    feed = issue_calendar(session, subject=visitor.subject, by=visitor.subject, now=now)
    address = f"{house.settings.base_url}/feeds/{feed}/shifts.ics"
    return page(request, "volunteer/calendar.html", token=visitor.token, address=address)


@router.post("/v/{token}/calendar/stop")
def end_calendar(visitor: CurrentVolunteer, session: SessionDep, now: NowDep) -> Response:
    _must_be_bound(visitor)
    stop_calendar(session, subject=visitor.subject, by=visitor.subject, now=now)
    return _back(visitor)


@router.get("/v/{token}/run/{run_id}")
def run(
    request: Request,
    visitor: CurrentVolunteer,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    reads: ReadLogDep,
    run_id: RowId,
    told: bool = False,
) -> Response:
    view = a_run(session, visitor, house, now, run_id)
    for child in view.children:
        fields = ["full_name"] + ["photo"] * bool(child.photo) + ["address"] * child.is_at_home
        reads.saw(f"child:{child.child_id}", *fields)
    return run_page(request, visitor, view, now, said=TOLD if told else "")


@router.post("/v/{token}/taps")
def tap(
    request: Request,
    visitor: CurrentVolunteer,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    posted: Annotated[PostedTaps, Depends(posted_taps)],
) -> Response:
    _must_be_bound(visitor)
    pressed = [TapIn(row.uuid, row.leg, row.step, row.at or now) for row in posted.taps]
    results = taps.record_taps(session, by=visitor.subject, taps=pressed, now=now)
    if not posted.is_form:
        results += [TapResult(uuid, TapOutcome.REFUSED, UNREADABLE) for uuid in posted.unreadable]
        return JSONResponse([{"uuid": r.uuid, "outcome": r.outcome, "sentence": r.sentence} for r in results])
    refused = [result.sentence for result in results if result.outcome == TapOutcome.REFUSED]
    if refused and posted.run is not None:
        view = a_run(session, visitor, house, now, posted.run)
        return run_page(request, visitor, view, now, mistake=refused[0], status_code=409)
    return _back(visitor, f"/run/{posted.run}" if posted.run is not None else "")


@router.post("/v/{token}/undo")
def undo(
    request: Request,
    visitor: CurrentVolunteer,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    form: Annotated[UndoForm, Form()],
) -> Response:
    _must_be_bound(visitor)
    undone = [taps.undo_tap(session, uuid=uuid, by=visitor.subject, now=now) for uuid in form.uuid]
    if not all(undone):
        view = a_run(session, visitor, house, now, form.run)
        return run_page(request, visitor, view, now, mistake=TOO_LATE, status_code=409)
    return _back(visitor, f"/run/{form.run}")


@router.post("/v/{token}/trouble")
def trouble(
    visitor: CurrentVolunteer, session: SessionDep, now: NowDep, form: Annotated[TroubleForm, Form()]
) -> Response:
    _must_be_bound(visitor)
    alarms.report_trouble(
        session, run_id=form.run, volunteer_id=visitor.id, what=form.what, by=visitor.subject, now=now
    )
    return _back(visitor, f"/run/{form.run}?told=1")


def _home(
    request: Request,
    visitor: Visitor,
    session: Session,
    house: House,
    now: datetime,
    *,
    answered: int | None = None,
    mistake: str = "",
    typed: dict[str, str] | None = None,
    status_code: int = 200,
) -> Response:
    view = home_view(
        session, volunteer_id=visitor.id, is_bound=visitor.bound, answered=answered, now=now, zone=house.zone
    )
    return page(
        request,
        "volunteer/home.html",
        status_code,
        view=view,
        token=visitor.token,
        needs_code=_needs_code(session, visitor),
        has_calendar=visitor.bound and has_calendar(session, subject=visitor.subject, now=now),
        mistake=mistake,
        typed=typed or {"from_on": "", "until_on": ""},
        blocked=request.query_params.get("blocked", ""),
    )


def _code_page(request: Request, visitor: Visitor, mistake: str) -> Response:
    return page(request, "volunteer/code.html", 400 if mistake else 200, token=visitor.token, mistake=mistake)


TOLD = mark("值班的人知道了，会打电话给您。")
TOO_LATE = mark("过了 10 秒，撤不了了。点错了请打值班电话，我们帮您改。")
