"""The texts as the SMS provider registers them: what to hand in, what it is called there, and whether it may be sent."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from escort.access import audit
from escort.errors import NotFound, Refused
from escort.sentences import mark
from escort.web.deps import CurrentCoordinator, HouseDep, NowDep, ReadSessionDep, SessionDep
from escort.web.forms import FormModel, OptionalLine40
from escort.web.render import page
from escort.wording import TEXTS, all_templates, preview
from notifications.channels.aliyun_sms import registered_text
from notifications.models import RegisteredTemplate, TemplateState
from notifications.registry import note_template, registered
from notifications.templates import sms_segments

router = APIRouter()
STATE_WORDS = {
    TemplateState.DRAFT: mark("还没报"),
    TemplateState.PENDING: mark("已报，等审"),
    TemplateState.APPROVED: mark("审过了，能发"),
    TemplateState.REJECTED: mark("没过"),
}
Key = Annotated[str, Path(max_length=60, pattern=r"^[a-z_.]+$")]


class TemplateForm(FormModel):
    provider_id: OptionalLine40 = ""
    state: TemplateState


@dataclass(frozen=True)
class TemplateLine:
    """One text as it is handed in, with what it costs and where it stands."""

    key: str
    text: str  # with ${name} for each variable
    shown: str  # with values of usual length
    length: int  # characters of that
    segments: int
    most_segments: int
    provider_id: str
    state: str


@router.get("/sms-templates")
def show_templates(
    request: Request, _me: CurrentCoordinator, session: ReadSessionDep, house: HouseDep
) -> HTMLResponse:
    noted = registered(session)
    lines = [_line(key, noted.get(key)) for key in TEXTS]
    return page(
        request,
        "coordinator/sms_templates.html",
        lines=lines,
        sendable=sum(line.state == TemplateState.APPROVED for line in lines),
        state_words=STATE_WORDS,
        uses_aliyun=house.settings.uses_aliyun,
    )


@router.post("/sms-templates/{template_key}")
def note(
    template_key: Key,
    form: Annotated[TemplateForm, Form()],
    me: CurrentCoordinator,
    session: SessionDep,
    now: NowDep,
) -> Response:
    if template_key not in TEXTS:
        raise NotFound("没有这个短信模板。")
    try:
        note_template(
            session,
            key=template_key,
            provider_id=form.provider_id,
            state=form.state,
            by=me.subject,
            now=now,
        )
    except ValueError as no_id:
        raise Refused("审过了的模板要填平台给的模板号，像 SMS_123456789。") from no_id
    audit.record(
        session,
        actor=me.subject,
        action="sms_template.noted",
        subject=f"sms_template:{template_key}",
        fields=[f"state: {form.state}", f"provider_id: {form.provider_id}"],
        now=now,
    )
    return RedirectResponse(f"/sms-templates#{template_key}", status_code=303)


def _line(key: str, noted: RegisteredTemplate | None) -> TemplateLine:
    example = preview(key).text
    return TemplateLine(
        key=key,
        text=registered_text(TEXTS[key]),
        shown=example,
        length=len(example),
        segments=sms_segments(example),
        most_segments=all_templates()[key].max_segments,
        provider_id=noted.provider_id if noted else "",
        state=noted.state if noted else TemplateState.DRAFT,
    )
