"""The registry of SMS templates at the desk: what to hand in, and what the provider said."""

from sqlmodel import select

from escort.access.models import AuditEvent
from escort.wording import TEXTS, all_templates, preview
from notifications.models import RegisteredTemplate
from notifications.templates import sms_segments
from tests.escort.web.coordinator.conftest import Desk
from tests.queries import count_queries


def test_every_text_stands_there_as_it_is_handed_in(desk: Desk) -> None:
    shown = desk.get("/sms-templates")

    assert all(f'id="{key}"' in shown for key in TEXTS)
    assert "${deadline}前回" in shown
    assert f"0 / {len(TEXTS)} 能发" in shown


def test_an_approval_is_noted_with_its_number_and_is_in_the_trail(desk: Desk) -> None:
    desk.post("/sms-templates/ask.routine", {"provider_id": " SMS_123 ", "state": "approved"})

    assert f"1 / {len(TEXTS)} 能发" in desk.get("/sms-templates")
    with desk.house.store.read() as session:
        row = session.exec(select(RegisteredTemplate)).one()
        assert (row.key, row.provider_id, row.noted_by) == ("ask.routine", "SMS_123", "account:1")
        assert session.exec(
            select(AuditEvent.subject).where(AuditEvent.action == "sms_template.noted")
        ).all() == ["sms_template:ask.routine"]


def test_an_approval_without_a_number_says_what_is_missing(desk: Desk) -> None:
    said = desk.post("/sms-templates/ask.routine", {"provider_id": "", "state": "approved"}, expect=400)

    assert "要填平台给的模板号" in said


def test_a_template_that_we_do_not_have_is_not_found(desk: Desk) -> None:
    desk.post("/sms-templates/ask.unknown", {"provider_id": "", "state": "draft"}, expect=404)

    with desk.house.store.read() as session:
        assert session.exec(select(RegisteredTemplate)).all() == []


def test_the_page_costs_at_most_ten_queries(desk: Desk) -> None:
    with count_queries(desk.house.store.engine) as counted:
        desk.get("/sms-templates")

    assert len(counted) <= 10


def test_every_text_has_a_preview_that_fits_its_limit() -> None:
    for key in TEXTS:
        assert sms_segments(preview(key).text) <= all_templates()[key].max_segments, preview(key).text
