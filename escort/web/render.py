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

from escort.sentences import mark, translated
from escort.web import languages
from escort.web.status import status
from escort.web.times import TimeWords, minutes_until

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"


def page(request: Request, template: str, status_code: int = 200, **context: Any) -> HTMLResponse:
    """Render `template` for this request.

    Handed in besides `context`: request, now, csp_nonce, lang, languages (the switch at the foot), district,
    duty_phone, is_demo, lacks, is_office, csrf_token, me (the signed-in account or None). What `context` names itself wins.
    """
    house = request.app.state.house
    lang = languages.language_of(request, is_https=house.is_https)
    shared: dict[str, Any] = {
        "request": request,
        "now": house.clock.now(),
        "csp_nonce": getattr(request.state, "csp_nonce", ""),
        "lang": lang,
        "languages": languages.choices(request, lang),
        "district": house.settings.district,
        "duty_phone": house.settings.duty_phone,
        "is_demo": _is_demo(house),
        "lacks": house.lacks(),
        "is_office": getattr(getattr(request.state, "account", None), "subject", "").startswith("account:"),
        "csrf_token": getattr(request.state, "csrf_token", ""),
        "me": getattr(request.state, "account", None),
    }
    html = house.templates.get_template(template).render(shared | context)
    response = HTMLResponse(html, status_code=status_code)
    languages.remember_choice(request, response, is_https=house.is_https)
    return response


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
    made.install_gettext_callables(_gettext, _ngettext, newstyle=True, pgettext=_pgettext)  # type: ignore[attr-defined]  # by the extension
    made.globals.update(status_of=status, static=_static_addresses(), quote=quote)
    made.filters.update(_filters(zone))
    return made


@pass_context
def told(context: Context, sentence: str) -> str:
    """Return a sentence that was made in 简体, such as an error's, in the page's language."""
    return translated(sentence, languages.catalogue(context.get("lang", "")).gettext)


@pass_context
def paint(context: Context, colour: str) -> str:
    """Return a car's colour as a word of the page's language: 白 as 白色, white."""
    return told(context, colour if not colour or colour.endswith("色") else f"{colour}色")


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


@pass_context
def _gettext(context: Context, text: str) -> str:
    return languages.catalogue(context.get("lang", "")).gettext(text)


@pass_context
def _pgettext(context: Context, where: str, text: str) -> str:
    return languages.catalogue(context.get("lang", "")).pgettext(where, text)


@pass_context
def _ngettext(context: Context, one: str, many: str, number: int) -> str:
    return languages.catalogue(context.get("lang", "")).ngettext(one, many, number)


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

    spoken = (
        "clock",
        "day",
        "month_name",
        "weekday",
        "day_word",
        "moment",
        "time_left",
        "weekdays",
        "half_days",
    )
    return {name: words(name) for name in spoken} | {
        "local": lambda at: at.astimezone(zone),
        "iso": lambda at: (at.astimezone(zone).date() if isinstance(at, datetime) else at).isoformat(),
        "minutes_until": minutes_until,
        "told": told,
        "paint": paint,
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


COLOURS = (
    mark("白色"),
    mark("黑色"),
    mark("银色"),
    mark("灰色"),
    mark("红色"),
    mark("蓝色"),
    mark("绿色"),
    mark("黄色"),
    mark("棕色"),
    mark("褐色"),
    mark("金色"),
    mark("香槟色"),
    mark("橙色"),
    mark("紫色"),
    mark("银灰色"),
    mark("深灰色"),
    mark("浅灰色"),
    mark("深蓝色"),
    mark("浅蓝色"),
    mark("酒红色"),
)
"""What the catalogues know of a car's colour; another word stays as the office wrote it."""
