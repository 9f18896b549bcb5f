"""Files that a page hands out: named as the office would name them, signed, never shown in the browser."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response

from escort.web import languages
from escort.web.deps import Coordinator, House
from escort.web.paper.press import Unprintable
from escort.web.paper.words import Words
from escort.web.render import page

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def xlsx(content: bytes, name: str) -> Response:
    """Return a workbook to be saved as `name`.xlsx."""
    return _file(content, f"{name}.xlsx", XLSX)


def pdf(content: bytes, name: str) -> Response:
    """Return a PDF to be saved as `name`.pdf."""
    return _file(content, f"{name}.pdf", "application/pdf")


def png(content: bytes, name: str) -> Response:
    """Return a picture to be saved as `name`.png."""
    return _file(content, f"{name}.png", "image/png")


def words_for(request: Request) -> Words:
    """Return the words of a sheet in the language of who asks for it."""
    house = request.app.state.house
    return Words(languages.language_of(request, is_https=house.is_https), house.zone)


def unprintable(
    request: Request,
    mistake: Unprintable,
    *,
    post_to: str = "",
    links: Sequence[tuple[str, str]] = (),
    rest: tuple[str, Mapping[str, str | list[int]]] | None = None,
) -> Response:
    """Say which characters no file can show, and offer the browser's own print.

    `post_to` is the form that brings the page to be printed, `links` are label and address of such pages, `rest` is
    the form (its address, its fields) that makes a file of everything else.
    """
    return page(
        request,
        "unprintable.html",
        mistake.status,
        sentence=mistake.sentence,
        post_to=post_to,
        links=links,
        rest=rest,
    )


def _file(content: bytes, name: str, kind: str) -> Response:
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(content, media_type=kind, headers={"Content-Disposition": disposition})


def footer(me: Coordinator, house: House, now: datetime) -> str:
    """Return who took a file out, and when: printed at the foot of every page."""
    return f"{me.name} {now.astimezone(house.zone):%Y-%m-%d %H:%M} 导出，含个人信息，请勿外传"
