"""Typesetting: names are set as they stand, a character that our font lacks is an error, one page for each door."""

import socket
from datetime import date, datetime, time, timedelta
from typing import Any, NoReturn

import pytest

from escort.journeys.fridge import FridgeDay, FridgeHalf, FridgeSheet
from escort.web.languages import LANGUAGES
from escort.web.paper import fridge, press, share
from escort.web.paper.words import Words
from tests.builders import ZONE
from tests.catalogs import FOLDERS, extracted, kept
from tests.escort.web.paper.reading import pages_of, squeezed

MONDAY = date(2021, 4, 5)
PRINTED = datetime(2021, 4, 2, 9, 0, tzinfo=ZONE)
PHONE = "199 0000 0001"


def a_sheet(child: str = "小雨", *, days: int = 5, alike: bool = True) -> FridgeSheet:
    """A full week in which 王师傅 comes every half-day."""
    week = tuple(
        FridgeDay(
            MONDAY + timedelta(days=one),
            FridgeHalf(time(7, 45 if alike else one), "王", "345", False),
            FridgeHalf(
                time(16, 30 if alike else one), "" if one == 2 else "欧阳", "" if one == 2 else "8D6", False
            ),
        )
        for one in range(days)
    )
    return FridgeSheet(1, child, MONDAY, week, True, PRINTED)


def door_sheets(*sheets: FridgeSheet, language: str = "zh-Hans") -> dict[str, Any]:
    return fridge.values(sheets, Words(language, ZONE), duty_phone=PHONE)


def test_a_door_sheet_says_who_comes_and_what_to_ring() -> None:
    (page,) = pages_of(press.pdf("fridge", door_sheets(a_sheet())))

    for said in (
        "小雨·谁来接",
        "早上7:45",
        "下午4:30到家",
        "王师傅",
        "尾号345",
        "待定",
        "不上车。",
        squeezed(PHONE),
    ):
        assert said in page


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("days", "alike"), [(0, True), (5, True), (5, False), (6, False), (7, False)])
def test_each_door_sheet_is_one_page_in_every_language(language: str, days: int, alike: bool) -> None:
    made = door_sheets(
        a_sheet(days=days, alike=alike), a_sheet("欧阳小小雨", days=days, alike=alike), language=language
    )

    assert len(pages_of(press.pdf("fridge", made))) == 2


@pytest.mark.parametrize(
    "name",
    [
        "#panic()",
        '#import "@preview/x:1.0.0"',
        "*小雨*",
        "_小雨_",
        "$x^2$",
        "[小雨]",
        "小雨]",
        "`小雨`",
        "<小雨>",
        "@小雨",
        "= 小雨",
        "- 小雨",
        "\\u{41}",
        "\\",
        '"小雨"',
        "//小雨",
        "/*小雨",
        "{小雨}",
        "小雨~--",
        "'小雨'",
        '#read("/render.py")',
    ],
)
def test_what_looks_like_markup_comes_out_as_it_was_written(name: str) -> None:
    (page,) = pages_of(press.pdf("fridge", door_sheets(a_sheet(name))))

    assert squeezed(name) in page


def test_a_character_that_the_font_lacks_is_an_error_that_names_it() -> None:
    made = door_sheets(a_sheet("𠮷𠮷小雨ก"))

    with pytest.raises(press.Unprintable) as caught:
        press.pdf("fridge", made)

    assert "𠮷、ก" in caught.value.sentence
    assert "浏览器打印" in caught.value.sentence


@pytest.mark.parametrize("name", ["㛃", "𬱖", "𪣻", "䶮", "喆", "堃", "護", "臺", "赟"])
def test_rare_names_of_the_national_table_can_be_printed(name: str) -> None:
    (page,) = pages_of(press.pdf("fridge", door_sheets(a_sheet(name))))

    assert name in page


def test_every_text_of_the_pages_can_be_printed() -> None:
    texts = [text.id if isinstance(text.id, str) else text.id[0] for text in extracted() if text.id]
    for folder in FOLDERS:
        texts += [
            form
            for text in kept(folder)
            if text.id
            for form in (text.string if isinstance(text.string, tuple) else (text.string,))
        ]

    assert press.missing_in(texts) in ([], ["▾"], ["▸"])


def test_typesetting_asks_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> NoReturn:
        raise AssertionError("a sheet asked the network")

    monkeypatch.setattr(socket, "socket", refuse)

    assert press.pdf("fridge", door_sheets(a_sheet())).startswith(b"%PDF")
    files = [path for path in press.HERE.glob("*.typ") if "@preview" in path.read_text("utf-8")]
    assert files == []


def test_the_picture_is_a_png_as_wide_as_a_phone() -> None:
    made = share.values(
        [], Words("zh-Hans", ZONE), district="郫都区", duty_phone=PHONE, first=MONDAY, last=MONDAY
    )

    picture = press.png("share", made)

    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20], "big") == 810
