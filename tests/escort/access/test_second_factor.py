"""The second factor: asked after the password, never twice the same code, and a door where it is needed."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pyotp
import pytest
from httpx2 import Response
from sqlmodel import Session, select
from starlette.testclient import TestClient

from escort.access import accounts, audit, second_factor
from escort.access.models import RecoveryCode, SecondFactor, SignIn
from escort.errors import Conflict, Refused, SignInNeeded, TooMany
from escort.settings import Settings
from escort.web.deps import House
from notifications.addresses import set_phone
from notifications.models import Message
from tests.escort.access.conftest import NOW, StillClock, small_app
from tests.escort.access.test_web_access import GOOD, an_account, form_token, own_token, sign_in


def code_at(house: House, account_id: int, at: datetime) -> str:
    with house.store.read() as session:
        return pyotp.TOTP(session.get_one(SecondFactor, account_id).secret).at(at)


def turn_on(house: House, account_id: int, now: datetime = NOW) -> list[str]:
    """Set an account's second factor up; returns the codes for paper."""
    with house.store.write() as session:
        second_factor.begin(session, account_id=account_id, now=now)
    code = code_at(house, account_id, now)
    with house.store.write() as session:
        return second_factor.confirm(session, account_id=account_id, code=code, now=now)


def use(house: House, account_id: int, code: str, now: datetime, *, is_known: bool = False) -> None:
    second_factor.use_code(
        house.store, account_id=account_id, code=code, source="10.0.0.9", is_known=is_known, now=now
    )


def enter(client: TestClient, code: str, asked: str = "") -> Response:
    token = form_token(client, "/sign-in/code")
    return client.post("/sign-in/code", data={"code": code, "csrf_token": token, "next": asked})


def press(client: TestClient, address: str, **form: str) -> Response:
    return client.post(address, data={"csrf_token": own_token(client), **form})


@pytest.fixture
def house_on_the_net(house: House) -> House:
    return House(
        store=house.store,
        settings=Settings(data_dir="unused", base_url="https://dujuan.example.org"),
        clock=house.clock,
        zone=house.zone,
        is_demo=False,
        real_now=house.real_now,
        passwords=house.passwords,
    )


def test_a_coordinator_sets_it_up_with_a_code_and_is_given_codes_for_paper(
    house: House, client: TestClient
) -> None:
    number = an_account(house)
    sign_in(client)
    assert press(client, "/second-factor/begin").headers["location"] == "/second-factor"
    shown = client.get("/second-factor").text

    answer = press(client, "/second-factor/confirm", code=code_at(house, number, NOW))

    with house.store.read() as session:
        secret = session.get_one(SecondFactor, number).secret
        kept = session.exec(select(RecoveryCode.code_hash)).all()
    codes = re.findall(r'<li class="secret">(\w{5})-(\w{5})</li>', answer.text)
    assert "data:image/svg+xml" in shown
    assert secret in shown.replace(" ", "")
    assert len(codes) == len(kept) == 8
    assert not {"".join(code) for code in codes} & set(kept)
    assert answer.headers["cache-control"] == "no-store"
    assert codes[0][0] not in client.get("/second-factor").text


def test_a_wrong_first_code_turns_nothing_on(house: House, client: TestClient) -> None:
    number = an_account(house)
    sign_in(client)
    press(client, "/second-factor/begin")

    answer = press(client, "/second-factor/confirm", code="000000")

    assert answer.status_code == 400
    assert "这 6 位数不对" in answer.text
    with house.store.read() as session:
        assert not second_factor.is_on(session, account_id=number)


def test_the_code_is_asked_after_the_password_and_then_the_page_opens(
    house: House, client: TestClient, clock: StillClock
) -> None:
    number = an_account(house)
    turn_on(house, number)
    clock.forward(timedelta(minutes=5))

    half = sign_in(client, asked="/today?week=2021-04-05")
    before = client.get("/today")
    answer = enter(client, code_at(house, number, clock.now()), asked="/today?week=2021-04-05")

    assert half.headers["location"] == "/sign-in/code?next=/today%3Fweek%3D2021-04-05"
    assert before.status_code == 303
    assert answer.headers["location"] == "/today?week=2021-04-05"
    assert client.get("/today").json()["me"] == f"account:{number}"


def test_the_half_sign_in_of_a_right_password_opens_no_page(house: House, client: TestClient) -> None:
    number = an_account(house)
    turn_on(house, number)
    sign_in(client)

    client.cookies.set("dj_office", client.cookies["dj_half"])

    assert client.get("/today").status_code == 303
    assert client.get("/second-factor").status_code == 303


def test_a_wrong_code_keeps_the_door_closed_and_says_one_sentence(house: House, client: TestClient) -> None:
    number = an_account(house)
    turn_on(house, number)
    sign_in(client)

    answer = enter(client, "000000")

    assert answer.status_code == 401
    assert "这个数不对，或者刚用过" in answer.text
    assert client.get("/today").status_code == 303


