"""A child, the people around it, and its standing escort."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from notifications.sealed import Sealed


class TellBy(StrEnum):
    """How a family hears from us."""

    SMS = "sms"  # text message, large print page
    CALL = "call"  # somebody rings
    PROXY = "proxy"  # a neighbour or teacher tells them
    PAPER = "paper"  # a sheet on the door


class PlaceKind(StrEnum):
    HOME = "home"  # the child's own door: the address is sealed
    KNOWN = "known"  # one of the district's known places
    POINT = "point"  # pasted coordinates
    BY_HAND = "by_hand"  # no coordinates: km and minutes were typed


class Family(SQLModel, table=True):
    __tablename__ = "family"
    id: int | None = Field(default=None, primary_key=True)
    tell_by: str = Field(default=TellBy.SMS, max_length=16)
    confirms_arrival: bool = False  # at home a driver's word alone is not enough: a guardian says it too


class Child(SQLModel, table=True):
    __tablename__ = "child"
    id: int | None = Field(default=None, primary_key=True)
    short_name: str = Field(max_length=20)  # 小名: the only name on boards and lists
    family_id: int = Field(foreign_key="family.id", index=True)
    school_id: int = Field(foreign_key="school.id", index=True)
    team_id: int | None = Field(default=None, index=True)  # the volunteer team of the home's street
    grade: str = Field(default="", max_length=20)
    class_name: str = Field(default="", max_length=40)
    gender: str | None = Field(default=None, max_length=1)  # "F" | "M" | None: not known yet
    full_name: str | None = Field(default=None, sa_type=Sealed("child.full_name"))
    born_on: str | None = Field(default=None, sa_type=Sealed("child.born_on"))
    natural_key: str | None = Field(default=None, unique=True, max_length=64)  # HMAC of name, birth, school
    street: str = Field(default="", max_length=40)
    address: str | None = Field(default=None, sa_type=Sealed("child.address"))
    home_lat: float | None = None
    home_lon: float | None = None
    child_seat: bool = False
    wheelchair: bool = False
    female_driver: bool = False
    only_familiar: bool = False
    alone: bool = False
    second_adult: bool = False
    rotate: bool = True  # the child's rule: not the same driver two service days running
    diagnosis: str | None = Field(default=None, sa_type=Sealed("child.diagnosis"))
    handling_note: str | None = Field(default=None, sa_type=Sealed("child.handling_note"))
    note_for_gate: bool = False
    photo: str | None = Field(default=None, sa_type=Sealed("child.photo"))
    created_at: datetime
    erased_at: datetime | None = None  # the family withdrew its consent: a number is all that is left
    version: int = 1


class Guardian(SQLModel, table=True):
    """Somebody to tell. The number lies in `notifications` under the party `guardian:<id>`."""

    __tablename__ = "guardian"
    id: int | None = Field(default=None, primary_key=True)
    family_id: int = Field(foreign_key="family.id", index=True)
    name: str = Field(sa_type=Sealed("guardian.name"))
    relation: str = Field(default="", max_length=20)
    gets_messages: bool = True
    is_proxy: bool = False  # tells the family that cannot read
    created_at: datetime


class Receiver(SQLModel, table=True):
    """Somebody who may receive the child at the door."""

    __tablename__ = "receiver"
    id: int | None = Field(default=None, primary_key=True)
    child_id: int = Field(foreign_key="child.id", index=True)
    name: str = Field(sa_type=Sealed("receiver.name"))
    phone: str | None = Field(default=None, sa_type=Sealed("receiver.phone"))
    is_complete: bool = False  # false: "to be completed", no phone yet
    removed_at: datetime | None = None


class BarredPerson(SQLModel, table=True):
    """Somebody who must never get the child."""

    __tablename__ = "barred_person"
    id: int | None = Field(default=None, primary_key=True)
    child_id: int = Field(foreign_key="child.id", index=True)
    name: str = Field(sa_type=Sealed("barred_person.name"))
    volunteer_id: int | None = Field(default=None, index=True)  # roster lies beside families: no foreign key
    created_at: datetime
    removed_at: datetime | None = None


class Consent(SQLModel, table=True):
    """A guardian's signed yes to one version of the notice. Withdrawn: planning stops at once."""

    __tablename__ = "consent"
    id: int | None = Field(default=None, primary_key=True)
    child_id: int = Field(foreign_key="child.id", index=True)
    version: str = Field(max_length=20)
    given_on: date
    recorded_at: datetime
    recorded_by: str = Field(max_length=40)
    withdrawn_at: datetime | None = None


