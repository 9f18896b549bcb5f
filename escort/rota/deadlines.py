"""How many people are asked at once, and until when they may answer: the less time is left, the shorter.

Nobody's silence in the night counts as an answer while there is a morning to wait for.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from notifications.models import Urgency
from notifications.outbox import respect_quiet_hours


@dataclass(frozen=True)
class Terms:
    """How to ask for one run: how many people at once, from when, and until when."""

    people: int
    deadline_at: datetime
    not_before: datetime | None = None  # the message waits for the end of the quiet hours


def terms_of(now: datetime, starts_at: datetime, zone: ZoneInfo) -> Terms:
    """Return how to ask stand-ins for a run that starts then."""
    calm_at = respect_quiet_hours(now, urgency=Urgency.ROUTINE, zone=zone)
    not_before = calm_at if now < calm_at <= starts_at - READY - CAN_WAIT else None
    begin = not_before or now
    left = starts_at - READY - begin
    if left <= timedelta(minutes=60):
        return Terms(3, begin + _between(left / 6, timedelta(minutes=3), timedelta(minutes=5)), not_before)
    if left <= timedelta(hours=4):
        return Terms(3, begin + _between(left / 6, timedelta(minutes=10), timedelta(minutes=30)), not_before)
    if left <= timedelta(hours=24):
        deadline = begin + _between(left / 8, timedelta(minutes=30), timedelta(hours=2))
        morning = _after_night(deadline, zone)
        if morning != deadline:  # over the night three may think about it
            latest = max(deadline, starts_at - READY - LAST_SEARCH)
            return Terms(3, min(morning, latest), not_before)
        return Terms(2, deadline, not_before)
    return Terms(2, _by_day(begin + timedelta(hours=3), zone), not_before)


def routine_terms(now: datetime, first_start: datetime, zone: ZoneInfo) -> Terms:
    """Return how to ask one person for a week whose first run starts then: usually until the next evening."""
    calm_at = respect_quiet_hours(now, urgency=Urgency.ROUTINE, zone=zone)
    not_before = calm_at if now < calm_at <= first_start - CAN_WAIT else None
    begin = not_before or now
    deadline = max(min(begin + ANSWER_WITHIN, first_start - ANSWER_BEFORE_START), begin + SHORTEST_ANSWER)
    morning = _after_night(deadline, zone)
    if morning == deadline:
        return Terms(1, deadline, not_before)
    bedtime = datetime.combine(morning.astimezone(zone).date() - timedelta(days=1), SLEEP_FROM, zone)
    if bedtime >= begin + LONG_ENOUGH:
        return Terms(1, bedtime, not_before)
    return Terms(1, max(deadline, min(morning, first_start - READY - LAST_SEARCH)), not_before)


def relief_deadline(now: datetime, starts_at: datetime, zone: ZoneInfo) -> datetime | None:
    """Return until when others may take a turn from a driver who keeps it: then he and the office still have time.

    19:00 on the evening before, else two hours before the start; None if that leaves nobody time to answer.
    """
    day_before = starts_at.astimezone(zone).date() - timedelta(days=1)
    evening = datetime.combine(day_before, RELIEF_UNTIL, zone)
    if now + RELIEF_TIME <= evening:
        return evening
    late = starts_at - RELIEF_BEFORE_START
    return late if now + RELIEF_TIME <= late else None


def look_again_at(now: datetime, starts_at: datetime) -> datetime | None:
    """Return when a search that found nobody looks again, or None if the run will have begun."""
    again = now + _between((starts_at - now) / 6, timedelta(minutes=5), timedelta(minutes=60))
    return again if again < starts_at else None


def _between(span: timedelta, least: timedelta, most: timedelta) -> timedelta:
    return max(least, min(span, most))


def _after_night(moment: datetime, zone: ZoneInfo) -> datetime:
    """Move a deadline that falls into people's sleep to when they get up."""
    local = moment.astimezone(zone)
    if SLEEP_UNTIL <= local.time() < SLEEP_FROM:
        return moment
    on = local.date() if local.time() < SLEEP_UNTIL else local.date() + timedelta(days=1)
    return datetime.combine(on, SLEEP_UNTIL, zone)


def _by_day(moment: datetime, zone: ZoneInfo) -> datetime:
    """Move a distant run's deadline that falls into evening or night to the next morning."""
    local = moment.astimezone(zone)
    if DAY_FROM <= local.time() < DAY_UNTIL:
        return moment
    on = local.date() if local.time() < DAY_FROM else local.date() + timedelta(days=1)
    return datetime.combine(on, DAY_FROM, zone)


READY = timedelta(minutes=20)  # a stand-in needs so long to get going
LAST_SEARCH = timedelta(minutes=45)  # so much is left for asking others when a night's answers did not come
CAN_WAIT = timedelta(hours=3)  # with so much left after the quiet hours, nobody is woken
ANSWER_WITHIN = timedelta(hours=26)  # from Thursday 18:00 to Friday 20:00
ANSWER_BEFORE_START = timedelta(hours=10)
SHORTEST_ANSWER = timedelta(minutes=30)
LONG_ENOUGH = timedelta(hours=2)  # to answer before going to bed
SLEEP_FROM, SLEEP_UNTIL = time(22, 30), time(6, 30)
RELIEF_UNTIL = time(19, 0)
RELIEF_BEFORE_START = timedelta(hours=2)
RELIEF_TIME = timedelta(minutes=30)
DAY_FROM, DAY_UNTIL = time(8, 30), time(21, 0)
