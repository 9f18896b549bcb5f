"""The day itself: what was tapped, what is watched, what drivers and families were told, what a gate printed and said."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel


class Step(StrEnum):
    STARTED = "started"  # 出发: the run is on its way
    AT_PICKUP = "at_pickup"  # 到了
    ON_BOARD = "on_board"  # 接到
    DELIVERED = "delivered"  # 送达: the driver's word
    HANDED_OVER = "handed_over"  # 交接: the guard's or the family's word
    SELF_COLLECTED = "self_collected"  # 领走了: the family fetched a cancelled child


class Tap(SQLModel, table=True):
    """One deliberate tap. `uuid` is made by the phone: the same tap sent twice is one tap."""

    __tablename__ = "tap"
    uuid: str = Field(primary_key=True, max_length=36)
    leg_id: int = Field(foreign_key="leg.id", index=True)
    shift_id: int | None = Field(default=None, foreign_key="shift.id", index=True)
    step: str = Field(max_length=16)
    by: str = Field(max_length=40)  # "volunteer:12", "gate:3", "guardian:7", "account:1"
    tapped_at: datetime = Field(index=True)  # the phone's clock
    arrived_at: datetime  # ours
    undone_at: datetime | None = None


class WatchedRun(SQLModel, table=True):
    """When the watch next looks at a run: a due time is a row. What it finds then it reads from the truth.

    Runs may be planned anew and go: no foreign key, a row that stands alone is never looked at.
    """

    __tablename__ = "watched_run"
    run_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    shift_id: int | None = None  # the confirmed driver's shift when it was last looked at
    starts_at: datetime  # the run's first pick-up then
    depart_by: datetime | None = None  # start - approach - margin, of that driver
    next_look_at: datetime | None = Field(default=None, index=True)  # None: nothing more to watch


class WatchedDay(SQLModel, table=True):
    """When the watch next counts what nobody can drive, or what nobody has planned, of one school day."""

    __tablename__ = "watched_day"
    on: date = Field(primary_key=True)
    next_look_at: datetime | None = Field(default=None, index=True)


class WatchedArrival(SQLModel, table=True):
    """A child whom the driver reported at home and whose family is asked to say so. What was said are taps."""

    __tablename__ = "watched_arrival"
    leg_id: int = Field(primary_key=True, foreign_key="leg.id", sa_column_kwargs={"autoincrement": False})
    tap_uuid: str = Field(max_length=36)  # the driver's tap that this row was written for
    reported_at: datetime  # when it arrived here
    next_look_at: datetime | None = Field(default=None, index=True)  # None: said, or nothing more to ask


class ToldFamily(SQLModel, table=True):
    """The last thing a family was told about one leg: who comes, or that nobody is found yet."""

    __tablename__ = "told_family"
    leg_id: int = Field(primary_key=True, foreign_key="leg.id")
    on: date = Field(index=True)
    shift_id: int | None = None  # None: nobody was named
    surname: str = Field(default="", max_length=8)  # of the driver who was named
    car_id: int | None = None  # of the changed car whose plate was told; None: the known car's
    pickup_at: datetime  # as told
    told_at: datetime
    promised_at: datetime | None = Field(default=None, index=True)  # by when we said that we say more


class ToldDriver(SQLModel, table=True):
    """One reminder of one shift: `evening` before, or `morning` of the drive."""

    __tablename__ = "told_driver"
    shift_id: int = Field(primary_key=True, foreign_key="shift.id")
    kind: str = Field(primary_key=True, max_length=16)
    told_at: datetime


class PrintedSheet(SQLModel, table=True):
    """One printed list of a school's gate, counted from 1 each day, and what it said: what the next one differs from.

    `shown` is leg id -> time, driver, plate, whether the family fetches: no name of a child stands in it.
    """

    __tablename__ = "printed_sheet"
    id: int | None = Field(default=None, primary_key=True)
    school_id: int = Field(foreign_key="school.id", index=True)
    on: date
    number: int
    printed_at: datetime
    printed_by: str = Field(max_length=40)
    shown: dict[str, dict[str, Any]] = Field(sa_type=JSON)

    __table_args__ = (UniqueConstraint("school_id", "on", "number", name="uq_printed_sheet_number"),)


class ReportState(StrEnum):
    WAITING = "waiting"  # the office has not answered: nothing has changed
    CONFIRMED = "confirmed"  # the legs home follow
    REFUSED = "refused"  # with a word why
    WITHDRAWN = "withdrawn"  # by the school, before it was answered


class DismissalReport(SQLModel, table=True):
    """A school's word that it lets children out early today. Nothing follows from it until the office confirms."""

    __tablename__ = "dismissal_report"
    id: int | None = Field(default=None, primary_key=True)
    school_id: int = Field(foreign_key="school.id", index=True)
    on: date
    at: time  # local
    class_name: str = Field(default="", max_length=60)  # as the gate's list says it; "": the whole school
    note: str = Field(default="", max_length=80)
    state: str = Field(default=ReportState.WAITING, max_length=16)
    version: int = 1  # a second report changes this one: the office confirms what it has read
    reported_by: str = Field(max_length=40)
    reported_at: datetime
    answered_by: str | None = Field(default=None, max_length=40)
    answered_at: datetime | None = None
    answer: str = Field(default="", max_length=80)

    __table_args__ = (
        Index(
            "uq_dismissal_report_waiting",
            "school_id",
            "on",
            "class_name",
            unique=True,
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
    )
