"""Children with their family, consent and escort, as the book compares and changes them.

A child is name + birth date + school; children whose guardian has the same phone are a family.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from datetime import date
from typing import ClassVar

from sqlmodel import Session, col, select

from escort.access.numbers import change_number
from escort.errors import Conflict
from escort.families.identity import natural_key
from escort.families.models import Child, Consent, Escort, Family, Guardian, PlaceKind, Receiver
from escort.roster.models import Team
from escort.roster_book.book import ChildRow, Needs, SheetKind
from escort.roster_book.models import Question
from escort.roster_book.shelf import Said, Shelf, Thing, Writing, date_of, pair, point_of, text_of, value_of
from escort.roster_book.shelves import add_all, id_of
from escort.schools.models import School
from notifications.addresses import parties_by_phone, set_phones
from notifications.holds import numbers_on_file

PAPER_CONSENT = "paper"  # version of a consent that the office keeps signed on paper

_CHILD = ("gender", "grade", "street", "address", "diagnosis", "handling_note")
_NEEDS = tuple(Needs.__dataclass_fields__)
_ESCORT = {
    "weekdays": "weekdays",
    "to_school": "to_school",
    "home_again": "home",
    "starts_on": "from_on",
    "ends_on": "until_on",
}
_GUARDIAN = {"guardian_name": "name", "relation": "relation"}
_ENDED = text_of("ended")
_WITHDRAWN = text_of("withdrawn")
_COMPOUND_SURNAMES = {
    "欧阳",
    "司马",
    "上官",
    "诸葛",
    "东方",
    "皇甫",
    "尉迟",
    "公孙",
    "慕容",
    "令狐",
    "夏侯",
    "司徒",
}


class ChildShelf(Shelf[ChildRow]):
    sheet: ClassVar[SheetKind] = SheetKind.CHILDREN
    asked_first: ClassVar[dict[str, Question]] = {"guardian_phone": Question.PHONE}

    def __init__(self, session: Session, writing: Writing | None = None) -> None:
        super().__init__(session, writing)
        self._schools = {name: id_ for name, id_ in session.exec(select(School.name, School.id)) if id_}

    def load(self) -> dict[int, Thing]:
        children = list(self.session.exec(select(Child).where(col(Child.erased_at).is_(None))))
        escorts = {
            escort.child_id: escort
            for escort in self.session.exec(select(Escort).where(col(Escort.ended_at).is_(None)))
        }
        guardians = self._guardians_by_family()
        phones = numbers_on_file(self.session, [_party(guardian) for guardian in guardians.values()])
        consents = self._consents()
        receivers = self._receivers()
        schools = {id_: name for name, id_ in self._schools.items()}
        things: dict[int, Thing] = {}
        for child in children:
            guardian = guardians.get(child.family_id)
            phone = phones.get(_party(guardian)) if guardian else None
            things[id_of(child)] = Thing(
                id_of(child),
                child.short_name,
                {
                    **_child_holds(child),
                    **_guardian_holds(guardian, phone),
                    **_escort_holds(escorts.get(id_of(child))),
                    "consent_on": consents.get(id_of(child), text_of(None)),
                    "receivers": text_of([[r.name, r.phone] for r in receivers[id_of(child)]]),
                },
                key=child.natural_key or "",
                shared={
                    "phone": phone or "",
                    "name": child.full_name or "",
                    "born": child.born_on or "",
                    "school": schools.get(child.school_id, ""),
                },
            )
        return things

    def key_of(self, row: ChildRow) -> str:
        school_id = self._schools.get(row.school)
        if school_id is None:
            return ""  # a school of this very book: the child cannot be there before it
        return natural_key(self.keyring, full_name=row.name, born_on=row.born_on, school_id=school_id)

    def says(self, row: ChildRow) -> Said:
        plain = (*_CHILD, *_ESCORT, *_GUARDIAN, "guardian_phone", "consent_on", "home")
        return {
            **{name: text_of(getattr(row, name)) for name in plain},
            **{name: text_of(getattr(row.needs, name)) for name in _NEEDS},
            "pickup": text_of(_spot(row)),
            "receivers": text_of([[receiver.name, receiver.phone] for receiver in row.receivers]),
        }

    def add(self, rows: Sequence[ChildRow]) -> list[int]:
        families = self._families_for(rows)
        teams = self._teams_by_street()
        children = [
            Child(
                short_name=short_name(row.name),
                family_id=families[row.guardian_phone],
                school_id=self._schools[row.school],
                team_id=teams.get(row.street),
                full_name=row.name,
                born_on=row.born_on.isoformat(),
                natural_key=self.key_of(row),
                grade=row.grade,
                gender=row.gender.value if row.gender else None,
                street=row.street,
                address=row.address or None,
                home_lat=row.home.lat if row.home else None,
                home_lon=row.home.lon if row.home else None,
                diagnosis=row.diagnosis or None,
                handling_note=row.handling_note or None,
                created_at=self.writing.now,
                **dict(zip(_NEEDS, astuple(row.needs), strict=True)),
            )
            for row in rows
        ]
        ids = add_all(self.session, children)
        escorts = [_escort(row, child_id) for row, child_id in zip(rows, ids, strict=True)]
        consents = [
            self._consent(child_id, row.consent_on)
            for row, child_id in zip(rows, ids, strict=True)
            if row.consent_on
        ]
        receivers = [
            Receiver(child_id=child_id, name=who.name, phone=who.phone, is_complete=who.is_complete)
            for row, child_id in zip(rows, ids, strict=True)
            for who in row.receivers
        ]
        self.session.add_all([*escorts, *consents, *receivers])
        self.session.flush()
        return ids

    def change(self, subject_id: int, values: Said) -> None:
        child = self.session.get_one(Child, subject_id)
        for column, text in values.items():
            if column == "home":
                child.home_lat, child.home_lon = point_of(text)
            elif column in _CHILD:
                value = value_of(text)
                setattr(child, column, value or ("" if column in ("grade", "street") else None))
            elif column in _NEEDS:
                setattr(child, column, value_of(text))
            elif column in _GUARDIAN or column == "guardian_phone":
                self._change_guardian(child, column, text)
            elif column == "consent_on":
                if (given_on := date_of(text)) is not None:
                    self.session.add(self._consent(subject_id, given_on))
            elif column == "receivers":
                self._replace_receivers(subject_id, text)
        if escorted := {column: text for column, text in values.items() if column in (*_ESCORT, "pickup")}:
            self._change_escort(subject_id, escorted)
        child.version += 1
        self.session.flush()

    def renamed(self, row: ChildRow, candidates: Iterable[Thing]) -> tuple[Thing, str, str] | None:
        """The same guardian's phone, and two of name, birth date and school: one child, one of them corrected."""
        mine = (row.name, row.born_on.isoformat(), row.school)
        same = [
            thing
            for thing in candidates
            if thing.shared["phone"] == row.guardian_phone
            and sum(one == thing.shared[at] for one, at in zip(mine, ("name", "born", "school"), strict=True))
            >= 2
        ]
        return (same[0], "identity", text_of(list(mine))) if len(same) == 1 else None

    def rename(self, subject_id: int, value: str) -> str:
        read = value_of(value)
        assert isinstance(read, list)
        name, born_on, school = (str(part) for part in read)
        child = self.session.get_one(Child, subject_id)
        school_id = self._schools[school]
        child.full_name, child.born_on, child.school_id = name, born_on, school_id
        child.natural_key = natural_key(
            self.keyring, full_name=name, born_on=date.fromisoformat(born_on), school_id=school_id
        )
        child.version += 1
        self.session.flush()
        return f"{name}|{born_on}|{school}"

    def _families_for(self, rows: Sequence[ChildRow]) -> dict[str, int]:
        """Return the family of each guardian's phone; new families get their guardian."""
        parties = parties_by_phone(self.session, {row.guardian_phone for row in rows})
        known = {
            phone: int(party.removeprefix("guardian:"))
            for phone, owners in parties.items()
            for party in owners[::-1]
            if party.startswith("guardian:")
        }
        family_of: dict[int, int] = {
            id_: family_id
            for id_, family_id in self.session.exec(select(Guardian.id, Guardian.family_id))
            if id_ is not None
        }
        families = {phone: family_of[guardian] for phone, guardian in known.items() if guardian in family_of}
        first: dict[str, ChildRow] = {}
        for row in rows:
            if row.guardian_phone not in families:
                first.setdefault(row.guardian_phone, row)
        family_ids = add_all(self.session, [Family() for _ in first])
        people = [
            Guardian(
                family_id=family_id,
                name=row.guardian_name,
                relation=row.relation,
                created_at=self.writing.now,
            )
            for family_id, row in zip(family_ids, first.values(), strict=True)
        ]
        guardian_ids = add_all(self.session, people)
        phones = {f"guardian:{id_}": phone for id_, phone in zip(guardian_ids, first, strict=True)}
        set_phones(self.session, phones, now=self.writing.now)
        return {**families, **dict(zip(first, family_ids, strict=True))}

    def _teams_by_street(self) -> dict[str, int]:
        teams = self.session.exec(select(Team.street, Team.id).order_by(col(Team.id).desc()))
        return {street: id_ for street, id_ in teams if street and id_ is not None}

    def _guardians_by_family(self) -> dict[int, Guardian]:
        """Return each family's first guardian who gets messages: the one whom the book names."""
        guardians = self.session.exec(
            select(Guardian).where(col(Guardian.is_proxy).is_(False)).order_by(col(Guardian.id).desc())
        )
        return {guardian.family_id: guardian for guardian in guardians if guardian.gets_messages}

    def _consents(self) -> dict[int, str]:
        """A withdrawn consent is no blank: a book must never fill it again by itself."""
        found: dict[int, str] = {}
        for consent in self.session.exec(select(Consent).order_by(col(Consent.given_on))):
            live = consent.withdrawn_at is None
            if live or consent.child_id not in found:
                found[consent.child_id] = text_of(consent.given_on) if live else _WITHDRAWN
        return found

    def _receivers(self) -> dict[int, list[Receiver]]:
        found: dict[int, list[Receiver]] = defaultdict(list)
        for receiver in self.session.exec(
            select(Receiver).where(col(Receiver.removed_at).is_(None)).order_by(col(Receiver.id))
        ):
            found[receiver.child_id].append(receiver)
        return found

    def _consent(self, child_id: int, given_on: date | None) -> Consent:
        assert given_on is not None
        return Consent(
            child_id=child_id,
            version=PAPER_CONSENT,
            given_on=given_on,
            recorded_at=self.writing.now,
            recorded_by=self.writing.by[:40],
        )

    def _change_guardian(self, child: Child, column: str, text: str) -> None:
        guardian = self._guardians_by_family().get(child.family_id)
        if guardian is None:
            raise Conflict("这个家庭没有接收消息的监护人，请先在儿童页面补上监护人。")
        if column == "guardian_phone":
            party = _party(guardian)
            phone = str(value_of(text))
            change_number(self.session, party=party, phone=phone, by=self.writing.by, now=self.writing.now)
        else:
            setattr(guardian, _GUARDIAN[column], value_of(text))

    def _replace_receivers(self, child_id: int, text: str) -> None:
        for receiver in self._receivers()[child_id]:
            receiver.removed_at = self.writing.now
        wanted = value_of(text)
        assert isinstance(wanted, list)
        self.session.add_all(
            [
                Receiver(child_id=child_id, name=name, phone=phone, is_complete=phone is not None)
                for name, phone in wanted
            ]
        )

    def _change_escort(self, child_id: int, values: Said) -> None:
        escort = self.session.exec(
            select(Escort).where(Escort.child_id == child_id, col(Escort.ended_at).is_(None))
        ).one_or_none()
        if escort is None:
            raise Conflict("这名儿童的护送已经结束，请先在儿童页面重新开始护送。")
        for column, text in values.items():
            if column == "pickup":
                _move(escort, text)
            elif column in ("starts_on", "ends_on"):
                setattr(escort, _ESCORT[column], date_of(text))
            else:
                setattr(escort, _ESCORT[column], value_of(text))
        escort.version += 1


