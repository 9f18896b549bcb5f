"""The family's page: who comes in which state, seen by whom, and how heavy it is."""

import re
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from escort.cases.models import Case, CaseKind
from escort.db import Store
from escort.families.models import Family
from escort.journeys.family_view import tell_by
from escort.journeys.models import Step, Tap
from escort.roster.models import Volunteer
from escort.rota.models import Direction, Leg, LegState, Shift, ShiftState
from escort.web.render import STATIC
from tests.builders import NOW, ZONE, a_child
from tests.escort.web.visitors import Site, Wednesday, a_leg, a_run, a_shift, a_site, a_wednesday
from tests.queries import count_queries

SECRETS = ("王师傅", "小雨", "川A", "长安欧尚", "家门口", "暗号：")
MORNING = datetime(2021, 4, 7, 7, 0, tzinfo=ZONE)
PAGE_BYTES = 30 * 1024


@pytest.fixture
def site(store: Store) -> Site:
    return a_site(store)


@pytest.fixture
def wednesday(store: Store) -> Wednesday:
    return a_wednesday(store)


def shown_to_family(site: Site, wednesday: Wednesday) -> str:
    """Return the page's words as they are read."""
    browser, address = site.bound(wednesday.grandmother)
    return plain(browser.get(address).text)


def plain(page: str) -> str:
    words = re.sub(r"<style.*?</style>|<[^>]+>", " ", page, flags=re.S)
    return re.sub(r"\s+", "", words)


def tapped(site: Site, leg: Leg, step: str, by: str, at: datetime) -> None:
    with site.store.write() as session:
        session.add(
            Tap(
                uuid=f"{leg.id}:{step}:{by}",
                leg_id=leg.id or 0,
                step=step,
                by=by,
                tapped_at=at,
                arrived_at=at,
            )
        )


def test_phone_that_is_not_bound_sees_time_and_area_only(site: Site, wednesday: Wednesday) -> None:
    page = site.browser().get(site.link(wednesday.grandmother))

    assert "明天早上7点40，唐昌街道一带有人来接" in plain(page.text)
    assert "这是我的手机" in page.text
    assert not any(secret in plain(page.text).replace("名字、车牌和暗号", "") for secret in SECRETS)


def test_one_tap_binds_the_first_phone(site: Site, wednesday: Wednesday) -> None:
    assert "王师傅来接小雨" in shown_to_family(site, wednesday)


def test_second_phone_is_asked_for_a_code(site: Site, wednesday: Wednesday) -> None:
    site.bound(wednesday.grandmother)
    second, address = site.browser(), site.link(wednesday.grandmother)

    page = second.post(f"{address}/bind").text

    assert "请填短信里的 6 位数" in page
    assert "王师傅" not in second.get(address).text


def test_confirmed_ride_names_driver_car_and_word(site: Site, wednesday: Wednesday) -> None:
    page = shown_to_family(site, wednesday)

    assert "明天早上7点40，王师傅来接小雨" in page
    assert "接送过小雨3次" in page
    assert "没有照片请看车牌" in page
    assert "白色长安欧尚" in page
    assert "川A·12345" in page
    assert "暗号：请司机先说，您来对" in page
    assert "值班室帮您接通司机" in page
    assert "1990001" not in page  # never the driver's own number


@pytest.mark.parametrize(
    ("at", "is_named"),
    [
        (datetime(2021, 4, 6, 16, 59, tzinfo=ZONE), False),
        (datetime(2021, 4, 6, 17, 0, tzinfo=ZONE), True),
    ],
)
def test_driver_is_named_from_five_the_day_before(
    site: Site, wednesday: Wednesday, at: datetime, is_named: bool
) -> None:
    site.clock.at = at

    page = shown_to_family(site, wednesday)

    assert ("王师傅" in page) == is_named
    assert ("前一天下午5点起" in page) != is_named


def test_driver_goes_from_the_page_half_an_hour_after_the_child_arrived(
    site: Site, wednesday: Wednesday
) -> None:
    home = wednesday.afternoon
    tapped(site, wednesday.morning, Step.DELIVERED, wednesday.wang, wednesday.morning.due_at)
    tapped(site, home, Step.DELIVERED, wednesday.wang, home.due_at)
    site.clock.at = home.due_at + timedelta(minutes=29)
    before = shown_to_family(site, wednesday)
    site.clock.at += timedelta(minutes=1)

    after = shown_to_family(site, wednesday)

    assert "小雨到家了" in before
    assert "王师傅" not in after
    assert "川A" not in after


