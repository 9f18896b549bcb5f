"""claim | check against the truth | send | record: at least once, with the same key, and never silently.

No transaction is open while a message is on the wire. A process that dies anywhere leaves claimed rows behind; when
their lease ends the next worker takes them, asks the provider what became of them where it can be asked, and
otherwise sends the same key again.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlmodel import Session, col, select, update

from notifications.addresses import live_addresses
from notifications.channels import (
    Accepted,
    AnswersLookUps,
    Channel,
    DeliveryError,
    OutgoingMessage,
    Refused,
    Result,
    Unknown,
    Unseen,
)
from notifications.claims import Claim, Sessions, claim_due, due_urgencies
from notifications.models import Address, ChannelName, Message, MessageState, Urgency
from notifications.records import Done, record
from notifications.retry import policy_for
from notifications.settlement import (
    CheckFailed,
    NoWay,
    Outcome,
    Released,
    Standing,
    TooLate,
    Withdrawn,
    may_send_again,
    move_to,
)

log = logging.getLogger(__name__)

StillWanted = Callable[[Session, Message], str | None]
CrashPoint = Callable[[str], None]
Clock = Callable[[], datetime]


def no_crash(_name: str) -> None:
    """The crash point of real life."""


def deliver_due(
    sessions: Sessions,
    *,
    channels: Mapping[str, Channel],
    still_wanted: StillWanted,
    clock: Clock,
    real_clock: Clock,
    owner: str,
    limit: int = 500,
    batch: int = 20,
    record_every: int = 20,
    urgencies: Sequence[Urgency] = (Urgency.URGENT, Urgency.ROUTINE),
    reading: Sessions | None = None,
    crash_point: CrashPoint = no_crash,
) -> int:
    """Send what is due, the urgent first, and return how many messages were moved; 0 if nothing was due.

    `sessions` opens a write transaction (SQLite: BEGIN IMMEDIATE) that commits at its end, `reading` one that only
    reads. `channels` by name, in the order in which they are tried where a party prefers none; "by_hand" stands
    last. `still_wanted` returns why a message is no longer true, or None; it is asked at most `RECHECK_AFTER` before
    the send. Due times follow `clock`, leases `real_clock`.

    Up to `record_every` routine results are recorded in one transaction: a crash repeats at most so many sends, each
    with its key. Urgent ones, and those of a provider that does not know a repeated key, are recorded one by one.
    """
    courier = Courier(
        sessions,
        reading or sessions,
        channels,
        still_wanted,
        clock,
        real_clock,
        owner,
        record_every,
        crash_point,
    )
    moved = 0
    while moved < limit:
        step = courier.deliver_batch(urgencies, min(batch, limit - moved))
        moved += step
        if step == 0:
            break
    return moved


def release_claims(sessions: Sessions, *, owner: str) -> int:
    """Void what an earlier incarnation of this node held, so that nobody waits for its leases. Returns how many.

    Call it once, on start, with a name that no other living worker has.
    """
    with sessions() as session:
        freed = session.exec(
            update(Message)
            .where(col(Message.owner) == owner, col(Message.state) == MessageState.CLAIMED)
            .values(lease_until=None, owner=None)
            .execution_options(synchronize_session=False)
        )
        return freed.rowcount


@dataclass
class Errand:
    """One claimed message on its way: what was found out before sending it."""

    claim: Claim
    message: Message
    standing: Standing
    checked_at: datetime  # real time
    started_at: datetime | None = None
    to: str = ""
    phone: str = ""
    verdict: Outcome | None = None  # decided without sending


class Courier:
    """One call of `deliver_due`: what was handed in, and which providers seem to be down just now."""

    def __init__(
        self,
        sessions: Sessions,
        reading: Sessions,
        channels: Mapping[str, Channel],
        still_wanted: StillWanted,
        clock: Clock,
        real_clock: Clock,
        owner: str,
        record_every: int,
        crash_point: CrashPoint,
    ) -> None:
        self.sessions = sessions
        self.reading = reading
        self.channels = channels
        self.still_wanted = still_wanted
        self.clock = clock
        self.real_clock = real_clock
        self.owner = owner
        self.record_every = record_every
        self.crash_point = crash_point
        self.failures_in_a_row: dict[str, int] = {}

    def deliver_batch(self, urgencies: Iterable[Urgency], limit: int) -> int:
        """Carry the due messages of the first urgency that has any; return how many were moved.

        Looks before it claims: on SQLite a claim takes the only pen.
        """
        with self.reading() as session:
            due = due_urgencies(session, due_by=self.clock(), real_now=self.real_clock())
        for urgency in urgencies:
            if urgency not in due:
                continue
            claims = self._claim(urgency, limit)
            if claims:
                return self._carry_all(urgency, claims)
        return 0

    def _claim(self, urgency: Urgency, limit: int) -> list[Claim]:
        with self.sessions() as session:
            claims = claim_due(
                session,
                urgency=urgency,
                due_by=self.clock(),
                real_now=self.real_clock(),
                owner=self.owner,
                limit=min(limit, URGENT_BATCH) if urgency is Urgency.URGENT else limit,
            )
        if claims:
            self.crash_point("outbox.after_claim")
        return claims

    def _carry_all(self, urgency: Urgency, claims: list[Claim]) -> int:
        moved = 0
        done: list[Done] = []
        oldest = self.real_clock()
        for errand in self._prepare(claims):
            outcome = self._carry(errand)
            done.append(self._done(errand, outcome))
            moved += not isinstance(outcome, Released)
            if self._must_record(urgency, errand, outcome, done, oldest):
                self._record(done)
                done, oldest = [], self.real_clock()
        self._record(done)
        return moved

    def _prepare(self, claims: list[Claim]) -> list[Errand]:
        """Check claims against the truth in one read; one bad row is then found by checking each alone."""
        try:
            return self._check(claims)
        except Exception:
            if len(claims) == 1:
                log.exception("message %s: could not be checked", claims[0].message_id)
                return self._unchecked(claims[0])
            return [errand for claim in claims for errand in self._prepare([claim])]

    def _check(self, claims: list[Claim]) -> list[Errand]:
        checked_at = self.real_clock()
        with self.reading() as session:
            ids = [claim.message_id for claim in claims]
            found = {row.id: row for row in session.exec(select(Message).where(col(Message.id).in_(ids)))}
            addresses = live_addresses(session, {row.party for row in found.values()})
            errands = []
            for claim in claims:
                message = found.get(claim.message_id)
                if message is None or message.fence != claim.fence:
                    continue  # settled elsewhere since the claim: a receipt, or a withdrawal
                errand = Errand(claim, message, _standing(message), checked_at)
                errand.verdict = self._verdict(session, message)
                if errand.verdict is None:
                    self._address(errand, addresses.get(message.party, []))
                errands.append(errand)
            session.expunge_all()  # the messages are read on while they are on the wire, with no session open
            return errands

    def _verdict(self, session: Session, message: Message) -> Outcome | None:
        """Return what is already decided about a message: no longer wanted, or too late. None: send it."""
        if message.withdrawn_reason is not None:
            return Withdrawn(message.withdrawn_reason)
        if (reason := self.still_wanted(session, message)) is not None:
            return Withdrawn(reason)
        if message.do_not_send_after is not None and self.clock() >= message.do_not_send_after:
            return TooLate()
        return None

    def _address(self, errand: Errand, addresses: list[Address]) -> None:
        """Choose channel and address, or say that there is no way."""
        ways = self._ways(addresses)
        channel = _next_channel(list(ways), errand.standing)
        if channel is None:
            errand.verdict = NoWay()
            return
        errand.standing = move_to(errand.standing, channel)
        errand.to = ways[channel]
        errand.phone = next((one.value for one in addresses if one.channel == ChannelName.SMS), "")

    def _ways(self, addresses: list[Address]) -> dict[str, str]:
        """Return the usable channels with their addresses: the preferred one first, then in our order."""
        values = {address.channel: address.value for address in addresses}
        preferred = [address.channel for address in addresses if address.is_preferred]
        order = dict.fromkeys([*preferred, *self.channels])
        return {
            name: values.get(name, "")
            for name in order
            if name in self.channels and (name in values or not self.channels[name].needs_address)
        }

    def _unchecked(self, claim: Claim) -> list[Errand]:
        with self.reading() as session:
            message = session.get(Message, claim.message_id)
            if message is None or message.fence != claim.fence:
                return []
            session.expunge_all()
            return [Errand(claim, message, _standing(message), self.real_clock(), verdict=CheckFailed())]

    def _carry(self, errand: Errand) -> Outcome:
        """Send one message, or say why not; check anew where the check has grown old."""
        timeout = policy_for(errand.message.urgency).timeout_seconds
        if self.real_clock() + timedelta(seconds=timeout) > errand.claim.lease_until:
            return Released()
        if self.real_clock() - errand.checked_at > RECHECK_AFTER:
            again = self._prepare([errand.claim])
            if not again:
                return Released()  # settled elsewhere: the fence will stop this record
            fresh = again[0]
            errand.standing, errand.verdict = fresh.standing, fresh.verdict
            errand.to, errand.phone = fresh.to, fresh.phone
        if errand.verdict is not None:
            return errand.verdict
        errand.started_at = self.clock()
        return self._send(errand, timeout)

    def _send(self, errand: Errand, timeout: float) -> Result:
        name = errand.standing.channel or ""
        channel = self.channels[name]
        if self.failures_in_a_row.get(name, 0) >= FAILURES_TO_PAUSE:
            return Refused("channel_down", detail="not tried: the sends before failed")
        self.crash_point("delivery.before_send")
        result = self._look_up_or_send(errand, channel, timeout)
        if isinstance(result, Accepted):
            self.crash_point("delivery.after_accept")
        return result

    def _look_up_or_send(self, errand: Errand, channel: Channel, timeout: float) -> Result:
        """Send; but where an earlier send may have gone out, ask first, and repeat it only so often."""
        if errand.standing.in_doubt:
            if isinstance(channel, AnswersLookUps):
                finding = channel.look_up(errand.message.send_key, timeout_seconds=timeout / 2)
                if isinstance(finding, Accepted | Refused):
                    return finding
                timeout /= 2
                if isinstance(finding, Unseen):
                    return self._call(channel, errand, timeout)
            if not may_send_again(errand.standing, is_keyed=channel.is_keyed):
                return Unknown("not sent again: it may have gone out too often")
        return self._call(channel, errand, timeout)

    def _call(self, channel: Channel, errand: Errand, timeout: float) -> Result:
        """Send, and count failures in a row. A channel that raises leaves doubt, and a trace in the log."""
        result: Result
        try:
            result = channel.send(_outgoing(errand, timeout))
        except DeliveryError as error:
            result = Refused("delivery_error", permanent=error.permanent, detail=str(error))
        except Exception as error:
            log.exception("message %s: its channel raised", errand.claim.message_id)
            result = Unknown(f"the channel raised {type(error).__name__}")
        name = errand.standing.channel or ""
        is_down = isinstance(result, Unknown) or (isinstance(result, Refused) and result.code in DOWN_CODES)
        self.failures_in_a_row[name] = self.failures_in_a_row.get(name, 0) + 1 if is_down else 0
        return result

    def _must_record(
        self, urgency: Urgency, errand: Errand, outcome: Outcome, done: list[Done], oldest: datetime
    ) -> bool:
        if urgency is Urgency.URGENT or len(done) >= self.record_every:
            return True
        channel = self.channels.get(errand.standing.channel or "")
        if isinstance(outcome, Accepted | Unknown) and channel is not None and not channel.is_keyed:
            return True
        return self.real_clock() - oldest > RECORD_AFTER

    def _record(self, done: list[Done]) -> None:
        if not done:
            return
        self.crash_point("delivery.before_record")
        with self.sessions() as session:
            record(session, done)
        self.crash_point("delivery.after_record")

    def _done(self, errand: Errand, outcome: Outcome) -> Done:
        channel = self.channels.get(errand.standing.channel or "")
        return Done(
            claim=errand.claim,
            standing=errand.standing,
            outcome=outcome,
            urgency=errand.message.urgency,
            give_up_at=errand.message.do_not_send_after,
            is_keyed=channel is not None and channel.is_keyed,
            waits_for_receipt=channel is not None and channel.sends_receipts,
            started_at=errand.started_at,
            at=self.clock(),
        )


def _outgoing(errand: Errand, timeout: float) -> OutgoingMessage:
    message = errand.message
    return OutgoingMessage(
        key=message.send_key,
        to=errand.to,
        template=message.template,
        parameters=message.parameters,
        text=message.text,
        language=message.language,
        urgent=message.urgency == Urgency.URGENT,
        timeout_seconds=timeout,
        party=message.party,
        phone=errand.phone,
    )


def _next_channel(ways: list[str], standing: Standing) -> str | None:
    """Return the channel to try: the one it is on, or the next one where that is spent or gone."""
    if standing.channel not in ways:
        return ways[0] if ways else None
    if not standing.channel_is_spent:
        return standing.channel
    rest = ways[ways.index(standing.channel) + 1 :]
    return rest[0] if rest else None


def _standing(message: Message) -> Standing:
    return Standing(**{field.name: getattr(message, field.name) for field in fields(Standing)})


URGENT_BATCH = 8  # their leases are short
RECHECK_AFTER = timedelta(
    seconds=2
)  # real time: "at the moment of sending", without a query for each of a batch
RECORD_AFTER = timedelta(seconds=2)  # real time: no result waits longer than this to be written down
FAILURES_TO_PAUSE = 3  # in a row: the rest of this call does not wait for a provider that is down
DOWN_CODES = ("unreachable", "overloaded")