def short_name(full_name: str) -> str:
    """Return what boards and lists call a child: the given name, without the family's."""
    if full_name.startswith(("小", "阿")) or len(full_name) == 1:
        return full_name[:20]
    if "·" in full_name:
        return full_name.partition("·")[0][:20]
    surname = 2 if full_name[:2] in _COMPOUND_SURNAMES and len(full_name) > 2 else 1
    given = full_name[surname:]
    return (given if len(given) > 1 else f"小{given}")[:20]


def _party(guardian: Guardian) -> str:
    return f"guardian:{guardian.id}"


def _spot(row: ChildRow) -> list[object]:
    """Return [kind, name, point]: a home's own point is kept with the child, not with the escort."""
    if row.pickup_at_home:
        return [PlaceKind.HOME.value, row.pickup_name, None]
    kind = PlaceKind.KNOWN if row.pickup_is_known else PlaceKind.POINT
    point = pair(row.pickup.lat, row.pickup.lon) if row.pickup else None
    return [kind.value, row.pickup_name, point]


def _escort(row: ChildRow, child_id: int) -> Escort:
    escort = Escort(
        child_id=child_id,
        weekdays=row.weekdays,
        to_school=row.to_school,
        home=row.home_again,
        from_on=row.starts_on,
        until_on=row.ends_on,
    )
    _move(escort, text_of(_spot(row)))
    return escort


