"""Who has an account, and how long a sign-in lasts."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session

from escort.access import accounts, links
from escort.access.models import Account, Purpose, Role
from escort.access.passwords import Passwords
from escort.db import Store
from escort.errors import Conflict, Refused, SignInNeeded, TooMany

NOW = datetime(2021, 4, 6, 10, 0, tzinfo=UTC)
GOOD = "四只小燕子 在 电线上"
GOOD_LONG = "四只小燕子 在 电线上 看雨下"


def an_account(
    session: Session, passwords: Passwords, *, role: Role = Role.COORDINATOR, login: str = "lin"
) -> Account:
    return accounts.create_account(
        session,
        login=login,
        name="林老师" if role is Role.COORDINATOR else "老周",
        role=role,
        password=GOOD_LONG,
        by="system",
        now=NOW,
        passwords=passwords,
        school_id=3 if role is Role.GATE else None,
    )


def enter(store: Store, passwords: Passwords, **changed: object) -> accounts.Entered:
    given: dict[str, object] = {
        "login": "lin",
        "password": GOOD_LONG,
        "source": "10.0.0.1",
        "is_known": False,
        "now": NOW,
    }
    return accounts.sign_in(store, passwords=passwords, **(given | changed))  # type: ignore[arg-type]  # a table


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "fourteen chars",  # one too few
        "aaaaaaaaaaaaaaaaaaa",  # one letter
        "123456789012345",  # a row
        "passwordpassword",  # what everybody tries
        "dujuanniao2021!!",  # our own name
        "lin lin lin lin lin!",  # the login
        "x" * 257,
    ],
)
def test_weak_passwords_are_refused(session: Session, passwords: Passwords, password: str) -> None:
    with pytest.raises(Refused):
        accounts.create_account(
            session,
            login="lin",
            name="林老师",
            role=Role.COORDINATOR,
            password=password,
            by="system",
            now=NOW,
            passwords=passwords,
        )


def test_a_login_is_taken_once_whatever_its_case(session: Session, passwords: Passwords) -> None:
    an_account(session, passwords, login="Lin")

    with pytest.raises(Conflict):
        an_account(session, passwords, login="lin")


def test_a_school_has_one_gate_account(session: Session, passwords: Passwords) -> None:
    an_account(session, passwords, role=Role.GATE, login="gate-a")

    with pytest.raises(Conflict):
        an_account(session, passwords, role=Role.GATE, login="gate-b")


def test_the_store_keeps_no_password(session: Session, passwords: Passwords) -> None:
    assert an_account(session, passwords).password_hash.startswith("$argon2id$")


def test_signing_in_opens_the_house(store: Store, passwords: Passwords) -> None:
    with store.write() as session:
        account = an_account(session, passwords)

    entered = enter(store, passwords, login=" LIN ")

    with store.read() as session:
        inside = accounts.who_is_inside(session, secret=entered.secret, now=NOW)
    assert inside is not None
    assert inside.account_id == account.id


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"login": "nobody"}, {"login": ""}])
def test_a_wrong_login_and_a_wrong_password_get_the_same_answer(
    store: Store, passwords: Passwords, wrong: dict[str, str]
) -> None:
    with store.write() as session:
        an_account(session, passwords)

    with pytest.raises(SignInNeeded) as refused:
        enter(store, passwords, **wrong)

    assert refused.value.sentence == "登录名或密码不对。请再看一看，或请同事帮您重设密码。"


def test_an_unknown_login_costs_the_same_work(store: Store, passwords: Passwords) -> None:
    checked: list[str | None] = []

    class Watched(Passwords):
        def is_right(self, password: str, stored: str | None) -> bool:
            checked.append(stored)
            return super().is_right(password, stored)

    with pytest.raises(SignInNeeded):
        enter(store, Watched(), login="nobody")

    assert checked == [None]


def test_after_ten_wrong_tries_even_the_right_password_waits(store: Store, passwords: Passwords) -> None:
    with store.write() as session:
        an_account(session, passwords)
    for number in range(accounts.TRIES_PER_LOGIN):
        with pytest.raises(SignInNeeded):
            enter(store, passwords, password="wrong", source=f"10.0.0.{number}")

    with pytest.raises(TooMany):
        enter(store, passwords)
    assert enter(store, passwords, now=NOW + accounts.TRY_WINDOW)


def test_strangers_cannot_lock_out_a_browser_that_was_here_before(store: Store, passwords: Passwords) -> None:
    with store.write() as session:
        an_account(session, passwords)
    for number in range(accounts.TRIES_PER_LOGIN + 5):
        with pytest.raises((SignInNeeded, TooMany)):
            enter(store, passwords, password="wrong", source=f"10.0.0.{number}")

    assert enter(store, passwords, is_known=True)


def test_one_source_that_tries_many_logins_is_slowed(store: Store, passwords: Passwords) -> None:
    for number in range(accounts.TRIES_PER_SOURCE):
        with pytest.raises(SignInNeeded):
            enter(store, passwords, login=f"login{number}")

    with pytest.raises(TooMany):
        enter(store, passwords, login="another")


def test_tries_at_once_are_all_counted(store: Store, passwords: Passwords) -> None:
    answers: list[type[Exception]] = []
    together = threading.Barrier(15)

    def guess() -> None:
        together.wait()
        try:
            enter(store, passwords, password="wrong", source="10.0.0.9")
        except (SignInNeeded, TooMany) as refused:
            answers.append(type(refused))

    threads = [threading.Thread(target=guess) for _ in range(15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers.count(SignInNeeded) == accounts.TRIES_PER_LOGIN
    assert answers.count(TooMany) == 5


@pytest.mark.parametrize(
    ("role", "used_after", "later", "is_inside"),
    [
        (Role.COORDINATOR, timedelta(), timedelta(minutes=29), True),
        (Role.COORDINATOR, timedelta(), timedelta(minutes=30), False),  # idle
        (Role.COORDINATOR, timedelta(hours=11, minutes=50), timedelta(hours=11, minutes=59), True),
        (Role.COORDINATOR, timedelta(hours=11, minutes=50), timedelta(hours=12), False),  # whatever happens
        (Role.GATE, timedelta(), timedelta(hours=11, minutes=59), True),  # a tablet lies idle between bells
        (Role.GATE, timedelta(hours=11), timedelta(hours=12), False),  # the shift is over
    ],
)
def test_how_long_a_sign_in_lasts(
    session: Session,
    passwords: Passwords,
    role: Role,
    used_after: timedelta,
    later: timedelta,
    is_inside: bool,
) -> None:
    account = an_account(session, passwords, role=role)
    entered = accounts.open_sign_in(session, account_id=account.id or 0, now=NOW)
    inside = accounts.who_is_inside(session, secret=entered.secret, now=NOW)
    assert inside is not None
    accounts.note_seen(session, sign_in_id=inside.sign_in_id, now=NOW + used_after)
    session.expire_all()

    found = accounts.who_is_inside(session, secret=entered.secret, now=NOW + later)

    assert (found is not None) is is_inside


@pytest.mark.parametrize("how", ["everywhere", "password", "disabled"])
def test_a_sign_in_ends_with_the_next_request(session: Session, passwords: Passwords, how: str) -> None:
    account = an_account(session, passwords)
    an_account(session, passwords, login="second")
    entered = accounts.open_sign_in(session, account_id=account.id or 0, now=NOW)
    who = {"account_id": account.id or 0, "by": "account:2", "now": NOW}

    if how == "everywhere":
        accounts.end_all_sign_ins(session, **who)  # type: ignore[arg-type]  # a table of arguments
    elif how == "password":
        accounts.set_password(session, password="另一句 只有我 知道的 长长的话", passwords=passwords, **who)  # type: ignore[arg-type]  # a table of arguments
    else:
        accounts.disable_account(session, **who)  # type: ignore[arg-type]  # a table of arguments

    assert accounts.who_is_inside(session, secret=entered.secret, now=NOW) is None


def test_the_last_coordinator_cannot_be_disabled(session: Session, passwords: Passwords) -> None:
    account = an_account(session, passwords)

    with pytest.raises(Refused):
        accounts.disable_account(session, account_id=account.id or 0, by="account:1", now=NOW)


def test_the_first_coordinator_comes_by_a_link_that_works_once(
    session: Session, passwords: Passwords
) -> None:
    token = accounts.issue_setup_link(session, now=NOW)
    assert token is not None
    link = links.resolve(session, token=token, purpose=Purpose.SETUP, now=NOW)
    chosen = {"name": "林老师", "password": GOOD_LONG, "now": NOW, "passwords": passwords}

    accounts.create_first_coordinator(session, link=link, login="lin", **chosen)  # type: ignore[arg-type]  # a table

    with pytest.raises(Conflict):
        accounts.create_first_coordinator(session, link=link, login="two", **chosen)  # type: ignore[arg-type]  # a table
    assert accounts.issue_setup_link(session, now=NOW) is None


def test_a_restart_prints_a_new_setup_link_and_ends_the_old_one(session: Session) -> None:
    first = accounts.issue_setup_link(session, now=NOW)
    second = accounts.issue_setup_link(session, now=NOW)

    assert first is not None
    assert second is not None
    with pytest.raises(Exception, match=links.OVER):
        links.resolve(session, token=first, purpose=Purpose.SETUP, now=NOW)
