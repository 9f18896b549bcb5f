"""The week's rota: the matrix, one run's panel, asking, recording an answer given by phone, planning, publishing."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from escort.errors import Refused
from escort.journeys.changed_car import COLOURS
from escort.roster import queries as volunteers
from escort.rota import answers, drafts, planning, publishing, release, repairing, standins, trial
from escort.rota.run_panel import RunPanel, other_turns, panel_of
from escort.rota.volunteer_week import volunteer_week
from escort.rota.week import HALF_DAYS, CellCode, GroupBy, Show, WeekMatrix, week_matrix
from escort.sentences import mark
from escort.web.coordinator.reasons import (
    barrier_of,
    blocked_of,
    chips_of,
    compared,
    relaxed_of,
    two_of,
    why_driver,
    why_not,
)
from escort.web.deps import (
    CurrentCoordinator,
    House,
    HouseDep,
    NowDep,
    ReadLogDep,
    ReadSessionDep,
    SessionDep,
)
from escort.web.forms import Day, FormModel, Ids, Offset, OptionalLine40, OptionalRowId, RowId
from escort.web.render import page
from scheduling.explain import weigh

router = APIRouter()
CANDIDATES = 8
DAY_AROUND = timedelta(hours=4)  # before and after the start, a step told on the phone may be written down
ASK_AT_ONCE = 3  # the first yes wins


class AskForm(FormModel):
    volunteer_ids: Ids


class RecordForm(FormModel):
    volunteer_id: RowId
    answer: str


class DriverForm(FormModel):
    volunteer_id: Offset = 0  # 0: nobody
    is_undo: bool = False


class RepairForm(FormModel):
    other_run_id: RowId
    mover_id: RowId
    colleague_id: RowId


class WeekForm(FormModel):
    week: Day


class PublishForm(FormModel):
    plan_id: RowId
    week: Day


@router.get("/rota")
def show_week(
    request: Request,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    reads: ReadLogDep,
    week: Day | None = None,
    show: Show = Show.HOLES,
    by: GroupBy = GroupBy.SCHOOL,
    opened: Annotated[list[Offset], Query(alias="open", max_length=60)] = [],  # noqa: B006  # FastAPI copies it
    q: OptionalLine40 = "",
) -> HTMLResponse:
    today = now.astimezone(house.zone).date()
    reads.saw(f"week:{week or today}", "timetables")
    matrix = week_matrix(
        session, week_on=week or _week_of_interest(today), show=show, by=by, opened=opened, find=q
    )
    return page(
        request,
        "coordinator/rota.html",
        panel=None,
        show=show,
        by=by,
        q=q,
        opened=opened,
        draft=publishing.draft_changes(
            session, from_on=matrix.monday, until_on=matrix.monday + timedelta(days=6)
        ),
        **_around(matrix, today),
    )


@router.get("/rota/people")
def show_people(
    request: Request,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    reads: ReadLogDep,
    week: Day | None = None,
    only_asked: bool = False,
    teams: Annotated[list[Offset], Query(alias="open", max_length=60)] = [],  # noqa: B006  # FastAPI copies it
    q: OptionalLine40 = "",
) -> HTMLResponse:
    """The same week from the volunteers' side."""
    today = now.astimezone(house.zone).date()
    reads.saw(f"week:{week or today}", "timetables")
    matrix = volunteer_week(
        session, week_on=week or _week_of_interest(today), teams=teams, only_asked=only_asked, find=q
    )
    return page(
        request,
        "coordinator/rota_people.html",
        q=q,
        only_asked=only_asked,
        open_teams=teams,
        matrix=matrix,
        today=today,
        half_days=HALF_DAYS,
        codes=CellCode,
        before=matrix.monday - timedelta(days=7),
        after=matrix.monday + timedelta(days=7),
    )


