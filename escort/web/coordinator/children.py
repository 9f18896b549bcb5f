"""Children: the list, one child, setting one up with six fields and a live verdict, name and consent."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from escort import spoken, wording
from escort.access import audit
from escort.errors import NotFound, Refused
from escort.families import consent, escorts, next_term, sealed_reads
from escort.families.forms import CONSENT_VERSION, ChildCompletion, ChildSetUp
from escort.families.models import Escort, TellBy, Why
from escort.families.places import AmbiguousPlace
from escort.families.queries import MISSING_SENTENCES, list_children, missing_of, told_with_new_numbers
from escort.families.service import complete_child, get_child, set_up_child
from escort.filled_form import FormMistakes
from escort.journeys import windows
from escort.journeys.cancelled import Afternoon, cancel_morning
from escort.journeys.family_link import send_family_link
from escort.rota import afternoons, legs
from escort.rota.new_child import NewChildVerdict, judge_new_child
from escort.rota.week import Cell, CellCode, legs_of_child
from escort.schools.places import search_places
from escort.schools.service import get_school, list_schools
from escort.sentences import mark
from escort.web.coordinator.posted import TypedDep, filled, posted_number
from escort.web.coordinator.reasons import WORDS
from escort.web.coordinator.sketch import sketch_of
from escort.web.deps import (
    CurrentCoordinator,
    House,
    HouseDep,
    NowDep,
    ReadLogDep,
    ReadSessionDep,
    SessionDep,
)
from escort.web.forms import FormModel, Line80, Offset, RowId
from escort.web.render import page
from notifications.templates import sms_segments

router = APIRouter()
PAGE = 50
AHEAD = timedelta(days=14)
BOXES = (
    "to_school",
    "home_again",
    "child_seat",
    "wheelchair",
    "female_driver",
    "only_familiar",
    "alone",
    "second_adult",
)
NEED_WORDS = {
    "wheelchair": mark("坐轮椅"),
    "child_seat": mark("要儿童座椅"),
    "only_familiar": mark("只要熟面孔"),
    "female_driver": mark("只要女司机"),
    "alone": mark("单独一车"),
    "second_adult": mark("要第二个大人"),
}
TELL_WORDS = {
    TellBy.SMS: mark("短信"),
    TellBy.CALL: mark("打电话"),
    TellBy.PROXY: mark("请人转告"),
    TellBy.PAPER: mark("纸条"),
}
WHY_WORDS = {
    Why.SICK: mark("病了"),
    Why.AWAY: mark("去外婆家或外地"),
    Why.OTHER: mark("别的原因"),
}
FRESH: Mapping[str, str | list[str]] = {
    "weekdays": ["0", "1", "2", "3", "4"],
    "to_school": "on",
    "home_again": "on",
    "tell_by": TellBy.SMS,
}
JUDGED_WITHOUT = {
    "short_name": "孩子",
    "tell_name": "家里",
    "phone": "19900000000",
}  # the verdict needs none of them
WORD_FOR_SHOW = "蓝色风筝"
LINK_FOR_SHOW = "0" * 22  # as long as a real one


class ReasonForm(FormModel):
    reason: Line80
    afternoon: Afternoon = Afternoon.NOT_SAID  # only where a morning is cancelled


@router.get("/children")
def show_children(
    request: Request,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    text: Annotated[str, Query(max_length=40)] = "",
    only: Annotated[str, Query(pattern="^(missing)?$")] = "",
    offset: Offset = 0,
) -> HTMLResponse:
    found = list_children(session, on=_today(house, now), text=text)
    waiting = [line for line in found if line.missing]
    lines = waiting if only == "missing" else found
    return page(
        request,
        "coordinator/children.html",
        lines=lines[offset : offset + PAGE],
        total=len(lines),
        everybody=len(found),
        waiting=len(waiting),
        offset=offset,
        step=PAGE,
        text=text,
        only=only,
        need_words=NEED_WORDS,
        missing_sentences=MISSING_SENTENCES,
    )


@router.get("/children/new")
def show_new_child(request: Request, _me: CurrentCoordinator, session: ReadSessionDep) -> HTMLResponse:
    return _new_child_page(request, session, fields=FRESH, mistakes={}, shown={})


@router.post("/children/new")
def add_child(
    request: Request,
    typed: TypedDep,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """Save the six fields, or only look: the same form, with the verdict beside it."""
    fields = filled(typed, boxes=BOXES, lists=["weekdays"])
    if "look" in typed.get("do", []):
        shown, mistakes = _look(session, fields, today=_today(house, now), house=house, now=now)
        return _new_child_page(request, session, fields=fields, mistakes=mistakes, shown=shown)
    try:
        with session.begin_nested():
            made = set_up_child(
                session, form=ChildSetUp.read(fields), today=_today(house, now), now=now, by=me.subject
            )
    except FormMistakes as wrong:
        shown, _ = _look(session, fields, today=_today(house, now), house=house, now=now)
        return _new_child_page(
            request,
            session,
            fields=fields,
            mistakes=wrong.fields,
            shown=shown,
            places=_offered(wrong),
            status_code=400,
        )
    return RedirectResponse(f"/children/{made.child_id}/complete", status_code=303)


@router.post("/children/new/verdict")
def show_verdict(
    request: Request,
    typed: TypedDep,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
) -> HTMLResponse:
    """The right half of the page alone, for the page's script. Nothing is kept."""
    fields = filled(typed, boxes=BOXES, lists=["weekdays"])
    shown, _ = _look(session, fields, today=_today(house, now), house=house, now=now)
    return page(request, "coordinator/verdict.html", **_verdict_context(shown))


