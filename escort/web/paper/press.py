"""Typesetting: a template of this folder and plain values become a PDF or a PNG, with the fonts that lie here.

What people are called goes to typst as data (JSON), never as markup: `#` and `*` in a name are printed as they stand.
Typst reads this room's own files and nothing else: no fonts of the machine, no packages, no network.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import typst
from fontTools.ttLib import TTFont

from escort.errors import Refused
from escort.sentences import Sentence

HERE = Path(__file__).parent
FONTS = HERE / "fonts"
FACES = ("NotoSansCJKsc-Regular.otf", "NotoSansCJKsc-Bold.otf")


class Unprintable(Refused):
    """Our font lacks characters of a sheet. A box in place of a name would be a wrong name."""

    def __init__(self, characters: str) -> None:
        super().__init__(
            Sentence(
                "打印字库里没有这几个字：%(characters)s，所以没有生成文件。请改用浏览器打印，它用这台电脑自己的字库。",
                characters=characters,
            )
        )


def check(data: Any) -> None:
    """Raise Unprintable with the characters of all texts in `data` that one of the two fonts lacks."""
    if missing := missing_in(data):
        raise Unprintable("、".join(missing))


def missing_in(data: Any) -> list[str]:
    """Return the characters that cannot be printed, each once, in order of appearance."""
    found = (one for text in _texts(data) for one in text if ord(one) not in _printable() and one != "\n")
    return list(dict.fromkeys(found))


def pdf(template: str, data: Mapping[str, Any]) -> bytes:
    """Return `template`.typ with these values as a PDF. Raises Unprintable."""
    return _typeset(template, data, "pdf")


def png(template: str, data: Mapping[str, Any]) -> bytes:
    """Return the one page of `template`.typ with these values as a PNG, two dots a point. Raises Unprintable."""
    return _typeset(template, data, "png")


def _typeset(template: str, data: Mapping[str, Any], kind: Literal["pdf", "png"]) -> bytes:
    check(data)
    made = typst.compile(
        HERE / f"{template}.typ",
        root=HERE.parent,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        format=kind,
        ppi=DOTS_AN_INCH,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
    )
    if not isinstance(made, bytes):
        raise TypeError(f"{template}.typ has more than one page or none")
    return made


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])


@cache
def _printable() -> frozenset[int]:
    faces = (TTFont(FONTS / face, lazy=True) for face in FACES)
    regular, bold = ({*face.getBestCmap()} for face in faces)
    return frozenset(regular & bold)


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from _texts(value)


DOTS_AN_INCH = 144
