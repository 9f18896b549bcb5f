"""Who goes on next term: what the families said, and their word taken down by hand."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from escort.families import next_term
from escort.sentences import mark
from escort.web.deps import CurrentCoordinator, NowDep, ReadSessionDep, SessionDep
from escort.web.forms import FormModel, RowId
from escort.web.render import page

router = APIRouter()
HOW_WORDS = {
    "page": mark("在手机上点的"),
    "sms": mark("回的短信"),
    "phone": mark("电话里说的"),
    "in_person": mark("当面说的"),
}


class AnswerForm(FormModel):
    answer: Literal["yes", "no"]
    how: Literal["phone", "in_person"] = "phone"


@router.get("/children/next-term")
def show_next_term(
    request: Request, _me: CurrentCoordinator, session: ReadSessionDep, now: NowDep
) -> HTMLResponse:
    lines = next_term.asked_families(session, now=now)
    return page(
        request,
        "coordinator/next_term.html",
        lines=lines,
        silent=sum(line.answer == "open" for line in lines),
        go_on=sum(line.answer == "yes" for line in lines),
        how_words=HOW_WORDS,
    )


@router.post("/children/{child_id}/next-term")
def record_next_term(
    child_id: RowId,
    form: Annotated[AnswerForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    now: NowDep,
) -> Response:
    """What a family without a phone said, on the telephone or at the door."""
    next_term.record_answer(
        session, child_id=child_id, wants=form.answer == "yes", by=me.subject, how=form.how, now=now
    )
    return RedirectResponse("/children/next-term", status_code=303)
