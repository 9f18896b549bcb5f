"""Our cookies: one a role for sign-ins, one a person for bound devices. All are secrets whose hash the store keeps."""

import hashlib
from datetime import timedelta

from fastapi import Request, Response

from escort.access.models import Role


def session_secret(request: Request, is_https: bool, role: Role) -> str | None:
    return request.cookies.get(_name(SESSION_NAMES[role], is_https)) or None


def device_secret(request: Request, is_https: bool, subject: str) -> str | None:
    return request.cookies.get(_name(_device_name(subject), is_https)) or None


def set_session(response: Response, *, is_https: bool, role: str, secret: str, lasts: timedelta) -> None:
    """Keep a sign-in in the browser. Coordinator and gate have a cookie each, so that one browser can be both."""
    _set(response, SESSION_NAMES[Role(role)], secret, lasts, is_https)


def set_device(response: Response, *, is_https: bool, subject: str, secret: str, lasts: timedelta) -> None:
    """Keep a binding in the browser, under a name of its own for each person: a family may share a phone."""
    _set(response, _device_name(subject), secret, lasts, is_https)


def set_gate_device(response: Response, *, is_https: bool, secret: str, lasts: timedelta) -> None:
    """Keep a gate's binding in its tablet: one at a time, a tablet stands at one school."""
    _set(response, GATE_DEVICE, secret, lasts, is_https)


def gate_device_secret(request: Request, is_https: bool) -> str | None:
    return request.cookies.get(_name(GATE_DEVICE, is_https)) or None


def set_plain(response: Response, *, is_https: bool, name: str, value: str, lasts: timedelta) -> None:
    _set(response, name, value, lasts, is_https)


def plain(request: Request, is_https: bool, name: str) -> str | None:
    return request.cookies.get(_name(name, is_https)) or None


def clear_session(response: Response, *, is_https: bool, role: Role) -> None:
    clear_plain(response, is_https=is_https, name=SESSION_NAMES[role])


def clear_plain(response: Response, *, is_https: bool, name: str) -> None:
    response.delete_cookie(_name(name, is_https), path="/", secure=is_https, httponly=True, samesite="lax")


def _set(response: Response, name: str, value: str, lasts: timedelta, is_https: bool) -> None:
    response.set_cookie(
        _name(name, is_https),
        value,
        max_age=int(lasts.total_seconds()),
        path="/",
        secure=is_https,
        httponly=True,
        samesite="lax",
    )


def _name(name: str, is_https: bool) -> str:
    """`__Host-` makes browsers refuse the cookie from another host; they know it over https only."""
    return f"__Host-{name}" if is_https else name


def _device_name(subject: str) -> str:
    return "dj_phone_" + hashlib.sha256(subject.encode()).hexdigest()[:10]


SESSION_NAMES = {Role.COORDINATOR: "dj_office", Role.GATE: "dj_gate"}
GATE_DEVICE = "dj_gate_tablet"
