"""Families that hear everything by voice: whom the office rings at 17:30, and who passes it on to them."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import time
from typing import Any

from sqlmodel import Session, col, or_, select

from escort.families.models import Child, Family, Guardian, TellBy
from notifications.models import ChannelName
from notifications.outbox import Letter


def rung_children() -> Any:
    """Return a select of the children whose family is rung: it chose so, or somebody passes everything on to it."""
    proxies = select(Guardian.family_id).where(col(Guardian.is_proxy), col(Guardian.gets_messages))
    return (
        select(Child.id)
        .join(Family, col(Family.id) == col(Child.family_id))
        .where(or_(Family.tell_by != TellBy.SMS, col(Family.id).in_(proxies)))
    )


def rung_among(session: Session, child_ids: Collection[int]) -> set[int]:
    """Return those of these children whose family is rung."""
    if not child_ids:
        return set()
    rows = rung_children().where(col(Child.id).in_(list(child_ids)))
    return set(session.exec(rows))


def with_calls(session: Session, letters: Sequence[Letter]) -> list[Letter]:
    """Return these letters, and for whoever passes things on to a family a call besides the text.

    A text that reached a neighbour is not yet known to the family: the call asks for that, and somebody ticks it.
    """
    guardians = [
        letter.to.removeprefix("guardian:") for letter in letters if letter.to.startswith("guardian:")
    ]
    if not guardians:
        return list(letters)
    rows = select(Guardian.id).where(
        col(Guardian.id).in_([int(one) for one in guardians]), col(Guardian.is_proxy)
    )
    proxies = {f"guardian:{guardian_id}" for guardian_id in session.exec(rows)}
    calls = [
        replace(letter, channel=ChannelName.BY_HAND, dedup_key=f"{letter.dedup_key}:call")
        for letter in letters
        if letter.to in proxies
    ]
    return [*letters, *calls]


CALLS_BEGIN = time(17, 30)
"""Half an hour after names may be said, half an hour before texts go out, and ninety minutes to ring everybody."""
