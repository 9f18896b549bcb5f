"""How a page becomes HTML: one Jinja environment per store, and `page` that every handler returns.

Instants reach templates as aware UTC and leave them as the district's wall time; the words of every
page pass through gettext. No page carries inline styles or scripts, so the policy header needs no
exceptions.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from escort.web.status import status

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"
WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
RELATIVE_UNDER_MINUTES = 60


def page(request: Request, template: str, status_code: int = 200, **context: Any) -> HTMLResponse:
    """Render `template` for this request.

    Handed in besides `context`: request, now, csp_nonce, lang, district, duty_phone, is_demo, csrf_token, me (the
    signed-in account or None). What `context` names itself wins.
    """
    house = request.app.state.house
    shared: dict[str, Any] = {
        "request": request,
        "now": house.clock.now(),
        "csp_nonce": getattr(request.state, "csp_nonce", ""),
        "lang": "zh-Hans",
        "district": house.settings.district,
        "duty_phone": house.settings.duty_phone,
        "is_demo": _is_demo(house),
        "csrf_token": getattr(request.state, "csrf_token", ""),
        "me": getattr(request.state, "account", None),
    }
    html = house.templates.get_template(template).render(shared | context)
    return HTMLResponse(html, status_code=status_code)


def environment(zone: ZoneInfo) -> Environment:
    """The templates of one store, with the filters bound to its zone."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.loopcontrols"],
    )
    made.install_null_translations(newstyle=True)  # type: ignore[attr-defined]  # added by the i18n extension
    made.globals.update(status_of=status, static=_static_addresses(), quote=quote)
    made.filters.update(_filters(zone))
    return made


def plate(number: str) -> str:
    """Return 川A12345 as 川A·12345, the way it stands on the car."""
    return f"{number[:2]}·{number[2:]}" if len(number) > 2 and "·" not in number else number


def masked_phone(number: str | None) -> str:
    """Return +8619900007998 as 199 **** **98: enough to recognise, not to ring."""
    local = _local_phone(number)
    return f"{local[:3]} **** **{local[-2:]}" if len(local) > 6 else local


def phone(number: str | None) -> str:
    """Return +8619900007998 as 199 0000 7998."""
    local = _local_phone(number)
    return f"{local[:3]} {local[3:7]} {local[7:]}" if len(local) == 11 else local


def weekday(day: date) -> str:
    return WEEKDAYS[day.weekday()]


def weekdays(marks: str) -> str:
    """Return "1111100" as 周一至周五, "1010000" as 周一、周三."""
    days = [day for day, mark in enumerate(marks) if mark == "1"]
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{WEEKDAYS[days[0]]}至{WEEKDAYS[days[-1]]}"
    return "、".join(WEEKDAYS[day] for day in days)


def half_days(pattern: str) -> str:
    """Return fourteen marks as 周一至周五；周六早上; half-days that stand alone are named."""
    whole = "".join(str(int(pattern[2 * day : 2 * day + 2] == "11")) for day in range(7))
    parts = [weekdays(whole)] if "1" in whole else []
    for half, word in ((0, "早上"), (1, "下午")):
        alone = "".join(str(int(pattern[2 * day + half] == "1" and whole[day] == "0")) for day in range(7))
        if "1" in alone:
            parts.append(f"{weekdays(alone)}{word}")
    return "；".join(parts)


def month_day(day: date) -> str:
    return f"{day.month}月{day.day}日"


def minutes_until(at: datetime, now: datetime) -> int:
    """Whole minutes from `now` to `at`, negative once it has passed."""
    return int((at - now).total_seconds() // 60)


def time_left(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Return how long is left in the largest words that are still true: 晚 9 分, 19 分, 17:10, 明天, 周四."""
    minutes = minutes_until(at, now)
    if -RELATIVE_UNDER_MINUTES < minutes < 0:
        return f"过了 {-minutes} 分"
    if 0 <= minutes < RELATIVE_UNDER_MINUTES:
        return f"{minutes} 分"
    return day_word(at.astimezone(zone).date(), now.astimezone(zone).date(), at.astimezone(zone).time())


def day_word(day: date, today: date, at: time | None = None) -> str:
    """Return 今天 with its time, 明早 / 明天下午, 周四 in the same or the next week, else 11月26日."""
    days = (day - today).days
    if days == 0:
        return f"{at:%H:%M}" if at else "今天"
    if days == -1:
        return "昨天"
    if days == 1:
        if at is None:
            return "明天"
        return "明早" if at.hour < 12 else "明天下午"
    return weekday(day) if 1 < days < 7 else month_day(day)


def _local_phone(number: str | None) -> str:
    return (number or "").removeprefix("+86")


def _is_demo(house: Any) -> bool:
    return bool(getattr(house, "is_demo", house.settings.is_demonstration))


def _filters(zone: ZoneInfo) -> Mapping[str, Callable[..., Any]]:
    def local(at: datetime) -> datetime:
        return at.astimezone(zone)

    def clock(at: datetime | time) -> str:
        return f"{at.astimezone(zone) if isinstance(at, datetime) else at:%H:%M}"

    def as_day(at: datetime | date) -> date:
        return at.astimezone(zone).date() if isinstance(at, datetime) else at

    return {
        "local": local,
        "clock": clock,
        "day": lambda at: month_day(as_day(at)),
        "weekday": lambda at: weekday(as_day(at)),
        "iso": lambda at: as_day(at).isoformat(),
        "day_word": lambda at, now: day_word(as_day(at), as_day(now)),
        "minutes_until": minutes_until,
        "time_left": lambda at, now: time_left(at, now, zone),
        "plate": plate,
        "phone": phone,
        "masked_phone": masked_phone,
        "weekdays": weekdays,
        "half_days": half_days,
        "km": lambda km: f"{km:.1f}" if km < 100 else f"{km:.0f}",
    }


def _static_addresses() -> Callable[[str], str]:
    """Return a function from a static file's name to its address, which changes with its content."""
    marks = {
        path.relative_to(STATIC).as_posix(): sha256(path.read_bytes()).hexdigest()[:10]
        for path in STATIC.rglob("*")
        if path.is_file()
    }

    def address(name: str) -> str:
        return f"/static/{name}?v={marks[name]}"

    return address
