"""Volunteers, their cars and papers, when they can drive, and their teams."""

from datetime import date, datetime
from enum import StrEnum

from sqlmodel import Field, Index, SQLModel, UniqueConstraint, text

from notifications.sealed import Sealed


class HalfDay(StrEnum):
    TO_SCHOOL = "to_school"
    HOME = "home"


class Team(SQLModel, table=True):
    __tablename__ = "team"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=40)
    street: str = Field(default="", max_length=40)
    leader_name: str = Field(
        default="", max_length=40
    )  # as the office's book names him; a `TeamLeader` has the page
    lat: float | None = None
    lon: float | None = None


class TeamLeader(SQLModel, table=True):
    """Who leads a team: one of its volunteers, or somebody known by a number alone (party `leader:<id>`).

    One live row a team; a former leader's row stays, with who ended it.
    """

    __tablename__ = "team_leader"
    id: int | None = Field(default=None, primary_key=True)
    team_id: int = Field(foreign_key="team.id", index=True)
    volunteer_id: int | None = Field(default=None, foreign_key="volunteer.id", index=True)
    name: str = Field(max_length=40)
    made_at: datetime
    made_by: str = Field(max_length=40)
    ended_at: datetime | None = None
    ended_by: str | None = Field(default=None, max_length=40)
    told_on: date | None = None  # the last day on which open turns were told

    __table_args__ = (
        Index(
            "uq_team_leader_live",
            "team_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


class Volunteer(SQLModel, table=True):
    """A person with a car. The number lies in `notifications` under the party `volunteer:<id>`."""

    __tablename__ = "volunteer"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=40)
    gender: str | None = Field(default=None, max_length=1)  # "F" | "M"
    team_id: int | None = Field(default=None, foreign_key="team.id", index=True)
    address: str | None = Field(default=None, sa_type=Sealed("volunteer.address"))
    lat: float | None = None
    lon: float | None = None
    plate: str = Field(default="", max_length=16)
    car_model: str = Field(default="", max_length=40)
    car_colour: str = Field(default="", max_length=10)
    seats: int = 4  # for passengers
    child_seats: int = 0
    wheelchair: bool = False
    pattern: str = Field(default="0" * 14, max_length=14)  # weekday * 2 + half-day, Monday first
    pattern_understood: bool = True
    cap_week: int = 2
    cap_month: int | None = None  # None: only the week's cap
    joins_on: date | None = None  # the first day in the rotation; None: from the beginning
    leaves_on: date | None = None  # the first day no longer in it; None: for good
    max_approach_km: float = 10.0
    vetted_on: date | None = None  # the query's date; valid for 365 days
    licence_until: date | None = None
    insured_until: date | None = None
    girls_only: bool = False
    remark: str = Field(default="", max_length=200)
    photo: str | None = Field(default=None, sa_type=Sealed("volunteer.photo"))
    created_at: datetime
    brought_by: str | None = Field(default=None, max_length=40)  # the team leader who brought this newcomer
    suspended_at: datetime | None = None
    suspended_reason: str = Field(default="", max_length=200)
    version: int = 1


class Blockout(SQLModel, table=True):
    """Dates on which a volunteer cannot drive; both half-days unless one is named."""

    __tablename__ = "blockout"
    id: int | None = Field(default=None, primary_key=True)
    volunteer_id: int = Field(foreign_key="volunteer.id", index=True)
    from_on: date
    until_on: date  # inclusive
    half_day: str | None = Field(default=None, max_length=16)
    created_at: datetime
    removed_at: datetime | None = None


class LinkKind(StrEnum):
    """What ties two volunteers of one household."""

    APART = "apart"  # never booked in the same half-day: one of them stays at home
    TOGETHER = "together"  # drive only as driver and second adult of one car


class HouseholdLink(SQLModel, table=True):
    """Two volunteers whom the office has linked; `volunteer_id` is the smaller one."""

    __tablename__ = "household_link"
    id: int | None = Field(default=None, primary_key=True)
    volunteer_id: int = Field(foreign_key="volunteer.id", index=True)
    other_id: int = Field(foreign_key="volunteer.id", index=True)
    kind: str = Field(max_length=16)
    made_at: datetime
    ended_at: datetime | None = None

    __table_args__ = (
        Index(
            "uq_household_link_live",
            "volunteer_id",
            "other_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


class MonthAnswer(StrEnum):
    NONE = "none"  # 没有: every day of the pattern is fine
    DATES = "dates"  # the dates lie in `blockout`


class MonthQuestion(SQLModel, table=True):
    """“下个月哪天不行”, asked once a person and month. Without an answer nothing is assumed."""

    __tablename__ = "month_question"
    id: int | None = Field(default=None, primary_key=True)
    volunteer_id: int = Field(foreign_key="volunteer.id", index=True)
    month_on: date  # the first of the month that is asked about
    asked_at: datetime
    answered_at: datetime | None = None
    answer: str = Field(default="", max_length=16)  # a MonthAnswer, "" while there is none
    how: str = Field(default="", max_length=40)  # "page:volunteer:12", "phone:account:1"

    __table_args__ = (UniqueConstraint("volunteer_id", "month_on", name="uq_month_question_volunteer_month"),)


class PaperNotice(SQLModel, table=True):
    """One step of a paper's countdown that its owner was told: once, whatever happens."""

    __tablename__ = "paper_notice"
    id: int | None = Field(default=None, primary_key=True)
    volunteer_id: int = Field(foreign_key="volunteer.id", index=True)
    paper: str = Field(max_length=16)
    until_on: date
    step: int  # days before
    told_at: datetime

    __table_args__ = (
        UniqueConstraint(
            "volunteer_id", "paper", "until_on", "step", name="uq_paper_notice_volunteer_paper_until_step"
        ),
    )
