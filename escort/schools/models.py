"""Schools, the places where children are met, and everything that makes a date a school day or not."""

from datetime import date, time
from enum import StrEnum

from sqlmodel import Field, SQLModel


class CalendarKind(StrEnum):
    TERM = "term"  # school is on between the dates, on its weekdays
    CLOSURE = "closure"  # no school between the dates
    EARLY_DAY = "early_day"  # dismissal at `at` between the dates
    MAKE_UP = "make_up"  # a school day on a weekend; `as_weekday` gives the timetable
    LATE_START = "late_start"  # bell at `at` between the dates


class CalendarSource(StrEnum):
    NATIONAL = "national"  # the State Council's yearly notice, by way of `holidays`
    BOOK = "book"  # the office's workbook
    SCHOOL = "school"  # reported by the school
    COORDINATOR = "coordinator"  # set by hand; wins over the others


class School(SQLModel, table=True):
    __tablename__ = "school"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=80)
    street: str = Field(default="", max_length=40)
    lat: float
    lon: float
    bell: time  # local wall time by which children must be in class
    dismissal: time
    friday_dismissal: time | None = None
    version: int = 1


class CalendarEntry(SQLModel, table=True):
    """One fact about dates. Narrowest scope wins: child, class, school, district; then by source."""

    __tablename__ = "calendar_entry"
    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=16)
    source: str = Field(max_length=16)
    from_on: date
    until_on: date  # inclusive, as offices write it
    at: time | None = None
    as_weekday: int | None = None  # 0 Monday: whose timetable a make-up day follows
    school_id: int | None = Field(default=None, foreign_key="school.id", index=True)
    class_name: str | None = Field(default=None, max_length=40)
    child_id: int | None = Field(default=None, index=True)  # families lie above schools: no foreign key
    note: str = Field(default="", max_length=200)
    removed: bool = False


class Place(SQLModel, table=True):
    """A place that everybody knows by name, such as a village office's door."""

    __tablename__ = "place"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=80)
    street: str = Field(default="", max_length=40)
    lat: float
    lon: float
