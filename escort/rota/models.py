"""Legs, the runs that carry them, who drives, who was asked, and who has served.

Plan, offer, confirmation, what really happened and hours are five records. A replacement is a new
shift; the old one stays, with its reason.
"""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel


class Direction(StrEnum):
    TO_SCHOOL = "to_school"
    HOME = "home"


class LegState(StrEnum):
    WANTED = "wanted"  # the family counts on it
    CANCELLED = "cancelled"  # by somebody entitled; the series never comes back over it
    WITHDRAWN = "withdrawn"  # by the generator, while nobody had promised it


class RunState(StrEnum):
    LIVE = "live"
    DISSOLVED = "dissolved"  # its legs were cancelled or moved to another run


class Role(StrEnum):
    DRIVER = "driver"
    SECOND = "second"  # the second adult in the car
    STANDBY = "standby"


class ShiftState(StrEnum):
    DRAFT = "draft"  # the plan's proposal; nobody outside the office has seen it
    OPEN = "open"  # published: the volunteer is or will be asked
    CONFIRMED = "confirmed"  # the volunteer said yes to what was shown
    DECLINED = "declined"  # the volunteer said no
    LAPSED = "lapsed"  # no answer by the deadline
    FREED = "freed"  # taken back by us or after a blockout, with its reason
    SERVED = "served"  # the children were delivered


LIVE_SHIFT = (ShiftState.DRAFT, ShiftState.OPEN, ShiftState.CONFIRMED)
"""A shift in one of these states holds its volunteer and its run's seat."""


class OfferState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"  # that person is never asked again for these legs
    LAPSED = "lapsed"
    TAKEN = "taken"  # somebody else was first
    WITHDRAWN = "withdrawn"  # the run changed or went away
    STANDING = "standing"  # told, not asked: a standing yes covers it; while the ask is open a no ends it
    WAITING = "waiting"  # said yes, and counts once the other of the couple has said yes too


CAN_SAY_NO = (OfferState.OPEN, OfferState.STANDING, OfferState.WAITING)
"""While its ask is open, an offer in one of these states waits for a word."""


class HowSaid(StrEnum):
    """How somebody gave an answer that another writes down."""

    PHONE = "phone"
    IN_PERSON = "in_person"
    WECHAT = "wechat"


class AskKind(StrEnum):
    ROUTINE = "routine"  # all shifts of one person's coming week
    STAND_IN = "stand_in"  # one run, with a deadline that shrinks
    CHANGED = "changed"  # runs that this person had said yes to, or was asked for, as they were before


