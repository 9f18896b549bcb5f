"""What rota, lists and pages ask about children. Nothing here opens a sealed column: see `sealed_reads.py`."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import String, cast, literal
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, func, select

from escort import pinyin
from escort.errors import NotFound, Refused
from escort.families.models import (
    Child,
    Consent,
    Escort,
    EscortPause,
    Guardian,
    PlaceKind,
)
from escort.schools.models import School
from escort.sentences import mark
from notifications.models import HeldNumber


class Missing(StrEnum):
    """Why a child cannot be planned yet, in the order in which the office mends it."""

    FULL_NAME = "full_name"
    CONSENT = "consent"  # 待同意: nobody is asked, no message goes out
    PICKUP_PLACE = "pickup_place"  # neither coordinates nor km by hand
    DROPOFF_PLACE = "dropoff_place"
    NO_ESCORT = "no_escort"  # ended, or never arranged


MISSING_SENTENCES = {
    Missing.FULL_NAME: mark("还没有填全名。"),
    Missing.CONSENT: mark("待同意：监护人签好同意书以前，不问任何志愿者，也不发消息。"),
    Missing.PICKUP_PLACE: mark("接的地方没有坐标，请选常用地点、粘贴坐标，或自己填公里和分钟。"),
    Missing.DROPOFF_PLACE: mark("送到的地方没有坐标，请选常用地点、粘贴坐标，或自己填公里和分钟。"),
    Missing.NO_ESCORT: mark("没有正在进行的接送安排。"),
}


@dataclass(frozen=True, slots=True)
class Spot:
    """The child's end of a leg. Without coordinates the escort's km by hand count."""

    kind: str
    name: str
    lat: float | None
    lon: float | None

    @property
    def has_point(self) -> bool:
        return self.lat is not None and self.lon is not None


@dataclass(frozen=True, slots=True)
class PlannableEscort:
    """An escort of a child that is ready to plan, as flat values. Dates include both ends."""

    escort_id: int
    child_id: int
    family_id: int
    school_id: int
    team_id: int | None
    short_name: str
    class_name: str
    street: str
    gender: str | None
    weekdays: str  # seven characters, Monday first; of the timetable, not of the date
    to_school: bool
    home: bool
    from_on: date
    until_on: date | None
    consent_on: date
    pauses: tuple[tuple[date, date], ...]
    pickup: Spot
    dropoff: Spot
    km_by_hand: float | None
    minutes_by_hand: int | None
    child_seat: bool
    wheelchair: bool
    female_driver: bool
    only_familiar: bool
    alone: bool
    second_adult: bool
    rotate: bool

    def is_planned_on(self, on: date) -> bool:
        """Return whether the family wants and allows legs on this date; the school calendar is asked besides."""
        return (
            max(self.from_on, self.consent_on) <= on
            and (self.until_on is None or on <= self.until_on)
            and not any(first <= on <= last for first, last in self.pauses)
        )


@dataclass(frozen=True, slots=True)
class ChildLine:
    """One line of the list of children."""

    child_id: int
    short_name: str
    school: str
    grade: str
    street: str
    weekdays: str
    to_school: bool
    home: bool
    needs: tuple[str, ...]
    is_paused: bool
    missing: tuple[Missing, ...]

    @property
    def is_ready(self) -> bool:
        return not self.missing


def plannable_escorts(session: Session, *, from_on: date, until_on: date) -> list[PlannableEscort]:
    """Return every escort that may have legs between the dates, in order of id. Three queries for the district.

    Left out: ended ones, children without full name or live consent, and places that nobody can drive to. Whoever
    withdraws consent is gone from the next call on: planning stops at once.
    """
    rows = session.execute(
        select_columns(*_ESCORT_COLUMNS)
        .join(Child, col(Child.id) == Escort.child_id)
        .where(
            col(Escort.ended_at).is_(None),
            col(Escort.from_on) <= until_on,
            col(Escort.until_on).is_(None) | (col(Escort.until_on) >= from_on),
            col(Child.full_name).is_not(None),
        )
        .order_by(col(Escort.id))
    ).all()
    consents = _consents(session)
    pauses = _pauses(session, from_on, until_on)
    return [
        escort
        for row in rows
        if row.child_id in consents
        for escort in [_plannable(row, consents[row.child_id], pauses[row.escort_id])]
        if not _places_missing(escort)
    ]


def is_ready_to_plan(session: Session, child_id: int, on: date) -> bool:
    return not missing_of(session, [child_id], on=on)[child_id]


def missing_of(session: Session, child_ids: Collection[int], *, on: date) -> dict[int, tuple[Missing, ...]]:
    """Return for each child what keeps it from being planned on that day; () if nothing does. Two queries."""
    rows = session.execute(
        select_columns(
            col(Child.id).label("id"), col(Child.full_name).is_not(None).label("is_named"), *_SPOT_COLUMNS
        )
        .join(Escort, (col(Escort.child_id) == Child.id) & col(Escort.ended_at).is_(None), isouter=True)
        .where(col(Child.id).in_(list(child_ids)))
    ).all()
    consents = _consents(session, child_ids)
    return {row.id: tuple(_missing(row, consents.get(row.id), on)) for row in rows}


def list_children(session: Session, *, on: date, text: str = "", limit: int = 500) -> list[ChildLine]:
    """Return the children whose short name, its pinyin, school or street holds the text, by name.

    Three queries. Full names are sealed and cannot be searched.
    """
    rows = session.execute(
        select_columns(*_LINE_COLUMNS)
        .join(School, col(School.id) == Child.school_id)
        .join(Escort, (col(Escort.child_id) == Child.id) & col(Escort.ended_at).is_(None), isouter=True)
        .where(col(Child.erased_at).is_(None))
    ).all()
    consents = _consents(session)
    pauses = _pauses(session, on, on)
    wanted = sorted(
        (row for row in rows if _matches(row, text)),
        key=lambda row: (pinyin.sort_key(row.short_name), row.id),
    )
    return [
        ChildLine(
            child_id=row.id,
            short_name=row.short_name,
            school=row.school,
            grade=row.grade,
            street=row.street,
            weekdays=row.weekdays or "0000000",
            to_school=bool(row.to_school),
            home=bool(row.home),
            needs=tuple(need for need in NEEDS if getattr(row, need)),
            is_paused=bool(pauses[row.escort_id]) if row.escort_id is not None else False,
            missing=tuple(_missing(row, consents.get(row.id), on)),
        )
        for row in wanted[:limit]
    ]


def parties_to_tell(session: Session, child_ids: Collection[int]) -> dict[int, list[str]]:
    """Return for each child the parties ("guardian:3") that get its messages, in one query."""
    rows = session.exec(
        select(Child.id, Guardian.id)
        .join(Guardian, col(Guardian.family_id) == Child.family_id)
        .where(col(Child.id).in_(list(child_ids)), col(Guardian.gets_messages).is_(True))
        .order_by(col(Guardian.id))
    )
    found: dict[int, list[str]] = {child_id: [] for child_id in child_ids}
    for child_id, guardian_id in rows:
        found[child_id or 0].append(f"guardian:{guardian_id}")
    return found


def told_with_new_numbers(session: Session, child_id: int) -> list[tuple[str, HeldNumber | None]]:
    """Return the parties that get a child's messages, each with the number that waits for it, in one query."""
    party = literal("guardian:") + cast(col(Guardian.id), String)
    rows = session.execute(
        select_columns(col(Guardian.id), HeldNumber)
        .join(Child, col(Child.family_id) == col(Guardian.family_id))
        .outerjoin(HeldNumber, (col(HeldNumber.party) == party) & col(HeldNumber.settled_at).is_(None))
        .where(col(Child.id) == child_id, col(Guardian.gets_messages).is_(True))
        .order_by(col(Guardian.id))
    )
    return [(f"guardian:{guardian_id}", held) for guardian_id, held in rows]