@router.get("/rota/runs/{run_id}")
def show_run(
    request: Request,
    run_id: RowId,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    reads: ReadLogDep,
    turned_away: RowId | None = None,
    why: bool = False,
    who: OptionalLine40 = "",
    told: OptionalRowId = None,
    asked: Annotated[list[RowId], Query(max_length=20)] = [],  # noqa: B006  # FastAPI copies it
    candidate: Annotated[RowId | None, Query(alias="try")] = None,
    from_run: RowId | None = None,
    repairs: bool = False,
    undo_run: RowId | None = None,
    undo: Offset = 0,
) -> HTMLResponse:
    """One run beside its week. `try`, `from_run`: somebody, or another run's driver, tried out on this one."""
    panel = panel_of(session, run_id=run_id)
    reads.saw(f"week:{panel.on}", "timetables")
    if from_run is not None:
        candidate = trial.driver_of(session, from_run)
    return run_page(
        request,
        session,
        house,
        now,
        panel,
        turned_away=turned_away,
        why=why,
        who=who,
        told=told,
        asked=asked,
        candidate=candidate,
        wants_repairs=repairs,
        undo=drafts.Undo(undo_run, undo or None) if undo_run is not None else None,
    )


def run_page(
    request: Request,
    session: Session,
    house: House,
    now: datetime,
    panel: RunPanel,
    *,
    turned_away: int | None = None,
    why: bool = False,
    who: str = "",
    told: int | None = None,
    asked: Sequence[int] = (),
    candidate: int | None = None,
    wants_repairs: bool = False,
    undo: drafts.Undo | None = None,
    relief_mistake: str = "",
    relief_typed: Mapping[str, str] | None = None,
    car_mistake: str = "",
    car_typed: Mapping[str, Any] | None = None,
    status_code: int = 200,
) -> HTMLResponse:
    """Return one run beside its week. The mistakes: why what was told on the phone cannot be written down."""
    today = now.astimezone(house.zone).date()
    matrix = week_matrix(
        session,
        week_on=panel.on,
        show=Show.SCHOOLS,
        opened=[panel.school_id],
        first=[leg.child_id for leg in panel.legs],
    )
    is_past = panel.starts_at <= now
    people = _people(session, panel, house, is_past=is_past, why=why, who=who)
    wants_repairs = wants_repairs and not panel.is_safe and not is_past
    return page(
        request,
        "coordinator/rota.html",
        status_code,
        panel=panel,
        undo=undo,
        **_trial(session, panel, house, candidate, is_past=is_past),
        repairs=repairing.repairs_of(session, run_id=panel.run_id, now=now, zone=house.zone)
        if wants_repairs
        else None,
        relief_mistake=relief_mistake,
        relief_typed=relief_typed or {},
        car_mistake=car_mistake,
        car_typed=car_typed or {},
        car_colours=COLOURS,
        turned_away=panel.why_turned_away(turned_away) if turned_away is not None else None,
        show=Show.SCHOOLS,
        q="",
        who=who,
        just_told=next((leg for leg in panel.legs if leg.leg_id == told), None),
        just_asked=[one for one in panel.offers if one.volunteer_id in asked and one.state == "open"],
        by=GroupBy.SCHOOL,
        opened=[panel.school_id],
        **_around(matrix, today),
        draft=None,
        is_driving=panel.is_safe and -DAY_AROUND <= now - panel.starts_at <= DAY_AROUND,
        **people,
    )


