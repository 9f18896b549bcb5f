"""Timed work decides from rows and the store's time; nothing is done twice, and no bad item stops the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from escort import erasure, replies
from escort import jobs as jobs_module
from escort.access.models import Account
from escort.access.numbers import change_number
from escort.cases import service as cases
from escort.cases.models import Case, CaseKind, Duty
from escort.cases.service import live_cases_of, open_case, set_duty
from escort.db import Store
from escort.families.consent import withdraw_consent
from escort.families.models import Child
from escort.job_leases import JobLease, lease
from escort.jobs import Jobs
from escort.revision import revision_of
from escort.rota import asks, legs, planning, standins
from escort.rota.models import Ask, Leg, LegState, Offer, Run, Shift, ShiftState
from escort.upkeep import channels
from notifications.addresses import phone_of
from notifications.inbound import record_inbound
from notifications.models import Inbound, Message, MessageState
from notifications.outbox import enqueue
from notifications.testing import RecordingChannel
from notifications.wording import Wording
from tests.builders import NOW, ZONE, a_child, a_volunteer
from tests.cast import LIN, the_cast
from tests.escort.journeys.rides import a_ride
from tests.escort.rota.weeks import HOUR, MINUTE, TOMORROW, at, leg_of, links, run_of

THURSDAY = date(2021, 4, 8)


@dataclass
class Node:
    """One process with its clock standing still."""

    store: Store
    at: datetime = NOW
    owner: str = "node-1"
    channel: RecordingChannel = field(default_factory=RecordingChannel)
    jobs: Jobs = field(init=False)

    def __post_init__(self) -> None:
        self.jobs = Jobs(
            store=self.store,
            now=lambda: self.at,
            real_now=lambda: self.at,
            zone=ZONE,
            channels={"console": self.channel},
            links=links,
            duty_phone="19900000001",
            board_link="https://dujuan.test/today",
            owner=self.owner,
        )

    def run_until_quiet(self, until: datetime, most: int = 400) -> None:
        """Visit every due instant up to `until`."""
        for _ in range(most):
            self.jobs.run_due()
            due = self.jobs.next_due_at()
            if due is None or due > until:
                self.at = until
                self.jobs.run_due()
                return
            self.at = max(self.at + timedelta(seconds=1), due)
        raise AssertionError("the clock does not come to rest")


@pytest.fixture
def node(store: Store) -> Node:
    with store.write() as session:
        lin = Account(login="lin", name="林老师", role="coordinator", password_hash="-", created_at=NOW)
        session.add(lin)
        session.flush()
        cases.set_duty(session, account_id=lin.id or 0)
        the_cast(session)
    return Node(store)


def messages(session: Session, template: str) -> list[Message]:
    return list(session.exec(select(Message).where(Message.template == template)))


def test_the_first_evening_makes_legs_and_a_draft_and_asks_nobody(node: Node) -> None:
    node.jobs.evening()

    with node.store.read() as session:
        assert len(session.exec(select(Leg).where(Leg.state == LegState.WANTED)).all()) > 30
        assert {shift.state for shift in session.exec(select(Shift))} == {ShiftState.DRAFT}
        assert session.exec(select(Ask)).all() == []
        assert session.get_one(JobLease, "evening").done_for_on == NOW.date()


def test_the_evening_s_work_is_done_once_a_day_and_not_before_six(node: Node) -> None:
    node.at = NOW - HOUR
    node.jobs.evening()
    with node.store.read() as session:
        assert session.exec(select(Leg)).all() == []
    node.at = NOW
    node.jobs.evening()
    with node.store.write() as session:
        session.execute(update(Leg).values(state=LegState.WITHDRAWN))

    node.jobs.evening()

    with node.store.read() as session:
        assert session.exec(select(Leg).where(Leg.state == LegState.WANTED)).all() == []


def test_the_evening_erases_a_child_whose_family_withdrew_and_then_whom_it_told(node: Node) -> None:
    with node.store.write() as session:
        child_id = session.exec(select(Child.id)).first() or 0
        withdraw_consent(session, child_id=child_id, now=NOW - timedelta(days=8), by="account:1")

    node.jobs.evening()
    with node.store.read() as session:
        assert session.get_one(Child, child_id).erased_at == NOW
        assert erasure.untold(session) == [child_id]
    node.jobs.deliver()
    node.at = NOW + timedelta(days=1)
    node.jobs.evening()

    assert any("您撤回了同意" in message.text for message in node.channel.sent)
    with node.store.read() as session:
        assert erasure.untold(session) == []


def test_a_changed_number_is_told_at_once_and_used_a_day_later(node: Node) -> None:
    with node.store.write() as session:
        change_number(session, party="volunteer:1", phone="19900007777", by="account:1", now=NOW)
    assert node.jobs.due_moments({"numbers"}) == {"numbers": NOW}

    node.jobs.run_due({"numbers", "deliver"})

    assert [message.template for message in node.channel.sent] == ["number.changing"]
    assert node.jobs.due_moments({"numbers"}) == {"numbers": NOW + timedelta(days=1)}
    node.at = NOW + timedelta(days=1)
    node.jobs.run_due({"numbers"})
    with node.store.read() as session:
        assert phone_of(session, "volunteer:1") == "+8619900007777"


def test_a_restored_copy_sends_nothing_and_says_why_until_it_is_opened(node: Node) -> None:
    with node.store.write() as session:
        channels.mark_restored(session, backup_made_at=NOW - HOUR, now=NOW)
        enqueue(
            session,
            to="volunteer:1",
            wording=Wording("offer.late", {"turn": "x"}, "old"),
            about="",
            dedup_key="history",
            now=NOW,
        )

    assert node.jobs.deliver() == 0
    assert any("restored copy" in wrong for wrong in node.jobs.audit())

    with node.store.write() as session:
        channels.open_channels(session, by="console", now=NOW, zone=ZONE)
        enqueue(
            session,
            to="volunteer:1",
            wording=Wording("offer.late", {"turn": "x"}, "new"),
            about="",
            dedup_key="after",
            now=NOW,
        )
    node.jobs.deliver()

    assert [message.text for message in node.channel.sent if message.party == "volunteer:1"] == ["new"]
    assert not any("restored copy" in wrong for wrong in node.jobs.audit())


def test_what_a_dead_process_missed_is_made_up_by_the_next_heartbeat(node: Node) -> None:
    node.at = NOW + timedelta(hours=5)  # 23:00: nobody was there at six

    node.jobs.evening()

    with node.store.read() as session:
        assert session.get_one(JobLease, "evening").done_for_on == NOW.date()


def test_on_thursday_evening_next_week_is_published_and_asked(node: Node) -> None:
    node.jobs.evening()

    node.at = at(THURSDAY, 18)
    node.run_until_quiet(at(THURSDAY, 18, 1))

    with node.store.read() as session:
        asked = session.exec(select(Ask)).all()
        assert {ask.volunteer_id for ask in asked} == {1, 2}
        assert {ask.week_on for ask in asked} <= {date(2021, 4, 5), date(2021, 4, 12)}  # Friday's first
        published = session.exec(select(Run.on).where(col(Run.published_at).is_not(None))).all()
        assert max(published) == date(2021, 4, 16)
        assert (
            session.exec(
                select(Run.on).where(
                    col(Run.published_at).is_(None), Run.on > THURSDAY, Run.on < max(published)
                )
            ).all()
            == []
        )
        assert node.channel.sent


def test_two_nodes_do_nothing_twice(node: Node) -> None:
    other = Node(node.store, owner="node-2")
    for each in (node, other):
        each.at = at(THURSDAY, 18)

    for _ in range(2):
        node.jobs.run_due()
        other.jobs.run_due()

    with node.store.read() as session:
        legs_ = session.exec(select(Leg.escort_id, Leg.on, Leg.direction)).all()
        assert len(legs_) == len(set(legs_))
        offers = session.exec(select(Offer.run_id, Offer.volunteer_id)).all()
        assert offers
        assert len(offers) == len(set(offers))
        assert len(node.channel.sent) + len(other.channel.sent) == len(
            session.exec(select(Message).where(Message.state == MessageState.ACCEPTED)).all()
        )


def test_a_lease_keeps_the_second_node_out_until_it_ends(node: Node) -> None:
    with lease(node.store, "evening", owner="node-1", real_now=NOW) as first:
        with lease(node.store, "evening", owner="node-2", real_now=NOW + MINUTE) as second:
            assert (first, second) == (True, False)
        with lease(node.store, "evening", owner="node-2", real_now=NOW + HOUR) as third:
            assert third  # the first one is taken for dead
    with lease(node.store, "evening", owner="node-3", real_now=NOW + HOUR) as fourth:
        assert fourth


def publish(node: Node) -> None:
    node.jobs.evening()
    with node.store.write() as session:
        planning.publish_between(session, from_on=TOMORROW, until_on=date(2021, 4, 11), now=node.at)


def test_a_no_is_in_the_outbox_of_the_next_person_within_one_heartbeat(node: Node) -> None:
    with node.store.write() as session:
        third = a_volunteer(session, "周姐", home=(30.85, 103.85)).id
    publish(node)
    node.jobs.asks()
    with node.store.write() as session:
        run = run_of(session, session.exec(select(Leg).where(Leg.on == TOMORROW).limit(1)).one())
        offer = session.exec(select(Offer).where(Offer.run_id == run.id)).one()
        asks.answer_offer(
            session, offer_id=offer.id or 0, yes=False, by="x", how="sms", now=node.at, zone=ZONE
        )

    node.jobs.run_due()

    with node.store.read() as session:
        asked = session.exec(select(Offer.volunteer_id).where(Offer.run_id == run.id)).all()
        assert len(asked) > 1
        assert third is not None


def test_a_leg_that_appears_in_a_published_week_gets_a_car_at_once(node: Node) -> None:
    publish(node)
    with node.store.write() as session:
        child = a_child(session, "小禾")
    with node.store.write() as session:
        legs.extend_calendar(session, now=node.at, zone=ZONE)

    node.jobs.gaps()

    with node.store.read() as session:
        run = run_of(session, leg_of(session, child))
        assert run.published_at == node.at
        later = session.exec(select(Leg).where(Leg.child_id == child.id, Leg.on > date(2021, 4, 12))).first()
        assert later is not None
        with pytest.raises(Exception, match="No row"):
            run_of(session, later)  # its week is not published: the evening plans it
        assert "gaps" not in node.jobs.due_moments()


def test_a_restored_leg_gets_a_car_again(node: Node) -> None:
    publish(node)
    with node.store.write() as session:
        leg_id = session.exec(select(Leg.id).where(Leg.on == TOMORROW)).first() or 0
        legs.cancel_leg(session, leg_id=leg_id, by=LIN, reason="", now=node.at, zone=ZONE)
        legs.restore_leg(session, leg_id=leg_id, by=LIN, now=node.at)
    assert node.jobs.due_moments()["gaps"] == node.at

    node.jobs.gaps()

    with node.store.read() as session:
        assert run_of(session, session.get_one(Leg, leg_id)).published_at is not None


def test_a_gap_that_cannot_be_closed_is_not_tried_every_second(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(node)
    with node.store.write() as session:
        a_child(session, "小禾")
    with node.store.write() as session:
        legs.extend_calendar(session, now=node.at, zone=ZONE)
    tried: list[int] = []
    monkeypatch.setattr(planning, "make_plan", lambda *_a, **_k: tried.append(1))

    for _ in range(3):
        node.jobs.gaps()
    assert len(tried) == 1
    node.at += MINUTE
    node.jobs.gaps()
    assert len(tried) == 2


def test_one_bad_reply_stops_no_other(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    with node.store.write() as session:
        for number in range(3):
            record_inbound(
                session,
                provider="t",
                provider_message_id=str(number),
                sender=f"1990000888{number}",
                text="?",
                raw="{}",
                now=NOW,
            )
    sound = replies.handle

    def breaks_at_two(session: Session, *, inbound_id: int, desk: replies.Desk) -> None:
        if inbound_id == 2:
            raise RuntimeError("one bad reply")
        sound(session, inbound_id=inbound_id, desk=desk)

    monkeypatch.setattr(jobs_module.replies, "handle", breaks_at_two)

    assert node.jobs.replies() == 3

    with node.store.read() as session:
        assert all(row.handled_at for row in session.exec(select(Inbound)))
        opened = session.exec(select(Case).where(Case.kind == CaseKind.REPLY_UNCLEAR)).all()
        assert [case.sentence for case in opened if case.is_urgent] == [
            "系统没能处理回了一句话，系统没看懂，请您看一下"
        ]


def test_one_bad_date_stops_no_other_search(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    with node.store.write() as session:
        child = a_child(session, "小禾")
        for on in (TOMORROW, THURSDAY):
            a_ride(session, child, on=on).run.search_at = NOW
    sound = standins.search

    def breaks_tomorrow(session: Session, *, on: date, **rest: object) -> int:
        if on == TOMORROW:
            raise RuntimeError("one bad date")
        return sound(session, on=on, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(standins, "search", breaks_tomorrow)

    assert node.jobs.searches() == 2

    with node.store.read() as session:
        [case] = session.exec(select(Case).where(Case.kind == CaseKind.STUCK_WORK)).all()
        assert case.about == f"date:{TOMORROW}"


def test_one_volunteer_who_cannot_be_asked_stops_no_other(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(node)

    def no_link_for_one(_session: Session, subjects: list[str]) -> dict[str, str]:
        if "volunteer:1" in subjects:
            raise RuntimeError("no link")
        return dict.fromkeys(subjects, "https://dujuan.test/v/x")

    monkeypatch.setattr(node.jobs, "links", no_link_for_one)

    node.jobs.asks()

    with node.store.read() as session:
        assert {ask.volunteer_id for ask in session.exec(select(Ask))} == {2}
        [case] = session.exec(select(Case).where(Case.kind == CaseKind.STUCK_WORK)).all()
        assert case.about == "volunteer:1"


def test_each_kind_of_due_work_is_found(node: Node) -> None:
    node.jobs.run_due()  # nothing is left of this evening
    assert node.jobs.due_moments()["evening"] == NOW + timedelta(days=1)
    publish(node)
    node.run_until_quiet(NOW + timedelta(seconds=5))
    moments = node.jobs.due_moments()
    with node.store.read() as session:
        deadlines = session.exec(select(Ask.deadline_at)).all()
    assert moments["asks"] == min(deadlines)
    assert node.jobs.next_due_at() == min(moments.values())
    with node.store.write() as session:
        record_inbound(
            session, provider="t", provider_message_id="1", sender="1", text="?", raw="{}", now=node.at
        )
    assert node.jobs.due_moments()["replies"] == node.at
    with node.store.write() as session:
        session.execute(update(Run).where(col(Run.on) == TOMORROW).values(search_at=NOW + HOUR))
    assert node.jobs.due_moments()["searches"] == NOW + HOUR


def test_a_week_with_nobody_answering_comes_to_rest_and_falls_silent_nowhere(node: Node) -> None:
    publish(node)

    node.run_until_quiet(at(TOMORROW, 8))

    with node.store.read() as session:
        morning = run_of(session, leg_of_xiaoyu(session))
        case = session.exec(select(Case).where(Case.about == f"run:{morning.id}")).one()
        assert case.is_urgent
        assert case.opened_at < morning.starts_at
        assert case.times_told >= 1


def leg_of_xiaoyu(session: Session) -> Leg:
    return session.exec(select(Leg).where(Leg.on == TOMORROW, Leg.direction == "to_school")).one()


def test_the_auditor_pings_only_while_tomorrow_s_legs_exist(node: Node) -> None:
    pings: list[int] = []
    node.jobs.ping = lambda: pings.append(1)

    assert node.jobs.audit() == [f"legs of {TOMORROW} are missing"]
    assert pings == []
    node.jobs.evening()
    assert node.jobs.audit() == []
    assert pings == [1]


def test_urgent_cases_without_anybody_on_duty_keep_the_dead_man_s_switch_silent(node: Node) -> None:
    pings: list[int] = []
    node.jobs.ping = lambda: pings.append(1)
    node.jobs.evening()
    with node.store.write() as session:
        session.execute(delete(Duty))
        open_case(session, kind=CaseKind.TO_CONFIRM, about="leg:1", sentence="急", now=node.at)

    assert node.jobs.audit() == ["urgent cases wait and nobody is on duty"]
    assert pings == []


class OneJobStands:
    """A clock whose watch has not ended well since some moment."""

    def __init__(self, node: Node) -> None:
        self.node, self.since = node, node.at

    def last_done_at(self, name: str) -> datetime:
        return self.since if name == "watch" else self.node.at


def test_a_job_that_is_not_done_for_a_minute_silences_the_switch_and_is_a_case(node: Node) -> None:
    pings: list[int] = []
    node.jobs.ping = lambda: pings.append(1)
    node.jobs.evening()
    node.jobs.pulse = clock = OneJobStands(node)
    node.at += timedelta(seconds=61)

    assert node.jobs.audit() == ["job watch has not been done"]

    assert pings == []
    with node.store.read() as session:
        assert [case.about for case in live_cases_of(session, [CaseKind.STUCK_WORK])] == ["job:watch"]
    clock.since = node.at
    node.jobs.audit()
    with node.store.read() as session:
        assert live_cases_of(session, [CaseKind.STUCK_WORK]) == []


def two_rides(node: Node) -> tuple[int, int]:
    """Two rides of tomorrow morning; no link can be made for the driver of the first."""
    with node.store.write() as session:
        rides = [
            a_ride(session, a_child(session, name), driver=a_volunteer(session, driver))
            for name, driver in [("小雪", "坏师傅"), ("石头", "好师傅")]
        ]
        bad, good = (ride.shift.volunteer_id for ride in rides if ride.shift)
        runs = [ride.run_id for ride in rides]

    def breaks(session: Session, subjects: Sequence[str]) -> Mapping[str, str]:
        if f"volunteer:{bad}" in subjects:
            raise ValueError("a bad row")
        return links(session, subjects)

    node.jobs.links = breaks
    assert len(runs) == 2
    return runs[0], good


def test_one_bad_run_stops_no_other_s_alarm(node: Node) -> None:
    bad_run, good = two_rides(node)
    node.at = at(TOMORROW, 7, 40)

    node.jobs.watch()

    with node.store.read() as session:
        abouts = {case.about for case in session.exec(select(Case))}
        assert len(messages_of(session, f"volunteer:{good}")) == 1
    assert f"run:{bad_run}" in abouts
    assert any(about.startswith("shift:") for about in abouts)


def test_one_bad_driver_stops_no_other_s_reminder(node: Node) -> None:
    _, good = two_rides(node)
    node.at = NOW + HOUR

    node.jobs.reminders()

    with node.store.read() as session:
        assert [row.template for row in messages_of(session, f"volunteer:{good}")] == ["driver.evening"]
        assert len(live_cases_of(session, [CaseKind.STUCK_WORK])) == 1
        assert messages(session, "family.tomorrow")


def messages_of(session: Session, party: str) -> list[Message]:
    return list(session.exec(select(Message).where(Message.party == party)))


def test_a_lost_message_about_cases_makes_no_case_of_its_own(node: Node) -> None:
    with node.store.write() as session:
        set_duty(session, account_id=1)
        open_case(session, kind=CaseKind.TO_CONFIRM, about="leg:1", sentence="急", now=node.at)
    node.jobs.cases()
    with node.store.write() as session:
        session.execute(update(Message).values(state=MessageState.FAILED, next_attempt_at=None))

    node.jobs.cases()

    with node.store.read() as session:
        assert [case.kind for case in session.exec(select(Case))] == [CaseKind.TO_CONFIRM]


def test_a_heartbeat_with_nothing_to_do_moves_no_live_page(store: Store) -> None:
    node = Node(store)
    with store.write() as session:
        the_cast(session)
        a_ride(session, a_child(session, "小杰"))
    node.jobs.run_due()
    node.jobs.run_due()
    with store.read() as session:
        before = revision_of(session)

    node.jobs.run_due()

    with store.read() as session:
        assert revision_of(session) == before
