"""Places, schools, teams and calendar entries, as the book compares and changes them."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sqlmodel import Session, SQLModel, col, select

from escort.roster.models import Team
from escort.roster_book.book import CalendarRow, PlaceRow, SchoolRow, SheetKind, TeamRow, place_key
from escort.roster_book.models import Question
from escort.roster_book.shelf import Said, Shelf, Thing, Writing, pair, point_of, text_of, time_of, value_of
from escort.schools.models import CalendarEntry, CalendarSource, Place, School
from notifications.addresses import phones_of, set_phones


class PlaceShelf(Shelf[PlaceRow]):
    sheet: ClassVar[SheetKind] = SheetKind.PLACES

    def load(self) -> dict[int, Thing]:
        return {
            id_of(place): Thing(
                id_of(place),
                place.name,
                {"point": text_of(pair(place.lat, place.lon))},
                key=place_key(place.name, place.street),
            )
            for place in self.session.exec(select(Place))
        }

    def key_of(self, row: PlaceRow) -> str:
        return row.key

    def says(self, row: PlaceRow) -> Said:
        return {"point": text_of(row.point)}

    def add(self, rows: Sequence[PlaceRow]) -> list[int]:
        places = [
            Place(name=row.name, street=row.street, lat=row.point.lat, lon=row.point.lon) for row in rows
        ]
        return add_all(self.session, places)

    def change(self, subject_id: int, values: Said) -> None:
        place = self.session.get_one(Place, subject_id)
        lat, lon = point_of(values["point"])
        if lat is not None and lon is not None:
            place.lat, place.lon = lat, lon
        self.session.flush()


class SchoolShelf(Shelf[SchoolRow]):
    sheet: ClassVar[SheetKind] = SheetKind.SCHOOLS

    def load(self) -> dict[int, Thing]:
        return {
            id_of(school): Thing(
                id_of(school),
                school.name,
                {
                    "street": text_of(school.street),
                    "point": text_of(pair(school.lat, school.lon)),
                    "bell": text_of(school.bell),
                    "dismissal": text_of(school.dismissal),
                    "friday_dismissal": text_of(school.friday_dismissal),
                },
                key=school.name,
            )
            for school in self.session.exec(select(School))
        }

    def key_of(self, row: SchoolRow) -> str:
        return row.name

    def says(self, row: SchoolRow) -> Said:
        return {
            "street": text_of(row.street),
            "point": text_of(row.point),
            "bell": text_of(row.bell),
            "dismissal": text_of(row.dismissal),
            "friday_dismissal": text_of(row.friday_dismissal),
        }

    def add(self, rows: Sequence[SchoolRow]) -> list[int]:
        schools = [
            School(
                name=row.name,
                street=row.street,
                lat=row.point.lat,
                lon=row.point.lon,
                bell=row.bell,
                dismissal=row.dismissal,
                friday_dismissal=row.friday_dismissal,
            )
            for row in rows
        ]
        return add_all(self.session, schools)

    def change(self, subject_id: int, values: Said) -> None:
        school = self.session.get_one(School, subject_id)
        for column, text in values.items():
            if column == "point":
                lat, lon = point_of(text)
                if lat is not None and lon is not None:
                    school.lat, school.lon = lat, lon
            elif column == "street":
                school.street = str(value_of(text))
            else:
                setattr(school, column, time_of(text))
        school.version += 1
        self.session.flush()


class TeamShelf(Shelf[TeamRow]):
    """A leader's number lies in `notifications` under the party `team:<id>`; it is approved singly."""

    sheet: ClassVar[SheetKind] = SheetKind.TEAMS
    asked_first: ClassVar[dict[str, Question]] = {"leader_phone": Question.PHONE}

    def load(self) -> dict[int, Thing]:
        teams = list(self.session.exec(select(Team)))
        phones = phones_of(self.session, [party_of(team) for team in teams])
        return {
            id_of(team): Thing(
                id_of(team),
                team.name,
                {
                    "street": text_of(team.street),
                    "leader_name": text_of(team.leader_name),
                    "leader_phone": text_of(phones.get(party_of(team))),
                },
                key=team.name,
            )
            for team in teams
        }

    def key_of(self, row: TeamRow) -> str:
        return row.name

    def says(self, row: TeamRow) -> Said:
        return {
            "street": text_of(row.street),
            "leader_name": text_of(row.leader_name),
            "leader_phone": text_of(row.leader_phone),
        }

    def add(self, rows: Sequence[TeamRow]) -> list[int]:
        teams = [Team(name=row.name, street=row.street, leader_name=row.leader_name) for row in rows]
        ids = add_all(self.session, teams)
        phones = {
            f"team:{id_}": row.leader_phone for id_, row in zip(ids, rows, strict=True) if row.leader_phone
        }
        set_phones(self.session, phones, now=self.writing.now)
        return ids

    def change(self, subject_id: int, values: Said) -> None:
        team = self.session.get_one(Team, subject_id)
        for column, text in values.items():
            if column != "leader_phone":
                setattr(team, column, str(value_of(text)))
            elif phone := value_of(text):
                set_phones(self.session, {party_of(team): str(phone)}, now=self.writing.now)
        self.session.flush()