@pytest.mark.parametrize(
    ("step", "title"),
    [
        (Step.STARTED, "王师傅出发了，来接小雨"),
        (Step.AT_PICKUP, "王师傅到了，在等小雨"),
        (Step.ON_BOARD, "小雨上车了，王师傅送去学校"),
        (Step.DELIVERED, "小雨到学校了"),
    ],
)
def test_page_follows_the_road(site: Site, wednesday: Wednesday, step: Step, title: str) -> None:
    site.clock.at = MORNING
    tapped(site, wednesday.morning, step, wednesday.wang, MORNING)

    assert title in shown_to_family(site, wednesday)


def test_nobody_yet_says_by_when_we_tell(site: Site, wednesday: Wednesday) -> None:
    with site.store.write() as session:
        session.get_one(Shift, wednesday.morning_shift.id).state = ShiftState.OPEN

    page = shown_to_family(site, wednesday)

    assert "接小雨的人还没定" in page
    assert "今天晚上8点前告诉您：谁来，或者没有人来" in page
    assert "不要把孩子交给任何人" in page
    assert "王师傅来接小雨" not in page


@pytest.mark.parametrize(
    ("now", "by"),
    [
        (datetime(2021, 4, 6, 18, 0, tzinfo=ZONE), datetime(2021, 4, 6, 20, 0, tzinfo=ZONE)),
        (datetime(2021, 4, 6, 20, 0, tzinfo=ZONE), datetime(2021, 4, 7, 7, 20, tzinfo=ZONE)),
        (datetime(2021, 4, 7, 7, 20, tzinfo=ZONE), None),  # now only the duty teacher can say
    ],
)
def test_promise_to_tell_is_that_of_the_messages(now: datetime, by: datetime | None) -> None:
    assert tell_by(datetime(2021, 4, 7, 7, 40, tzinfo=ZONE), now, ZONE) == by


def replace_wang(site: Site, wednesday: Wednesday, *, at: datetime) -> None:
    with site.store.write() as session:
        old = session.get_one(Shift, wednesday.morning_shift.id)
        old.state, old.ended_at = ShiftState.FREED, at
        session.flush()
        a_shift(session, wednesday.morning_run, wednesday.cast.chen, confirmed_at=at)


def test_changed_driver_names_who_no_longer_counts(site: Site, wednesday: Wednesday) -> None:
    replace_wang(site, wednesday, at=NOW)
    site.clock.at = NOW + timedelta(minutes=1)

    page = shown_to_family(site, wednesday)

    assert "明天早上换人了，陈姐来接小雨" in page
    assert "不要再把孩子交给王师傅" in page
    assert "川A·D67890" in page


def test_change_before_the_family_knew_a_name_is_no_change_to_it(site: Site, wednesday: Wednesday) -> None:
    replace_wang(site, wednesday, at=datetime(2021, 4, 6, 12, 0, tzinfo=ZONE))

    page = shown_to_family(site, wednesday)

    assert "明天早上7点40，陈姐来接小雨" in page
    assert "王师傅来不了了" not in page


def test_new_shift_has_a_new_word(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.grandmother)
    word = re.search(r'您来对</p>\s*<p class="value">(.*?)</p>', browser.get(address).text)
    replace_wang(site, wednesday, at=NOW)
    site.clock.at = NOW + timedelta(minutes=1)

    page = browser.get(address).text

    assert word
    assert word[1] not in page


def test_cancel_form_offers_the_morning_ticked_and_asks_about_the_afternoon(
    site: Site, wednesday: Wednesday
) -> None:
    browser, address = site.bound(wednesday.grandmother)

    page = browser.get(f"{address}/cancel").text

    assert f'value="{wednesday.morning.id}" checked' in page
    assert f'value="{wednesday.afternoon.id}">' in page
    assert "明天早上不用接小雨去学校" in plain(page)


def test_cancelled_morning_leaves_the_afternoon(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.grandmother)

    answer = browser.post(f"{address}/cancel", data={"leg": str(wednesday.morning.id), "reason": "孩子病了"})

    assert answer.status_code == 303
    with site.store.read() as session:
        morning = session.get_one(Leg, wednesday.morning.id)
        assert (morning.state, morning.cancel_reason) == (LegState.CANCELLED, "孩子病了")
        assert morning.cancelled_by == wednesday.grandmother
        assert session.get_one(Leg, wednesday.afternoon.id).state == LegState.WANTED
    assert "明天早上，不用来接小雨" in plain(browser.get(address).text)


def test_cancelling_nothing_says_so_and_cancels_nothing(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.grandmother)

    answer = browser.post(f"{address}/cancel", data={})

    assert answer.status_code == 400
    assert "请至少选一趟" in answer.text


