"""Open asks: who has not answered yet, and what somebody says on the telephone instead of answering himself."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import Field

from escort.rota.answers import answer_ask
from escort.rota.open_asks import list_open_asks
from escort.web.deps import CurrentCoordinator, HouseDep, NowDep, ReadSessionDep, SessionDep
from escort.web.forms import FormModel, Ids, Offset, RowId
from escort.web.render import page

router = APIRouter()
PAGE = 50


class ToldForm(FormModel):
    answer: Literal["yes", "no"]
    no: Ids = Field(default_factory=list)  # offers that the yes does not cover


@router.get("/asks")
def show_open_asks(
    request: Request,
    _me: CurrentCoordinator,
    session: ReadSessionDep,
    text: Annotated[str, Query(max_length=40)] = "",
    offset: Offset = 0,
    turned_away: Annotated[int, Query(ge=0, le=99)] = 0,
) -> HTMLResponse:
    found = list_open_asks(session, text=text)
    return page(
        request,
        "coordinator/asks.html",
        asks=found[offset : offset + PAGE],
        total=len(found),
        offset=offset,
        step=PAGE,
        text=text,
        turned_away=turned_away,
    )


@router.post("/asks/{ask_id}/told")
def record_told_answer(
    ask_id: RowId,
    form: Annotated[ToldForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """What somebody said on the telephone counts like his own tap, with who wrote it down."""
    answered = answer_ask(
        session,
        ask_id=ask_id,
        declined=form.no if form.answer == "yes" else None,
        by=me.subject,
        how="phone",
        now=now,
        zone=house.zone,
    )
    gone = f"?turned_away={min(len(answered.gone), 99)}" if answered.gone else ""
    return RedirectResponse(f"/asks{gone}", status_code=303)