class CalendarShelf(Shelf[CalendarRow]):
    """Only entries that came from a book are compared. One that a coordinator removed stays removed."""

    sheet: ClassVar[SheetKind] = SheetKind.CALENDAR

    def __init__(self, session: Session, writing: Writing | None = None) -> None:
        super().__init__(session, writing)
        self._schools = dict(session.exec(select(School.name, School.id)).all())

    def load(self) -> dict[int, Thing]:
        names = {id_: name for name, id_ in self._schools.items()}
        entries = self.session.exec(
            select(CalendarEntry).where(
                CalendarEntry.source == CalendarSource.BOOK, col(CalendarEntry.child_id).is_(None)
            )
        )
        things: dict[int, Thing] = {}
        for entry in entries:
            school = names.get(entry.school_id, "") if entry.school_id else ""
            things[id_of(entry)] = Thing(
                id_of(entry),
                f"{entry.from_on} {entry.kind}",
                {
                    "at": text_of(entry.at),
                    "as_weekday": text_of(entry.as_weekday),
                    "note": text_of(entry.note),
                },
                key=f"{entry.kind}|{entry.from_on.isoformat()}|{entry.until_on.isoformat()}|{school}",
                shared={"why": "已经在校历里去掉"} if entry.removed else {},
            )
        return things

    def key_of(self, row: CalendarRow) -> str:
        return row.key

    def says(self, row: CalendarRow) -> Said:
        return {"at": text_of(row.at), "as_weekday": text_of(row.as_weekday), "note": text_of(row.note)}

    def add(self, rows: Sequence[CalendarRow]) -> list[int]:
        schools = dict(self.session.exec(select(School.name, School.id)).all())
        entries = [
            CalendarEntry(
                kind=row.kind,
                source=CalendarSource.BOOK,
                from_on=row.starts_on,
                until_on=row.ends_on,
                at=row.at,
                as_weekday=row.as_weekday,
                school_id=schools[row.school] if row.school else None,
                note=row.note,
            )
            for row in rows
        ]
        return add_all(self.session, entries)

    def change(self, subject_id: int, values: Said) -> None:
        entry = self.session.get_one(CalendarEntry, subject_id)
        if "at" in values:
            entry.at = time_of(values["at"])
        if "note" in values:
            entry.note = str(value_of(values["note"]))
        if "as_weekday" in values:
            weekday = value_of(values["as_weekday"])
            entry.as_weekday = weekday if isinstance(weekday, int) else None
        self.session.flush()


def id_of(thing: Any) -> int:
    """Return the id of a stored row."""
    if thing.id is None:
        raise ValueError(f"{type(thing).__name__} is not stored yet")
    return int(thing.id)


def party_of(team: Team) -> str:
    return f"team:{team.id}"


def add_all(session: Session, things: Sequence[SQLModel]) -> list[int]:
    """Insert many rows in one statement a batch, and return their ids in order."""
    session.add_all(things)
    session.flush()
    return [id_of(thing) for thing in things]