def test_child_in_the_car_is_not_cancelled_by_the_page(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.grandmother)
    site.clock.at = MORNING
    tapped(site, wednesday.morning, Step.ON_BOARD, wednesday.wang, MORNING)

    answer = browser.post(f"{address}/cancel", data={"leg": str(wednesday.morning.id)})

    assert answer.status_code == 400
    assert "请打值班电话" in answer.text
    with site.store.read() as session:
        assert session.get_one(Leg, wednesday.morning.id).state == LegState.WANTED


@pytest.mark.parametrize("action", ["cancel", "arrived", "not-this-person"])
def test_another_familys_child_cannot_be_touched(site: Site, wednesday: Wednesday, action: str) -> None:
    with site.store.write() as session:
        other = a_child(session, "小禾", school=wednesday.cast.school)
    browser, address = site.bound(other.guardian_subject)
    form = {"leg": str(wednesday.morning.id)} | ({"uuid": "0" * 36} if action == "arrived" else {})

    answer = browser.post(f"{address}/{action}", data=form)

    assert answer.status_code == 404
    with site.store.read() as session:
        assert session.get_one(Leg, wednesday.morning.id).state == LegState.WANTED
        assert session.exec(select(Case)).all() == []
        assert session.exec(select(Tap)).all() == []


def test_not_this_person_opens_an_urgent_case_and_says_what_to_do(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.grandmother)
    site.clock.at = MORNING

    page = browser.post(f"{address}/not-this-person", data={"leg": str(wednesday.morning.id)})

    assert page.status_code == 200
    assert "不要把孩子交给他" in page.text
    assert 'href="tel:19900000001"' in page.text
    with site.store.read() as session:
        (case,) = session.exec(select(Case)).all()
        assert (case.kind, case.is_urgent) == (CaseKind.WRONG_PERSON, True)


def test_family_says_that_the_child_is_home(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.grandmother)
    home = wednesday.afternoon
    site.clock.at = home.pickup_at + timedelta(minutes=5)
    tapped(site, wednesday.morning, Step.DELIVERED, wednesday.wang, wednesday.morning.due_at)
    tapped(site, home, Step.ON_BOARD, wednesday.wang, home.pickup_at)
    page = browser.get(address).text
    uuid = re.search(r'name="uuid" value="([^"]+)"', page)
    assert uuid

    answer = browser.post(f"{address}/arrived", data={"leg": str(home.id), "uuid": uuid[1]})

    assert answer.status_code == 303
    with site.store.read() as session:
        tap = session.get_one(Tap, uuid[1])
        assert (tap.step, tap.by) == (Step.HANDED_OVER, wednesday.grandmother)
    assert "小雨到家了" in plain(browser.get(address).text)


@pytest.mark.parametrize("action", ["cancel", "arrived"])
def test_unbound_phone_changes_nothing(site: Site, wednesday: Wednesday, action: str) -> None:
    form = {"leg": str(wednesday.morning.id)} | ({"uuid": "0" * 36} if action == "arrived" else {})

    answer = site.browser().post(f"{site.link(wednesday.grandmother)}/{action}", data=form)

    assert answer.status_code == 403


def test_siblings_each_have_their_ride(site: Site, wednesday: Wednesday) -> None:
    with site.store.write() as session:
        family = wednesday.cast.xiaoyu.child.family_id
        brother = a_child(session, "小禾", school=wednesday.cast.school)
        child = session.merge(brother.child)
        child.family_id = family
        leg = a_leg(session, brother, direction=Direction.TO_SCHOOL)
        a_shift(session, a_run(session, leg), wednesday.cast.chen)

    page = shown_to_family(site, wednesday)

    assert "王师傅来接小雨" in page
    assert "陈姐来接小禾" in page


