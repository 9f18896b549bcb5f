"""Phones that people have tied to themselves: the first by one deliberate tap, every further one by a code.

All times here are real ones: a cookie and a code live in the visitor's world, not in the demonstration's.
"""

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from escort.access import audit, throttle
from escort.access.models import Device, Link, OneTimeCode
from escort.access.secret import hash_of, new_code, new_token
from escort.errors import TooMany
from notifications.sealed import keyring_of

BOUND_FOR = timedelta(days=180)


@dataclass(frozen=True)
class BoundDevice:
    """A phone that has just been bound: its secret goes into a cookie, and its owner's number must be told."""

    device_id: int
    subject: str
    secret: str
    is_first: bool


class CodeVerdict(StrEnum):
    RIGHT = "right"
    WRONG = "wrong"  # there are tries left
    SPENT = "spent"  # too many tries, too late, or none was asked for: ask for a new one


def bind_first(session: Session, *, link: Link, now: datetime) -> BoundDevice | None:
    """Return the person's first device, bound by a tap on the link; None if there ever was one: then a code is due.

    "Ever", not "now": whoever finds a lost phone, revoked since, must not bind it again by a tap.
    """
    return bind(session, subject=link.subject, is_first=True, now=now)


def has_ever_bound(session: Session, *, subject: str) -> bool:
    """Return whether a tap no longer suffices for this person."""
    return session.exec(select(Device.id).where(Device.subject == subject).limit(1)).first() is not None


def is_bound(session: Session, *, subject: str, secret: str | None, now: datetime) -> bool:
    """Return whether the browser that shows this secret is one of the person's live devices."""
    if not secret:
        return False
    known = {"secret_hash": hash_of(secret), "subject": subject, "now": now}
    return session.scalars(_live_device(), known).first() is not None


def request_code(session: Session, *, link: Link, now: datetime) -> str:
    """Return a fresh six-digit code for the caller to send to the registered number. Older ones end.

    Raises TooMany beyond one a minute, 5 an hour, 10 a day: what a person can stand, and what providers allow.
    """
    for window, most in SEND_LIMITS:
        key = f"code:{link.subject}:{int(window.total_seconds())}"
        if throttle.hit(session, key=key, window=window, now=now) > most:
            raise TooMany("刚刚已经发过验证码。请等一分钟再试；今天收不到时，请打电话给值班室。")
    session.exec(
        update(OneTimeCode)
        .where(col(OneTimeCode.subject) == link.subject, col(OneTimeCode.ended_at).is_(None))
        .values(ended_at=now)
    )
    code = new_code()
    session.add(
        OneTimeCode(
            subject=link.subject,
            link_id=link.id or 0,
            code_hash=_code_hash(session, link, code),
            sent_at=now,
            expires_at=now + CODE_GOOD_FOR,
        )
    )
    session.flush()
    return code


def redeem_code(session: Session, *, link: Link, code: str, now: datetime) -> BoundDevice | CodeVerdict:
    """Return a newly bound device for a right code, else why not. Every try is counted: commit also a wrong one."""
    counted = session.exec(
        update(OneTimeCode)
        .where(
            col(OneTimeCode.link_id) == link.id,
            col(OneTimeCode.ended_at).is_(None),
            col(OneTimeCode.expires_at) > now,
            col(OneTimeCode.tries) < CODE_TRIES,
        )
        .values(tries=OneTimeCode.tries + 1)
        .returning(col(OneTimeCode.id), col(OneTimeCode.code_hash), col(OneTimeCode.tries))
    ).first()
    if counted is None:
        return CodeVerdict.SPENT
    code_id, code_hash, tries = counted
    if not hmac.compare_digest(code_hash, _code_hash(session, link, code.strip())):
        return CodeVerdict.WRONG if tries < CODE_TRIES else CodeVerdict.SPENT
    used = session.exec(
        update(OneTimeCode)
        .where(col(OneTimeCode.id) == code_id, col(OneTimeCode.ended_at).is_(None))
        .values(ended_at=now)
    )
    device = bind(session, subject=link.subject, is_first=False, now=now) if used.rowcount == 1 else None
    return device or CodeVerdict.SPENT


def live_devices(session: Session, *, subject: str, now: datetime) -> list[Device]:
    """Return a person's devices, the newest first."""
    live = select(Device).where(
        Device.subject == subject, col(Device.revoked_at).is_(None), Device.expires_at > now
    )
    return list(session.exec(live.order_by(col(Device.bound_at).desc())))


def revoke_device(session: Session, *, device_id: int, subject: str, by: str, now: datetime) -> bool:
    """Untie one device of a person, by himself or a coordinator. Returns False if it was not his, or untied before."""
    ended = session.exec(
        update(Device)
        .where(col(Device.id) == device_id, col(Device.subject) == subject, col(Device.revoked_at).is_(None))
        .values(revoked_at=now, revoked_by=by)
    )
    if ended.rowcount == 1:
        audit.record(session, actor=by, action="device.revoked", subject=subject, now=now)
    return ended.rowcount == 1


def subjects_with_devices(session: Session, *, subjects: Collection[str]) -> set[str]:
    """Return which of these people ever bound a device: what a list of people needs, in one query."""
    return set(session.exec(select(Device.subject).where(col(Device.subject).in_(subjects)).distinct()))


def bind(
    session: Session,
    *,
    subject: str,
    is_first: bool,
    now: datetime,
    lasts: timedelta = BOUND_FOR,
    label: str = "",
) -> BoundDevice | None:
    """Return a new device of this subject; the caller has checked that it may be one. None: the first is there already."""
    if is_first and has_ever_bound(session, subject=subject):
        return None
    secret = new_token()
    device = Device(
        subject=subject,
        secret_hash=hash_of(secret),
        is_first=is_first,
        label=label,
        bound_at=now,
        expires_at=now + lasts,
    )
    try:
        with session.begin_nested():
            session.add(device)
    except IntegrityError:
        return None  # two first taps at once: the index lets one in
    audit.record(session, actor=subject, action="device.bound", subject=subject, now=now)
    return BoundDevice(device_id=device.id or 0, subject=subject, secret=secret, is_first=is_first)


@cache
def _live_device() -> Any:
    return select(Device.id).where(
        Device.secret_hash == bindparam("secret_hash"),
        Device.subject == bindparam("subject"),
        col(Device.revoked_at).is_(None),
        Device.expires_at > bindparam("now"),
    )


def _code_hash(session: Session, link: Link, code: str) -> str:
    """Six digits are guessed in a moment from a bare hash: the key lies outside the store."""
    key = keyring_of(session.get_bind().dialect).derive("one-time code")
    return hmac.new(key, f"{link.id}:{code}".encode(), hashlib.sha256).hexdigest()


CODE_GOOD_FOR = timedelta(minutes=10)
CODE_TRIES = 5
SEND_LIMITS = ((timedelta(minutes=1), 1), (timedelta(hours=1), 5), (timedelta(days=1), 10))
