"""Changing a child's arrangement by hand: the edit form, pauses, a new term, and one day that is different."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BeforeValidator, Field
from sqlmodel import Session

from escort.access import audit
from escort.errors import Conflict, Refused
from escort.families import escorts, sealed_reads
from escort.families.edits import ChildEdit, PersonEdit, Versions, edit_child
from escort.families.models import Escort, Family, PlaceKind, Why
from escort.families.places import AmbiguousPlace, read_place
from escort.families.queries import NEEDS
from escort.families.service import get_child
from escort.filled_form import FilledForm, FormMistakes, MaybeDate, text_of
from escort.rota import legs, pauses
from escort.rota.needs import fit_to_needs
from escort.schools.places import search_places
from escort.sentences import mark
from escort.typed_values import read_time
from escort.web.coordinator.children import NEED_WORDS, TELL_WORDS, child_page
from escort.web.coordinator.posted import TypedDep, filled, posted_number
from escort.web.deps import CurrentCoordinator, HouseDep, NowDep, ReadLogDep, ReadSessionDep, SessionDep
from escort.web.forms import RowId
from escort.web.render import page
from scheduling.travel import Point

router = APIRouter()
BOXES = (*NEEDS, "to_school", "home_again", "new_is_proxy", "confirms_arrival")
PEOPLE = ("guardian_ids", "phones", "gets", "proxies")


class DatesForm(FilledForm):
    """From which day to which; why, and in which words, only of a pause."""

    from_on: MaybeDate = Field(title=mark("从哪天起"))
    until_on: MaybeDate = Field(None, title=mark("到哪天止"))
    why: Why = Field(Why.OTHER, title=mark("为什么"))
    reason: Annotated[str, BeforeValidator(text_of(80, "为什么"))] = Field("", title=mark("为什么"))

    def first_day(self) -> date:
        if self.from_on is None:
            raise FormMistakes({"from_on": mark("从哪天起没填，请补上。")})
        return self.from_on

    def last_day(self) -> date:
        if self.until_on is None:
            raise FormMistakes({"until_on": mark("到哪天止没填，请补上。")})
        return self.until_on


class OneDayForm(FilledForm):
    """One leg's other time or place; blank: as it is."""

    at: Annotated[time | None, BeforeValidator(lambda value: read_time(str(value or "")))] = Field(
        None, title=mark("几点接")
    )
    place: Annotated[str, BeforeValidator(text_of(500, "地方"))] = Field("", title=mark("地方"))


@router.get("/children/{child_id}/edit")
def show_edit(
    request: Request, child_id: RowId, _me: CurrentCoordinator, session: ReadSessionDep, reads: ReadLogDep
) -> HTMLResponse:
    reads.saw(f"child:{child_id}", "guardians")
    child, escort = get_child(session, child_id), escorts.escort_of(session, child_id)
    people = sealed_reads.open_guardians(session, child_id)
    family = session.get_one(Family, child.family_id)
    fields: dict[str, str | list[str]] = {need: "on" if getattr(child, need) else "" for need in NEEDS}
    fields |= {
        "weekdays": [str(day) for day, rides in enumerate(escort.weekdays) if rides == "1"],
        "to_school": "on" if escort.to_school else "",
        "home_again": "on" if escort.home else "",
        "from_on": escort.from_on.isoformat(),
        "until_on": escort.until_on.isoformat() if escort.until_on else "",
        "gets": [str(who.id) for who in people if who.gets_messages],
        "proxies": [str(who.id) for who in people if who.is_proxy],
        "tell_by": family.tell_by,
        "confirms_arrival": "on" if family.confirms_arrival else "",
        "version": str(child.version),
        "escort_version": str(escort.version),
    }
    return _edit_page(request, session, child_id, fields=fields, mistakes={})


