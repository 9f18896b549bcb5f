"""Rows with sensible defaults, so that a test states only what matters to it.

    child = a_child(session, escorted="Mon-Fri both ways")
    driver = a_volunteer(session, drives="Tue,Thu to school", papers="vetting expired")

Everything is flushed and has its id. Phones are invented (199 0000 ....) and lie in `notifications`.
Two children of one school and one team: hand the same `school` and `team` in.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from escort.families.models import BarredPerson, Child, Consent, Escort, Family, Guardian, Receiver
from escort.roster.models import Team, Volunteer
from escort.schools.models import CalendarEntry, CalendarKind, CalendarSource, School
from notifications.addresses import set_phone

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2021, 4, 6, 18, 0, tzinfo=ZONE)  # a Tuesday evening in term: the demonstration's first moment
TODAY = NOW.date()
TERM = (date(2021, 3, 1), date(2021, 7, 9))

SCHOOL_POINT = (30.8062, 103.8935)  # 银杏特殊教育学校
HOME_POINT = (30.9071, 103.8402)  # 唐昌街道, 15 km away
NEAR_HOME = (30.9010, 103.8430)  # a driver's door, less than a kilometre from HOME_POINT

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class EscortedChild:
    """A child with what belongs to it."""

    child: Child
    escort: Escort
    guardian: Guardian
    school: School

    @property
    def id(self) -> int:
        assert self.child.id is not None
        return self.child.id

    @property
    def guardian_subject(self) -> str:
        return f"guardian:{self.guardian.id}"


def a_team(session: Session, name: str = "郫筒先锋车队", *, street: str = "郫筒街道") -> Team:
    """The team of that name, made if there is none yet."""
    team = session.exec(select(Team).where(Team.name == name)).one_or_none()
    if team is None:
        team = Team(name=name, street=street, leader_name="石建国", lat=30.8, lon=103.88)
        session.add(team)
        session.flush()
    return team


def a_school(
    session: Session,
    name: str = "银杏特殊教育学校",
    *,
    bell: time = time(8, 30),
    dismissal: time = time(16, 0),
    friday_dismissal: time | None = time(15, 0),
    point: tuple[float, float] = SCHOOL_POINT,
    term: tuple[date, date] | None = TERM,
) -> School:
    """The school of that name, made with its own term if there is none yet. `term=None`: no calendar."""
    school = session.exec(select(School).where(School.name == name)).one_or_none()
    if school is not None:
        return school
    school = School(
        name=name,
        street="郫筒街道",
        lat=point[0],
        lon=point[1],
        bell=bell,
        dismissal=dismissal,
        friday_dismissal=friday_dismissal,
    )
    session.add(school)
    session.flush()
    if term is not None:
        session.add(
            CalendarEntry(
                kind=CalendarKind.TERM,
                source=CalendarSource.BOOK,
                from_on=term[0],
                until_on=term[1],
                school_id=school.id,
            )
        )
        session.flush()
    return school


def a_child(
    session: Session,
    name: str = "小雨",
    *,
    escorted: str = "Mon-Fri both ways",
    school: School | None = None,
    team: Team | None = None,
    family: Family | None = None,
    gender: str | None = "F",
    needs: tuple[str, ...] = (),
    home: tuple[float, float] | None = HOME_POINT,
    with_consent: bool = True,
    receivers: tuple[str, ...] = ("外婆",),
    barred: tuple[str, ...] = (),
    guardian: str = "杨桂芳",
    relation: str = "外婆",
    phone: str | None = None,
    from_on: date = TERM[0],
    until_on: date | None = None,
    now: datetime = NOW,
) -> EscortedChild:
    """A child with its standing escort, met at its own door, consent given.

    `escorted`: "Mon-Fri both ways", "Mon,Wed to school", "Tue home". `needs`: names of the child's boolean
    columns, such as "wheelchair" or "only_familiar". `with_consent=False`: 待同意, no full name yet.
    """
    school = school or a_school(session)
    if family is None:
        family = Family()
        session.add(family)
        session.flush()
    assert family.id is not None
    assert school.id is not None
    child = Child(
        short_name=name,
        family_id=family.id,
        school_id=school.id,
        team_id=team.id if team else None,
        gender=gender,
        full_name="杨小雨" if with_consent else None,
        born_on="2012-06-01" if with_consent else None,
        street="唐昌街道",
        address="唐昌街道190号",
        home_lat=home[0] if home else None,
        home_lon=home[1] if home else None,
        created_at=now,
    )
    for need in needs:
        assert need in Child.model_fields, f"a child has no column {need}"
        setattr(child, need, True)
    session.add(child)
    session.flush()
    assert child.id is not None
    weekdays, to_school, home_again = _escorted(escorted)
    lat, lon = home or (None, None)
    escort = Escort(
        child_id=child.id,
        weekdays=weekdays,
        to_school=to_school,
        home=home_again,
        from_on=from_on,
        until_on=until_on,
        pickup_name="家门口",
        pickup_lat=lat,
        pickup_lon=lon,
        dropoff_name="家门口",
        dropoff_lat=lat,
        dropoff_lon=lon,
    )
    person = Guardian(family_id=family.id, name=guardian, relation=relation, created_at=now)
    session.add_all([escort, person])
    if with_consent:
        session.add(
            Consent(
                child_id=child.id, version="2", given_on=from_on, recorded_at=now, recorded_by="account:1"
            )
        )
    session.add_all([Receiver(child_id=child.id, name=receiver) for receiver in receivers])
    session.add_all([BarredPerson(child_id=child.id, name=who, created_at=now) for who in barred])
    session.flush()
    set_phone(session, party=f"guardian:{person.id}", phone=phone or f"1990000{person.id:04d}", now=now)
    return EscortedChild(child=child, escort=escort, guardian=person, school=school)


PAPERS: dict[str, dict[str, date | None]] = {
    "in order": {},
    "none": {"vetted_on": None, "licence_until": None, "insured_until": None},
    "vetting expired": {"vetted_on": TODAY - timedelta(days=366)},
    "not vetted": {"vetted_on": None},
    "licence expired": {"licence_until": TODAY - timedelta(days=1)},
    "insurance expired": {"insured_until": TODAY - timedelta(days=1)},
}


def a_volunteer(
    session: Session,
    name: str = "王师傅",
    *,
    drives: str = "Mon-Fri both ways",
    team: Team | None = None,
    gender: str | None = "M",
    papers: str = "in order",
    home: tuple[float, float] | None = NEAR_HOME,
    seats: int = 4,
    child_seats: int = 1,
    wheelchair: bool = False,
    cap_week: int = 5,
    girls_only: bool = False,
    plate: str = "川A12345",
    phone: str | None = None,
    suspended: bool = False,
    now: datetime = NOW,
) -> Volunteer:
    """A vetted volunteer who lives near HOME_POINT. `papers`: a key of PAPERS. `drives`: like `escorted`."""
    papers_of = {
        "vetted_on": date(2021, 2, 1),
        "licence_until": date(2025, 12, 31),
        "insured_until": date(2021, 12, 31),
        **PAPERS[papers],
    }
    volunteer = Volunteer(
        name=name,
        gender=gender,
        team_id=(team or a_team(session)).id,
        address="唐昌街道65号",
        lat=home[0] if home else None,
        lon=home[1] if home else None,
        plate=plate,
        car_model="长安欧尚",
        car_colour="白",
        seats=seats,
        child_seats=child_seats,
        wheelchair=wheelchair,
        pattern=a_pattern(drives),
        cap_week=cap_week,
        girls_only=girls_only,
        created_at=now,
        suspended_at=now if suspended else None,
        vetted_on=papers_of["vetted_on"],
        licence_until=papers_of["licence_until"],
        insured_until=papers_of["insured_until"],
    )
    session.add(volunteer)
    session.flush()
    set_phone(
        session, party=f"volunteer:{volunteer.id}", phone=phone or f"1990001{volunteer.id:04d}", now=now
    )
    return volunteer


def a_pattern(drives: str) -> str:
    """Fourteen characters for "Mon-Fri both ways", "Tue,Thu to school", "Mon home"."""
    weekdays, to_school, home = _escorted(drives)
    return "".join(str(int(to_school and day == "1")) + str(int(home and day == "1")) for day in weekdays)


def _escorted(phrase: str) -> tuple[str, bool, bool]:
    """Weekdays as seven characters, to school, home."""
    match = re.fullmatch(r"([\w,-]+) (both ways|to school|home)", phrase)
    assert match, f"say it like 'Mon-Fri both ways', not {phrase!r}"
    days: set[int] = set()
    for part in match[1].split(","):
        first, _, last = part.partition("-")
        days |= set(range(WEEKDAYS.index(first), WEEKDAYS.index(last or first) + 1))
    weekdays = "".join("1" if day in days else "0" for day in range(7))
    return weekdays, match[2] != "home", match[2] != "to school"