def test_the_half_sign_in_is_over_after_ten_minutes(
    house: House, client: TestClient, clock: StillClock
) -> None:
    number = an_account(house)
    turn_on(house, number)
    sign_in(client)

    clock.forward(timedelta(minutes=11))

    token = form_token(client, "/sign-in/code")
    answer = client.post(
        "/sign-in/code", data={"code": code_at(house, number, clock.now()), "csrf_token": token}
    )
    assert answer.status_code == 403
    assert "从登录名和密码重新开始" in answer.text


def test_a_code_that_was_used_is_refused_and_so_is_an_older_one(house: House) -> None:
    number = an_account(house)
    turn_on(house, number)
    later = NOW + timedelta(minutes=5)
    used = code_at(house, number, later)
    older = code_at(house, number, later - timedelta(seconds=30))
    use(house, number, used, later)

    for code in (used, older):
        with pytest.raises(SignInNeeded):
            use(house, number, code, later)

    use(house, number, code_at(house, number, later + timedelta(seconds=30)), later + timedelta(seconds=30))


@pytest.mark.parametrize(
    ("seconds", "is_right"),
    [
        (-30, True),  # the phone is half a minute slow
        (30, True),  # or fast
        (-90, False),
        (90, False),
    ],
)
def test_a_clock_may_be_half_a_minute_off(house: House, seconds: int, is_right: bool) -> None:
    number = an_account(house)
    turn_on(house, number)
    later = NOW + timedelta(minutes=5)
    code = code_at(house, number, later + timedelta(seconds=seconds))

    if is_right:
        use(house, number, code, later)
    else:
        with pytest.raises(SignInNeeded):
            use(house, number, code, later)


@pytest.mark.parametrize("written", ["{0}", "{1}-{2}", " {1} {2} ", "{3}"])
def test_a_code_on_paper_lets_in_once(house: House, written: str) -> None:
    number = an_account(house)
    code = turn_on(house, number)[0]
    typed = written.format(code, code[:5], code[5:], code.upper())

    use(house, number, typed, NOW)

    with pytest.raises(SignInNeeded):
        use(house, number, typed, NOW)
    with house.store.read() as session:
        assert second_factor.codes_left(session, account_id=number) == 7
        assert audit.trail(session)[0].action == "second_factor.paper_code_used"


def test_a_code_on_paper_of_somebody_else_opens_nothing(house: House) -> None:
    lin, other = an_account(house), an_account(house, login="other")
    turn_on(house, lin)
    theirs = turn_on(house, other)

    with pytest.raises(SignInNeeded):
        use(house, lin, theirs[0], NOW)


@pytest.mark.parametrize("from_paper", [True, False])
def test_of_two_who_bring_one_code_at_once_one_gets_in(house: House, from_paper: bool) -> None:
    number = an_account(house)
    codes = turn_on(house, number)
    later = NOW + timedelta(minutes=5)
    code = codes[0] if from_paper else code_at(house, number, later)

    def try_it(_number: int) -> bool:
        try:
            use(house, number, code, later)
        except SignInNeeded:
            return False
        return True

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(try_it, range(2))) == [False, True]


def test_tries_are_counted_and_a_known_browser_has_its_own(house: House) -> None:
    number = an_account(house)
    turn_on(house, number)
    later = NOW + timedelta(minutes=5)
    for _ in range(10):
        with pytest.raises(SignInNeeded):
            use(house, number, "000000", later)

    with pytest.raises(TooMany):
        use(house, number, code_at(house, number, later), later)

    use(house, number, code_at(house, number, later), later, is_known=True)


def test_where_others_can_come_in_an_account_without_it_reaches_only_the_set_up(
    house_on_the_net: House,
) -> None:
    number = an_account(house_on_the_net)
    client = TestClient(
        small_app(house_on_the_net), follow_redirects=False, base_url="https://dujuan.example.org"
    )
    sign_in(client)
    token = own_token(client, "__Host-dj_office")
    change = {"csrf_token": token}

    assert client.get("/today").headers["location"] == "/second-factor"
    assert client.get("/accounts").headers["location"] == "/second-factor"
    refused = client.post("/cases/1/take", data=change)
    assert (refused.status_code, "请先开两步登录" in refused.text) == (403, True)
    assert "协调员要先开两步登录" in client.get("/second-factor").text

    client.post("/second-factor/begin", data=change)
    client.post("/second-factor/confirm", data=change | {"code": code_at(house_on_the_net, number, NOW)})

    assert client.get("/today").json()["me"] == f"account:{number}"


def test_on_this_machine_alone_it_is_offered_and_not_forced(house: House, client: TestClient) -> None:
    an_account(house)
    sign_in(client)

    assert client.get("/today").status_code == 200
    assert "开不开都可以" in client.get("/second-factor").text