@router.post("/children/{child_id}/edit")
def edit(
    request: Request,
    child_id: RowId,
    typed: TypedDep,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """Save the whole form, or give it back as it was typed with each mistake at its field."""
    fields = filled(typed, boxes=BOXES, lists=["weekdays", *PEOPLE])
    not_asked = {"version", "escort_version", *PEOPLE}
    try:
        with session.begin_nested():
            edit_child(
                session,
                child_id=child_id,
                form=ChildEdit.read({name: fields[name] for name in fields if name not in not_asked}),
                people=_people(typed),
                versions=Versions(
                    posted_number(fields.get("version")), posted_number(fields.get("escort_version"))
                ),
                now=now,
                by=me.subject,
            )
    except (FormMistakes, Conflict) as wrong:
        audit.record(
            session,
            actor=me.subject,
            action="read",
            subject=f"child:{child_id}",
            fields=["guardians"],
            now=now,
        )
        return _edit_page(
            request,
            session,
            child_id,
            fields=fields,
            mistakes=wrong.fields if isinstance(wrong, FormMistakes) else {},
            wrong=wrong,
        )
    legs.extend_calendar(session, now=now, zone=house.zone)
    fit_to_needs(session, child_id=child_id, by=me.subject, now=now, zone=house.zone)
    return RedirectResponse(f"/children/{child_id}", status_code=303)


@router.post("/children/{child_id}/pause")
def pause(
    request: Request,
    child_id: RowId,
    typed: TypedDep,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    fields = filled(typed)
    try:
        form = DatesForm.read(fields)
        pauses.pause_child(
            session,
            child_id=child_id,
            why=form.why,
            from_on=form.first_day(),
            until_on=form.last_day(),
            note=form.reason,
            by=me.subject,
            now=now,
            zone=house.zone,
        )
    except Refused as wrong:
        return child_page(request, session, child_id, house, now, wrong=("pause", fields, wrong))
    return RedirectResponse(f"/children/{child_id}", status_code=303)


@router.post("/children/{child_id}/pauses/{pause_id}/lift")
def lift_pause(
    child_id: RowId,
    pause_id: RowId,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    pauses.lift_pause(session, child_id=child_id, pause_id=pause_id, by=me.subject, now=now, zone=house.zone)
    return RedirectResponse(f"/children/{child_id}", status_code=303)


@router.post("/children/{child_id}/end")
def end_escort(
    request: Request,
    child_id: RowId,
    typed: TypedDep,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """End the arrangement after a last day, or at once."""
    fields = filled(typed)
    try:
        form = DatesForm.read({"from_on": None, **fields})
        escorts.end_escort(
            session,
            child_id=child_id,
            last_on=form.until_on,
            today=now.astimezone(house.zone).date(),
            now=now,
            by=me.subject,
        )
    except Refused as wrong:
        return child_page(request, session, child_id, house, now, wrong=("end", fields, wrong))
    legs.extend_calendar(session, now=now, zone=house.zone)
    return RedirectResponse(f"/children/{child_id}", status_code=303)


@router.post("/children/{child_id}/renew")
def renew_escort(
    request: Request,
    child_id: RowId,
    typed: TypedDep,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """Start the last arrangement afresh, such as for the next term."""
    fields = filled(typed)
    try:
        form = DatesForm.read(fields)
        escorts.renew_escort(
            session,
            child_id=child_id,
            from_on=form.first_day(),
            until_on=form.until_on,
            now=now,
            by=me.subject,
        )
    except Refused as wrong:
        return child_page(request, session, child_id, house, now, wrong=("renew", fields, wrong))
    legs.extend_calendar(session, now=now, zone=house.zone)
    return RedirectResponse(f"/children/{child_id}", status_code=303)


@router.post("/legs/{leg_id}/restore")
def restore_leg(
    leg_id: RowId, me: CurrentCoordinator, session: SessionDep, house: HouseDep, now: NowDep
) -> Response:
    legs.restore_leg(session, leg_id=leg_id, by=me.subject, now=now)
    audit.record(session, actor=me.subject, action="leg.restore", subject=f"leg:{leg_id}", now=now)
    legs.extend_calendar(session, now=now, zone=house.zone)
    return RedirectResponse(f"/children/{legs.get_leg(session, leg_id).child_id}", status_code=303)


@router.post("/legs/{leg_id}/change")
def change_leg(
    request: Request,
    leg_id: RowId,
    typed: TypedDep,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """Another time or place for one day, as the family said on the phone."""
    fields = filled(typed)
    leg = legs.get_leg(session, leg_id)
    child_id, on = leg.child_id, leg.on
    try:
        form = OneDayForm.read(fields)
        point, name = _elsewhere(session, child_id, form.place)
        if form.at is None and point is None:
            raise FormMistakes({"at": mark("时间、地方都没有改，请至少填一样。")})
        legs.change_leg(
            session,
            leg_id=leg_id,
            by=me.subject,
            now=now,
            zone=house.zone,
            pickup_at=datetime.combine(on, form.at, house.zone) if form.at else None,
            place_name=name,
            point=point,
        )
    except Refused as wrong:
        return child_page(request, session, child_id, house, now, wrong=(f"leg-{leg_id}", fields, wrong))
    changed = [field for field in ("at", "place") if getattr(form, field)]
    audit.record(
        session, actor=me.subject, action="leg.change", subject=f"leg:{leg_id}", fields=changed, now=now
    )
    legs.extend_calendar(session, now=now, zone=house.zone)
    return RedirectResponse(f"/children/{child_id}", status_code=303)


def _elsewhere(session: Session, child_id: int, text: str) -> tuple[tuple[float, float] | None, str | None]:
    """Return the point and the name of another place for one day; a time of the road cannot be guessed for it."""
    if not text:
        return None, None
    child = get_child(session, child_id)
    home = Point(child.home_lat, child.home_lon) if child.home_lat and child.home_lon else None
    try:
        chosen = read_place(session, text, home=home)
    except FormMistakes as wrong:
        raise FormMistakes({"place": wrong.sentence}) from wrong
    if chosen.kind is PlaceKind.BY_HAND or chosen.point is None:
        raise FormMistakes({"place": mark("改一天要用常用地点或地图上的点，请粘贴坐标。")})
    return (chosen.point.lat, chosen.point.lon), chosen.name


def _people(typed: Mapping[str, list[str]]) -> list[PersonEdit]:
    """Return what the form says of each person; the lists stand side by side."""
    ids, phones = typed.get("guardian_ids", []), typed.get("phones", [])
    if len(ids) != len(phones):
        raise Refused("这一页开得太久了，请刷新后再改。")
    return [
        PersonEdit(
            posted_number(who), who in typed.get("gets", []), who in typed.get("proxies", []), phone.strip()
        )
        for who, phone in zip(ids, phones, strict=True)
    ]


def _edit_page(
    request: Request,
    session: Session,
    child_id: int,
    *,
    fields: Mapping[str, str | list[str]],
    mistakes: Mapping[str, str],
    wrong: Refused | Conflict | None = None,
) -> HTMLResponse:
    escort: Escort = escorts.escort_of(session, child_id)
    ids, typed_phones = fields.get("guardian_ids", []), fields.get("phones", [])
    return page(
        request,
        "coordinator/edit_child.html",
        wrong.status if wrong else 200,
        child=get_child(session, child_id),
        escort=escort,
        people=sealed_reads.open_guardians(session, child_id),
        phones=dict(zip(ids, typed_phones, strict=False)),
        fields=fields,
        mistakes=mistakes,
        conflict=wrong.sentence if isinstance(wrong, Conflict) else "",
        offered={next(iter(mistakes)): wrong.places} if isinstance(wrong, AmbiguousPlace) else {},
        known_places=search_places(session, "", limit=400),
        need_words=NEED_WORDS,
        tell_words=TELL_WORDS,
    )