@router.get("/children/{child_id}")
def show_child(
    request: Request,
    child_id: RowId,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    reads: ReadLogDep,
) -> HTMLResponse:
    reads.saw(f"child:{child_id}", "timetable")
    return child_page(request, session, child_id, house, now)


@router.post("/children/{child_id}/open")
def open_child(
    request: Request,
    child_id: RowId,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> HTMLResponse:
    """Show name, address, diagnosis and numbers once, with one entry in the trail."""
    full_name, born_on = sealed_reads.open_identity(session, child_id)
    opened = {
        "full_name": full_name,
        "born_on": born_on,
        "address": sealed_reads.open_address(session, child_id),
        "diagnosis": sealed_reads.open_diagnosis(session, child_id),
        "handling_note": sealed_reads.open_handling_note(session, child_id),
        "guardians": sealed_reads.open_guardians(session, child_id, with_phones=True),
        "receivers": sealed_reads.open_receivers(session, child_id),
        "barred": sealed_reads.open_barred(session, child_id),
    }
    audit.record(
        session, actor=me.subject, action="read", subject=f"child:{child_id}", fields=list(opened), now=now
    )
    return child_page(request, session, child_id, house, now, opened=opened)


@router.post("/children/{child_id}/link")
def send_link(
    request: Request,
    child_id: RowId,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """Send the family the way to its page: by text, or on the list of what the office forwards."""
    send_family_link(
        session, child_id=child_id, by=me.subject, now=now, zone=house.zone, links=request.app.state.links
    )
    return RedirectResponse(f"/children/{child_id}?sent=1", status_code=303)


@router.get("/children/{child_id}/complete")
def show_completion(
    request: Request, child_id: RowId, _me: CurrentCoordinator, session: ReadSessionDep, reads: ReadLogDep
) -> HTMLResponse:
    full_name, born_on = sealed_reads.open_identity(session, child_id)
    receivers = sealed_reads.open_receivers(session, child_id)
    if full_name or receivers:
        reads.saw(f"child:{child_id}", "full_name", "receivers", "barred")
    fields = {
        "full_name": full_name or "",
        "born_on": born_on or "",
        "receivers": "\n".join(f"{who.name} {who.phone or ''}".strip() for who in receivers),
        "barred": "\n".join(who.name for who in sealed_reads.open_barred(session, child_id)),
    }
    return _completion_page(request, session, child_id, fields=fields, mistakes={})


@router.post("/children/{child_id}/complete")
def complete(
    request: Request,
    child_id: RowId,
    typed: TypedDep,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    fields = filled(typed, boxes=["note_for_gate"])
    version = posted_number(fields.pop("version", "0") or "0")
    try:
        with session.begin_nested():
            complete_child(
                session,
                child_id=child_id,
                form=ChildCompletion.read(fields),
                version=version,
                today=_today(house, now),
                now=now,
                by=me.subject,
            )
    except FormMistakes as wrong:
        return _completion_page(
            request, session, child_id, fields=fields, mistakes=wrong.fields, status_code=400
        )
    legs.extend_calendar(session, now=now, zone=house.zone)
    return RedirectResponse(f"/children/{child_id}", status_code=303)


@router.post("/children/{child_id}/withdraw")
def withdraw_consent(
    child_id: RowId, me: CurrentCoordinator, session: SessionDep, house: HouseDep, now: NowDep
) -> Response:
    consent.withdraw_consent(session, child_id=child_id, now=now, by=me.subject)
    legs.extend_calendar(session, now=now, zone=house.zone)
    return RedirectResponse(f"/children/{child_id}", status_code=303)


@router.post("/legs/{leg_id}/cancel")
def cancel_leg(
    request: Request,
    leg_id: RowId,
    form: Annotated[ReasonForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """A cancellation given by phone or in person, with who said it, and what they said of the afternoon."""
    leg = cancel_morning(
        session,
        leg_id=leg_id,
        afternoon=form.afternoon,
        by=me.subject,
        reason=form.reason,
        duty_phone=house.settings.duty_phone,
        links=request.app.state.links,
        now=now,
        zone=house.zone,
    )
    return RedirectResponse(f"/children/{leg.child_id}", status_code=303)


@router.post("/legs/{leg_id}/keep")
def keep_afternoon(leg_id: RowId, me: CurrentCoordinator, session: SessionDep, now: NowDep) -> Response:
    """The family says that the way home is wanted, though the morning was not."""
    afternoons.keep_afternoon(session, leg_id=leg_id, by=me.subject, now=now)
    audit.record(session, actor=me.subject, action="leg.keep", subject=f"leg:{leg_id}", now=now)
    return RedirectResponse(f"/children/{legs.get_leg(session, leg_id).child_id}", status_code=303)


def child_page(
    request: Request,
    session: Session,
    child_id: RowId,
    house: House,
    now: datetime,
    *,
    opened: Mapping[str, Any] | None = None,
    wrong: tuple[str, Mapping[str, str | list[str]], Refused] | None = None,
) -> HTMLResponse:
    """Return one child's page. `wrong`: which of its forms was refused, as it was typed, and why."""
    form, fields, refused = wrong or ("", {}, None)
    mistakes = refused.fields if isinstance(refused, FormMistakes) else {}
    return page(
        request,
        "coordinator/child.html",
        refused.status if refused else 200,
        opened=opened,
        wrong_form=form,
        typed=fields,
        mistakes=mistakes,
        refused=refused.sentence if refused and not mistakes else "",
        **_child_context(session, child_id, house, now),
    )


def _today(house: House, now: datetime) -> date:
    return now.astimezone(house.zone).date()


def _offered(wrong: FormMistakes) -> dict[str, Any]:
    """The places to pick from where a name stands for several, by field."""
    return {next(iter(wrong.fields)): wrong.places} if isinstance(wrong, AmbiguousPlace) else {}


def _look(
    session: Session, fields: Mapping[str, str | list[str]], *, today: date, house: House, now: datetime
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what the right half shows, and the mistakes of the fields that it needs."""
    if not fields.get("school_id") or not (fields.get("pickup") or fields.get("pickup_id")):
        return {}, {}
    name = str(fields.get("short_name") or JUDGED_WITHOUT["short_name"])[:20]
    try:
        form = ChildSetUp.read({**fields, **JUDGED_WITHOUT, "short_name": name})
        verdict = judge_new_child(session, form=form, today=today)
    except FormMistakes as wrong:
        return {"places": _offered(wrong), "wrong": wrong.fields}, wrong.fields
    except Refused as refused:
        return {"wrong": {"school_id": refused.sentence}}, {"school_id": refused.sentence}
    return {"verdict": verdict, "sms": _sms(verdict, form, house, today, now)}, {}


def _sms(
    verdict: NewChildVerdict, form: ChildSetUp, house: House, today: date, now: datetime
) -> dict[str, Any]:
    """The very message that the family would get the evening before, with its length."""
    driver = verdict.circle[0] if verdict.circle else None
    tomorrow = today + timedelta(days=1)
    ways = [
        (verdict.leaves_at, "to_school") if form.to_school else None,
        (verdict.dismissal, "home") if form.home_again else None,
    ]
    halves = [
        wording.Half(
            at=datetime.combine(tomorrow, way[0], house.zone),
            direction=way[1],
            surname=driver.surname if driver else "",
            plate_tail=spoken.plate_tail(driver.plate) if driver else "",
            word=WORD_FOR_SHOW if driver else "",
        )
        for way in ways
        if way is not None and way[0] is not None
    ]
    child = spoken.child_in_message(None, form.short_name)
    link = f"{house.settings.base_url}/f/{LINK_FOR_SHOW}"
    text = wording.family_tomorrow(child, halves, link=link, now=now, zone=house.zone).text
    return {"text": text.replace(LINK_FOR_SHOW, "…"), "length": len(text), "segments": sms_segments(text)}


def _verdict_context(shown: Mapping[str, Any]) -> dict[str, Any]:
    verdict: NewChildVerdict | None = shown.get("verdict")
    drawn = None
    if verdict is not None and verdict.door is not None:
        drawn = sketch_of(
            door=verdict.door,
            school=verdict.school,
            school_name=verdict.school_name,
            drivers=[(one.name, one.point) for one in verdict.circle],
        )
    return {
        "verdict": verdict,
        "wrong": list(shown.get("wrong", {}).values()),
        "sms": shown.get("sms"),
        "sketch": drawn,
        "rule_words": WORDS,
    }


def _new_child_page(
    request: Request,
    session: Session,
    *,
    fields: Mapping[str, str | list[str]],
    mistakes: Mapping[str, str],
    shown: Mapping[str, Any],
    places: Mapping[str, Any] | None = None,
    status_code: int = 200,
) -> HTMLResponse:
    return page(
        request,
        "coordinator/new_child.html",
        status_code,
        fields=fields,
        mistakes={name: mistakes[name] for name in ChildSetUp.model_fields if name in mistakes},
        offered=places or shown.get("places", {}),
        schools=list_schools(session),
        known_places=search_places(session, "", limit=400),
        need_words=NEED_WORDS,
        tell_words=TELL_WORDS,
        **_verdict_context(shown),
    )


def _completion_page(
    request: Request,
    session: Session,
    child_id: int,
    *,
    fields: Mapping[str, object],
    mistakes: Mapping[str, str],
    status_code: int = 200,
) -> HTMLResponse:
    return page(
        request,
        "coordinator/complete_child.html",
        status_code,
        child=get_child(session, child_id),
        fields=fields,
        mistakes=mistakes,
        consent_version=CONSENT_VERSION,
    )


def _live_escort(session: Session, child_id: int) -> Escort | None:
    try:
        return escorts.escort_of(session, child_id)
    except NotFound:  # ended: the page says so
        return None


def _has_word(cell: Cell, on: date, now: datetime, zone: ZoneInfo) -> bool:
    """Whether the office may be asked to read this leg's word; it is asked again when the word is read."""
    in_duty = windows.is_in_duty(on=on, confirmed_at=now, finished_at=None, now=now, zone=zone)
    return in_duty and cell.code in (CellCode.CONFIRMED, CellCode.SWAP)


def _child_context(session: Session, child_id: int, house: House, now: datetime) -> dict[str, Any]:
    today = _today(house, now)
    child = get_child(session, child_id)
    escort = _live_escort(session, child_id)
    ahead = legs_of_child(session, child_id=child_id, from_on=today, until_on=today + AHEAD)
    told = told_with_new_numbers(session, child_id)
    consents = consent.consents_of(session, child_id)
    return {
        "child": child,
        "school": get_school(session, child.school_id),
        "escort": escort,
        "missing": missing_of(session, [child_id], on=today).get(child_id, ()),
        "missing_sentences": MISSING_SENTENCES,
        "consents": consents,
        "erased_from": consent.erased_from(consents),
        "pauses": escorts.pauses_of(session, escort.id, from_on=today) if escort and escort.id else [],
        "ahead": ahead,
        "with_words": {cell.leg_id for on, _, cell in ahead if _has_word(cell, on, now, house.zone)},
        "need_words": NEED_WORDS,
        "open_afternoons": _open_afternoons(session, child_id, ahead, today),
        "why_words": WHY_WORDS,
        "term_question": next_term.open_question(session, child_id, now=now)
        if escort and escort.until_on
        else None,
        "told": [party for party, _ in told],
        "held": [held for _, held in told if held is not None],
        "today": today,
    }


def _open_afternoons(
    session: Session, child_id: int, ahead: Sequence[tuple[date, str, Cell]], today: date
) -> set[int]:
    """Return the ways home that nobody has spoken for; there is none where no morning is off."""
    if not any(cell.code == CellCode.NO_RIDE for _, _, cell in ahead):
        return set()
    found = afternoons.open_afternoons(session, from_on=today, until_on=today + AHEAD)
    return {one.leg_id for one in found if one.child_id == child_id}
