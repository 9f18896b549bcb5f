"""What the office takes out as a file: door sheets one by one or in a pile, the week for the wall, a group's picture.

Each is a POST: that it was taken out stands in the trail before it is typeset, and no transaction waits for that.
"""

from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import Field
from sqlmodel import Session

from escort.access import audit
from escort.errors import Refused
from escort.journeys import fridge
from escort.rota.open_runs import open_runs
from escort.rota.week import GroupBy, Show, week_matrix
from escort.sentences import mark
from escort.web.deps import CurrentCoordinator, HouseDep, NowDep
from escort.web.downloads import pdf, png, unprintable, words_for
from escort.web.forms import Day, FormModel, Ids, Offset, OptionalRowId, RowId
from escort.web.paper import fridge as fridge_paper
from escort.web.paper import press
from escort.web.paper import rota as rota_paper
from escort.web.paper import share as share_paper

router = APIRouter()


class DoorForm(FormModel):
    week: Day


class PileForm(FormModel):
    week: Day | None = None  # not said: the week to print today
    school_id: OptionalRowId = None
    team_id: OptionalRowId = None
    without: Ids = Field(default_factory=list)


class WallForm(FormModel):
    week: Day
    show: Show = Show.ALL
    by: GroupBy = GroupBy.SCHOOL
    opened: list[Offset] = Field(default_factory=list, max_length=60)


class PictureForm(FormModel):
    first: Day
    last: Day | None = None  # not said: the day after


@router.post("/children/{child_id}/sheet/pdf")
def take_door_sheet(
    request: Request,
    child_id: RowId,
    form: Annotated[DoorForm, Form()],
    me: CurrentCoordinator,
    house: HouseDep,
    now: NowDep,
) -> Response:
    with house.store.read() as session:
        sheet = fridge.fridge_sheet(session, child_id=child_id, week_on=form.week, now=now, zone=house.zone)
    made = fridge_paper.values([sheet], words_for(request), duty_phone=house.settings.duty_phone)
    try:
        press.check(made)
    except press.Unprintable as mistake:
        return unprintable(request, mistake, links=[_page_of(sheet)])
    with house.store.write() as session:
        _name_request(session, request)
        fridge.note_taken_out(session, [sheet], by=me.subject, subject=f"child:{child_id}", now=now)
    return pdf(press.pdf("fridge", made), f"门上的单子-{sheet.monday}")


@router.post("/sheets/pdf")
def take_pile(
    request: Request,
    form: Annotated[PileForm, Form()],
    me: CurrentCoordinator,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """One file with a page for each family that does not read texts."""
    week = form.week or fridge.week_to_print(_day(now, house.zone))
    with house.store.read() as session:
        sheets = fridge.fridge_sheets(
            session,
            school_id=form.school_id,
            team_id=form.team_id,
            without=form.without,
            week_on=week,
            now=now,
            zone=house.zone,
        )
    if not sheets:
        raise Refused("这一周没有要贴单子的家庭：不看短信的家庭里，没有孩子有接送。")
    words, phone = words_for(request), house.settings.duty_phone
    made = fridge_paper.values(sheets, words, duty_phone=phone)
    try:
        press.check(made)
    except press.Unprintable as mistake:
        rare = [sheet for sheet in sheets if press.missing_in(fridge_paper.of_sheet(sheet, words, phone))]
        rest: dict[str, str | list[int]] = {
            "week": week.isoformat(),
            "school_id": str(form.school_id or ""),
            "team_id": str(form.team_id or ""),
            "without": [*form.without, *(sheet.child_id for sheet in rare)],
        }
        return unprintable(
            request,
            mistake,
            links=[_page_of(sheet) for sheet in rare],
            rest=("/sheets/pdf", rest) if len(rare) < len(sheets) else None,
        )
    with house.store.write() as session:
        _name_request(session, request)
        fridge.note_taken_out(session, sheets, by=me.subject, subject="door_sheets", now=now)
    return pdf(press.pdf("fridge", made), f"门上的单子-{sheets[0].monday}-{len(sheets)}张")


@router.post("/rota/pdf")
def take_week(
    request: Request,
    form: Annotated[WallForm, Form()],
    me: CurrentCoordinator,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """The schools, or teams, that are open on the page, for the wall."""
    with house.store.read() as session:
        matrix = week_matrix(session, week_on=form.week, show=form.show, by=form.by, opened=form.opened)
    children = sum(len(group.rows) for group in matrix.groups)
    if not children:
        raise Refused("这一页没有打开的学校，没有东西可以打印。请先点“全部”，或点开一所学校。")
    words = words_for(request)
    made = rota_paper.values(matrix, words, foot=words.taken_out(me.name, now, house.zone))
    try:
        press.check(made)
    except press.Unprintable as mistake:
        opened = "".join(f"&open={group_id}" for group_id in form.opened)
        page_of_week = f"/rota?week={matrix.monday}&show={form.show}&by={form.by}{opened}"
        return unprintable(request, mistake, links=[(words(mark("周排班")), page_of_week)])
    with house.store.write() as session:
        _name_request(session, request)
        _note(session, me.subject, "rota.exported", f"week:{matrix.monday}", f"children: {children}", now)
    return pdf(press.pdf("rota", made), f"排班表-{matrix.monday}")


@router.post("/rota/picture")
def take_picture(
    request: Request,
    form: Annotated[PictureForm, Form()],
    me: CurrentCoordinator,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """The turns that still lack somebody, as a picture that may be posted in a group."""
    first = form.first
    last = min(form.last or first + timedelta(days=1), first + WEEK)
    with house.store.read() as session:
        runs = open_runs(session, from_on=first, until_on=last, now=now)
    if not runs:
        raise Refused("这几天公布了的车次都有人了，不用发图。")
    settings = house.settings
    made = share_paper.values(
        runs,
        words_for(request),
        district=settings.district,
        duty_phone=settings.duty_phone,
        first=_day(runs[0].starts_at, house.zone),
        last=_day(runs[-1].starts_at, house.zone),
    )
    picture = press.png("share", made)
    with house.store.write() as session:
        _name_request(session, request)
        _note(session, me.subject, "rota_picture.exported", f"week:{first}", f"turns: {len(runs)}", now)
    return png(picture, f"还缺人-{first}")


def _page_of(sheet: fridge.FridgeSheet) -> tuple[str, str]:
    return sheet.child, f"/children/{sheet.child_id}/sheet?week={sheet.monday}"


def _note(session: Session, by: str, action: str, subject: str, field: str, now: datetime) -> None:
    audit.record(session, actor=by, action=action, subject=subject, fields=[field], now=now)


def _name_request(session: Session, request: Request) -> None:
    session.info[audit.REQUEST_ID] = getattr(request.state, "request_id", "")


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


WEEK = timedelta(days=6)