def _move(escort: Escort, spot: str) -> None:
    """Move the pick-up; the drop-off goes with it where both were the same place."""
    read = value_of(spot)
    assert isinstance(read, list)
    kind, name, point = read
    lat, lon = (point[0], point[1]) if point else (None, None)
    together = (escort.dropoff_kind, escort.dropoff_name) == (escort.pickup_kind, escort.pickup_name)
    escort.pickup_kind, escort.pickup_name = kind, name
    escort.pickup_lat, escort.pickup_lon = lat, lon
    if together:
        escort.dropoff_kind, escort.dropoff_name = kind, name
        escort.dropoff_lat, escort.dropoff_lon = lat, lon


def _child_holds(child: Child) -> Said:
    return {
        "gender": text_of(child.gender),
        "grade": text_of(child.grade),
        "street": text_of(child.street),
        "address": text_of(child.address or ""),
        "diagnosis": text_of(child.diagnosis or ""),
        "handling_note": text_of(child.handling_note or ""),
        "home": text_of(pair(child.home_lat, child.home_lon)),
        **{name: text_of(getattr(child, name)) for name in _NEEDS},
    }


def _guardian_holds(guardian: Guardian | None, phone: str | None) -> Said:
    return {
        "guardian_name": text_of(guardian.name if guardian else ""),
        "relation": text_of(guardian.relation if guardian else ""),
        "guardian_phone": text_of(phone),
    }


def _escort_holds(escort: Escort | None) -> Said:
    if escort is None:
        return dict.fromkeys((*_ESCORT, "pickup"), _ENDED)
    point = None if escort.pickup_kind == PlaceKind.HOME else pair(escort.pickup_lat, escort.pickup_lon)
    return {
        **{ours: text_of(getattr(escort, theirs)) for ours, theirs in _ESCORT.items()},
        "pickup": text_of([str(escort.pickup_kind), escort.pickup_name, point]),
    }
