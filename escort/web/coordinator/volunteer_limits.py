"""What a volunteer says of himself, as the office writes it down: the rotation, the household, next month, papers."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from escort.errors import Refused
from escort.roster import households as links
from escort.roster import queries, service
from escort.roster.models import LinkKind
from escort.roster.papers import note_yearly_batch, yearly_batch
from escort.rota import households, month_question, rotation
from escort.sentences import mark
from escort.spreadsheet import workbook
from escort.web.deps import CurrentCoordinator, HouseDep, NowDep, ReadSessionDep, SessionDep
from escort.web.downloads import footer, xlsx
from escort.web.forms import FormModel, OptionalLine20, OptionalRowId, RowId, read_day
from escort.web.render import page

router = APIRouter()
KIND_WORDS = {
    LinkKind.APART: mark("不同时出车"),
    LinkKind.TOGETHER: mark("只一起出车"),
}


class RotationForm(FormModel):
    joins_on: OptionalLine20 = ""
    leaves_on: OptionalLine20 = ""


class LinkForm(FormModel):
    other: RowId
    kind: LinkKind


@router.get("/volunteers/{volunteer_id}/rotation")
def show_rotation(
    request: Request,
    volunteer_id: RowId,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    joins_on: Annotated[str, Query(max_length=20)] = "",
    leaves_on: Annotated[str, Query(max_length=20)] = "",
) -> HTMLResponse:
    """Say what these dates would take back, before anybody sets them."""
    volunteer = service.get_volunteer(session, volunteer_id)
    try:
        joins, leaves = read_day(joins_on), read_day(leaves_on)
        rotation.check_dates(joins, leaves, today=now.astimezone(house.zone).date())
    except Refused as refused:
        return page(
            request,
            "coordinator/volunteer_rotation.html",
            400,
            volunteer=volunteer,
            typed={"joins_on": joins_on, "leaves_on": leaves_on},
            mistake=refused.sentence,
        )
    return page(
        request,
        "coordinator/volunteer_rotation.html",
        volunteer=volunteer,
        typed={"joins_on": joins_on, "leaves_on": leaves_on},
        mistake="",
        joins_on=joins,
        leaves_on=leaves,
        outside=rotation.what_lies_outside(
            session, volunteer_id=volunteer_id, joins_on=joins, leaves_on=leaves, now=now
        ),
    )


@router.post("/volunteers/{volunteer_id}/rotation")
def set_rotation(
    volunteer_id: RowId,
    form: Annotated[RotationForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    rotation.set_rotation(
        session,
        volunteer_id=volunteer_id,
        joins_on=read_day(form.joins_on),
        leaves_on=read_day(form.leaves_on),
        by=me.subject,
        now=now,
        zone=house.zone,
        duty_phone=house.settings.duty_phone,
    )
    return _back(volunteer_id)


@router.get("/volunteers/{volunteer_id}/links")
def show_new_link(
    request: Request,
    volunteer_id: RowId,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    text: Annotated[str, Query(max_length=40)] = "",
    other: OptionalRowId = None,
    kind: LinkKind = LinkKind.APART,
) -> HTMLResponse:
    """Find the other one, then say what the link would free."""
    today = now.astimezone(house.zone).date()
    found = [one for one in queries.search(session, text, on=today) if one.volunteer_id != volunteer_id]
    effect = None
    if other is not None:
        effect = households.effect_of_link(
            session, volunteer_id=volunteer_id, other_id=other, kind=kind, now=now
        )
    return page(
        request,
        "coordinator/volunteer_link.html",
        volunteer=service.get_volunteer(session, volunteer_id),
        other=service.get_volunteer(session, other) if other is not None else None,
        found=found[:MOST_FOUND],
        text=text,
        kind=kind,
        kind_words=KIND_WORDS,
        effect=effect,
    )


@router.post("/volunteers/{volunteer_id}/links")
def link_volunteers(
    volunteer_id: RowId,
    form: Annotated[LinkForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    households.link_people(
        session,
        volunteer_id=volunteer_id,
        other_id=form.other,
        kind=form.kind,
        by=me.subject,
        now=now,
        zone=house.zone,
    )
    return _back(volunteer_id)


@router.post("/volunteers/{volunteer_id}/links/{link_id}/end")
def end_link(
    volunteer_id: RowId, link_id: RowId, me: CurrentCoordinator, session: SessionDep, now: NowDep
) -> Response:
    links.unlink(session, link_id=link_id, volunteer_id=volunteer_id, now=now, by=me.subject)
    return _back(volunteer_id)


@router.post("/volunteers/{volunteer_id}/no-blockouts")
def note_nothing(
    volunteer_id: RowId, me: CurrentCoordinator, session: SessionDep, house: HouseDep, now: NowDep
) -> Response:
    """没有, said on the phone."""
    month_question.answer_none(
        session,
        volunteer_id=volunteer_id,
        how=f"phone:{me.subject}",
        now=now,
        today=now.astimezone(house.zone).date(),
    )
    return _back(volunteer_id)


@router.post("/volunteers/papers")
def take_yearly_batch(me: CurrentCoordinator, house: HouseDep, now: NowDep) -> Response:
    """Hand out the list for the yearly batch. That somebody took it is in the trail before the file goes out."""
    today: date = now.astimezone(house.zone).date()
    with house.store.read() as session:
        sheets = yearly_batch(session, today=today)
    with house.store.write() as session:
        note_yearly_batch(session, by=me.subject, people=len(sheets[0].rows) - 1, now=now)
    return xlsx(workbook(sheets, footer=footer(me, house, now)), f"年审名单-{today}")


def _back(volunteer_id: int) -> RedirectResponse:
    return RedirectResponse(f"/volunteers/{volunteer_id}", status_code=303)


MOST_FOUND = 8
