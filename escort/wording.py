"""All message sentences of the product, and the sentences of the queue of urgent cases.

Every message is a registered template (`registered_texts`): Chinese SMS providers send nothing that they have not approved word by
word. No child's full name, address, school or phone stands in any of them; a child is its surname + 同学. Families
read 12-hour words, volunteers and the office the 24-hour clock. A device's link is the last word of a text.
"""

from collections.abc import Sequence
from datetime import date, datetime, time
from string import Formatter
from zoneinfo import ZoneInfo

from escort import spoken
from escort.registered_texts import EXAMPLES, MAX_SEGMENTS
from escort.registered_texts import TEXTS as TEXTS
from escort.sentences import mark
from escort.spoken import TO_SCHOOL
from escort.spoken import Changed as Changed
from escort.spoken import Half as Half
from escort.spoken import Turn as Turn
from escort.spoken import Way as Way
from notifications.templates import Template, Templates
from notifications.wording import Wording

# ---- asks ---------------------------------------------------------------------------------------


def routine_ask(
    turns: Sequence[Turn], *, deadline: datetime, link: str, now: datetime, zone: ZoneInfo
) -> Wording:
    """The ask of a week: all turns of one person in one message."""
    days = spoken.weekdays(turns, zone)
    example = days[len(days) // 2]
    key = "ask.routine" if len(days) > 1 else "ask.routine_one_day"
    return _say(
        key,
        week=spoken.week(turns[0].starts_at, now, zone),
        count=str(len(turns)),
        turns=spoken.by_weekday(turns, zone) + spoken.areas(turns),
        **({"example": example} if len(days) > 1 else {}),
        deadline=spoken.moment(deadline, now, zone),
        link=link,
    )


def week_message(
    asked: Sequence[Turn],
    as_usual: Sequence[Turn],
    *,
    deadline: datetime,
    link: str,
    now: datetime,
    zone: ZoneInfo,
) -> Wording:
    """The week's one message: what is asked, and what a standing yes covers, which is told."""
    if not as_usual:
        return routine_ask(asked, deadline=deadline, link=link, now=now, zone=zone)
    days = spoken.weekdays([*asked, *as_usual], zone)
    common = {
        "week": spoken.week((asked or as_usual)[0].starts_at, now, zone),
        "deadline": spoken.moment(deadline, now, zone),
        "link": link,
    }
    example = {"example": days[len(days) // 2]}
    if asked:
        return _say(
            "ask.routine_and_usual",
            count=str(len(asked)),
            turns=spoken.by_weekday(asked, zone) + spoken.areas(asked),
            usual=spoken.by_weekday(as_usual, zone),
            **example,
            **common,
        )
    return _say(
        "ask.as_usual" if len(days) > 1 else "ask.as_usual_one_day",
        count=str(len(as_usual)),
        turns=spoken.by_weekday(as_usual, zone) + spoken.areas(as_usual),
        **(example if len(days) > 1 else {}),
        **common,
    )


def standing_given(weekday: int, direction: str, usual_at: time) -> Wording:
    """The office wrote down a standing yes that was given by telephone: he can contradict."""
    return _say(
        "standing.given",
        turn=spoken.every_week(weekday, direction, usual_at),
        short=spoken.weekly(weekday, direction),
    )


def standing_said(weekday: int, direction: str, usual_at: time) -> Wording:
    """His own word, given by text, repeated."""
    return _say(
        "standing.said",
        turn=spoken.every_week(weekday, direction, usual_at),
        short=spoken.weekly(weekday, direction),
    )


def standing_stopped(
    weekday: int, direction: str, usual_at: time, *, given_back: Sequence[date], duty_phone: str
) -> Wording:
    """Ended by text. `given_back`: coming days that rested on it alone."""
    days = "、".join(spoken.span(on, on) for on in given_back)
    return _say(
        "standing.stopped",
        turn=spoken.every_week(weekday, direction, usual_at),
        given_back=f"按固定算的{days}不用您去了，我们另外请人；那几天其实还去，请打{duty_phone}。"
        if days
        else "",
    )


def standing_choices(turns: Sequence[tuple[int, str, time]]) -> Wording:
    """What he could say a standing yes to, and in which words. Each turn: weekday, direction, usual time."""
    return _say(
        STANDING_CHOICES, turns="、".join(spoken.every_week(*turn) for turn in turns), **_example(turns)
    )


def standing_held(turns: Sequence[tuple[int, str, time]]) -> Wording:
    """What he has said a standing yes to, and in which words he ends it."""
    return _say(
        "standing.held", turns="、".join(spoken.every_week(*turn) for turn in turns), **_example(turns)
    )


def standing_none_yet(*, duty_phone: str) -> Wording:
    return _say("standing.none_yet", phone=duty_phone)


def standing_not_held(*, duty_phone: str) -> Wording:
    return _say("standing.not_held", phone=duty_phone)


def standing_ended(weekday: int, direction: str, usual_at: time) -> Wording:
    return _say("standing.ended", turn=spoken.every_week(weekday, direction, usual_at))


def stand_in_ask(
    turn: Turn,
    *,
    to_area: str,
    km: float,
    equipment: str,
    deadline: datetime,
    link: str,
    now: datetime,
    zone: ZoneInfo,
) -> Wording:
    """The ask for one run that lost its driver. `equipment` as words ("儿童座椅"), empty if none is needed."""
    return _say(
        "ask.stand_in",
        turn=spoken.said(turn, now, zone),
        what=_what(turn, to_area, km, equipment),
        deadline=spoken.moment(deadline, now, zone),
        link=link,
    )


def couple_ask(
    turn: Turn,
    *,
    who: str,
    drives: bool,
    to_area: str,
    km: float,
    equipment: str,
    deadline: datetime,
    link: str,
    now: datetime,
    zone: ZoneInfo,
) -> Wording:
    """The ask for one of two who drive only together. `who`: the other's name; `drives`: else he sits beside."""
    return _say(
        "ask.couple",
        turn=spoken.said(turn, now, zone),
        what=_what(turn, to_area, km, equipment),
        role="开车" if drives else "同车照看",
        who=spoken.surname_of(who),
        deadline=spoken.moment(deadline, now, zone),
        link=link,
    )


def couple_waits(turns: Sequence[Turn], *, now: datetime, zone: ZoneInfo) -> Wording:
    """One of a couple has said yes: it counts once the other has."""
    return _say("couple.waits", turns=spoken.said_all(turns, now, zone))


def couple_goes(turn: Turn, *, now: datetime, zone: ZoneInfo) -> Wording:
    return _say("couple.goes", turn=spoken.said(turn, now, zone))


def couple_stays(turn: Turn, *, now: datetime, zone: ZoneInfo) -> Wording:
    return _say("couple.stays", turn=spoken.said(turn, now, zone))


def relief_ask(
    turn: Turn,
    *,
    who: str,
    to_area: str,
    km: float,
    equipment: str,
    deadline: datetime,
    link: str,
    now: datetime,
    zone: ZoneInfo,
) -> Wording:
    """The ask for a turn that its driver keeps until somebody takes it. `who`: his name, if he asks a colleague himself."""
    return _say(
        "ask.colleague" if who else "ask.relief",
        turn=spoken.said(turn, now, zone),
        what=_what(turn, to_area, km, equipment),
        **({"who": spoken.surname_of(who)} if who else {}),
        deadline=spoken.moment(deadline, now, zone),
        link=link,
    )


def swap_ask(
    take: Turn, give: Turn, *, who: str, deadline: datetime, link: str, now: datetime, zone: ZoneInfo
) -> Wording:
    """A colleague would swap turns: his for yours."""
    return _say(
        "ask.swap",
        who=spoken.surname_of(who),
        take=spoken.said(take, now, zone) + (f"（{take.area}一带）" if take.area else ""),
        give=spoken.said(give, now, zone),
        deadline=spoken.moment(deadline, now, zone),
        link=link,
    )


def asked_again(
    changes: Sequence[Changed], *, deadline: datetime, link: str, now: datetime, zone: ZoneInfo
) -> Wording:
    """What they had said yes to, or were asked, is not what it was: the old time stands beside the new."""
    turns = [change.turn for change in changes]
    days = spoken.weekdays(turns, zone)
    example = days[len(days) // 2]
    said = "；".join(spoken.changed(change, now, zone) for change in changes)
    return _say(
        "ask.changed_days" if len(days) > 1 else "ask.changed",
        turns=said + spoken.areas(turns),
        **({"count": str(len(turns)), "example": example} if len(days) > 1 else {}),
        deadline=spoken.moment(deadline, now, zone),
        link=link,
    )


def ask_understood_yes(turns: Sequence[Turn], *, now: datetime, zone: ZoneInfo) -> Wording:
    return _say("ask.yes", turns=spoken.said_all(turns, now, zone))


def ask_understood_no(turns: Sequence[Turn], *, now: datetime, zone: ZoneInfo) -> Wording:
    return _say("ask.no", turns=spoken.said_all(turns, now, zone))


def ask_understood_partly(
    accepted: Sequence[Turn], declined: Sequence[Turn], *, now: datetime, zone: ZoneInfo
) -> Wording:
    return _say(
        "ask.partly", yes=spoken.said_all(accepted, now, zone), no=spoken.said_all(declined, now, zone)
    )


def yes_not_taken(turns: Sequence[Turn], reason: str, *, now: datetime, zone: ZoneInfo) -> Wording:
    """Thanks; the yes could not be taken, with why: a key of `WHY_NOT_TAKEN`."""
    said = spoken.said_all(turns, now, zone)
    if reason == ASKED_AGAIN:
        return _say("ask.again", turns=said)
    return _say("ask.not_taken", turns=said, reason=WHY_NOT_TAKEN[reason])


def offer_taken(turn: Turn, *, now: datetime, zone: ZoneInfo) -> Wording:
    """Thanks; somebody else was first."""
    return _say("offer.taken", turn=spoken.said(turn, now, zone))


def driver_late_reply_truth(turn: Turn, *, now: datetime, zone: ZoneInfo) -> Wording:
    """A yes that came too late changes nothing and is answered with the truth."""
    return _say("offer.late", turn=spoken.said(turn, now, zone))


def reply_ask_back(turns: Sequence[Turn], *, now: datetime, zone: ZoneInfo) -> Wording:
    """“收到” to an open ask is neither yes nor no."""
    return _say("reply.ask_back", turns=spoken.said_all(turns, now, zone))


def reply_which_ask(asks: int, *, duty_phone: str, link: str) -> Wording:
    """A bare 1 or 2 while several asks are open."""
    return _say("reply.which", asks=str(asks), phone=duty_phone, link=link)


def reply_passed_on(*, duty_phone: str) -> Wording:
    return _say("reply.passed_on", phone=duty_phone)


def late_thanks() -> Wording:
    """An answer to an ask that nobody needs any more."""
    return _say("reply.late_thanks")


# ---- to a driver who said yes -------------------------------------------------------------------


def stand_down(turn: Turn, *, reason: str, now: datetime, zone: ZoneInfo) -> Wording:
    """He need not go. `reason` in a few words: "已由他人接送"."""
    return _say("driver.stand_down", turn=spoken.said(turn, now, zone), reason=reason)


def nobody_stands_in(turn: Turn, *, duty_phone: str, now: datetime, zone: ZoneInfo) -> Wording:
    """Nobody was found in time: he keeps what he promised."""
    return _say("relief.nobody", turn=spoken.said(turn, now, zone), phone=duty_phone)


def colleague_cannot(turn: Turn, *, duty_phone: str, now: datetime, zone: ZoneInfo) -> Wording:
    return _say("relief.colleague_cannot", turn=spoken.said(turn, now, zone), phone=duty_phone)


def swap_done(away: Turn, instead: Turn, *, now: datetime, zone: ZoneInfo) -> Wording:
    """Both said yes: `away` is somebody else's now, `instead` is his."""
    return _say("swap.done", away=spoken.said(away, now, zone), instead=spoken.said(instead, now, zone))


def swap_off(first: Turn, second: Turn, *, now: datetime, zone: ZoneInfo) -> Wording:
    """Nothing changes: declined, not answered, or one of the turns changed meanwhile."""
    return _say("swap.off", turns=spoken.said_all([first, second], now, zone))


def shift_cancelled_by_family(turn: Turn, *, now: datetime, zone: ZoneInfo) -> Wording:
    return _say("driver.family_cancelled", turn=spoken.said(turn, now, zone))


def fewer_children(turn: Turn, *, left: int, now: datetime, zone: ZoneInfo) -> Wording:
    """One child of the run stays at home; the run goes on with the others."""
    return _say("driver.fewer_children", turn=spoken.said(turn, now, zone), left=str(left))


def evening_reminder_driver(
    turns: Sequence[Turn], *, duty_phone: str, link: str, now: datetime, zone: ZoneInfo
) -> Wording:
    """All turns of the next school day."""
    day = spoken.day(turns[0].starts_at, now, zone)
    return _say(
        "driver.evening",
        day=day,
        turns=spoken.halves(turns, zone) + spoken.areas(turns),
        phone=duty_phone,
        link=link,
    )


def morning_reminder_driver(turn: Turn, *, link: str, zone: ZoneInfo) -> Wording:
    """One hour before the first pick-up; names the step to tap before the car moves."""
    area = f"，{turn.area}一带" if turn.area else ""
    return _say("driver.morning", turn=spoken.half(turn, zone) + area, link=link)


def driver_not_departed(turn: Turn, *, duty_phone: str, link: str, zone: ZoneInfo) -> Wording:
    """The first rung: he himself is asked."""
    return _say("driver.not_departed", turn=spoken.half(turn, zone), phone=duty_phone, link=link)


def month_question(month_on: date, *, link: str) -> Wording:
    """Which days of next month somebody cannot; silence says nothing."""
    month = f"{month_on.month}月"
    return _say("month.question", month=month, example=f"{month}3日 {month}6日", link=link)


def month_none_understood(month_on: date, *, duty_phone: str) -> Wording:
    return _say("month.none", month=f"{month_on.month}月", phone=duty_phone)


def month_dates_understood(spans: Sequence[tuple[date, date]], *, freed: int, duty_phone: str) -> Wording:
    """The dates, repeated; `freed`: turns promised before that others are asked for now."""
    return _say(
        "month.dates",
        days="、".join(spoken.span(first, last) for first, last in spans),
        freed=f"其中答应过的{freed}趟，我们另外找人。" if freed else "",
        phone=duty_phone,
    )


def papers_soon(papers: Sequence[tuple[str, date, int]], *, duty_phone: str) -> Wording:
    """A step of a countdown: each paper with its last day and the days that are left."""
    said = "，".join(
        f"{word}{until.month}月{until.day}日到期（还有{left}天）" for word, until, left in papers
    )
    return _say("papers.soon", papers=said, phone=duty_phone)


def rotation_set(joins_on: date | None, leaves_on: date | None, *, freed: int, duty_phone: str) -> Wording:
    """The office wrote down from when, or until when, somebody is in the rotation."""
    parts = [
        f"{on.month}月{on.day}日起{what}"
        for on, what in ((joins_on, "加入轮值"), (leaves_on, "退出轮值，不再来问您"))
        if on is not None
    ]
    return _say(
        "driver.rotation",
        dates="，".join(parts) or "您一直在轮值里",
        freed=f"答应过的{freed}趟不用您去了。" if freed else "",
        phone=duty_phone,
    )


def suspended_notice(shifts: int, *, duty_phone: str) -> Wording:
    return _say("driver.suspended", shifts=str(shifts), phone=duty_phone)


# ---- to a family --------------------------------------------------------------------------------


def family_tomorrow(
    child: str, halves: Sequence[Half], *, link: str, now: datetime, zone: ZoneInfo
) -> Wording:
    """Who comes on the next school day, both ways; the truth where nobody is found yet. 2 = nobody need come."""
    day = spoken.day(halves[0].at, now, zone)
    found = sum(bool(half.surname) for half in halves)
    parts = (
        "；".join(spoken.who_comes(half, now, zone) for half in halves)
        if found
        else spoken.nobody_yet(halves, now, zone)
    )
    key = (
        "family.tomorrow" if found == len(halves) else "family.tomorrow_open" if found else "family.searching"
    )
    return _say(key, child=child, day=day, halves=parts, link=link)


def family_page(child: str, *, link: str) -> Wording:
    """The way to the family's own page; it says nothing about any ride."""
    return _say("family.page", child=child, link=link)


def family_searching(
    child: str, half: Half, *, gone: str, link: str, now: datetime, zone: ZoneInfo
) -> Wording:
    """Nobody is found, told truthfully, with when we say more. `gone`: the surname of him who no longer comes."""
    return _say(
        "family.lost_driver" if gone else "family.searching",
        child=child,
        day=spoken.day(half.at, now, zone),
        halves=spoken.nobody_yet([half], now, zone),
        **({"gone": gone} if gone else {}),
        link=link,
    )


def family_nobody(child: str, half: Half, *, duty_phone: str, zone: ZoneInfo) -> Wording:
    """Twenty minutes before the pick-up nobody is found: the family must know."""
    key = "family.nobody" if half.direction == TO_SCHOOL else "family.nobody_home"
    return _say(key, child=child, at=spoken.family_clock(half.at, zone), phone=duty_phone)


def family_today_changed(
    child: str, half: Half, *, gone: str, link: str, now: datetime, zone: ZoneInfo
) -> Wording:
    """Somebody else comes; the old name is no longer valid. Without `gone` nobody had been named before."""
    return _say(
        "family.changed" if gone else "family.found",
        child=child,
        day=spoken.day(half.at, now, zone),
        half=spoken.who_comes(half, now, zone),
        **({"gone": gone} if gone else {}),
        link=link,
    )


def family_time_changed(child: str, half: Half, *, link: str, now: datetime, zone: ZoneInfo) -> Wording:
    day = spoken.day(half.at, now, zone)
    return _say(
        "family.time_changed", child=child, day=day, half=spoken.who_comes(half, now, zone), link=link
    )


def family_car_changed(child: str, half: Half, *, link: str, now: datetime, zone: ZoneInfo) -> Wording:
    """The same driver in another car than was told, or in his own again."""
    day = spoken.day(half.at, now, zone)
    return _say("family.car_changed", child=child, day=day, half=spoken.who_comes(half, now, zone), link=link)


def family_asked_again(
    child: str, half: Half, *, was: datetime, link: str, now: datetime, zone: ZoneInfo
) -> Wording:
    """Another time, or another place, and the driver has not yet said yes to it: what was told holds no more."""
    return _say(
        "family.asked_again",
        child=child,
        day=spoken.day(half.at, now, zone),
        change=spoken.family_changed(half, was, zone),
        by=spoken.told_by(half, now, zone),
        link=link,
    )


def family_cancel_understood(
    child: str, halves: Sequence[Half], *, duty_phone: str, now: datetime, zone: ZoneInfo
) -> Wording:
    """What was cancelled, repeated."""
    times = "、".join(spoken.family_half(half, zone) for half in halves)
    return _say(
        "family.cancelled",
        child=child,
        day=spoken.day(halves[0].at, now, zone),
        halves=times,
        phone=duty_phone,
    )


def family_office_cancelled(
    child: str, half: Half, *, duty_phone: str, now: datetime, zone: ZoneInfo
) -> Wording:
    """Somebody told the office that this way is not needed; whoever else waits at home must know."""
    return _say(
        "family.office_cancelled",
        child=child,
        day=spoken.day(half.at, now, zone),
        half=spoken.family_half(half, zone),
        phone=duty_phone,
    )


def family_next_term(child: str, ends_on: date, *, duty_phone: str, link: str) -> Wording:
    """Two weeks before the arrangement ends: does the family want to go on?"""
    return _say(
        "family.next_term",
        child=child,
        day=f"{ends_on.month}月{ends_on.day}日",
        phone=duty_phone,
        link=link,
    )


def family_next_term_understood(child: str, *, wants: bool, duty_phone: str) -> Wording:
    return _say("family.next_term_yes" if wants else "family.next_term_no", child=child, phone=duty_phone)


def family_paused(child: str, until_on: date, *, back_on: date, duty_phone: str) -> Wording:
    """What was understood of "病了到周五", repeated."""
    return _say(
        "family.paused",
        child=child,
        until=f"{until_on.month}月{until_on.day}日",
        back=f"{back_on.month}月{back_on.day}日",
        phone=duty_phone,
    )


def family_afternoon(
    child: str, half: Half, *, duty_phone: str, link: str, now: datetime, zone: ZoneInfo
) -> Wording:
    """The morning is off, and nobody said anything about the afternoon: it is asked for, and stays as it is till then."""
    return _say(
        "family.afternoon",
        child=child,
        day=spoken.day(half.at, now, zone),
        half=spoken.family_half(half, zone),
        phone=duty_phone,
        link=link,
    )


def family_afternoon_kept(child: str, half: Half, *, duty_phone: str, zone: ZoneInfo) -> Wording:
    return _say("family.afternoon_kept", child=child, half=spoken.family_half(half, zone), phone=duty_phone)


def family_not_coming(child: str, half: Half, *, duty_phone: str, now: datetime, zone: ZoneInfo) -> Wording:
    """A ride that was told is off: by the calendar, the end of the arrangement, or another of the family."""
    return _say(
        "family.not_coming",
        child=child,
        day=spoken.day(half.at, now, zone),
        half=spoken.family_half(half, zone),
        phone=duty_phone,
    )


def family_arrived_ask(
    children: Sequence[str], at: datetime, *, duty_phone: str, link: str, zone: ZoneInfo
) -> Wording:
    """The driver says delivered; the family is asked whether it is so. 1 = at home, 2 = not."""
    return _say(
        "family.arrived_ask",
        child=spoken.names(list(dict.fromkeys(children))),
        at=spoken.family_clock(at, zone),
        phone=duty_phone,
        link=link,
    )


def family_arrived(children: Sequence[str]) -> Wording:
    return _say("family.arrived", child=spoken.names(list(dict.fromkeys(children))))


def family_not_home(children: Sequence[str], *, duty_phone: str) -> Wording:
    return _say("family.not_home", child=spoken.names(list(dict.fromkeys(children))), phone=duty_phone)


def family_erased(child: str, *, duty_phone: str) -> Wording:
    """The consent was withdrawn, and what was kept of the child is gone."""
    return _say("family.erased", child=child, phone=duty_phone)


# ---- said to a family on the phone: whole sentences, no registered text ---------------------------


def call_to_family(ways: Sequence[Way], *, is_proxy: bool, now: datetime, zone: ZoneInfo) -> str:
    """What the office says on the phone about one day: each way once, its day before the first of that day."""
    said, last = [], ""
    for way in ways:
        day = spoken.day(way.half.at, now, zone)
        said.append(spoken.way_said(way, "" if day == last else day, now, zone))
        last = day
    pass_on = f"请您转告{ways[0].child}家里。" if is_proxy and ways else ""
    return "".join(said) + pass_on


def call_about_arrival(children: Sequence[str], at: datetime, *, zone: ZoneInfo) -> str:
    """What the office asks a family that has not said whether its child is at home."""
    who = spoken.names(list(dict.fromkeys(children)))
    return f"司机说{spoken.family_clock(at, zone)}已经把{who}送到家了。{who}到家了吗？现在跟谁在一起？"


# ---- to the person on duty, and about devices ---------------------------------------------------


def case_to_duty(sentence: str, *, minutes_left: int | None, link: str) -> Wording:
    return _say("case.one", sentence=sentence, left=spoken.left(minutes_left), link=link)


def cases_to_duty(count: int, sentence: str, *, minutes_left: int | None, link: str) -> Wording:
    """Several urgent cases in one message; the most urgent one is named."""
    return _say("case.many", count=str(count), sentence=sentence, left=spoken.left(minutes_left), link=link)


def second_factor_reset(*, duty_phone: str) -> Wording:
    """To a coordinator whose second factor somebody else took away."""
    return _say("second_factor.reset", phone=duty_phone)


def device_bound(*, duty_phone: str) -> Wording:
    return _say("device.bound", phone=duty_phone)


def number_changing(starts_at: datetime, *, duty_phone: str, now: datetime, zone: ZoneInfo) -> Wording:
    """To the old number: somebody wants the messages elsewhere; how to object."""
    return _say("number.changing", when=spoken.moment(starts_at, now, zone), phone=duty_phone)


def number_kept(*, duty_phone: str) -> Wording:
    """The old number has objected."""
    return _say("number.kept", phone=duty_phone)


def one_time_code(code: str, *, minutes: int = 10) -> Wording:
    return _say("device.code", code=code, minutes=str(minutes))


# ---- team leaders, and what they write down or bring about for others ------------------------------


def leader_made(team: str, *, link: str) -> Wording:
    return _say("leader.made", team=team, link=link)


def leader_ended(team: str, *, duty_phone: str) -> Wording:
    return _say("leader.ended", team=team, phone=duty_phone)


def leader_holes(team: str, count: int, first: Turn, *, link: str, now: datetime, zone: ZoneInfo) -> Wording:
    """Once a day: how many turns of the next two days nobody drives, and the first of them."""
    return _say("leader.holes", team=team, count=str(count), turn=spoken.said(first, now, zone), link=link)


def answer_recorded(
    who: str, turn: Turn, *, yes: bool, how: str, duty_phone: str, now: datetime, zone: ZoneInfo
) -> Wording:
    """What a team leader wrote down in somebody's name, told to that person. `how`: a key of `HOW_SAID`."""
    key = "answer.recorded_yes" if yes else "answer.recorded_no"
    said = HOW_SAID[how]
    return _say(key, who=who, how=said, turn=spoken.said(turn, now, zone), phone=duty_phone)


def brought_in(who: str, *, duty_phone: str) -> Wording:
    """Somebody was entered as a volunteer by his team's leader."""
    return _say("volunteer.brought_in", who=who, phone=duty_phone)


def introduction_recorded(
    who: str,
    turn: Turn,
    *,
    other: str,
    is_newcomer: bool,
    how: str,
    duty_phone: str,
    now: datetime,
    zone: ZoneInfo,
) -> Wording:
    """The yes to an accompanied first ride, as the leader wrote it down. `other`: the other one's name."""
    return _say(
        "introduction.newcomer" if is_newcomer else "introduction.driver",
        who=who,
        how=HOW_SAID[how],
        turn=spoken.said(turn, now, zone),
        other=spoken.surname_of(other),
        phone=duty_phone,
    )


def introduction_off(turn: Turn, *, duty_phone: str, now: datetime, zone: ZoneInfo) -> Wording:
    return _say("introduction.off", turn=spoken.said(turn, now, zone), phone=duty_phone)


def family_accompanied(
    child: str, half: Half, *, newcomer: str, duty_phone: str, now: datetime, zone: ZoneInfo
) -> Wording:
    """Another adult will sit in the car; `half.surname` drives."""
    return _say(
        "family.accompanied",
        child=child,
        day=spoken.day(half.at, now, zone),
        half=spoken.family_half(half, zone),
        driver=half.surname,
        newcomer=spoken.surname_of(newcomer),
        phone=duty_phone,
    )


def family_not_accompanied(
    child: str, half: Half, *, newcomer: str, duty_phone: str, now: datetime, zone: ZoneInfo
) -> Wording:
    """What the family was told of another adult in the car does not come about."""
    return _say(
        "family.not_accompanied",
        child=child,
        day=spoken.day(half.at, now, zone),
        half=spoken.family_half(half, zone),
        newcomer=spoken.surname_of(newcomer),
        phone=duty_phone,
    )


def family_new_face(child: str, *, newcomer: str, duty_phone: str) -> Wording:
    """The coordinator let somebody into the child's circle."""
    return _say("family.new_face", child=child, newcomer=spoken.surname_of(newcomer), phone=duty_phone)


# ---- sentences of the queue: kept and also sent as SMS, so 小名, surname, date; never 明天 ---------------------------------------------------


def case_no_driver(children: Sequence[str], turn: Turn, *, zone: ZoneInfo) -> str:
    return f"{spoken.names(children)}{spoken.dated(turn, zone)}还没有人"


def case_no_answer(children: Sequence[str], turn: Turn, *, asked: int, zone: ZoneInfo) -> str:
    return f"{spoken.names(children)}{spoken.dated(turn, zone)}问了{asked}人，还没有人答应"


def case_unfillable(legs: int, on: date) -> str:
    return f"{on.month}月{on.day}日有{legs}段，按现在的条件没有人开得了"


def case_changed(
    on: date,
    starts_at: datetime,
    direction: str,
    *,
    is_early: bool,
    answered: int,
    cars: int,
    missing: int,
    zone: ZoneInfo,
) -> str:
    what = (
        f"{spoken.clock(starts_at, zone)}提前放学"
        if is_early
        else f"{spoken.DIRECTIONS[direction]}改了时间或地方"
    )
    return f"{on.month}月{on.day}日{what}：已回{answered}/{cars}，还有{missing}趟没人答应"


def case_afternoon(child: str, turn: Turn, *, zone: ZoneInfo) -> str:
    return f"{child}早上没去，{spoken.dated(turn, zone)}还照常；要不要，家里还没说"


def case_not_planned(legs: int, on: date) -> str:
    return f"{on.month}月{on.day}日有{legs}段还没排，或排了还没公布"


def case_no_relief(driver: str, children: Sequence[str], turn: Turn, *, zone: ZoneInfo) -> str:
    return f"{_driver(driver)}想找人替{spoken.names(children)}{spoken.dated(turn, zone)}，还没找到，现在还是他，请问他去不去得成"


def case_not_departed(driver: str, children: Sequence[str], turn: Turn, *, zone: ZoneInfo) -> str:
    return f"{spoken.names(children)}{spoken.half(turn, zone)}，{_driver(driver)}到点没报出发，问过本人还没有新消息"


def case_not_aboard(driver: str, child: str, turn: Turn, *, zone: ZoneInfo) -> str:
    return f"{child}{spoken.half(turn, zone)}，过了5分钟还没有“接到”；{_driver(driver)}没有新消息"


def case_not_delivered(driver: str, child: str, due: datetime, *, zone: ZoneInfo) -> str:
    return f"{child}应在{spoken.clock(due, zone)}送到，过了10分钟还没有“送达”；{_driver(driver)}没有新消息"


def case_wrong_person(child: str, who: str) -> str:
    """`who` says it: "家里", "门卫"."""
    return f"{who}说：来接{child}的不是这个人。先不交接，马上核实"


def case_held_at_gate(child: str | None, note: str) -> str:
    about = f"{child}先不放" if child else "有名单上没有的人来接，先不放"
    return f"门卫：{about}" + (f"（{note}）" if note else "")


def case_early_dismissal(school: str, at: time, class_name: str, note: str) -> str:
    who = f"{school}{class_name}" if class_name else f"{school}全校"
    return f"学校报：{who}今天{at:%H:%M}提前放学，等您确认" + (f"（{note}）" if note else "")


def case_boarded_with_replaced(child: str, driver: str) -> str:
    return f"{_driver(driver)}报了“接到”{child}，但这趟已不是他的。马上核实孩子在谁车上"


def case_suspended_on_road(driver: str, children: Sequence[str]) -> str:
    return f"{_driver(driver)}已停用，但正带着{spoken.names(children)}在路上，请打电话跟到送达"


def case_kept_on_road(child: str) -> str:
    return f"{child}已在车上，刚才的改动没有撤掉这趟，请打电话跟到送达"


def case_aboard_without_driver(child: str, due: datetime, *, zone: ZoneInfo) -> str:
    return f"{child}在车上，这趟却没有司机了（该{due.astimezone(zone):%H:%M}送达），马上打电话找到孩子"


def case_trouble(driver: str, children: Sequence[str], what: str) -> str:
    return f"{_driver(driver)}报有事：{what}（{spoken.names(children)}）"


def case_message_failed(whom: str, code: str) -> str:
    """`whom` in words: "姓周的志愿者", "小禾家里"."""
    return f"给{whom}的消息没送到（{code}），请打电话告诉"


def case_arrival_unsaid(child: str, reported_at: datetime, *, zone: ZoneInfo) -> str:
    return f"{child}：司机报{spoken.clock(reported_at, zone)}已送到，家里还没说到家，请打电话问一声"


def case_not_home(child: str, who: str) -> str:
    """`who` says it: "家里"."""
    return f"{child}：司机报已送到，{who}说没到家。马上核实孩子在哪里"


def case_not_told(on: date, children: Sequence[str]) -> str:
    """Families to be rung about one day whom nobody has ticked."""
    return f"{on.month}月{on.day}日有{len(children)}家还没打通知电话：{spoken.names(children)}"


def case_reply_unclear(whom: str) -> str:
    """What was written is shown on the board from the sealed text, never copied into the case."""
    return f"{whom}回了一句话，系统没看懂，请您看一下"


def case_number_objected(whom: str) -> str:
    return f"{whom}说：换号码不是本人的意思。新号码没有启用，请打旧号码核实"


def case_erasure_overdue(child_id: int) -> str:
    """By number: the name is what shall go."""
    return f"第{child_id}号孩子家里撤回同意满15天，资料还没删完。请办完这家的急事和转告，系统当晚就删"


def case_restored(backup_made_at: datetime, dropped: int, *, zone: ZoneInfo) -> str:
    at = backup_made_at.astimezone(zone)
    return (
        f"系统是从{at.month}月{at.day}日{at:%H:%M}的备份恢复的：那以后的答应、取消和改动都不在了，"
        f"没发出的{dropped}条消息也不再发。请对着今天和明天的名单，逐家逐位打电话核对"
    )


def case_stuck_work(what: str) -> str:
    return f"“{what}”反复办不成，已放在一边，请告诉系统管理员"


def case_dead_links() -> str:
    return "短信里的链接现在打不开，带链接的短信改由办公室打电话。请告诉装系统的人，通了会自己结案"


def all_templates() -> Templates:
    """Every registered template, as `notifications` checks them."""
    return Templates(
        Template(key, tuple(_fields(text)), max_segments=MAX_SEGMENTS.get(key, 2))
        for key, text in TEXTS.items()
    )


def preview(key: str) -> Wording:
    """Return a text with values of the usual length: what it will look like, and how many SMS it costs. Raises KeyError."""
    return _say(key, **{name: EXAMPLES[name] for name in _fields(TEXTS[key])})


def _what(turn: Turn, to_area: str, km: float, equipment: str) -> str:
    where = "，".join(part for part in (spoken.from_to(turn.area, to_area), f"{km:.0f}公里") if part)
    return where + (f"，要{equipment}" if equipment else "")


def _example(turns: Sequence[tuple[int, str, time]]) -> dict[str, str]:
    weekday, direction, _ = turns[0]
    return {"short": spoken.weekly(weekday, direction)}


def _driver(name: str) -> str:
    return f"姓{spoken.surname_of(name)}的司机"


def _say(key: str, **parameters: str) -> Wording:
    return Wording(key, parameters, TEXTS[key].format(**parameters))


def _fields(text: str) -> list[str]:
    return list(dict.fromkeys(name for _, name, _, _ in Formatter().parse(text) if name))


STANDING_CHOICES = "standing.choices"

HOW_SAID = {"phone": "在电话里", "in_person": "当面", "wechat": "在微信里"}
"""How somebody told a team leader what he then wrote down."""

ARRANGED_OTHERWISE = "这趟另外安排人了"  # why is the child's or its family's own affair
ASKED_AGAIN = "changed"
WHY_NOT_TAKEN = {
    ASKED_AGAIN: mark("这趟刚有变化，马上按现在的再问您"),
    "suspended": mark("您的接送现在是暂停的"),
    "swap_off": mark("换班作废了，其中一趟变了，两边都照原来的"),
    "banned": ARRANGED_OTHERWISE,
    "only_familiar": ARRANGED_OTHERWISE,
    "female_driver": ARRANGED_OTHERWISE,
    "household": mark("您家里另一位这半天已经有一趟"),
    "partner": mark("您家里那位去不了，或者没有回，您两位要一起才去"),
    "together": mark("这趟另一位不是您家里人，您两位要一起才去"),
    "not_in_rota": mark("那天您不在轮值里"),
    "vetting": mark("登记的无犯罪记录查询到那天过期了"),
    "licence": mark("登记的驾驶证到那天过期了"),
    "insurance": mark("登记的座位险到那天过期了"),
    "wheelchair": mark("这趟要能载轮椅的车"),
    "child_seats": mark("这趟要的儿童座椅，您车上登记的不够"),
    "seats": mark("您车上登记的座位不够"),
    "girls_only": mark("您登记的是只接女生"),
    "blockout": mark("您说过这天不方便"),
    "too_far": mark("比您登记的路程远"),
    "same_half_day": mark("您这半天已有别的安排"),
    "week_cap": mark("您登记的每周趟数已经满了"),
    "month_cap": mark("您登记的每月趟数已经满了"),
}
"""Why a yes could not be taken, in words for whoever said it."""