def children_of_guardian(session: Session, guardian_id: int) -> list[int]:
    """Return the children of a guardian's family."""
    family = select(Guardian.family_id).where(col(Guardian.id) == guardian_id).scalar_subquery()
    rows = select(Child.id).where(col(Child.family_id) == family, col(Child.erased_at).is_(None))
    rows = rows.order_by(col(Child.id))
    return [found for found in session.exec(rows) if found is not None]


def children_by_name(session: Session, guardian_id: int) -> list[tuple[int, str]]:
    """Return (id, 小名) of the children of a guardian's family."""
    family = select(Guardian.family_id).where(col(Guardian.id) == guardian_id).scalar_subquery()
    rows = select(Child.id, Child.short_name).where(
        col(Child.family_id) == family, col(Child.erased_at).is_(None)
    )
    return [(child_id, name) for child_id, name in session.exec(rows.order_by(col(Child.id))) if child_id]


def own_children(session: Session, *, guardian_id: int, child_ids: Collection[int]) -> list[int]:
    """Return these children, each once. Raises Refused for none, NotFound unless all are of this guardian's family."""
    chosen = list(dict.fromkeys(child_ids))
    if not chosen:
        raise Refused("请选是哪个孩子。")
    if not set(chosen) <= set(children_of_guardian(session, guardian_id)):
        raise NotFound("没有找到这个孩子。请打开最近的一条消息，或打值班电话。")
    return chosen


def siblings_of(session: Session, child_id: int) -> list[int]:
    """Return the other children of the same family."""
    family = select(Child.family_id).where(col(Child.id) == child_id).scalar_subquery()
    rows = select(Child.id).where(col(Child.family_id) == family, col(Child.id) != child_id)
    return [found for found in session.exec(rows.order_by(col(Child.id))) if found is not None]


NEEDS = ("child_seat", "wheelchair", "female_driver", "only_familiar", "alone", "second_adult")

