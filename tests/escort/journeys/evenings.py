"""An evening at the office as its jobs see it: families that are rung, and the tasks that this makes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from escort.access.models import Account
from escort.cases.service import set_duty
from escort.db import Store
from escort.families.models import Family, TellBy
from escort.jobs import Jobs
from escort.journeys.calls import CallList, call_list
from escort.rota.models import ShiftState
from notifications.addresses import prefer_by_hand
from notifications.channels.by_hand import ByHand
from notifications.testing import RecordingChannel
from tests.builders import NOW, ZONE, EscortedChild
from tests.escort.journeys.rides import Ride
from tests.escort.rota.weeks import links

CALLS = NOW - timedelta(minutes=30)  # 17:30
DUTY = "199 0000 0001"


@dataclass
class Evening:
    """The timed work of messages, calls and cases, with its clock standing still."""

    store: Store
    at: datetime = CALLS
    texts: RecordingChannel = field(default_factory=RecordingChannel)
    has_office: bool = False  # 林老师 is there already
    jobs: Jobs = field(init=False)

    def __post_init__(self) -> None:
        self.jobs = Jobs(
            store=self.store,
            now=lambda: self.at,
            real_now=lambda: self.at,
            zone=ZONE,
            channels={"console": self.texts, "by_hand": ByHand()},
            links=links,
            duty_phone=DUTY,
            board_link="https://dujuan.test/today",
            owner="node-1",
        )
        if self.has_office:
            return
        with self.store.write() as session:
            account = Account(
                login="lin", name="林老师", role="coordinator", password_hash="-", created_at=NOW
            )
            session.add(account)
            session.flush()
            set_duty(session, account_id=account.id or 0)

    def tick(self, at: datetime | None = None) -> None:
        """Let the clock stand at this moment, and do what is due then."""
        self.at = at or self.at
        for _ in range(2):
            self.jobs.run_due({"replies", "reminders", "watch", "cases", "deliver"})

    def calls(self) -> CallList:
        with self.store.read() as session:
            return call_list(session, now=self.at, zone=ZONE)

    def sentences(self) -> list[str]:
        return [call.sentence for call in self.calls().waiting]


def is_rung(session: Session, child: EscortedChild, tell_by: TellBy = TellBy.CALL) -> None:
    """This family hears everything by voice."""
    session.get_one(Family, child.child.family_id).tell_by = tell_by
    if tell_by == TellBy.PROXY:
        child.guardian.is_proxy = True
        session.add(child.guardian)
    else:
        prefer_by_hand(session, party=child.guardian_subject, now=NOW)
    session.flush()


def lose_driver(session: Session, ride: Ride, at: datetime) -> None:
    assert ride.shift is not None
    shift = session.merge(ride.shift)
    shift.state, shift.ended_at = ShiftState.FREED, at
    session.flush()
