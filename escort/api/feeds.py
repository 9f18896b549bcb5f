"""Feeds that programs fetch by themselves: a volunteer's turns for the calendar on his phone."""

from datetime import UTC, timedelta

from fastapi import APIRouter, Response
from icalendar import Calendar, Event

from escort.journeys.calendar_feed import Entry, feed_of
from escort.web.deps import CurrentFeed, HouseDep, NowDep, ReadSessionDep

router = APIRouter(prefix="/feeds", tags=["calendar"])
ASK_AGAIN = timedelta(hours=1)


@router.get("/{token}/shifts.ics", response_class=Response)
def shifts(feed: CurrentFeed, session: ReadSessionDep, house: HouseDep, now: NowDep) -> Response:
    """Return a volunteer's promises as an iCalendar file (RFC 5545): time and area, no child's name."""
    calendar = Calendar()
    calendar.add("prodid", "-//dujuan//shifts//ZH")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("name", NAME)
    calendar.add("x-wr-calname", NAME)
    calendar.add("refresh-interval", ASK_AGAIN, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    for entry in feed_of(session, volunteer_id=feed.volunteer_id, now=now, zone=house.zone):
        uid = house.store.keyring.index(f"calendar|{feed.volunteer_id}|{entry.on}|{entry.direction}")[:32]
        calendar.add_component(_event(entry, uid))
    return Response(
        calendar.to_ical(),
        media_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'inline; filename="shifts.ics"'},
    )


NAME = "杜鹃鸟 我的班"
HINT = "前一天下午 5 点起，打开短信里的链接看名字和地点。"


def _event(entry: Entry, uid: str) -> Event:
    way = "上学" if entry.to_school else "放学"
    event = Event()
    event.add("uid", f"{uid}@dujuan")
    event.add("sequence", entry.sequence)
    event.add("dtstamp", entry.changed_at.astimezone(UTC))
    event.add("last-modified", entry.changed_at.astimezone(UTC))
    event.add("dtstart", entry.starts_at.astimezone(UTC))
    event.add("dtend", max(entry.ends_at, entry.starts_at).astimezone(UTC))
    event.add("status", "CANCELLED" if entry.is_cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if entry.is_cancelled else "OPAQUE")
    event.add("summary", f"不用去了：{way}接送" if entry.is_cancelled else f"{way}接送 {entry.where}".strip())
    if not entry.is_cancelled:
        event.add("description", HINT)
    return event
