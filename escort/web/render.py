"""How a page becomes HTML: one Jinja environment per store, and `page` that every handler returns.

Instants reach templates as aware UTC and leave them as the district's wall time; the words of every
page pass through gettext. No page carries inline styles or scripts, so the policy header needs no
exceptions.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from escort.web.status import status
from escort.web.times import TimeWords, minutes_until

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"


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


def _local_phone(number: str | None) -> str:
    return (number or "").removeprefix("+86")


def _is_demo(house: Any) -> bool:
    return bool(getattr(house, "is_demo", house.settings.is_demonstration))


def _filters(zone: ZoneInfo) -> Mapping[str, Callable[..., Any]]:
    def words(name: str) -> Callable[..., str]:
        """Return the filter that calls this method of TimeWords in the page's language."""

        @pass_context
        def in_words(context: Context, *values: Any) -> str:
            gettext = context["gettext"]
            spoken = TimeWords(zone, lambda word, **named: str(context.call(gettext, word, **named)))
            return str(getattr(spoken, name)(*values))

        return in_words

    spoken = ("clock", "day", "weekday", "day_word", "moment", "time_left", "weekdays", "half_days")
    return {name: words(name) for name in spoken} | {
        "local": lambda at: at.astimezone(zone),
        "iso": lambda at: (at.astimezone(zone).date() if isinstance(at, datetime) else at).isoformat(),
        "minutes_until": minutes_until,
        "plate": plate,
        "phone": phone,
        "masked_phone": masked_phone,
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
