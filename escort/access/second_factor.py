"""A coordinator's second factor: six digits that change every half minute (RFC 6238), or a code from paper, once.

All times are real ones: an authenticator knows no demonstration.
"""

import hashlib
import hmac
from datetime import datetime, timedelta

import pyotp
from sqlalchemy import update
from sqlmodel import Session, col, delete, func, select

from escort.access import audit, throttle
from escort.access.models import RecoveryCode, SecondFactor
from escort.access.secret import new_authenticator_secret, new_recovery_code
from escort.db import Store
from escort.errors import Conflict, Refused, SignInNeeded, TooMany
from escort.sentences import mark
from notifications.sealed import keyring_of


def is_on(session: Session, *, account_id: int) -> bool:
    """Return whether this account is asked for a code."""
    factor = session.get(SecondFactor, account_id)
    return factor is not None and factor.confirmed_at is not None


def factor_of(session: Session, *, account_id: int) -> SecondFactor | None:
    """Return an account's second factor, also one that is begun and not confirmed."""
    return session.get(SecondFactor, account_id)


def accounts_with_one(session: Session) -> set[int]:
    """Return the accounts that are asked for a code."""
    rows = select(SecondFactor.account_id).where(col(SecondFactor.confirmed_at).is_not(None))
    return set(session.exec(rows))


def codes_left(session: Session, *, account_id: int) -> int:
    """Return how many codes on paper are still good."""
    unused = select(func.count()).where(
        RecoveryCode.account_id == account_id, col(RecoveryCode.used_at).is_(None)
    )
    return session.exec(unused).one()


def begin(session: Session, *, account_id: int, now: datetime) -> None:
    """Make a secret to be shown; asked again before it is confirmed, a new one. Raises Conflict if one is on."""
    if is_on(session, account_id=account_id):
        raise Conflict("两步登录已经开了，不用再设。")
    take_away(session, account_id=account_id)
    session.add(SecondFactor(account_id=account_id, secret=new_authenticator_secret(), begun_at=now))
    session.flush()


def address_for_app(factor: SecondFactor, *, login: str, district: str) -> str:
    """Return the otpauth:// address that an authenticator reads from the QR."""
    return pyotp.TOTP(factor.secret).provisioning_uri(name=login, issuer_name=f"杜鹃鸟 {district}")


def confirm(session: Session, *, account_id: int, code: str, now: datetime) -> list[str]:
    """Turn the second factor on by its first code, and return the codes for paper: they are shown this once.

    Raises Refused for a wrong code, Conflict where nothing was begun or it is on already.
    """
    factor = session.get(SecondFactor, account_id)
    if factor is None or factor.confirmed_at is not None:
        raise Conflict("两步登录已经开了，或者还没有开始设。请刷新页面看一看。")
    step = _step_of(factor, code, now)
    if step is None:
        raise Refused("这 6 位数不对。请看身份验证器里现在显示的数，并看看手机的时间准不准。")
    confirmed = session.exec(
        update(SecondFactor)
        .where(col(SecondFactor.account_id) == account_id, col(SecondFactor.confirmed_at).is_(None))
        .values(confirmed_at=now, last_step=step)
    )
    if confirmed.rowcount == 0:
        raise Conflict("两步登录已经开了，或者还没有开始设。请刷新页面看一看。")
    codes = [new_recovery_code() for _ in range(CODES_ON_PAPER)]
    session.add_all(
        RecoveryCode(account_id=account_id, code_hash=_paper_hash(session, account_id, code))
        for code in codes
    )
    _note(session, "second_factor.on", account_id, now)
    session.flush()
    return codes


def use_code(store: Store, *, account_id: int, code: str, source: str, is_known: bool, now: datetime) -> None:
    """Use up one code. Raises SignInNeeded for one that is wrong, or was used before, TooMany after too many tries.

    Tries are counted and committed before a code is looked at. A browser that signed in here before has counters
    of its own, so that whoever knows the password cannot lock its owner out.
    """
    kind = "known" if is_known else "any"
    keys = [
        (f"second:{kind}:{account_id}:{int(window.total_seconds())}", window, most) for window, most in TRIES
    ]
    keys.append((f"second:source:{store.keyring.index(source)[:32]}", *TRIES_PER_SOURCE))
    with store.write() as session:
        tried = [throttle.hit(session, key=key, window=window, now=now) for key, window, _ in keys]
    if any(count > most for count, (_, _, most) in zip(tried, keys, strict=True)):
        raise TooMany("试的次数太多了。请过 15 分钟再试，或打电话给值班室。")
    with store.write() as session:
        if not _take(session, account_id=account_id, code=code, now=now):
            raise SignInNeeded(WRONG)
        for key, _, _ in keys:
            throttle.forget(session, key=key)


def take_away(session: Session, *, account_id: int) -> bool:
    """Delete an account's second factor with its codes. Returns False if it had none."""
    session.exec(delete(RecoveryCode).where(col(RecoveryCode.account_id) == account_id))
    gone = session.exec(delete(SecondFactor).where(col(SecondFactor.account_id) == account_id))
    session.expire_all()
    return gone.rowcount == 1


def _take(session: Session, *, account_id: int, code: str, now: datetime) -> bool:
    """Use a code, if it is right and nobody used it: a conditional update decides between two who come at once."""
    factor = session.get(SecondFactor, account_id)
    if factor is None or factor.confirmed_at is None:
        return False
    step = _step_of(factor, code, now)
    if step is not None:
        used = session.exec(
            update(SecondFactor)
            .where(col(SecondFactor.account_id) == account_id, col(SecondFactor.last_step) < step)
            .values(last_step=step)
        )
        return used.rowcount == 1
    on_paper = session.exec(
        update(RecoveryCode)
        .where(
            col(RecoveryCode.account_id) == account_id,
            col(RecoveryCode.code_hash) == _paper_hash(session, account_id, _bare(code).lower()),
            col(RecoveryCode.used_at).is_(None),
        )
        .values(used_at=now)
    )
    if on_paper.rowcount == 1:
        _note(session, "second_factor.paper_code_used", account_id, now)
    return on_paper.rowcount == 1


def _step_of(factor: SecondFactor, code: str, now: datetime) -> int | None:
    """Return the half minute whose code this is: now, or one to either side for a clock that is a little off."""
    typed = _bare(code)
    totp = pyotp.TOTP(factor.secret)
    here = int(now.timestamp()) // totp.interval
    near = (here, here - 1, here + 1)
    return next((step for step in near if hmac.compare_digest(totp.generate_otp(step), typed)), None)


def _bare(code: str) -> str:
    return "".join(char for char in code if char.isascii() and char.isalnum())


def _paper_hash(session: Session, account_id: int, code: str) -> str:
    key = keyring_of(session.get_bind().dialect).derive("recovery code")
    return hmac.new(key, f"{account_id}:{code}".encode(), hashlib.sha256).hexdigest()


def _note(session: Session, action: str, account_id: int, now: datetime) -> None:
    whose = f"account:{account_id}"
    audit.record(session, actor=whose, action=action, subject=whose, now=now)


CODES_ON_PAPER = 8
TRIES = ((timedelta(minutes=15), 10), (timedelta(days=1), 50))
TRIES_PER_SOURCE = (timedelta(minutes=15), 30)
WRONG = mark("这个数不对，或者刚用过。请等身份验证器换一个数再填；也可以填一个备用码。")
