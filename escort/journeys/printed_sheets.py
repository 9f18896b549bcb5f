"""How a gate's printed lists are counted: from 1 each day, one more at each print, kept with what they said."""

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from escort.errors import Conflict
from escort.journeys.models import PrintedSheet


@dataclass(frozen=True)
class ShownLeg:
    """What a printed list said of one leg: enough to say later what has changed, and no name of a child."""

    at: str  # the instant, in ISO format
    volunteer_id: int | None  # None: nobody comes
    shift_id: int | None
    plate: str
    by_family: bool
    is_held: bool


@dataclass(frozen=True)
class LastSheet:
    number: int
    shown: dict[int, ShownLeg]  # by leg


def last_sheet(session: Session, *, school_id: int, on: date) -> LastSheet | None:
    """Return the list that was printed last that day, or None before the first."""
    rows = select(PrintedSheet).where(PrintedSheet.school_id == school_id, PrintedSheet.on == on)
    sheet = session.exec(rows.order_by(col(PrintedSheet.number).desc()).limit(1)).first()
    if sheet is None:
        return None
    return LastSheet(sheet.number, {int(leg_id): ShownLeg(**said) for leg_id, said in sheet.shown.items()})


def last_number(*, school_id: int, on: date) -> Any:
    """Return, as a column, the number of the list printed last that day; NULL before the first."""
    rows = select(func.max(PrintedSheet.number)).where(
        PrintedSheet.school_id == school_id, PrintedSheet.on == on
    )
    return rows.scalar_subquery()


def count_up(
    session: Session,
    *,
    school_id: int,
    on: date,
    number: int,
    shown: dict[int, ShownLeg],
    by: str,
    now: datetime,
) -> None:
    """Keep a list under its number. Raises Conflict where somebody printed one with this number meanwhile."""
    insert: Any = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    row = {
        "school_id": school_id,
        "on": on,
        "number": number,
        "printed_at": now,
        "printed_by": by,
        "shown": {str(leg_id): asdict(said) for leg_id, said in shown.items()},
    }
    statement = insert(PrintedSheet).values(row).on_conflict_do_nothing()
    if session.scalars(statement.returning(PrintedSheet.id)).one_or_none() is None:
        raise Conflict("刚刚有人也打印了一张。请回到名单，再打印一次，号码就对了。")


def forget_printed_sheets(session: Session, *, today: date) -> int:
    """Delete the lists of a month ago; that they were printed stands in the trail. Returns how many went."""
    return session.exec(delete(PrintedSheet).where(col(PrintedSheet.on) < today - KEPT_FOR)).rowcount


KEPT_FOR = timedelta(days=30)
