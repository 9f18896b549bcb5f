"""Which language a page is in, and the switch at its foot."""

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from escort.db import Store
from escort.web import languages
from tests.builders import NOW
from tests.escort.web.visitors import Wednesday, a_site, a_wednesday


def a_request(*, query: str = "", cookie: str = "", accepts: str = "", method: str = "GET") -> Request:
    headers = [(b"host", b"test"), (b"cookie", cookie.encode()), (b"accept-language", accepts.encode())]
    return Request(
        {
            "type": "http",
            "method": method,
            "path": "/rota",
            "query_string": query.encode(),
            "headers": headers,
        }
    )


@pytest.mark.parametrize(
    ("query", "cookie", "language"),
    [
        ("", "", "zh-Hans"),
        ("", "dj_language=zh-Hant", "zh-Hant"),
        ("lang=en", "dj_language=zh-Hant", "en"),  # the newest choice stands over the older
        ("lang=../../etc", "dj_language=nothing", "zh-Hans"),
    ],
)
def test_the_language_is_chosen_remembered_or_simplified(query: str, cookie: str, language: str) -> None:
    assert languages.language_of(a_request(query=query, cookie=cookie), is_https=False) == language


def test_a_phone_that_was_sold_with_english_settings_still_reads_simplified() -> None:
    request = a_request(accepts="en-GB,en;q=0.9")

    assert languages.language_of(request, is_https=False) == "zh-Hans"


def test_the_switch_leads_to_the_same_page_with_its_query() -> None:
    shown = languages.choices(a_request(query="week=2021-04-07&lang=en"), "en")

    assert [(one.code, one.href, one.is_current) for one in shown] == [
        ("zh-Hans", "/rota?week=2021-04-07&lang=zh-Hans", False),
        ("zh-Hant", "/rota?week=2021-04-07&lang=zh-Hant", False),
        ("en", "/rota?week=2021-04-07&lang=en", True),
    ]


def test_a_page_that_answers_a_form_has_no_switch_to_lose_it_by() -> None:
    assert languages.choices(a_request(method="POST"), "en") == []


@pytest.fixture
def family(store: Store) -> tuple[TestClient, str]:
    site, day = a_site(store, NOW), a_wednesday(store)
    return site.browser(), site.link(guardian_of(day))


def guardian_of(day: Wednesday) -> str:
    return day.grandmother


def test_grandmother_reads_her_page_in_her_language_from_then_on(family: tuple[TestClient, str]) -> None:
    phone, link = family

    chosen = phone.get(f"{link}?lang=en")
    later = phone.get(link)

    for page in (chosen, later):
        assert '<html lang="en"' in page.text
        assert "This is my phone" in page.text
    assert 'aria-current="true">English' in later.text
    assert "HttpOnly" in chosen.headers["set-cookie"]
    assert "set-cookie" not in later.headers


def test_no_page_is_kept_for_a_reader_of_another_language(family: tuple[TestClient, str]) -> None:
    phone, link = family

    page = phone.get(link)

    assert page.headers["cache-control"] == "no-store"
    assert "Cookie" in {name.strip() for name in page.headers["vary"].split(",")}


def test_an_error_is_told_in_the_readers_language(family: tuple[TestClient, str]) -> None:
    phone, _ = family
    phone.cookies.set("dj_language", "en")

    page = phone.get("/f/nobodyknowsthistoken00")
    data = phone.get("/f/nobodyknowsthistoken00", headers={"accept": "application/json"})

    assert '<html lang="en"' in page.text
    assert "This link is no longer valid." in page.text
    assert data.json()["error"].startswith("This link is no longer valid.")


def test_a_reason_is_stored_as_the_office_reads_it(family: tuple[TestClient, str]) -> None:
    phone, link = family
    phone.post(f"{link}/bind")

    page = phone.get(f"{link}/cancel?lang=en")

    assert 'value="孩子病了"' in page.text
    assert "The child is ill" in page.text