def test_heaviest_page_stays_under_thirty_kilobytes(site: Site, wednesday: Wednesday) -> None:
    with site.store.write() as session:
        chen = session.get_one(Volunteer, wednesday.cast.chen.id)
        chen.photo = "data:image/jpeg;base64," + "A" * (12 * 1024 * 4 // 3)  # the largest photo we keep
        wang = session.get_one(Volunteer, wednesday.cast.wang.id)
        wang.photo = chen.photo
    replace_wang(site, wednesday, at=NOW)
    site.clock.at = NOW + timedelta(minutes=1)
    browser, address = site.bound(wednesday.grandmother)

    page = browser.get(address)

    assert page.text.count("data:image/jpeg") == 1  # the ride that matters now; the next one is words
    assert len(page.content) <= PAGE_BYTES
    assert re.findall(r'<(?:link|img|script)[^>]+(?:href|src)="(/static/[^"?]+)', page.text) == [
        "/static/bird.svg",
        "/static/family.js",
    ]
    others = sum((STATIC / name).stat().st_size for name in ("bird.svg", "family.js"))
    assert len(page.content) + others <= PAGE_BYTES


def test_page_costs_at_most_ten_queries(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.grandmother)

    with count_queries(site.store.engine) as queries:
        browser.get(address)

    assert len(queries) <= 10, "\n".join(queries.statements)


def test_get_changes_nothing(site: Site, wednesday: Wednesday) -> None:
    browser, address = site.bound(wednesday.grandmother)

    with count_queries(site.store.engine) as queries:
        browser.get(address)
        browser.get(f"{address}/cancel")

    assert not [one for one in queries.statements if not one.lstrip().upper().startswith("SELECT")]


def test_style_inside_the_page_has_the_tokens_of_all_pages() -> None:
    def tokens(name: str) -> list[set[tuple[str, str]]]:
        light, _, dark = (STATIC / name).read_text("utf-8").partition("prefers-color-scheme: dark")
        return [set(re.findall(r"(--\w[\w-]*): (#\w+)", half)) for half in (light, dark)]

    for own, shared in zip(tokens("family.css"), tokens("tokens.css"), strict=True):
        assert own <= shared


def wants_to_say_so(site: Site, wednesday: Wednesday) -> None:
    """小雨's family says itself that she is at home, and her driver has just tapped that she is."""
    with site.store.write() as session:
        session.get_one(Family, wednesday.cast.xiaoyu.child.family_id).confirms_arrival = True
    tapped(site, wednesday.morning, Step.DELIVERED, wednesday.wang, wednesday.morning.due_at)
    tapped(site, wednesday.afternoon, Step.DELIVERED, wednesday.wang, wednesday.afternoon.due_at)
    site.clock.at = wednesday.afternoon.due_at + timedelta(minutes=1)


def test_a_drivers_word_alone_is_reported_until_somebody_of_the_family_says_so(
    site: Site, wednesday: Wednesday
) -> None:
    wants_to_say_so(site, wednesday)
    page = shown_to_family(site, wednesday)
    assert "司机报已送到" in page
    assert "已送达" not in page
    browser, address = site.bound(wednesday.grandmother)
    form = browser.get(address).text
    uuid = re.search(r'name="uuid" value="([^"]+)"', form)
    assert uuid is not None

    browser.post(f"{address}/arrived", data={"leg": str(wednesday.afternoon.id), "uuid": uuid[1]})

    assert "已送达" in shown_to_family(site, wednesday)


def test_a_child_that_is_not_there_is_an_urgent_case_at_once(site: Site, wednesday: Wednesday) -> None:
    wants_to_say_so(site, wednesday)
    browser, address = site.bound(wednesday.grandmother)

    answer = browser.post(f"{address}/not-home", data={"leg": str(wednesday.afternoon.id)})

    assert "我们马上找孩子" in answer.text
    with site.store.read() as session:
        [case] = session.exec(select(Case)).all()
    assert (case.kind, case.about, case.is_urgent) == (
        CaseKind.NOT_HOME,
        f"leg:{wednesday.afternoon.id}",
        True,
    )


def test_nobody_says_of_another_familys_child_that_it_is_not_there(site: Site, wednesday: Wednesday) -> None:
    with site.store.write() as session:
        other = a_child(session, "石头", school=wednesday.cast.school)
    browser, address = site.bound(other.guardian_subject)

    assert browser.post(f"{address}/not-home", data={"leg": str(wednesday.afternoon.id)}).status_code == 404


def test_a_phone_that_is_not_bound_may_still_say_that_the_child_is_not_there(
    site: Site, wednesday: Wednesday
) -> None:
    wants_to_say_so(site, wednesday)
    address = site.link(wednesday.grandmother)

    answer = site.browser().post(f"{address}/not-home", data={"leg": str(wednesday.afternoon.id)})

    assert answer.status_code == 200  # an alarm is never refused for want of a tap


def test_other_families_see_delivered_by_the_drivers_word(site: Site, wednesday: Wednesday) -> None:
    wants_to_say_so(site, wednesday)
    with site.store.write() as session:
        session.get_one(Family, wednesday.cast.xiaoyu.child.family_id).confirms_arrival = False

    assert "已送达" in shown_to_family(site, wednesday)


def test_what_is_read_aloud_has_twelve_hour_words_and_the_plate_letter_by_letter(
    site: Site, wednesday: Wednesday
) -> None:
    browser, address = site.bound(wednesday.grandmother)

    said = re.search(r'data-say="([^"]+)"', browser.get(address).text)

    assert said is not None
    words = "".join(said[1].split())
    assert words.startswith("明天早上7点40，王师傅来接小雨。白色长安欧尚，车牌川A12345。暗号是")
    assert "川 A 1 2 3 4 5" in said[1]