@router.post("/rota/runs/{run_id}/ask")
def ask_people(
    request: Request,
    run_id: RowId,
    form: Annotated[AskForm, Form()],
    _me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    standins.ask_people(
        session,
        run_id=run_id,
        volunteer_ids=form.volunteer_ids,
        now=now,
        zone=house.zone,
        links=request.app.state.links,
    )
    asked = "&".join(f"asked={who}" for who in form.volunteer_ids[:20])
    return RedirectResponse(f"/rota/runs/{run_id}?{asked}", status_code=303)


@router.post("/rota/runs/{run_id}/unask")
def take_question_back(
    run_id: RowId, form: Annotated[AskForm, Form()], _me: CurrentCoordinator, session: SessionDep, now: NowDep
) -> Response:
    release.stop_asking(session, run_id=run_id, volunteer_ids=form.volunteer_ids, now=now)
    return RedirectResponse(f"/rota/runs/{run_id}", status_code=303)


@router.post("/rota/runs/{run_id}/record")
def record_answer(
    run_id: RowId,
    form: Annotated[RecordForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """An answer given by phone counts like a tap, with who wrote it down."""
    turned_away = answers.record_answer(
        session,
        run_id=run_id,
        volunteer_id=form.volunteer_id,
        yes=form.answer == "yes",
        by=me.subject,
        how="phone",
        now=now,
        zone=house.zone,
    )
    asked = f"?turned_away={form.volunteer_id}" if turned_away else ""
    return RedirectResponse(f"/rota/runs/{run_id}{asked}", status_code=303)


@router.post("/rota/runs/{run_id}/driver")
def change_draft(
    run_id: RowId,
    form: Annotated[DriverForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    now: NowDep,
) -> Response:
    """Put somebody, or nobody, into a draft; nobody is told."""
    undo = drafts.put_in_draft(
        session, run_id=run_id, volunteer_id=form.volunteer_id or None, by=me.subject, now=now
    )
    if form.is_undo:
        return RedirectResponse(f"/rota/runs/{run_id}", status_code=303)
    return RedirectResponse(
        f"/rota/runs/{run_id}?undo_run={undo.run_id}&undo={undo.volunteer_id or 0}", status_code=303
    )


@router.post("/rota/runs/{run_id}/repair")
def start_repair(
    request: Request,
    run_id: RowId,
    form: Annotated[RepairForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """Put the questions of a repair; whoever has promised another turn has said on the phone that he would change."""
    repairing.start_repair(
        session,
        run_id=run_id,
        other_run_id=form.other_run_id,
        mover_id=form.mover_id,
        colleague_id=form.colleague_id,
        by=me.subject,
        now=now,
        zone=house.zone,
        links=request.app.state.links,
    )
    return RedirectResponse(f"/rota/runs/{run_id}", status_code=303)


@router.post("/rota/plan")
def plan_week(
    form: Annotated[WeekForm, Form()], _me: CurrentCoordinator, house: HouseDep, now: NowDep
) -> Response:
    """Plan the week's free legs as a draft. No transaction is open while it is solved."""
    monday = form.week - timedelta(days=form.week.weekday())
    first = max(monday, now.astimezone(house.zone).date())
    made = planning.make_plan(
        house.store,
        now=now,
        zone=house.zone,
        from_on=first,
        until_on=monday + timedelta(days=6),
        seed=PLAN_SEED,
    )
    if made is None:
        raise Refused("这一周没有要排的行程：都有人了，或者这周不上学。")
    return RedirectResponse(f"/rota?week={monday}&show=draft", status_code=303)


@router.get("/rota/publish")
def show_publish(request: Request, _me: CurrentCoordinator, session: ReadSessionDep, week: Day) -> Response:
    """Say what publishing brings before it is done: it may write to hundreds of people."""
    draft = _newest_draft(session)
    if draft.plan is None or not draft.runs:
        return RedirectResponse(f"/rota?week={week}", status_code=303)
    return page(request, "coordinator/publish.html", draft=draft, plan=draft.plan, week=week)


@router.post("/rota/publish")
def publish(
    form: Annotated[PublishForm, Form()], me: CurrentCoordinator, session: SessionDep, now: NowDep
) -> Response:
    publishing.publish_plan(session, plan_id=form.plan_id, by=me.subject, now=now)
    return RedirectResponse(f"/rota?week={form.week}", status_code=303)


def _week_of_interest(today: date) -> date:
    """On a weekend the office looks at the week to come."""
    return today + timedelta(days=7 - today.weekday()) if today.weekday() >= SATURDAY else today


def _around(matrix: WeekMatrix, today: date) -> dict[str, Any]:
    return {
        "matrix": matrix,
        "today": today,
        "half_days": HALF_DAYS,
        "codes": CellCode,
        "need_words": NEED_WORDS,
        "shift_words": SHIFT_WORDS,
        "offer_words": OFFER_WORDS,
        "reason_words": REASON_WORDS,
        "before": matrix.monday - timedelta(days=7),
        "after": matrix.monday + timedelta(days=7),
    }


def _newest_draft(session: Session) -> publishing.Draft:
    """What publishing the newest draft plan brings: all its weeks, not only the one on the screen."""
    newest = publishing.draft_changes(session, from_on=date.min, until_on=date.max)
    if newest.plan is None:
        return newest
    return publishing.draft_changes(session, from_on=newest.plan.from_on, until_on=newest.plan.until_on)


def _trial(
    session: Session, panel: RunPanel, house: House, candidate: int | None, *, is_past: bool
) -> dict[str, Any]:
    """Somebody tried out: what he would cost beside who drives now, and why not."""
    tried = (
        trial.try_driver(session, run_id=panel.run_id, volunteer_id=candidate, zone=house.zone)
        if candidate is not None and not is_past
        else None
    )
    if tried is None or tried.was_id == tried.volunteer_id:
        return {"trial": None, "trial_reasons": [], "trial_refusal": None}
    refusal = tried.refusal or tried.other_refusal
    return {
        "trial": tried,
        "trial_reasons": compared(tried.weighed),
        "trial_refusal": why_not(refusal) if refusal is not None else None,
    }


def _people(
    session: Session, panel: RunPanel, house: House, *, is_past: bool, why: bool, who: str
) -> dict[str, Any]:
    """Who could drive, and why not the others; only asked for where somebody has said yes or the time is over."""
    is_settled = panel.is_safe and not panel.is_searched
    if (is_settled or is_past) and not (why or who):
        return {
            "candidates": [],
            "blocked": [],
            "relaxed": [],
            "free": 0,
            "is_past": is_past,
            "why": False,
            "reasons": [],
            "against": [],
            "next_best": None,
            "barrier": [],
            "two": [],
            "named": [],
        }
    named = volunteers.search(session, who, on=panel.on, limit=NAMED)
    driver = panel.driver if panel.is_safe else None
    explained = standins.explain_run(
        session,
        run_id=panel.run_id,
        zone=house.zone,
        limit=CANDIDATES,
        driver_id=driver.volunteer_id if driver else None,
        about=[one.volunteer_id for one in named],
    )
    turns = partial(other_turns, session, on=panel.on, direction=panel.direction)
    busy = turns(volunteer_ids=[one.volunteer_id for one in named]) if named else {}
    found = explained.candidates
    first = explained.driver or (found[0] if found else None)
    prices = {who: one.price - first.price if first else 0 for who, one in explained.able.items()}
    next_best = found[0] if explained.driver and found else None
    return {
        "candidates": [(one, chips_of(one)) for one in found],
        "blocked": blocked_of(explained.why),
        "relaxed": relaxed_of(explained.why) if not found else [],
        "barrier": barrier_of(explained.why),
        "two": two_of(explained.why),
        "free": explained.why.free,
        "is_past": is_past,
        "why": True,
        "reasons": why_driver(explained.driver, explained.nearer) if explained.driver else [],
        "next_best": next_best,
        "against": compared(weigh(explained.driver.cost, next_best.cost))
        if explained.driver and next_best
        else [],
        "named": [
            (
                one,
                why_not(explained.refusals[one.volunteer_id], prices.get(one.volunteer_id, 0)),
                busy.get(one.volunteer_id),
            )
            for one in named
            if one.volunteer_id in explained.refusals
        ],
        "ask_first": [one.volunteer_id for one in found if not one.is_asked][:ASK_AT_ONCE],
    }


NAMED = 5  # of whom a typed name may mean
SATURDAY = 5
NEED_WORDS = {
    "wheelchair": mark("能放轮椅"),
    "child_seat": mark("有儿童座椅"),
    "female_driver": mark("女司机"),
    "only_familiar": mark("只要熟面孔"),
    "alone": mark("单独坐车"),
    "second_adult": mark("要第二个大人"),
}
SHIFT_WORDS = {
    "declined": mark("说去不了"),
    "lapsed": mark("到点没回"),
    "freed": mark("换下来了"),
    "draft": mark("草稿撤了"),
    "open": mark("待确认"),
    "confirmed": mark("说能去"),
    "served": mark("开过了"),
}
OFFER_WORDS = {
    "open": mark("还没回"),
    "standing": mark("固定的，照常"),
    "waiting": mark("说能去，等家里那位"),
    "accepted": mark("说能去"),
    "declined": mark("说去不了"),
    "lapsed": mark("到点没回"),
    "taken": mark("别人先答应了"),
    "withdrawn": mark("不用问了"),
}
REASON_WORDS = {
    "cancelled": mark("不用接了"),
    "calendar": mark("这天不上学"),
    "changed": mark("时间或地点变了"),
    "blockout": mark("这天不行"),
    "given_back": mark("打电话说去不了"),
    "suspended": mark("停用"),
    "stood_in": mark("别人顶班"),
    "not_in_rota": mark("不在轮值里"),
    "apart": mark("家人那半天有一趟"),
    "parted": mark("同车的家人去不了"),
    "swapped": mark("和别人换了"),
    "moved": mark("改问了另一趟"),
    "unfit": mark("证件到期或家里不同意"),
}
PLAN_SEED = 1  # the same book gives the same plan
