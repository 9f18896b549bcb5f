"""Volunteers, their cars and papers, when they can drive, and their teams."""

from datetime import date, datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from notifications.sealed import Sealed


class HalfDay(StrEnum):
    TO_SCHOOL = "to_school"
    HOME = "home"


class Team(SQLModel, table=True):
    __tablename__ = "team"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=40)
    street: str = Field(default="", max_length=40)
    leader_name: str = Field(default="", max_length=40)
    leader_volunteer_id: int | None = Field(default=None, index=True)
    lat: float | None = None
    lon: float | None = None


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
    max_approach_km: float = 10.0
    vetted_on: date | None = None  # the query's date; valid for 365 days
    licence_until: date | None = None
    insured_until: date | None = None
    girls_only: bool = False
    remark: str = Field(default="", max_length=200)
    photo: str | None = Field(default=None, sa_type=Sealed("volunteer.photo"))
    created_at: datetime
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