@pytest.mark.parametrize(
    ("host", "base_url", "stays"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000", True),
        ("127.0.0.1", "http://localhost:8000", True),
        ("0.0.0.0", "http://127.0.0.1:8000", False),
        ("127.0.0.1", "https://dujuan.example.org", False),  # behind a proxy on the same machine
        ("192.168.1.20", "http://192.168.1.20:8000", False),
    ],
)
def test_loopback_counts_by_address_and_by_links(host: str, base_url: str, stays: bool) -> None:
    assert Settings(data_dir="unused", host=host, base_url=base_url).stays_on_this_machine is stays


def test_turning_it_on_ends_what_was_signed_in_without_it(house: House, client: TestClient) -> None:
    number = an_account(house)
    elsewhere = TestClient(client.app, follow_redirects=False)
    sign_in(elsewhere)
    sign_in(client)

    press(client, "/second-factor/begin")
    press(client, "/second-factor/confirm", code=code_at(house, number, NOW))

    assert elsewhere.get("/today").status_code == 303
    assert client.get("/today").status_code == 200


def test_a_new_phone_needs_a_code_of_the_old_one(house: House, client: TestClient, clock: StillClock) -> None:
    number = an_account(house)
    sign_in(client)
    codes = turn_on(house, number)

    wrong = press(client, "/second-factor/renew", code="000000")
    right = press(client, "/second-factor/renew", code=codes[0])

    assert wrong.status_code == 401
    assert right.status_code == 303
    assert "扫这个码" in client.get("/second-factor").text
    with house.store.read() as session:
        assert second_factor.codes_left(session, account_id=number) == 0


def test_another_coordinator_resets_it_and_the_trail_says_who(house: House, client: TestClient) -> None:
    lin, other = an_account(house), an_account(house, login="other")
    turn_on(house, other)
    sign_in(client)
    with house.store.write() as session:
        accounts.open_sign_in(session, account_id=other, now=NOW)

    answer = press(client, f"/accounts/{other}/second-factor/reset")

    assert answer.headers["location"] == "/accounts"
    with house.store.read() as session:
        assert second_factor.accounts_with_one(session) == set()
        lines = [(line.actor, line.action) for line in audit.trail(session, subject=f"account:{other}")]
        live = session.exec(select(SignIn.id).where(SignIn.account_id == other, SignIn.ended_at == None))  # noqa: E711
        assert list(live) == []
    assert (f"account:{lin}", "second_factor.reset") in lines


def reset(session: Session, account_id: int, *, by: str) -> None:
    accounts.reset_second_factor(
        session, account_id=account_id, by=by, duty_phone="199 0000 0001", now=NOW, real_now=NOW
    )


@pytest.mark.parametrize(("phone", "said"), [("19900005555", "told"), (None, "not told: no number")])
def test_whose_factor_was_reset_is_told_where_the_office_has_a_number_and_the_trail_says_so(
    house: House, phone: str | None, said: str
) -> None:
    other = an_account(house, login="other")
    turn_on(house, other)

    with house.store.write() as session:
        if phone:
            set_phone(session, party=f"account:{other}", phone=phone, now=NOW)
        reset(session, other, by="console")

    with house.store.read() as session:
        (line,) = [
            line
            for line in audit.trail(session, subject=f"account:{other}")
            if line.action == "second_factor.reset"
        ]
        messages = session.exec(select(Message).where(Message.party == f"account:{other}")).all()
    assert line.fields == [said]
    assert [message.template for message in messages] == ["second_factor.reset"] * bool(phone)


def test_nobody_takes_his_own_away_without_a_code(house: House) -> None:
    number = an_account(house)
    turn_on(house, number)

    with house.store.write() as session, pytest.raises(Refused):
        reset(session, number, by=f"account:{number}")


def test_what_is_not_on_is_not_reset(house: House) -> None:
    number = an_account(house)

    with house.store.write() as session, pytest.raises(Conflict):
        reset(session, number, by="console")


def test_the_secret_lies_sealed_in_the_store(house: House) -> None:
    number = an_account(house)
    turn_on(house, number)

    with house.store.read() as session:
        secret = session.get_one(SecondFactor, number).secret
        raw = session.connection().exec_driver_sql("SELECT secret FROM second_factor").scalar_one()
    assert secret not in raw


def test_the_account_page_says_who_has_it(house: House, client: TestClient) -> None:
    an_account(house)
    other = an_account(house, login="other")
    turn_on(house, other)
    sign_in(client)

    shown = client.get("/accounts").text

    assert shown.count("两步登录已开") == 1
    assert shown.count("两步登录还没开") == 1
    assert f"/accounts/{other}/second-factor/reset" in shown


def test_a_gate_has_no_second_factor(house: House, client: TestClient) -> None:
    assert sign_in(client, password=GOOD).status_code == 401  # nobody of that name
    assert client.get("/second-factor").headers["location"].startswith("/sign-in")
