"""School is out earlier today: one short form, for a school, a class or one child."""

from collections.abc import Mapping
from datetime import time
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BeforeValidator, Field

from escort.errors import NotFound, Refused
from escort.filled_form import FilledForm, FormMistakes, text_of
from escort.rota.early import EarlyChoice, call_early_dismissal, early_choices
from escort.schools.service import Scope
from escort.sentences import mark
from escort.typed_values import read_time
from escort.web.coordinator.posted import TypedDep, filled
from escort.web.deps import CurrentCoordinator, HouseDep, NowDep, ReadLogDep, ReadSessionDep, SessionDep
from escort.web.forms import RowId
from escort.web.render import page

router = APIRouter()
BLANK: Mapping[str, str | list[str]] = {"who": "", "at": "", "note": ""}


class EarlyForm(FilledForm):
    who: str = Field("", title=mark("谁提前放学"))
    at: Annotated[time | None, BeforeValidator(lambda value: read_time(str(value or "")))] = Field(
        None, title=mark("几点放学")
    )
    note: Annotated[str, BeforeValidator(text_of(80, "为什么"))] = Field("", title=mark("为什么"))

    def when(self) -> time:
        if self.at is None:
            raise FormMistakes({"at": mark("几点放学没填，请补上。")})
        return self.at


@router.get("/calendar/early")
def show_early(
    request: Request,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    house: HouseDep,
    now: NowDep,
    reads: ReadLogDep,
    child: Annotated[RowId | None, Query()] = None,
) -> HTMLResponse:
    if child is not None:
        reads.saw(f"child:{child}", "timetable")
    fields = {**BLANK, "who": f"child:{child}" if child else ""}
    return _early_page(request, early_choices(session, now=now, zone=house.zone), fields, {})


@router.post("/calendar/early")
def call_early(
    request: Request,
    typed: TypedDep,
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """Whoever had said yes to another time is asked again at once; the board counts the answers."""
    fields = {**BLANK, **filled(typed)}
    choices = early_choices(session, now=now, zone=house.zone)
    try:
        form = EarlyForm.read(fields)
        with session.begin_nested():
            call_early_dismissal(
                session,
                on=now.astimezone(house.zone).date(),
                at=form.when(),
                scope=_scope(choices, form.who),
                note=form.note,
                by=me.subject,
                now=now,
                zone=house.zone,
            )
    except (Refused, NotFound) as wrong:
        mistakes = wrong.fields if isinstance(wrong, FormMistakes) else {"at": wrong.sentence}
        return _early_page(request, choices, fields, mistakes, 400)
    return RedirectResponse("/today", status_code=303)


def _scope(choices: list[EarlyChoice], who: str) -> Scope:
    found = next((choice for choice in choices if choice.key == who), None)
    if found is None:
        raise FormMistakes({"who": mark("请选是哪所学校、哪个班，还是一个孩子提前放学。")})
    return found.scope


def _early_page(
    request: Request,
    choices: list[EarlyChoice],
    fields: Mapping[str, str | list[str]],
    mistakes: Mapping[str, str],
    status_code: int = 200,
) -> HTMLResponse:
    by_school: dict[str, list[EarlyChoice]] = {}
    for choice in choices:
        by_school.setdefault(choice.school, []).append(choice)
    return page(
        request, "coordinator/early.html", status_code, by_school=by_school, fields=fields, mistakes=mistakes
    )
