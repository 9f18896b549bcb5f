"""A school's tablet or phone at the gate: bound once by a QR that the office shows, listed, and out at one click.

A link lives by the house's clock, a device by the real one.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, select

from escort.access import audit, devices, links
from escort.access.devices import BoundDevice
from escort.access.models import Device, Link, Purpose
from escort.access.secret import hash_of
from escort.errors import NotFound
from escort.sentences import mark


@dataclass(frozen=True)
class GateDevice:
    """A bound tablet, as the request that shows its secret needs to know it."""

    device_id: int
    school_id: int
    label: str
    seen_at: datetime


def issue_gate_code(session: Session, *, school_id: int, by: str, now: datetime) -> str:
    """Return the token of a QR that binds one device to this school's gate. An unused one from before ends.

    So no two are about: a sheet that was lost on the way is dead as soon as the office prints another.
    """
    subject = subject_of(school_id)
    links.revoke_links(session, subject=subject, purpose=Purpose.GATE, now=now)
    token = links.issue_link(
        session, subject=subject, purpose=Purpose.GATE, now=now, expires_at=now + CODE_GOOD_FOR
    )
    audit.record(session, actor=by, action="gate_code.issued", subject=subject, now=now)
    return token


def school_of_code(session: Session, *, token: str, now: datetime) -> int:
    """Return the school whose gate this QR opens. Raises NotFound alike if it is used, over, or another link."""
    return _school_of(_code(session, token, now).subject)


def bind_gate_device(
    session: Session, *, token: str, label: str, replaced: str | None, now: datetime, real_now: datetime
) -> BoundDevice:
    """Use the QR up and return the device that it binds. `replaced`: the secret of this browser's former binding,
    which ends. Raises NotFound for a QR that is used, over or foreign, also when two tap at once."""
    link = _code(session, token, now)
    if not links.use_up(session, link=link, now=now):
        raise NotFound(CODE_OVER)
    if replaced is not None:
        _end(session, Device.secret_hash == hash_of(replaced), by=link.subject, now=real_now)
    bound = devices.bind(
        session, subject=link.subject, is_first=False, now=real_now, lasts=BOUND_FOR, label=label
    )
    if bound is None:
        raise NotFound(CODE_OVER)
    note_seen(session, device_id=bound.device_id, now=real_now)
    return bound


def which_gate(session: Session, *, secret: str, now: datetime) -> GateDevice | None:
    """Return the gate that this browser is bound to, or None if it is unknown, over or was untied."""
    device = session.exec(
        select(Device).where(
            Device.secret_hash == hash_of(secret),
            col(Device.subject).startswith(GATE),
            col(Device.revoked_at).is_(None),
            Device.expires_at > now,
        )
    ).first()
    if device is None:
        return None
    return GateDevice(
        device.id or 0, _school_of(device.subject), device.label, device.seen_at or device.bound_at
    )


def note_seen(session: Session, *, device_id: int, now: datetime) -> None:
    session.exec(update(Device).where(col(Device.id) == device_id).values(seen_at=now))


def gate_devices(session: Session, *, now: datetime) -> dict[int, list[Device]]:
    """Return every school's bound devices, the one seen last first."""
    live = select(Device).where(
        col(Device.subject).startswith(GATE), col(Device.revoked_at).is_(None), Device.expires_at > now
    )
    found: dict[int, list[Device]] = defaultdict(list)
    for device in session.exec(live.order_by(col(Device.seen_at).desc(), col(Device.id).desc())):
        found[_school_of(device.subject)].append(device)
    return found


def revoke_gate_device(session: Session, *, device_id: int, by: str, now: datetime) -> None:
    """Untie a lost tablet: it is out at its next request. Twice is once. Raises NotFound for somebody's own phone."""
    device = session.get(Device, device_id)
    if device is None or not device.subject.startswith(GATE):
        raise NotFound("没有这台平板。请回到账号页再看一眼。")
    devices.revoke_device(session, device_id=device_id, subject=device.subject, by=by, now=now)


def shut_gate(session: Session, *, school_id: int, by: str, now: datetime) -> None:
    """End every device of a gate, and the QR that is about."""
    subject = subject_of(school_id)
    links.revoke_links(session, subject=subject, purpose=Purpose.GATE, now=now)
    _end(session, Device.subject == subject, by=by, now=now)


def subject_of(school_id: int) -> str:
    return f"{GATE}{school_id}"


def _code(session: Session, token: str, now: datetime) -> Link:
    try:
        return links.resolve(session, token=token, purpose=Purpose.GATE, now=now)
    except NotFound as over:
        raise NotFound(CODE_OVER) from over


def _school_of(subject: str) -> int:
    return int(subject.removeprefix(GATE))


def _end(session: Session, which: Any, *, by: str, now: datetime) -> None:
    ended = session.scalars(
        update(Device)
        .where(which, col(Device.subject).startswith(GATE), col(Device.revoked_at).is_(None))
        .values(revoked_at=now, revoked_by=by)
        .returning(col(Device.subject))
    )
    for subject in ended.all():
        audit.record(session, actor=by, action="device.revoked", subject=subject, now=now)


GATE = "gate:"
CODE_GOOD_FOR = timedelta(days=3)
BOUND_FOR = timedelta(days=365)  # a school year: then the office says again which tablets there are
CODE_OVER = mark("这张码用过了、过期了，或者不是校门的码。请协调员在“账号”页再出一张。")
