"""Every page in 繁體 and in English, whatever it shows: nothing of another language but names and what people wrote.

What stands in the store (names, places, a case's sentence, the text of an SMS) is taken out of a page first; what is
left is ours, and must be of the page's language.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import SQLModel

from escort.db import Store
from escort.journeys.words import FIRST, SECOND
from escort.web.deps import House
from escort.web.languages import LANGUAGES
from tests.access_matrix.test_routes import _doors, _filled
from tests.access_matrix.world import ON, Visitor, World, move_clock
from tests.catalogs import kept
from tests.escort.web.coordinator.days import at

HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
MOMENTS = [at(ON, "12:00"), at(ON, "07:20"), at(ON, "16:00"), at(ON - timedelta(days=1), "18:00")]
ANSWERED_BY_A_PAGE = (
    "/new",
    "/complete",
    "/open",
    "/phone",
    "/pause",
    "/end",
    "/taps",
    "/cancel",
    "/hold",
    "/word",
    "/runs/{run_id}/ask",
    "/sheet",
    "/early",
)
QUOTED = {
    *LANGUAGES.values(),  # the switch names each language in itself
    "郫都区",
    "2 周三",  # what to answer by SMS
    *(
        "是 (yes)",
        "否 (no)",
        "男 (male)",
        "女 (female)",
        "川A12345",
        "川AD12345",
    ),  # what to write into a cell
    *FIRST,  # word pairs are Chinese words in every language
    *SECOND,
}
PLATE = re.compile(r"[\u4e00-\u9fff][A-Z]·\w+")
NOT_OURS = re.compile(
    r'<p class="said"[^>]*>.*?</p>|<style.*?</style>|<script.*?</script>', re.DOTALL
)  # an SMS as it is sent
SHOWN_ATTRIBUTES = re.compile(r'\s(?:aria-label|alt|title|placeholder)="([^"]*)"')


@pytest.fixture
def walk(app: FastAPI, house: House, world: World, people: dict[str, Visitor]) -> "Walk":
    return Walk(app, house, world, people)


@pytest.mark.parametrize("when", MOMENTS, ids=lambda when: when.strftime("%d-%H:%M"))
def test_english_pages_hold_no_han_but_names_and_quoted_words(walk: "Walk", when: object) -> None:
    wrong = {
        address: left for address, text in walk.pages("en", when) if (left := sorted({*HAN.findall(text)}))
    }

    assert wrong == {}
    assert walk.seen >= 40


@pytest.mark.parametrize("when", MOMENTS, ids=lambda when: when.strftime("%d-%H:%M"))
def test_traditional_pages_hold_nothing_that_is_simplified_only(walk: "Walk", when: object) -> None:
    simplified = simplified_only()

    wrong = {
        address: left
        for address, text in walk.pages("zh-Hant", when)
        if (left := sorted(simplified & {*text}))
    }

    assert len(simplified) > 200
    assert wrong == {}
    assert walk.seen >= 40


class Walk:
    """Everybody's visit to every page that is his, in one language."""

    def __init__(self, app: FastAPI, house: House, world: World, people: dict[str, Visitor]) -> None:
        self.app, self.house, self.world, self.people = app, house, world, people
        self.seen = 0

    def pages(self, language: str, when: object) -> Iterator[tuple[str, str]]:
        """Yield each page's address and what is left of it once the store's own words are gone."""
        move_clock(self.house, when)  # type: ignore[arg-type]
        for visitor in self.people.values():
            stored = stored_words(self.house.store)
            for path, method, reader in _doors(self.app):
                if reader not in (visitor.reader, "public") or path.startswith("/api"):
                    continue
                address = _filled(path, self.world, visitor.token)
                form = {"csrf_token": visitor.headers.get("x-csrf-token", "")} if method == "POST" else None
                if method == "POST" and not path.endswith(ANSWERED_BY_A_PAGE):
                    continue
                visitor.client.cookies.set("dj_language", language)
                answer = visitor.client.request(method, address, headers=visitor.headers, data=form)
                if "text/html" in answer.headers.get("content-type", ""):
                    self.seen += 1
                    assert f'lang="{language}"' in answer.text
                    yield f"{visitor.name} {method} {path} {answer.status_code}", ours(answer.text, stored)


def ours(page: str, stored: list[str]) -> str:
    """Return the page's text, and the attributes that are read to somebody, without what is only quoted."""
    page = NOT_OURS.sub(" ", page)
    text = unescape(" ".join(SHOWN_ATTRIBUTES.findall(page)) + " " + re.sub(r"<[^>]*>", " ", page))
    text = PLATE.sub(" ", text)
    for word in stored:
        text = text.replace(word, " ")
    return text


def stored_words(store: Store) -> list[str]:
    """Return all that people wrote into the store, the longest first, and the words that are quoted everywhere."""
    words = set(QUOTED)
    with store.read() as session:
        for table in SQLModel.metadata.sorted_tables:
            for row in session.execute(select(table)):
                words |= {part for value in row if isinstance(value, str) for part in value.splitlines()}
    return sorted((word for word in words if HAN.search(word)), key=len, reverse=True)


def simplified_only() -> set[str]:
    """Return the characters of our own texts that their 繁體 does without."""
    simplified: set[str] = set()
    traditional: set[str] = set()
    for text in kept("zh_Hant"):
        if text.id:
            simplified |= {*"".join(text.id)}
            traditional |= {*"".join(text.string)}
    return {letter for letter in simplified - traditional if HAN.match(letter)}
