"""Which seats of a run still want somebody, and how those who change promises keep out of each other's way.

Whoever ends, confirms or inserts shifts and offers locks their runs first, in order of id. Two answers to one run, or
an answer and a lapse, then wait for each other, and the second finds the truth that the first has left.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlmodel import Session, col, select, update

from escort.families.models import Child
from escort.rota.models import (
    LIVE_SHIFT,
    Leg,
    Relief,
    ReliefKind,
    ReliefState,
    Role,
    Run,
    RunLeg,
    RunState,
    Shift,
    ShiftState,
)


def lock_runs(session: Session, run_ids: Collection[int | None]) -> None:
    """Hold these runs until the transaction ends. On SQLite the whole store is held already."""
    if run_ids and session.get_bind().dialect.name != "sqlite":
        ids = [run_id for run_id in run_ids if run_id is not None]
        session.exec(select(Run.id).where(col(Run.id).in_(ids)).order_by(col(Run.id)).with_for_update()).all()


def open_seats(session: Session, run_ids: Collection[int]) -> dict[int, list[Role]]:
    """Return, by run, which seats want somebody: the driver's first, then the second adult's where one is needed."""
    held = set(
        session.exec(
            select(Shift.run_id, Shift.role).where(
                col(Shift.run_id).in_(list(run_ids)), col(Shift.state).in_(LIVE_SHIFT)
            )
        ).all()
    )
    wanted = wanted_seats(session, run_ids)
    return {
        run_id: [role for role in roles if (run_id, role) not in held] for run_id, roles in wanted.items()
    }


def seats_to_search(session: Session, run_ids: Collection[int]) -> dict[int, list[Role]]:
    """Return the open seats, and those whose holder keeps them only until somebody else is found."""
    seats = open_seats(session, run_ids)
    for run_id, role, _ in _given(session, run_ids):
        seats[run_id].append(role)
    return seats


def searched_reliefs(session: Session, run_ids: Collection[int]) -> dict[tuple[int, Role], Relief]:
    """Return, by run and seat, the wish for which the search asks others."""
    return {(run_id, role): relief for run_id, role, relief in _given(session, run_ids)}


def _given(session: Session, run_ids: Collection[int]) -> list[tuple[int, Role, Relief]]:
    rows = session.exec(
        select(Shift.role, Relief)
        .join(Relief, col(Relief.shift_id) == col(Shift.id))
        .where(
            col(Relief.run_id).in_(list(run_ids)),
            Relief.kind == ReliefKind.SEARCH,
            Relief.state == ReliefState.OPEN,
            Shift.state == ShiftState.CONFIRMED,
        )
    )
    return [(relief.run_id, Role(role), relief) for role, relief in rows]


def wanted_seats(session: Session, run_ids: Collection[int]) -> dict[int, list[Role]]:
    """Return, by run, the seats that it needs filled at all; none if no child rides."""
    riding = session.exec(
        select(RunLeg.run_id, Child.second_adult)
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .join(Child, col(Child.id) == col(Leg.child_id))
        .where(col(RunLeg.run_id).in_(list(run_ids)), col(RunLeg.is_live))
    ).all()
    with_child = {run_id for run_id, _ in riding}
    with_second = {run_id for run_id, second in riding if second}
    return {
        run_id: [Role.DRIVER] * (run_id in with_child) + [Role.SECOND] * (run_id in with_second)
        for run_id in run_ids
    }


def search_now(session: Session, run_ids: Iterable[int | None], *, now: datetime) -> None:
    """Let the stand-in search look at these runs at the next heartbeat."""
    session.exec(
        update(Run)
        .where(
            col(Run.id).in_([run_id for run_id in run_ids if run_id is not None]),
            col(Run.state) == RunState.LIVE,
            col(Run.published_at).is_not(None),
        )
        .values(search_at=now, version=Run.version + 1)
    )
