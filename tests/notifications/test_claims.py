"""Who may send what: races between workers, and workers that died."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from notifications.claims import Claim, claim_due
from notifications.delivery import release_claims
from notifications.models import Attempt, Message, Urgency
from notifications.outbox import Letter, enqueue_many
from notifications.wording import Wording

from .builders import DRIVER, EVENING, Office


def test_six_workers_claim_five_hundred_messages_each_once(office: Office) -> None:
    with office.store.write() as session:
        letters = [Letter(DRIVER, Wording("ask", {}, "x"), f"a:{n}", f"a:{n}") for n in range(500)]
        enqueue_many(session, letters, now=EVENING)

    def work(worker: int) -> list[int]:
        mine: list[int] = []
        while claims := _claim(office, owner=f"node-{worker}", limit=7):
            mine += [claim.message_id for claim in claims]
        return mine

    with ThreadPoolExecutor(6) as pool:
        claimed = [message for mine in pool.map(work, range(6)) for message in mine]

    assert len(claimed) == 500
    assert len(set(claimed)) == 500


def test_a_running_lease_is_respected_and_an_ended_one_taken_over(office: Office) -> None:
    asked = office.ask(1)
    (first,) = _claim(office, owner="node-a")

    during = _claim(office, owner="node-b", seconds=60)
    (after,) = _claim(office, owner="node-b", seconds=61)

    assert during == []
    assert (first.fence, after.fence) == (1, 2)
    message = office.message(asked)
    assert (message.owner, message.in_doubt, message.losses) == ("node-b", True, 1)
    assert [(a.number, a.outcome) for a in office.rows(Attempt)] == [(1, "unknown")]  # the lost one is kept


def test_an_urgent_lease_is_short(office: Office) -> None:
    office.ask(1, urgency=Urgency.URGENT)

    (claim,) = _claim(office, owner="node-a", urgency=Urgency.URGENT)

    assert claim.lease_until == EVENING + timedelta(seconds=12)


def test_a_restarted_node_voids_its_own_claims_and_nobody_elses(office: Office) -> None:
    office.ask(1)
    _claim(office, owner="node-a")
    office.ask(2)
    _claim(office, owner="node-b")

    freed = release_claims(office.store.write, owner="node-a")
    moved = office.deliver(owner="node-a")

    assert (freed, moved) == (1, 1)
    assert office.sms.texts == ["第1条"]
    assert {message.state for message in office.rows(Message)} == {"accepted", "claimed"}


def _claim(
    office: Office, *, owner: str, seconds: float = 0, urgency: Urgency = Urgency.ROUTINE, limit: int = 10
) -> list[Claim]:
    with office.store.write() as session:
        return claim_due(
            session,
            urgency=urgency,
            due_by=EVENING,
            real_now=EVENING + timedelta(seconds=seconds),
            owner=owner,
            limit=limit,
        )