_SPOT_COLUMNS: tuple[Any, ...] = (
    Escort.pickup_kind,
    Escort.pickup_name,
    Escort.pickup_lat,
    Escort.pickup_lon,
    Escort.dropoff_kind,
    Escort.dropoff_name,
    Escort.dropoff_lat,
    Escort.dropoff_lon,
    Escort.km_by_hand,
    Escort.minutes_by_hand,
    Escort.to_school,
    Escort.home,
    Escort.from_on,
    Escort.until_on,
    Child.home_lat,
    Child.home_lon,
)
_ESCORT_COLUMNS: tuple[Any, ...] = (
    col(Escort.id).label("escort_id"),
    Escort.child_id,
    Child.family_id,
    Child.school_id,
    Child.team_id,
    Child.short_name,
    Child.class_name,
    Child.street,
    Child.gender,
    Escort.weekdays,
    *(getattr(Child, need) for need in NEEDS),
    Child.rotate,
    *_SPOT_COLUMNS,
)


_LINE_COLUMNS: tuple[Any, ...] = (
    col(Child.id).label("id"),
    Child.short_name,
    Child.grade,
    Child.street,
    *(getattr(Child, need) for need in NEEDS),
    col(School.name).label("school"),
    col(Escort.id).label("escort_id"),
    Escort.weekdays,
    col(Child.full_name).is_not(None).label("is_named"),
    *_SPOT_COLUMNS,
)


def _plannable(row: Any, consent_on: date, pauses: list[tuple[date, date]]) -> PlannableEscort:
    return PlannableEscort(
        escort_id=row.escort_id,
        child_id=row.child_id,
        family_id=row.family_id,
        school_id=row.school_id,
        team_id=row.team_id,
        short_name=row.short_name,
        class_name=row.class_name,
        street=row.street,
        gender=row.gender,
        weekdays=row.weekdays,
        to_school=row.to_school,
        home=row.home,
        from_on=row.from_on,
        until_on=row.until_on,
        consent_on=consent_on,
        pauses=tuple(pauses),
        pickup=_spot(row, "pickup"),
        dropoff=_spot(row, "dropoff"),
        km_by_hand=row.km_by_hand,
        minutes_by_hand=row.minutes_by_hand,
        rotate=row.rotate,
        **{need: getattr(row, need) for need in NEEDS},
    )


def _spot(row: Any, end: str) -> Spot:
    """Return one end; a home without its own coordinates is where the child lives."""
    kind, name = getattr(row, f"{end}_kind"), getattr(row, f"{end}_name")
    lat, lon = getattr(row, f"{end}_lat"), getattr(row, f"{end}_lon")
    if kind == PlaceKind.HOME and lat is None:
        lat, lon = row.home_lat, row.home_lon
    return Spot(kind=kind, name=name, lat=lat, lon=lon)


def _places_missing(escort: PlannableEscort) -> bool:
    if escort.km_by_hand is not None:
        return False
    return (escort.to_school and not escort.pickup.has_point) or (
        escort.home and not escort.dropoff.has_point
    )


def _missing(row: Any, consent_on: date | None, on: date) -> list[Missing]:
    found: list[Missing] = []
    if not row.is_named:
        found.append(Missing.FULL_NAME)
    if consent_on is None or consent_on > on:
        found.append(Missing.CONSENT)
    if row.from_on is None or (row.until_on is not None and row.until_on < on):
        return [*found, Missing.NO_ESCORT]
    if row.km_by_hand is None:
        if row.to_school and not _spot(row, "pickup").has_point:
            found.append(Missing.PICKUP_PLACE)
        if row.home and not _spot(row, "dropoff").has_point:
            found.append(Missing.DROPOFF_PLACE)
    return found


def _consents(session: Session, child_ids: Collection[int] | None = None) -> dict[int, date]:
    """Return since when each child's consent holds; children without a live one are left out."""
    rows = select(Consent.child_id, func.min(Consent.given_on)).where(col(Consent.withdrawn_at).is_(None))
    if child_ids is not None:
        rows = rows.where(col(Consent.child_id).in_(list(child_ids)))
    return dict(session.exec(rows.group_by(col(Consent.child_id))).all())


def _pauses(session: Session, from_on: date, until_on: date) -> dict[int, list[tuple[date, date]]]:
    rows = select(col(EscortPause.escort_id), col(EscortPause.from_on), col(EscortPause.until_on)).where(
        col(EscortPause.lifted_at).is_(None),
        col(EscortPause.from_on) <= until_on,
        col(EscortPause.until_on) >= from_on,
    )
    found: dict[int, list[tuple[date, date]]] = defaultdict(list)
    for escort_id, first, last in session.exec(rows.order_by(col(EscortPause.id))):
        found[escort_id].append((first, last))
    return found


def _matches(row: Any, text: str) -> bool:
    wanted = text.strip()
    return pinyin.matches(row.short_name, wanted) or wanted in row.school or wanted in row.street