class AskState(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"


class PlanState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    DISCARDED = "discarded"


class ReliefKind(StrEnum):
    SEARCH = "search"  # 想找人替: the search asks others
    NAMED = "named"  # 我找了人替: one colleague, by name
    SWAP = "swap"  # 想跟人换: one colleague's turn for this one


class ReliefState(StrEnum):
    OPEN = "open"  # the driver keeps his promise meanwhile
    DONE = "done"  # somebody said yes: the turn has changed hands
    DECLINED = "declined"  # the colleague said no, or nothing
    LAPSED = "lapsed"  # nobody was found in time
    WITHDRAWN = "withdrawn"  # he drives after all
    VOID = "void"  # a turn changed or went away meanwhile


class CircleState(StrEnum):
    PROPOSED = "proposed"
    PUBLISHED = "published"  # the coordinator published it
    KNOWN = "known"  # and the driver has said yes at least once
    LEFT = "left"


class IntroductionState(StrEnum):
    PLANNED = "planned"  # the team leader plans it; both sides may have said yes by now
    DONE = "done"  # they rode together; the coordinator has not decided
    CALLED_OFF = "called_off"
    TAKEN_IN = "taken_in"  # the coordinator let the newcomer into the children's circles
    LEFT_OUT = "left_out"  # the coordinator did not


class Leg(SQLModel, table=True):
    """One child, one way, one school day. T is `pickup_at`."""

    __tablename__ = "leg"
    id: int | None = Field(default=None, primary_key=True)
    escort_id: int = Field(foreign_key="escort.id", index=True)
    child_id: int = Field(foreign_key="child.id", index=True)
    school_id: int = Field(foreign_key="school.id", index=True)
    on: date = Field(index=True)
    direction: str = Field(max_length=16)
    timetable_weekday: int  # differs from the date's own on make-up days
    state: str = Field(default=LegState.WANTED, max_length=16)
    pickup_at: datetime  # T
    due_at: datetime  # at school: bell - 10 min; at home: pickup_at + travel
    place_kind: str = Field(max_length=16)  # the child's end of the leg
    place_name: str = Field(default="", max_length=80)
    area: str = Field(default="", max_length=40)
    lat: float | None = None
    lon: float | None = None
    km: float = 0.0
    minutes: int = 0
    by_hand: bool = False  # a human changed this day: the generator leaves it alone
    cancelled_at: datetime | None = None
    cancelled_by: str | None = Field(default=None, max_length=40)
    cancel_reason: str = Field(default="", max_length=80)
    kept_at: datetime | None = None  # somebody said that it is wanted, whatever became of the morning
    kept_by: str | None = Field(default=None, max_length=40)
    generation: int = 1

    __table_args__ = (
        UniqueConstraint("escort_id", "on", "direction", name="uq_leg_escort_on_direction"),
        Index("ix_leg_on_state", "on", "state"),
    )


class Run(SQLModel, table=True):
    """One car's ordered legs on one half-day."""

    __tablename__ = "run"
    id: int | None = Field(default=None, primary_key=True)
    school_id: int = Field(foreign_key="school.id", index=True)
    on: date = Field(index=True)
    direction: str = Field(max_length=16)
    line: str = Field(default="", max_length=40)  # the same children keep the same line from day to day
    state: str = Field(default=RunState.LIVE, max_length=16)
    starts_at: datetime  # the first pick-up
    ends_at: datetime  # the last delivery, as expected
    km: float = 0.0
    minutes: int = 0
    unfilled_code: str | None = Field(default=None, max_length=40)
    unfilled_detail: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    is_proved_unfillable: bool = False
    published_at: datetime | None = None  # None: a draft that nobody outside the office has seen
    search_at: datetime | None = Field(default=None, index=True)  # when the stand-in search looks again
    search_round: int = 0
    version: int = 1


class RunLeg(SQLModel, table=True):
    __tablename__ = "run_leg"
    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id", index=True)
    leg_id: int = Field(foreign_key="leg.id", index=True)
    position: int
    is_live: bool = True

    __table_args__ = (
        Index(
            "uq_run_leg_live",
            "leg_id",
            unique=True,
            sqlite_where=text("is_live = 1"),
            postgresql_where=text("is_live"),
        ),
    )


_LIVE = text("state IN ('draft', 'open', 'confirmed')")


class Shift(SQLModel, table=True):
    """One volunteer's promise, or what we hope will become one."""

    __tablename__ = "shift"
    id: int | None = Field(default=None, primary_key=True)
    run_id: int | None = Field(default=None, foreign_key="run.id", index=True)  # None for a team's standby
    team_id: int | None = Field(default=None, index=True)  # whose standby
    volunteer_id: int = Field(foreign_key="volunteer.id", index=True)
    on: date = Field(index=True)
    direction: str = Field(max_length=16)
    role: str = Field(default=Role.DRIVER, max_length=16)
    state: str = Field(default=ShiftState.DRAFT, max_length=16)
    plan_id: int | None = Field(default=None, index=True)
    created_at: datetime
    published_at: datetime | None = None
    confirmed_at: datetime | None = None
    confirmed_how: str = Field(
        default="", max_length=40
    )  # "sms:volunteer:3", "phone:account:1", "standing:12"
    shown_starts_at: datetime | None = None  # a yes holds for what was shown
    shown_legs: str = Field(default="", max_length=120)  # leg ids with generations, as shown
    ended_at: datetime | None = None
    end_reason: str = Field(default="", max_length=80)
    repeat_reason: str = Field(default="", max_length=40)  # why the same driver two service days running

    __table_args__ = (
        Index(
            "uq_shift_live_run_role",
            "run_id",
            "role",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
        Index(
            "uq_shift_live_volunteer_half_day",
            "volunteer_id",
            "on",
            "direction",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
        Index("ix_shift_on_state", "on", "state"),
    )


class ChangedCar(SQLModel, table=True):
    """今天换车: another car than the volunteer's known one, for one shift; a later word ends it."""

    __tablename__ = "changed_car"
    id: int | None = Field(default=None, primary_key=True)
    shift_id: int = Field(foreign_key="shift.id", index=True)
    plate: str = Field(max_length=10)
    colour: str = Field(max_length=10)
    given_at: datetime
    given_how: str = Field(max_length=40)  # "page:volunteer:3", "phone:account:1"
    ended_at: datetime | None = None

    __table_args__ = (
        Index(
            "uq_changed_car_live_shift",
            "shift_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


class Ask(SQLModel, table=True):
    """One message to one person about all their shifts of a week, or about one run to be filled."""

    __tablename__ = "ask"
    id: int | None = Field(default=None, primary_key=True)
    volunteer_id: int = Field(foreign_key="volunteer.id", index=True)
    kind: str = Field(max_length=16)
    state: str = Field(default=AskState.OPEN, max_length=16)
    week_on: date  # Monday of the week asked about
    asked_at: datetime
    deadline_at: datetime
    answered_at: datetime | None = None
    answer: str = Field(default="", max_length=80)

    __table_args__ = (
        Index("ix_ask_state_deadline_at", "state", "deadline_at"),
        Index(
            "uq_ask_open_routine",
            "volunteer_id",
            unique=True,
            sqlite_where=text("state = 'open' AND kind = 'routine'"),
            postgresql_where=text("state = 'open' AND kind = 'routine'"),
        ),
    )


class Offer(SQLModel, table=True):
    """One run offered to one person inside an ask."""

    __tablename__ = "offer"
    id: int | None = Field(default=None, primary_key=True)
    ask_id: int = Field(foreign_key="ask.id", index=True)
    volunteer_id: int = Field(foreign_key="volunteer.id", index=True)
    run_id: int | None = Field(default=None, foreign_key="run.id", index=True)
    shift_id: int | None = Field(default=None, foreign_key="shift.id", index=True)  # None: stand-in search
    role: str = Field(default=Role.DRIVER, max_length=16)
    on: date
    direction: str = Field(max_length=16)
    state: str = Field(default=OfferState.OPEN, max_length=16)
    shown_starts_at: datetime | None = None  # a yes holds for what was shown
    shown_legs: str = Field(default="", max_length=120)  # leg ids with generations, as shown
    was_starts_at: datetime | None = None  # asked again: when the run began as this person knew it
    is_elsewhere: bool = False  # asked again: the place is another one
    gave_way: str = Field(default="", max_length=120)  # rules that the coordinator who asked gave way in
    answered_at: datetime | None = None
    end_reason: str = Field(default="", max_length=40)  # why a yes to it could not be taken
    relief_id: int | None = Field(
        default=None, foreign_key="relief.id", index=True
    )  # whose seat a yes takes over

    __table_args__ = (
        Index(
            "uq_offer_open_run_volunteer",
            "run_id",
            "volunteer_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )


class Relief(SQLModel, table=True):
    """A driver's wish that somebody else takes a turn which he keeps until then (`rota.handing_on`).

    A swap names both turns by shift and run, and what both were then: it is void if either is not that any more.
    """

    __tablename__ = "relief"
    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=16)
    state: str = Field(default=ReliefState.OPEN, max_length=16)
    shift_id: int = Field(foreign_key="shift.id", index=True)
    run_id: int = Field(foreign_key="run.id", index=True)
    volunteer_id: int = Field(foreign_key="volunteer.id", index=True)  # whose shift it is
    to_volunteer_id: int | None = Field(default=None, foreign_key="volunteer.id", index=True)
    their_shift_id: int | None = Field(default=None, foreign_key="shift.id", index=True)  # of a swap
    their_run_id: int | None = Field(default=None, foreign_key="run.id")
    then_run_id: int | None = Field(
        default=None, foreign_key="run.id", index=True
    )  # what he would drive instead, once his own turn has somebody
    shown_starts_at: datetime
    shown_legs: str = Field(default="", max_length=120)
    their_shown_starts_at: datetime | None = None
    their_shown_legs: str = Field(default="", max_length=120)
    asked_at: datetime
    asked_how: str = Field(max_length=40)  # "page:volunteer:3", "phone:account:1"
    deadline_at: datetime
    ended_at: datetime | None = None
    end_reason: str = Field(default="", max_length=40)

    __table_args__ = (
        Index(
            "uq_relief_open_shift",
            "shift_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(
            "uq_relief_open_their_shift",
            "their_shift_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_relief_state_deadline_at", "state", "deadline_at"),
    )


class Cause(StrEnum):
    """What moved a leg that somebody had been asked for."""

    TIMES = "times"  # the school's: an early dismissal, another bell
    CHILD = "child"  # one child's own: its time or its place


class ChangedLeg(SQLModel, table=True):
    """A published leg that is not what was shown any more: who said yes before is asked again, and counted."""

    __tablename__ = "changed_leg"
    leg_id: int = Field(primary_key=True, foreign_key="leg.id", sa_column_kwargs={"autoincrement": False})
    on: date = Field(index=True)
    cause: str = Field(max_length=16)
    was_pickup_at: datetime  # before the last change
    changed_at: datetime


class Refusal(SQLModel, table=True):
    """This person said no to this leg: never asked again for it, unless they take it back."""

    __tablename__ = "refusal"
    id: int | None = Field(default=None, primary_key=True)
    leg_id: int = Field(foreign_key="leg.id", index=True)
    volunteer_id: int = Field(foreign_key="volunteer.id", index=True)
    at: datetime
    taken_back_at: datetime | None = None

    __table_args__ = (UniqueConstraint("leg_id", "volunteer_id", name="uq_refusal_leg_volunteer"),)


class StandingYes(SQLModel, table=True):
    """每周固定来: this person comes on this weekday's half-day at about this time, for children who know them.

    Explicit, dated, and ended whenever they like. What it does not cover is asked afresh (`rota.standing`).
    """

    __tablename__ = "standing_yes"
    id: int | None = Field(default=None, primary_key=True)
    volunteer_id: int = Field(foreign_key="volunteer.id", index=True)
    weekday: int  # 0 Monday
    direction: str = Field(max_length=16)
    usual_at: time  # local wall time of the first pick-up, as it was shown
    given_at: datetime
    given_how: str = Field(max_length=40)  # "page:volunteer:3", "phone:account:1"
    ended_at: datetime | None = None
    ended_how: str = Field(default="", max_length=40)

    __table_args__ = (
        Index(
            "uq_standing_yes_live",
            "volunteer_id",
            "weekday",
            "direction",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


class CircleMember(SQLModel, table=True):
    """One driver whom the child knows or shall get to know."""

    __tablename__ = "circle_member"
    id: int | None = Field(default=None, primary_key=True)
    child_id: int = Field(foreign_key="child.id", index=True)
    volunteer_id: int = Field(foreign_key="volunteer.id", index=True)
    state: str = Field(default=CircleState.PROPOSED, max_length=16)
    proposed_at: datetime
    published_at: datetime | None = None
    known_at: datetime | None = None

    __table_args__ = (UniqueConstraint("child_id", "volunteer_id", name="uq_circle_member_child_volunteer"),)


class Service(SQLModel, table=True):
    """The turn counter: this driver really brought this child on this day."""

    __tablename__ = "service"
    id: int | None = Field(default=None, primary_key=True)
    leg_id: int = Field(foreign_key="leg.id", unique=True)
    child_id: int = Field(foreign_key="child.id", index=True)
    volunteer_id: int = Field(foreign_key="volunteer.id", index=True)
    on: date = Field(index=True)
    direction: str = Field(max_length=16)


class Introduction(SQLModel, table=True):
    """An accompanied first ride: a newcomer rides along with a driver whom the run's children know."""

    __tablename__ = "introduction"
    id: int | None = Field(default=None, primary_key=True)
    newcomer_id: int = Field(foreign_key="volunteer.id", index=True)
    driver_id: int = Field(foreign_key="volunteer.id")
    run_id: int = Field(foreign_key="run.id", index=True)
    state: str = Field(default=IntroductionState.PLANNED, max_length=16, index=True)
    planned_at: datetime
    planned_by: str = Field(max_length=40)
    newcomer_yes_at: datetime | None = None
    newcomer_how: str = Field(default="", max_length=40)  # "phone:volunteer:7": how it was said, who noted it
    driver_yes_at: datetime | None = None
    driver_how: str = Field(default="", max_length=40)
    ended_at: datetime | None = None  # ridden, or called off
    ended_by: str | None = Field(default=None, max_length=40)
    decided_at: datetime | None = None
    decided_by: str | None = Field(default=None, max_length=40)

    __table_args__ = (
        Index(
            "uq_introduction_planned_run",
            "run_id",
            unique=True,
            sqlite_where=text("state = 'planned'"),
            postgresql_where=text("state = 'planned'"),
        ),
    )


class PlanRecord(SQLModel, table=True):
    """One made plan: what it covers, what it is worth, whether it was published."""

    __tablename__ = "plan_record"
    id: int | None = Field(default=None, primary_key=True)
    state: str = Field(default=PlanState.DRAFT, max_length=16)
    from_on: date
    until_on: date
    made_at: datetime
    published_at: datetime | None = None
    published_by: str = Field(default="", max_length=40)
    seed: int
    legs: int
    uncovered: int
    proven_uncovered: int
    parts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    seconds: float
