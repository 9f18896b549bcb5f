"""Tying the visitor's phone to him: the tap, the code, and the cookie, in real time."""

from fastapi import Request, Response
from sqlmodel import Session

from escort.access import devices, links
from escort.access.devices import BoundDevice, CodeVerdict
from escort.web import cookies
from escort.web.deps import GuardianHere, House, LeaderHere, VolunteerHere, get_house

Visitor = VolunteerHere | LeaderHere | GuardianHere


def bind_by_tap(
    response: Response, request: Request, session: Session, visitor: Visitor
) -> BoundDevice | None:
    """Return the phone bound by this tap, with its cookie set; None where a code is due, or it is bound already.

    The caller tells the registered number of a new binding.
    """
    house = get_house(request)
    if visitor.bound:
        return None
    device = devices.bind_first(session, link=visitor.link, now=house.real_now())
    if device is not None:
        links.touch(session, link=visitor.link, now=house.clock.now())
        keep(response, house, device)
    return device


def send_code(session: Session, house: House, visitor: Visitor) -> str:
    """Return the one-time code that the caller sends to the registered number. Raises TooMany."""
    return devices.request_code(session, link=visitor.link, now=house.real_now())


def bind_by_code(
    response: Response, request: Request, session: Session, visitor: Visitor, code: str
) -> BoundDevice | CodeVerdict:
    """Return the phone bound by a right code, with its cookie set, else why not (do not raise: tries are counted)."""
    house = get_house(request)
    outcome = devices.redeem_code(session, link=visitor.link, code=code, now=house.real_now())
    if isinstance(outcome, BoundDevice):
        links.touch(session, link=visitor.link, now=house.clock.now())
        keep(response, house, outcome)
    return outcome


def keep(response: Response, house: House, device: BoundDevice) -> None:
    """Put a bound phone's secret into its browser."""
    cookies.set_device(
        response,
        is_https=house.is_https,
        subject=device.subject,
        secret=device.secret,
        lasts=devices.BOUND_FOR,
    )
