"""Volunteers, as the book compares and changes them. A volunteer is a phone."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import ClassVar

from sqlmodel import Session, col, select

from escort.access.numbers import change_number
from escort.roster.models import Team, Volunteer
from escort.roster_book.book import SheetKind, VolunteerRow
from escort.roster_book.models import Question
from escort.roster_book.shelf import Said, Shelf, Thing, Writing, date_of, pair, point_of, text_of, value_of
from escort.roster_book.shelves import add_all, id_of
from notifications.addresses import set_phones
from notifications.holds import numbers_on_file

_PLAIN = (
    *("gender", "plate", "car_model", "car_colour", "seats", "child_seats", "wheelchair"),
    *("pattern", "pattern_understood", "cap_week", "girls_only", "remark"),
)
_DATES = ("vetted_on", "licence_until", "insured_until")


class VolunteerShelf(Shelf[VolunteerRow]):
    """Another name on a known number may be another person, whom nobody vetted: that is asked first."""

    sheet: ClassVar[SheetKind] = SheetKind.VOLUNTEERS
    asked_first: ClassVar[dict[str, Question]] = {"name": Question.IDENTITY}

    def __init__(self, session: Session, writing: Writing | None = None) -> None:
        super().__init__(session, writing)
        self._teams = {name: id_ for name, id_ in session.exec(select(Team.name, Team.id)) if id_ is not None}

    def load(self) -> dict[int, Thing]:
        volunteers = list(self.session.exec(select(Volunteer)))
        phones = numbers_on_file(self.session, [_party(volunteer) for volunteer in volunteers])
        names = {id_: name for name, id_ in self._teams.items()}
        return {
            id_of(volunteer): Thing(
                id_of(volunteer),
                volunteer.name,
                _holds(volunteer, names),
                key=phones.get(_party(volunteer), ""),
                shared={"who": f"{volunteer.name}|{names.get(volunteer.team_id or 0, '')}"},
            )
            for volunteer in volunteers
        }

    def key_of(self, row: VolunteerRow) -> str:
        return row.phone

    def says(self, row: VolunteerRow) -> Said:
        said = {name: text_of(getattr(row, name)) for name in (*_PLAIN, *_DATES, "name", "team", "address")}
        return {**said, "home": text_of(row.home)}

    def add(self, rows: Sequence[VolunteerRow]) -> list[int]:
        teams = dict(self.session.exec(select(Team.name, Team.id)).all())
        volunteers = [
            Volunteer(
                name=row.name,
                team_id=teams[row.team],
                address=row.address or None,
                lat=row.home.lat if row.home else None,
                lon=row.home.lon if row.home else None,
                created_at=self.writing.now,
                **{name: getattr(row, name) for name in (*_PLAIN, *_DATES)},
            )
            for row in rows
        ]
        ids = add_all(self.session, volunteers)
        phones = {f"volunteer:{id_}": row.phone for id_, row in zip(ids, rows, strict=True)}
        set_phones(self.session, phones, now=self.writing.now)
        return ids

    def change(self, subject_id: int, values: Said) -> None:
        volunteer = self.session.get_one(Volunteer, subject_id)
        for column, text in values.items():
            if column == "home":
                volunteer.lat, volunteer.lon = point_of(text)
            elif column == "team":
                volunteer.team_id = self._teams[str(value_of(text))]
            elif column in _DATES:
                setattr(volunteer, column, date_of(text))
            else:
                setattr(volunteer, column, value_of(text))
        volunteer.version += 1
        self.session.flush()

    def renamed(self, row: VolunteerRow, candidates: Iterable[Thing]) -> tuple[Thing, str, str] | None:
        """The same name in the same team under another number, if only one such person is missing."""
        who = f"{row.name}|{row.team}"
        same = [thing for thing in candidates if thing.shared["who"] == who]
        return (same[0], "phone", text_of(row.phone)) if len(same) == 1 else None

    def rename(self, subject_id: int, value: str) -> str:
        phone, party = str(value_of(value)), f"volunteer:{subject_id}"
        change_number(self.session, party=party, phone=phone, by=self.writing.by, now=self.writing.now)
        return phone


def place_teams(session: Session) -> None:
    """Put each team without a place in the middle of its members' homes: there its standbys are sought."""
    teams = list(session.exec(select(Team).where(col(Team.lat).is_(None))))
    if not teams:
        return
    homes = session.exec(
        select(Volunteer.team_id, Volunteer.lat, Volunteer.lon).where(
            col(Volunteer.team_id).in_([team.id for team in teams]), col(Volunteer.lat).is_not(None)
        )
    ).all()
    points: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for team_id, lat, lon in homes:
        if team_id is not None and lat is not None and lon is not None:
            points[team_id].append((lat, lon))
    for team in teams:
        if members := points[id_of(team)]:
            team.lat = round(sum(lat for lat, _ in members) / len(members), 6)
            team.lon = round(sum(lon for _, lon in members) / len(members), 6)
    session.flush()


def _party(volunteer: Volunteer) -> str:
    return f"volunteer:{volunteer.id}"


def _holds(volunteer: Volunteer, teams: dict[int, str]) -> Said:
    holds = {name: text_of(getattr(volunteer, name)) for name in (*_PLAIN, *_DATES)}
    return {
        **holds,
        "name": text_of(volunteer.name),
        "team": text_of(teams.get(volunteer.team_id or 0, "")),
        "address": text_of(volunteer.address or ""),
        "home": text_of(pair(volunteer.lat, volunteer.lon)),
    }
