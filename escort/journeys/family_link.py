"""The way to a family's own page, sent when somebody asks for it: by its channel, or for the office to forward."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from escort import spoken, wording
from escort.access import audit
from escort.errors import NotFound, Refused
from escort.families.models import Child
from escort.families.queries import Missing, missing_of, parties_to_tell
from escort.rota.asks import LinkMaker
from notifications.outbox import enqueue


def send_family_link(
    session: Session, *, child_id: int, by: str, now: datetime, zone: ZoneInfo, links: LinkMaker
) -> int:
    """Send whoever gets this child's messages the link of their page; return to how many.

    Pressed twice in a minute it goes out once. Raises NotFound, or Refused while nothing may be sent.
    """
    child = session.get(Child, child_id)
    if child is None:
        raise NotFound("没有这个孩子，请回到列表重新选择。")
    parties = parties_to_tell(session, [child_id])[child_id]
    missing = missing_of(session, [child_id], on=now.astimezone(zone).date())[child_id]
    if not parties or Missing.CONSENT in missing:
        raise Refused("同意书签好、填了谁收消息，才发得出链接。")
    name = spoken.child_in_message(child.full_name, child.short_name)
    addresses = links(session, parties)
    for party in parties:
        enqueue(
            session,
            to=party,
            wording=wording.family_page(name, link=addresses[party]),
            about=f"child:{child_id}",
            dedup_key=f"family-page:{party}:{now:%Y%m%d%H%M}",
            now=now,
        )
    audit.record(
        session,
        actor=by,
        action="family_link.sent",
        subject=f"child:{child_id}",
        fields=[f"to: {len(parties)}"],
        now=now,
    )
    return len(parties)
