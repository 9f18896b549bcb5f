"""A run as somebody sees it who has not said yes, or whose day has not come: date, areas and equipment."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.orm import load_only
from sqlmodel import Session, col, select

from escort.families.models import Child
from escort.rota.models import Direction, Leg, LegState, Offer, Role, Run, RunLeg, RunState, Shift
from escort.schools.models import School


class Need(StrEnum):
    """What the car must have: the only thing about a child that somebody who was asked may know."""

    CHILD_SEAT = "child_seat"
    WHEELCHAIR = "wheelchair"
    SECOND_ADULT = "second_adult"


@dataclass(frozen=True)
class Turn:
    run_id: int | None  # None: standby of the team
    on: date
    direction: str
    role: str
    starts_at: datetime | None
    areas: tuple[str, ...]  # of the children's ends, in the car's order
    school_area: str
    km: float
    children: int
    needs: tuple[Need, ...]

    @property
    def to_school(self) -> bool:
        return self.direction == Direction.TO_SCHOOL


@dataclass(frozen=True)
class KnownLeg:
    leg: Leg
    short_name: str
    needs: tuple[Need, ...]


@dataclass(frozen=True)
class KnownRun:
    """A live run with its wanted legs in the car's order."""

    run: Run
    school: School
    legs: tuple[KnownLeg, ...]


def known_runs(session: Session, run_ids: Collection[int]) -> dict[int, KnownRun]:
    """Return these runs by id, in one query; one that is dissolved or empty is absent."""
    legs: dict[int, list[KnownLeg]] = defaultdict(list)
    heads: dict[int, tuple[Run, School]] = {}
    for run, school, leg, child in session.execute(_known_runs(), {"run_ids": list(run_ids)}):
        heads[run.id or 0] = (run, school)
        legs[run.id or 0].append(KnownLeg(leg, child.short_name, needs_of(child)))
    return {run_id: KnownRun(run, school, tuple(legs[run_id])) for run_id, (run, school) in heads.items()}


@cache
def _known_runs() -> Any:
    return (
        select(Run, School, Leg, Child)
        .join(School, col(School.id) == col(Run.school_id))
        .join(RunLeg, (col(RunLeg.run_id) == col(Run.id)) & col(RunLeg.is_live))
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .join(Child, col(Child.id) == col(Leg.child_id))
        .where(
            col(Run.id).in_(bindparam("run_ids", expanding=True)),
            Run.state == RunState.LIVE,
            Leg.state == LegState.WANTED,
        )
        .options(load_only(*_NAME_AND_NEEDS, raiseload=True))
        .order_by(col(Run.id), col(RunLeg.position))
    )


def turn_of(row: Offer | Shift, runs: dict[int, KnownRun]) -> Turn:
    """Return an offer or a shift as a turn; without its run only the date is known."""
    known = runs.get(row.run_id) if row.run_id is not None else None
    if known is None:
        return Turn(None, row.on, row.direction, row.role, None, (), "", 0.0, 0, ())
    return turn_in(known, row.role)


def turn_in(known: KnownRun, role: str = Role.DRIVER) -> Turn:
    """Return a seat of a run as a turn."""
    return Turn(
        run_id=known.run.id,
        on=known.run.on,
        direction=known.run.direction,
        role=role,
        starts_at=known.run.starts_at,
        areas=_distinct(one.leg.area for one in known.legs if one.leg.area),
        school_area=known.school.street,
        km=known.run.km,
        children=len(known.legs),
        needs=tuple(dict.fromkeys(need for one in known.legs for need in one.needs)),
    )


def needs_of(child: Child) -> tuple[Need, ...]:
    wanted = (
        (Need.CHILD_SEAT, child.child_seat),
        (Need.WHEELCHAIR, child.wheelchair),
        (Need.SECOND_ADULT, child.second_adult),
    )
    return tuple(need for need, is_needed in wanted if is_needed)


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


_NAME_AND_NEEDS: tuple[Any, ...] = (  # SQLModel types its columns as values
    Child.id,
    Child.short_name,
    Child.child_seat,
    Child.wheelchair,
    Child.second_adult,
)
