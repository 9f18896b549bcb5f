"""Accounts of people who sit at a desk or a gate, and how they sign in, stay in and leave."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from escort import wording
from escort.access import audit, gate_devices, links, second_factor, throttle
from escort.access.models import Account, Link, Purpose, Role, SecondFactor, SignIn
from escort.access.passwords import Passwords, check_password
from escort.access.secret import hash_of, new_token
from escort.db import Store
from escort.errors import Conflict, NotAllowed, NotFound, Refused, SignInNeeded, TooMany
from escort.sentences import mark
from notifications.addresses import phone_of
from notifications.models import Urgency
from notifications.outbox import enqueue


@dataclass(frozen=True)
class Entered:
    """A new sign-in: the secret goes into the browser's cookie and nowhere else."""

    account_id: int
    role: str
    secret: str
    lasts: timedelta
    is_half: bool = False  # the second factor is still to come


@dataclass(frozen=True)
class Inside:
    """Whom a sign-in cookie stands for, right now."""

    sign_in_id: int
    account_id: int
    role: str
    name: str
    school_id: int | None
    seen_at: datetime
    has_second_factor: bool


def create_account(
    session: Session,
    *,
    login: str,
    name: str,
    role: str,
    password: str,
    by: str,
    now: datetime,
    passwords: Passwords,
    school_id: int | None = None,
) -> Account:
    """Return a new account. Raises Refused for a weak password or a bad login, Conflict for a taken one."""
    role, login, name = Role(role), _login(login), name.strip()
    if not login or not name:
        raise Refused("请填写登录名和姓名。登录名用字母、数字或汉字，不含空格，最多 64 个字。")
    if (role is Role.GATE) != (school_id is not None):
        raise Refused("门卫账号要选一所学校，其他账号不用选。")
    check_password(password, role=role, login=login, name=name)
    account = Account(
        login=login,
        name=name[:40],
        role=str(role),
        school_id=school_id,
        password_hash=passwords.hash(password),
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(account)
    except IntegrityError as taken:
        raise Conflict(
            "这个登录名已经有人用，或者这所学校已有门卫账号。请换一个，或先停用原来的账号。"
        ) from taken
    audit.record(session, actor=by, action="account.created", subject=f"account:{account.id}", now=now)
    return account


def sign_in(
    store: Store,
    *,
    login: str,
    password: str,
    source: str,
    is_known: bool,
    passwords: Passwords,
    now: datetime,
) -> Entered:
    """Return a new sign-in, only half of one where the account has a second factor (`enter_code` follows).

    `now` is real time; `source` is where the request comes from.

    The tries are counted and committed before the password is checked, and no transaction stays open over the
    check, which is slow on purpose. A browser that signed in here before (`is_known`) has a count of its own, so
    that strangers cannot lock the coordinator out. Raises SignInNeeded with one sentence for a wrong login and a
    wrong password alike, TooMany after too many tries.
    """
    login = _login(login)
    keys = _throttle_keys(store, login=login, source=source, is_known=is_known)
    with store.write() as session:
        tried = [throttle.hit(session, key=key, window=TRY_WINDOW, now=now) for key, _ in keys]
    if any(count > most for count, (_, most) in zip(tried, keys, strict=True)):
        raise TooMany("试的次数太多了。请过 15 分钟再试，或打电话给值班室。")
    with store.read() as session:
        account = session.exec(select(Account).where(Account.login == login)).first()
    is_right = passwords.is_right(password[:LONGEST_TYPED], account.password_hash if account else None)
    if account is None or not is_right or account.disabled_at is not None:
        raise SignInNeeded("登录名或密码不对。请再看一看，或请同事帮您重设密码。")
    with store.write() as session:
        for key, _ in keys:
            throttle.forget(session, key=key)
        if second_factor.is_on(session, account_id=_id(account)):
            return _open(session, account, lasts=HALF_LASTS, is_half=True, now=now)
        return open_sign_in(session, account_id=_id(account), now=now)


def login_of_half(store: Store, *, secret: str, now: datetime) -> str:
    """Return whose password was right. Raises NotAllowed where the half is over."""
    with store.read() as session:
        return _account(session, _half(session, secret=secret, now=now).account_id).login


def enter_code(
    store: Store, *, secret: str, code: str, source: str, is_known: bool, now: datetime
) -> Entered:
    """Return a whole sign-in for half of one and a right code, of the authenticator or from paper.

    Raises SignInNeeded for a wrong or used code, NotAllowed where the half is over, TooMany after too many tries.
    """
    with store.read() as session:
        half = _half(session, secret=secret, now=now)
    second_factor.use_code(
        store, account_id=half.account_id, code=code, source=source, is_known=is_known, now=now
    )
    with store.write() as session:
        ended = session.exec(
            update(SignIn)
            .where(col(SignIn.id) == half.id, col(SignIn.ended_at).is_(None))
            .values(ended_at=now)
        )
        if ended.rowcount == 0:
            raise NotAllowed(HALF_OVER)
        return open_sign_in(session, account_id=half.account_id, now=now)


def open_sign_in(session: Session, *, account_id: int, now: datetime) -> Entered:
    """Return a new sign-in for an account without asking for anything (the demonstration's "look as")."""
    account = session.get(Account, account_id)
    if account is None or account.disabled_at is not None:
        raise NotFound("没有这个账号，或者它已经停用。")
    entered = _open(session, account, lasts=LASTS[Role(account.role)], is_half=False, now=now)
    audit.record(
        session, actor=f"account:{account_id}", action="signed_in", subject=f"account:{account_id}", now=now
    )
    return entered


def who_is_inside(session: Session, *, secret: str, now: datetime) -> Inside | None:
    """Return whom a cookie stands for, or None if it is unknown, over, idle for too long or its account disabled."""
    row = session.exec(
        select(SignIn, Account, SecondFactor.confirmed_at)
        .join(Account, col(Account.id) == col(SignIn.account_id))
        .outerjoin(SecondFactor, col(SecondFactor.account_id) == col(SignIn.account_id))
        .where(
            SignIn.secret_hash == hash_of(secret),
            col(SignIn.is_half).is_(False),
            col(SignIn.ended_at).is_(None),
            SignIn.ends_at > now,
            col(Account.disabled_at).is_(None),
        )
    ).first()
    if row is None:
        return None
    found, account, second_since = row
    idle = IDLE.get(Role(account.role))
    if idle is not None and found.seen_at <= now - idle:
        return None
    return Inside(
        sign_in_id=found.id or 0,
        account_id=_id(account),
        role=account.role,
        name=account.name,
        school_id=account.school_id,
        seen_at=found.seen_at,
        has_second_factor=second_since is not None,
    )


def note_seen(session: Session, *, sign_in_id: int, now: datetime) -> None:
    """Keep an active sign-in from growing idle. Once a minute is enough (`SEEN_EVERY`)."""
    session.exec(update(SignIn).where(col(SignIn.id) == sign_in_id).values(seen_at=now))


def end_sign_in(session: Session, *, secret: str, now: datetime) -> None:
    session.exec(
        update(SignIn)
        .where(col(SignIn.secret_hash) == hash_of(secret), col(SignIn.ended_at).is_(None))
        .values(ended_at=now)
    )


def end_all_sign_ins(
    session: Session, *, account_id: int, by: str, now: datetime, but: int | None = None
) -> int:
    """End every sign-in of an account, on every device, perhaps all but one; returns how many."""
    ended = session.exec(
        update(SignIn)
        .where(
            col(SignIn.account_id) == account_id, col(SignIn.ended_at).is_(None), col(SignIn.id) != (but or 0)
        )
        .values(ended_at=now)
    )
    audit.record(session, actor=by, action="signed_out_everywhere", subject=f"account:{account_id}", now=now)
    return ended.rowcount


def set_password(
    session: Session, *, account_id: int, password: str, by: str, now: datetime, passwords: Passwords
) -> None:
    """Give an account a new password and end all its sign-ins. Raises Refused for a weak one."""
    account = _account(session, account_id)
    check_password(password, role=account.role, login=account.login, name=account.name)
    account.password_hash = passwords.hash(password)
    session.add(account)
    audit.record(session, actor=by, action="password.set", subject=f"account:{account_id}", now=now)
    end_all_sign_ins(session, account_id=account_id, by=by, now=now)
    session.flush()


def reset_second_factor(
    session: Session, *, account_id: int, by: str, duty_phone: str, now: datetime, real_now: datetime
) -> None:
    """Take an account's second factor away, for somebody whose phone is gone; all its sign-ins end.

    Its number is told, where the office keeps one; the trail says whether. `now` is the store's, for the message.

    One's own is not taken away like this: a stolen sign-in must not be able to. Raises Refused, Conflict.
    """
    if by == f"account:{account_id}":
        raise Refused("自己的两步登录请在“我的两步登录”里重设；手机和备用码都不在手边，请另一位协调员帮您。")
    _account(session, account_id)
    if not second_factor.take_away(session, account_id=account_id):
        raise Conflict("这个账号没有开两步登录，不用重设。")
    subject = f"account:{account_id}"
    is_told = phone_of(session, subject) is not None
    if is_told:
        enqueue(
            session,
            to=subject,
            wording=wording.second_factor_reset(duty_phone=duty_phone),
            about=f"second_factor:{subject}",
            dedup_key=f"second-factor-reset:{subject}:{real_now.isoformat()}",
            now=now,
            urgency=Urgency.URGENT,
        )
    fields = ["told" if is_told else "not told: no number"]
    audit.record(
        session, actor=by, action="second_factor.reset", subject=subject, fields=fields, now=real_now
    )
    end_all_sign_ins(session, account_id=account_id, by=by, now=real_now)


def login_of(session: Session, account_id: int) -> str:
    return _account(session, account_id).login


def account_by_login(session: Session, login: str) -> Account:
    account = session.exec(select(Account).where(Account.login == _login(login))).first()
    if account is None:
        raise NotFound("没有这个账号。")
    return account


def disable_account(session: Session, *, account_id: int, by: str, now: datetime) -> None:
    """Close an account at once, also where it is signed in, and with a gate's its bound tablets.

    Raises Refused for the last coordinator.
    """
    account = _account(session, account_id)
    if account.role == Role.COORDINATOR and len(_coordinators(session)) < 2:
        raise Refused("这是最后一个协调员账号，不能停用。请先新建一个。")
    account.disabled_at = now
    session.add(account)
    audit.record(session, actor=by, action="account.disabled", subject=f"account:{account_id}", now=now)
    if account.school_id is not None:
        gate_devices.shut_gate(session, school_id=account.school_id, by=by, now=now)
    end_all_sign_ins(session, account_id=account_id, by=by, now=now)
    session.flush()


def accounts(session: Session) -> list[Account]:
    """Return every account, the live ones first."""
    return list(
        session.exec(select(Account).order_by(col(Account.disabled_at).is_not(None), col(Account.id)))
    )


def has_coordinator(session: Session) -> bool:
    return bool(_coordinators(session))


def issue_setup_link(session: Session, *, now: datetime) -> str | None:
    """Return the token of a one-time link that makes the first coordinator, or None if there is one.

    The console prints it as BASE_URL/setup/<token>. Every start prints a new one and ends the older ones.
    """
    if has_coordinator(session):
        return None
    links.revoke_links(session, subject=SETUP_SUBJECT, now=now)
    return links.issue_link(
        session, subject=SETUP_SUBJECT, purpose=Purpose.SETUP, now=now, expires_at=now + SETUP_GOOD_FOR
    )


def create_first_coordinator(
    session: Session,
    *,
    link: Link,
    login: str,
    name: str,
    password: str,
    now: datetime,
    passwords: Passwords,
) -> Account:
    """Return the first coordinator's account and use the link up. Raises Conflict if the link or the place is taken."""
    if not links.use_up(session, link=link, now=now) or has_coordinator(session):
        raise Conflict("已经有协调员账号了。请直接登录，或请协调员帮您新建账号。")
    return create_account(
        session,
        login=login,
        name=name,
        role=Role.COORDINATOR,
        password=password,
        by="system",
        now=now,
        passwords=passwords,
    )


def _login(typed: str) -> str:
    login = typed.strip().casefold()
    return login if len(login) <= 64 and not any(char.isspace() for char in login) else ""


def _throttle_keys(store: Store, *, login: str, source: str, is_known: bool) -> list[tuple[str, int]]:
    """Return the counters of a try and how many each allows; the store keeps neither login nor address in them."""
    kind = "known" if is_known else "login"
    own = (f"sign_in:{kind}:{store.keyring.index(login)[:32]}", TRIES_PER_LOGIN)
    return [own, (f"sign_in:source:{store.keyring.index(source)[:32]}", TRIES_PER_SOURCE)]


def _open(session: Session, account: Account, *, lasts: timedelta, is_half: bool, now: datetime) -> Entered:
    secret = new_token()
    session.add(
        SignIn(
            secret_hash=hash_of(secret),
            account_id=_id(account),
            created_at=now,
            seen_at=now,
            ends_at=now + lasts,
            is_half=is_half,
        )
    )
    session.flush()
    return Entered(_id(account), account.role, secret, lasts, is_half)


def _half(session: Session, *, secret: str, now: datetime) -> SignIn:
    half = session.exec(
        select(SignIn).where(
            SignIn.secret_hash == hash_of(secret),
            col(SignIn.is_half).is_(True),
            col(SignIn.ended_at).is_(None),
            SignIn.ends_at > now,
        )
    ).first()
    if half is None:
        raise NotAllowed(HALF_OVER)
    return half


def _account(session: Session, account_id: int) -> Account:
    account = session.get(Account, account_id)
    if account is None:
        raise NotFound("没有这个账号。")
    return account


def _coordinators(session: Session) -> list[Account]:
    live = select(Account).where(Account.role == str(Role.COORDINATOR), col(Account.disabled_at).is_(None))
    return list(session.exec(live))


def _id(account: Account) -> int:
    if account.id is None:
        raise ValueError("the account is not stored yet")
    return account.id


IDLE = {Role.COORDINATOR: timedelta(minutes=30)}
LASTS = {
    Role.COORDINATOR: timedelta(hours=12),
    Role.GATE: timedelta(hours=12),  # a guard's shift; the tablet is locked after it
}
HALF_LASTS = timedelta(minutes=10)
HALF_OVER = mark("隔得太久了，请从登录名和密码重新开始。")
SEEN_EVERY = timedelta(minutes=1)
TRY_WINDOW = timedelta(minutes=15)
TRIES_PER_LOGIN = 10
TRIES_PER_SOURCE = 30
LONGEST_TYPED = 1024  # what argon2 is given at most
SETUP_SUBJECT = "system"
SETUP_GOOD_FOR = timedelta(hours=24)
