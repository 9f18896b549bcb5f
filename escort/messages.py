"""Two things that every message needs from us: the links it carries, and whether it is still true."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from sqlmodel import Session, select

from escort.access import links
from escort.access.models import Purpose
from escort.cases import service as cases
from escort.rota.models import Ask, AskState, Shift, ShiftState
from notifications.models import Message

PATHS = {"volunteer": (Purpose.VOLUNTEER, "v"), "guardian": (Purpose.FAMILY, "f")}
REMINDERS = {"driver.evening", "driver.morning", "driver.not_departed"}


def link_maker(
    base_url: str, now: Callable[[], object]
) -> Callable[[Session, Sequence[str]], Mapping[str, str]]:
    """Return what turns `volunteer:12` into an address only that person should open."""

    def make(session: Session, subjects: Sequence[str]) -> Mapping[str, str]:
        by_kind: dict[str, list[str]] = defaultdict(list)
        for subject in subjects:
            by_kind[subject.partition(":")[0]].append(subject)
        made: dict[str, str] = {}
        for kind, group in by_kind.items():
            if kind not in PATHS:
                made.update((subject, f"{base_url}/today") for subject in group)
                continue
            purpose, path = PATHS[kind]
            tokens = links.issue_links(session, subjects=group, purpose=purpose, now=now())  # type: ignore[arg-type]
            made.update((subject, f"{base_url}/{path}/{token}") for subject, token in tokens.items())
        return made

    return make


def still_wanted(session: Session, message: Message) -> str | None:
    """Return why a message is no longer true, or None: asked at the moment of sending."""
    kind, _, number = message.about.partition(":")
    if kind == "cases":
        return None if cases.anything_to_tell(session) else "nothing_open"
    if not number.isdecimal():
        return None
    if kind == "ask":
        ask = session.exec(select(Ask.state).where(Ask.id == int(number))).first()
        return None if ask == AskState.OPEN else "ask_closed"
    if kind == "shift" and message.template in REMINDERS:
        shift = session.exec(select(Shift.state).where(Shift.id == int(number))).first()
        return None if shift == ShiftState.CONFIRMED else "shift_ended"
    return None
