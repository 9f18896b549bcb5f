"""Which wordings a provider has approved: its id for each template, and where the application stands."""

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session, select

from notifications.models import RegisteredTemplate, TemplateState


def registered(session: Session) -> Mapping[str, RegisteredTemplate]:
    """Return what is noted of each template, by our key."""
    return {row.key: row for row in session.exec(select(RegisteredTemplate))}


def note_template(
    session: Session, *, key: str, provider_id: str, state: TemplateState, by: str, now: datetime
) -> None:
    """Note the provider's id and verdict for one template. Raises ValueError for an approval without an id."""
    if state is TemplateState.APPROVED and not provider_id:
        raise ValueError("an approved template has the provider's id")
    row = session.get(RegisteredTemplate, key)
    if row is None:
        row = RegisteredTemplate(key=key, noted_at=now)
    row.provider_id, row.state, row.noted_by, row.noted_at = provider_id, str(state), by, now
    session.add(row)
    session.flush()


def approved_id(session: Session, key: str) -> str | None:
    """Return the provider's id of a template that may be sent, or None."""
    row = session.get(RegisteredTemplate, key)
    return row.provider_id if row is not None and row.state == TemplateState.APPROVED else None
