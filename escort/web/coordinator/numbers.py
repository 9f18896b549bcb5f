"""One person's number in full, with whom it reaches. The caller records the read."""

from dataclasses import dataclass

from sqlmodel import Session, col, select

from escort.errors import NotFound
from escort.families.models import Child, Guardian
from escort.journeys.calls import is_a_call
from escort.roster.models import Volunteer
from escort.sentences import Sentence
from notifications.addresses import phone_of
from notifications.holds import held_number
from notifications.models import HandTask, Message


@dataclass(frozen=True)
class Ring:
    """Whom to ring, at which number, and what to say."""

    party: str
    who: str
    phone: str | None  # None: no number is known
    text: str = ""
    hand_task_id: int | None = None
    new_phone: str | None = None  # waits to be used: who answers there must be asked for his name


def number_to_ring(session: Session, *, party: str) -> Ring:
    """Return the number of a volunteer or guardian. Raises NotFound."""
    return Ring(party, _name(session, party), phone_of(session, party), new_phone=_new_phone(session, party))


def number_of_hand_task(session: Session, *, task_id: int) -> Ring:
    """Return whom a line of the by-hand list is for, with the text to say. Raises NotFound if it is done.

    Who comes to which child is told from the list of calls: those texts hold a word pair.
    """
    row = session.exec(
        select(Message)
        .join(HandTask, col(HandTask.message_id) == col(Message.id))
        .where(col(HandTask.id) == task_id, col(HandTask.done_at).is_(None))
    ).first()
    if row is None or is_a_call(row.party, row.template):
        raise NotFound("这一条已经办完了。")
    return Ring(
        row.party,
        _name(session, row.party),
        phone_of(session, row.party),
        row.text,
        task_id,
        _new_phone(session, row.party),
    )


def _new_phone(session: Session, party: str) -> str | None:
    held = held_number(session, party)
    return held.value if held else None


def _name(session: Session, party: str) -> str:
    kind, _, number = party.partition(":")
    if kind == "volunteer":
        volunteer = session.get(Volunteer, int(number))
        if volunteer is not None:
            return volunteer.name
    if kind == "guardian":
        rows = (
            select(Child.short_name, Guardian.relation)
            .join(Guardian, col(Guardian.family_id) == col(Child.family_id))
            .where(col(Guardian.id) == int(number))
        )
        found = session.exec(rows.order_by(col(Child.id))).first()
        if found is not None:
            return Sentence("%(child)s的%(who)s", child=found[0], who=Sentence(found[1] or "家里"))
    raise NotFound("没有这个人。")
