"""The strip on every page of a store that is not ready, and the page that says what is missing and who took what."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import escort
from escort.access import audit
from escort.upkeep.models import Backup
from escort.web.deps import House
from escort.web.safety_routes import FILES, LOOKS_EVERY, SafetyWatch
from tests.escort.access.conftest import NOW, StillClock, small_app
from tests.escort.access.test_web_access import a_volunteer_link, an_account, sign_in
from tests.queries import count_queries

NOT_READY = "还不能用于真实孩子"


@pytest.fixture
def watched(house: House) -> House:
    lacks = SafetyWatch(house.store, needs_second_factor=False, real_now=house.real_now)
    return replace(house, lacks=lacks)


@pytest.fixture
def visitor(watched: House) -> TestClient:
    return TestClient(small_app(watched), follow_redirects=False)


def a_proven_backup(house: House) -> None:
    with house.store.write() as session:
        session.add(
            Backup(fingerprint="f", made_at=NOW, by="console", bytes=12_300_000, rows=4711, proven_at=NOW)
        )


def test_the_office_reads_what_is_missing_on_every_page(watched: House, visitor: TestClient) -> None:
    an_account(watched)
    sign_in(visitor)

    shown = visitor.get("/accounts").text

    assert f"{NOT_READY}：7 天里没有做过备份 · 35 天里没有试着恢复过一份备份" in shown
    assert 'href="/safety"' in shown


def test_others_read_that_it_is_a_trial_and_not_what_is_weak(watched: House, visitor: TestClient) -> None:
    token = a_volunteer_link(watched)
    visitor.post(f"/v/{token}/bind")

    for shown in (visitor.get("/sign-in").text, visitor.get(f"/v/{token}/phones").text):
        assert "试用中，还不能用于真实的孩子" in shown
        assert "备份" not in shown


def test_the_strip_goes_within_seconds_of_the_last_thing(
    watched: House, visitor: TestClient, clock: StillClock
) -> None:
    an_account(watched)
    sign_in(visitor)
    visitor.get("/accounts")
    a_proven_backup(watched)

    clock.forward(LOOKS_EVERY)

    assert NOT_READY not in visitor.get("/accounts").text
    assert "备份、恢复、两步登录都在" in visitor.get("/safety").text


def test_pages_share_one_look(watched: House) -> None:
    watched.lacks()

    with count_queries(watched.store.engine) as counted:
        watched.lacks()

    assert len(counted) == 0


def test_a_look_is_one_query(watched: House) -> None:
    with count_queries(watched.store.engine) as counted:
        watched.lacks()

    assert len(counted) == 1


def test_the_page_lists_backups_and_who_took_files_out(watched: House, visitor: TestClient) -> None:
    number = an_account(watched)
    a_proven_backup(watched)
    with watched.store.write() as session:
        audit.record(
            session,
            actor=f"account:{number}",
            action="roster_book.exported",
            subject="roster_book",
            fields=["儿童: 344", "志愿者: 1118", "child.full_name"],
            now=NOW - timedelta(days=1),
        )
        audit.record(session, actor="account:9", action="child.needs", subject="child:1", now=NOW)
    sign_in(visitor)

    with count_queries(watched.store.engine) as counted:
        shown = visitor.get("/safety").text

    for text in ("4,711", "12.3 MB", "林老师", "名册", "儿童 344", "含个人信息"):
        assert text in shown
    assert "child.needs" not in shown
    assert len(counted) <= 10


def test_an_empty_page_says_so(watched: House, visitor: TestClient) -> None:
    an_account(watched)
    sign_in(visitor)

    shown = visitor.get("/safety").text

    assert "还没有做过备份。" in shown
    assert "还没有人下载过。" in shown


def test_every_kind_of_file_that_leaves_the_house_has_a_name_on_the_page() -> None:
    sources = [path.read_text("utf-8") for path in Path(escort.__file__).parent.rglob("*.py")]
    kinds = {kind for source in sources for kind in re.findall(r'"(\w+)\.exported"', source)}

    assert len(kinds) >= 4
    assert kinds == set(FILES)
