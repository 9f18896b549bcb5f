"""What a workbook says once it has been read: typed rows, and a finding for everything worth telling.

The rows here are accepted rows only (with or without a doubt). Nothing in this package's readers
touches a store; `apply.py` does that.
"""

from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum

from escort.errors import Refused
from escort.schools.models import CalendarKind
from escort.typed_values import Gender as Gender
from scheduling.travel import Point


class BookRefused(Refused):
    """The whole file cannot be read; its sentence says what to do."""


class SheetKind(StrEnum):
    PLACES = "常用地点"
    SCHOOLS = "学校"
    TEAMS = "志愿队"
    VOLUNTEERS = "志愿者"
    CHILDREN = "儿童"
    CALENDAR = "校历"


class Verdict(StrEnum):
    ACCEPTED = "accepted"  # taken over; `reason` may say which spelling was tidied
    WARNING = "warning"  # taken over, but not drivable or not plannable yet, or doubtful
    REJECTED = "rejected"  # not taken over; `reason` says how to mend it
    IGNORED = "ignored"  # title, header, total, blank, or a sheet we do not know


SEVERITY = {Verdict.IGNORED: 0, Verdict.ACCEPTED: 1, Verdict.WARNING: 2, Verdict.REJECTED: 3}


def child_key(name: str, born_on: str, school: str) -> str:
    """Return what a child is known by in the book; `born_on` as 2012-05-31."""
    return f"{name}|{born_on}|{school}"


def place_key(name: str, street: str) -> str:
    return f"{name}|{street}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say about one row. `row` counts as Excel does; `column` is None for the whole row."""

    sheet: str
    row: int
    verdict: Verdict
    column: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RowReport:
    """The verdict on one row: its worst finding first, the others in `also`."""

    sheet: str
    row: int
    verdict: Verdict
    column: str | None
    reason: str | None
    also: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRow:
    sheet: str
    row: int

    @property
    def key(self) -> str:
        """The natural key by which the same thing is found again in the next book and in the store."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRow(BookRow):
    name: str
    street: str
    point: Point

    @property
    def key(self) -> str:
        return place_key(self.name, self.street)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolRow(BookRow):
    """`bell` is when pupils must be there, `dismissal` when they leave; local wall time."""

    name: str
    street: str
    point: Point
    bell: time
    dismissal: time
    friday_dismissal: time | None

    @property
    def key(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRow(BookRow):
    name: str
    street: str
    leader_name: str
    leader_phone: str | None  # E.164

    @property
    def key(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class VolunteerRow(BookRow):
    """A volunteer is a phone.

    `pattern` is fourteen 0/1 characters, index weekday * 2 + half-day (Monday 0; 0 = to school, 1 = home);
    all zeros when the phrase was blank or not understood. `seats` are for passengers, as the store keeps
    them: the book's figure less the driver's. Dates are None when blank; 长期 is 2099-12-31.
    """

    name: str
    gender: Gender | None
    phone: str  # E.164
    team: str
    address: str
    home: Point | None
    plate: str
    car_model: str
    car_colour: str
    seats: int
    child_seats: int
    wheelchair: bool
    pattern: str
    pattern_understood: bool
    cap_week: int
    vetted_on: date | None
    licence_until: date | None
    insured_until: date | None
    girls_only: bool
    remark: str

    @property
    def key(self) -> str:
        return self.phone


@dataclass(frozen=True, slots=True)
class Needs:
    """Equipment and rules: hard conditions of a run. Handling and diagnosis are not here."""

    child_seat: bool = False
    wheelchair: bool = False
    female_driver: bool = False
    only_familiar: bool = False
    alone: bool = False
    second_adult: bool = False


@dataclass(frozen=True, slots=True)
class Receiver:
    """Somebody who may take the child over at home; without a phone it is "to be completed"."""

    name: str
    phone: str | None = None  # E.164

    @property
    def is_complete(self) -> bool:
        return self.phone is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRow(BookRow):
    """A child is name + birth date + school; children of one guardian's phone are a family.

    `diagnosis` goes to the sealed field; `handling_note` is what remains of 特殊需求 and 备注.
    `pickup` is the point of the known place, or of the home when `pickup_at_home`.
    `weekdays` is seven 0/1 characters, Monday first.
    """

    name: str
    gender: Gender | None
    born_on: date
    school: str
    grade: str
    street: str
    address: str
    home: Point | None
    guardian_name: str
    relation: str
    guardian_phone: str  # E.164
    weekdays: str
    to_school: bool
    home_again: bool
    starts_on: date
    ends_on: date | None
    needs: Needs
    diagnosis: str
    handling_note: str
    consent_on: date | None
    pickup_name: str
    pickup_at_home: bool
    pickup_is_known: bool  # a place of 常用地点, or one that should be there
    pickup: Point | None
    receivers: tuple[Receiver, ...]

    @property
    def key(self) -> str:
        return child_key(self.name, self.born_on.isoformat(), self.school)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRow(BookRow):
    """One line of 校历, both days included. `school` is None for all schools."""

    kind: CalendarKind
    starts_on: date
    ends_on: date
    school: str | None
    at: time | None  # dismissal of an EARLY_DAY, bell of a LATE_START
    as_weekday: int | None  # whose timetable a MAKE_UP day follows, where the note says so
    note: str

    @property
    def key(self) -> str:
        return f"{self.kind}|{self.starts_on.isoformat()}|{self.ends_on.isoformat()}|{self.school or ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterBook:
    """A read book: the accepted rows of each sheet, and one report for every row of the file."""

    as_of: date
    places: tuple[PlaceRow, ...]
    schools: tuple[SchoolRow, ...]
    teams: tuple[TeamRow, ...]
    volunteers: tuple[VolunteerRow, ...]
    children: tuple[ChildRow, ...]
    calendar: tuple[CalendarRow, ...]
    reports: tuple[RowReport, ...]