class Erasure(SQLModel, table=True):
    """A child whose data are gone. Its family's numbers stay until it has been told so."""

    __tablename__ = "erasure"
    child_id: int = Field(primary_key=True, foreign_key="child.id", sa_column_kwargs={"autoincrement": False})
    erased_at: datetime
    finished_at: datetime | None = None


class Escort(SQLModel, table=True):
    """A child's standing arrangement: which weekdays, which ways, from where to where, between which dates."""

    __tablename__ = "escort"
    id: int | None = Field(default=None, primary_key=True)
    child_id: int = Field(foreign_key="child.id", index=True)
    weekdays: str = Field(default="1111100", max_length=7)  # Monday first
    to_school: bool = True
    home: bool = True
    from_on: date
    until_on: date | None = None  # inclusive
    ended_at: datetime | None = None
    pickup_kind: str = Field(default=PlaceKind.HOME, max_length=16)
    pickup_name: str = Field(default="", max_length=80)
    pickup_lat: float | None = None
    pickup_lon: float | None = None
    dropoff_kind: str = Field(default=PlaceKind.HOME, max_length=16)
    dropoff_name: str = Field(default="", max_length=80)
    dropoff_lat: float | None = None
    dropoff_lon: float | None = None
    km_by_hand: float | None = None  # one way, where no coordinates are known
    minutes_by_hand: int | None = None
    version: int = 1

    __table_args__ = (
        Index(
            "uq_escort_live_child",
            "child_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


class Why(StrEnum):
    """Why a child does not ride for some days."""

    SICK = "sick"
    AWAY = "away"  # at the grandparents', or travelling
    OTHER = "other"


class EscortPause(SQLModel, table=True):
    """No legs between the dates: sick, or a holiday at the grandparents'."""

    __tablename__ = "escort_pause"
    id: int | None = Field(default=None, primary_key=True)
    escort_id: int = Field(foreign_key="escort.id", index=True)
    from_on: date
    until_on: date  # inclusive
    why: str = Field(default=Why.OTHER, max_length=16)
    reason: str = Field(default="", max_length=80)
    said_by: str = Field(default="", max_length=40)
    said_at: datetime | None = None
    lifted_at: datetime | None = None


class TermAnswer(StrEnum):
    """What a family says to "下学期还要吗"."""

    OPEN = "open"
    YES = "yes"  # they want to go on: the office renews what stands
    NO = "no"


class TermQuestion(SQLModel, table=True):
    """One family was asked, for one child, whether it goes on after its arrangement ends."""

    __tablename__ = "term_question"
    __table_args__ = (UniqueConstraint("escort_id", "ends_on", name="uq_term_question_escort_id_ends_on"),)
    id: int | None = Field(default=None, primary_key=True)
    escort_id: int = Field(foreign_key="escort.id")
    child_id: int = Field(foreign_key="child.id", index=True)
    ends_on: date  # the last day, as it was when they were asked: another one makes it another question
    asked_at: datetime
    answer: str = Field(default=TermAnswer.OPEN, max_length=8)
    answered_at: datetime | None = None
    answered_by: str = Field(default="", max_length=40)  # "guardian:3", "account:1"
    how: str = Field(default="", max_length=16)  # "page", "sms", "phone", "in_person"
