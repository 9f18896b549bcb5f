"""Take a read book over into the store: all accepted rows or none, and nobody's own change is lost.

The store keeps what the book last said of each column (`BookValue`). A column is updated only while the app
still holds that; if somebody has changed it in the app meanwhile, the app's value stands and a coordinator is
asked. New numbers and new names of known people are always asked. A row that a new book lacks is listed,
never deleted. The caller's transaction makes it all or none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache, partial
from typing import Any

from sqlmodel import Session, col, select, update

from escort.access import audit
from escort.errors import Conflict, NotFound
from escort.roster_book.book import BookRow, ChildRow, RosterBook, SheetKind
from escort.roster_book.echo import echo_of
from escort.roster_book.models import BookChange, BookValue, Decision, Question, book_key
from escort.roster_book.shelf import Said, Shelf, Thing, Writing, is_blank
from escort.roster_book.shelf_children import ChildShelf, short_name
from escort.roster_book.shelf_volunteers import VolunteerShelf, place_teams
from escort.roster_book.shelves import CalendarShelf, PlaceShelf, SchoolShelf, TeamShelf


@dataclass(frozen=True, slots=True)
class Line:
    """A row that is new, or a thing that the book no longer names (then without a row)."""

    sheet: str
    row: int | None
    who: str


@dataclass(frozen=True, slots=True)
class Change:
    """One column of one row that differs from the store. Values are JSON texts; they may be personal."""

    sheet: str
    row: int
    who: str
    column: str
    before: str
    after: str
    question: Question | None = None  # why a coordinator decides it, where one does


@dataclass(frozen=True, slots=True)
class Differences:
    """What a book would do, or did, to the store."""

    added: tuple[Line, ...] = ()
    changed: tuple[Change, ...] = ()
    asked: tuple[Change, ...] = ()  # the app's value stands until a coordinator decides
    missing: tuple[Line, ...] = ()  # in the last book, not in this one (or its row was rejected)

    @property
    def are_none(self) -> bool:
        return not (self.added or self.changed or self.asked or self.missing)


def compare(session: Session, book: RosterBook) -> Differences:
    """Return what applying the book would do. Changes nothing."""
    plans = [_plan(shelf(session), rows, as_of=book.as_of) for shelf, rows in _shelves(book)]
    return _differences(plans)


def apply_book(session: Session, book: RosterBook, *, now: datetime, by: str) -> Differences:
    """Take over every accepted row and return what was done. The same book again changes nothing."""
    writing = Writing(by, now)
    plans: list[_Plan] = []
    for shelf, rows in _shelves(book):
        plan = _plan(shelf(session, writing), rows, as_of=book.as_of)
        _carry_out(plan, writing)
        plans.append(plan)
    place_teams(session)
    done = _differences(plans)
    if not done.are_none:
        numbers = {"added": len(done.added), "changed": len(done.changed), "asked": len(done.asked)}
        fields = [f"{what}: {number}" for what, number in numbers.items()]
        audit.record(
            session, actor=by, action="roster_book.applied", subject="roster_book", fields=fields, now=now
        )
    return done


def open_changes(session: Session) -> list[BookChange]:
    """Return the changes that wait for a coordinator, the oldest first."""
    rows = select(BookChange).where(col(BookChange.decided_at).is_(None)).order_by(col(BookChange.id))
    return list(session.exec(rows))


def decide_change(session: Session, *, change_id: int, take: bool, by: str, now: datetime) -> None:
    """Take the book's value over, or let the app's stand. Raises NotFound, and Conflict if it was decided."""
    change = session.get(BookChange, change_id)
    if change is None:
        raise NotFound("没有这条待定的更改，可能已被删除，请刷新页面。")
    decision = Decision.TAKEN if take else Decision.KEPT
    claimed = session.exec(
        update(BookChange)
        .where(col(BookChange.id) == change_id, col(BookChange.decided_at).is_(None))
        .values(decided_at=now, decided_by=by[:40], decision=decision.value)
    )
    if claimed.rowcount == 0:
        raise Conflict("这条更改已经有人处理过了，请刷新页面查看结果。")
    session.refresh(change)
    if take:
        shelf = _SHELVES[SheetKind(change.sheet)](session, Writing(by, now))
        if change.column in _RENAMES:
            key = shelf.rename(change.subject_id, change.value)
            _rekey(session, change, new_key=_hashed(shelf, key))
        else:
            shelf.change(change.subject_id, {change.column: change.value})
    fields = [change.column, decision.value]
    subject = f"{_SUBJECTS[SheetKind(change.sheet)]}:{change.subject_id}"
    audit.record(session, actor=by, action="roster_book.decided", subject=subject, fields=fields, now=now)
    session.flush()


def things_of(session: Session, kind: SheetKind) -> dict[int, Thing]:
    """Return everything of one kind that the store holds, in the book's columns, by id."""
    return _SHELVES[kind](session).load()


def subject_of_sheet(kind: SheetKind) -> str:
    """Return what one thing of a sheet is called in the trail: "volunteer" of "volunteer:12"."""
    return _SUBJECTS[kind]


_SHELVES: dict[SheetKind, type[Shelf[Any]]] = {
    SheetKind.PLACES: PlaceShelf,
    SheetKind.SCHOOLS: SchoolShelf,
    SheetKind.TEAMS: TeamShelf,
    SheetKind.VOLUNTEERS: VolunteerShelf,
    SheetKind.CHILDREN: ChildShelf,
    SheetKind.CALENDAR: CalendarShelf,
}
_SUBJECTS = {
    SheetKind.PLACES: "place",
    SheetKind.SCHOOLS: "school",
    SheetKind.TEAMS: "team",
    SheetKind.VOLUNTEERS: "volunteer",
    SheetKind.CHILDREN: "child",
    SheetKind.CALENDAR: "calendar_entry",
}
_RENAMES = {"phone", "identity"}  # columns that are a thing's key: all others are plain


@dataclass(slots=True)
class _Update:
    """What one row does to a stored thing."""

    row: BookRow
    thing: Thing
    record: BookValue | None
    key: str
    said: Said
    take: Said = field(default_factory=dict)
    ask: dict[str, Question] = field(default_factory=dict)

    @property
    def is_news(self) -> bool:
        return self.record is None or self.record.said != self.said or self.record.missing_since is not None


@dataclass(slots=True)
class _Rename:
    row: BookRow
    thing: Thing
    key: str
    column: str
    value: str


@dataclass(slots=True)
class _Plan:
    """What a book does to one shelf."""

    shelf: Shelf[Any]
    new: list[tuple[BookRow, str]] = field(default_factory=list)
    updates: list[_Update] = field(default_factory=list)
    renames: list[_Rename] = field(default_factory=list)
    missing: list[tuple[BookValue, Thing]] = field(default_factory=list)


def _shelves(book: RosterBook) -> list[tuple[type[Shelf[Any]], Sequence[BookRow]]]:
    """In the order in which they name each other."""
    rows: dict[SheetKind, Sequence[BookRow]] = {
        SheetKind.PLACES: book.places,
        SheetKind.SCHOOLS: book.schools,
        SheetKind.TEAMS: book.teams,
        SheetKind.VOLUNTEERS: book.volunteers,
        SheetKind.CHILDREN: book.children,
        SheetKind.CALENDAR: book.calendar,
    }
    return [(_SHELVES[kind], rows[kind]) for kind in _SHELVES if rows[kind]]


def _plan(shelf: Shelf[Any], rows: Sequence[BookRow], *, as_of: date) -> _Plan:
    plan = _Plan(shelf)
    things = shelf.load()
    echo = cache(partial(echo_of, shelf, things, as_of=as_of))
    by_key = {thing.key: thing for _, thing in sorted(things.items(), reverse=True) if thing.key}
    records = {
        record.key: record
        for record in shelf.session.exec(select(BookValue).where(BookValue.sheet == shelf.sheet))
    }
    keys = {_hashed(shelf, row.key) for row in rows}
    named_no_more = [
        things[r.subject_id] for k, r in records.items() if k not in keys and r.subject_id in things
    ]
    settled = _declined(shelf)
    for row in rows:
        key = _hashed(shelf, row.key)
        record = records.get(key)
        thing = things.get(record.subject_id) if record else by_key.get(shelf.key_of(row))
        if thing is not None:
            plan.updates.append(_update(shelf, row, thing, record, key, echo))
        elif record is None:
            renamed = shelf.renamed(row, named_no_more)
            if renamed is None or key in settled:
                plan.new.append((row, key))
            else:
                plan.renames.append(_Rename(row, renamed[0], key, renamed[1], renamed[2]))
        # else: deleted in the app since the last book, and the app wins
    asked = {rename.thing.id for rename in plan.renames}
    plan.missing = [
        (record, things[record.subject_id])
        for key, record in records.items()
        if key not in keys and record.subject_id in things and record.subject_id not in asked
    ]
    return plan


def _update(
    shelf: Shelf[Any],
    row: BookRow,
    thing: Thing,
    record: BookValue | None,
    key: str,
    echo: Callable[[], Mapping[int, Said]],
) -> _Update:
    known = _Update(row, thing, record, key, shelf.says(row))
    last = record.said if record else {}
    for column, value in known.said.items():
        present = thing.holds[column]
        if value in (present, last.get(column)):
            continue  # nothing to do, or the book has not moved and the app's change stands
        if value == echo().get(thing.id, {}).get(column):
            continue  # our own export of what the app holds
        untouched = present == last[column] if column in last else is_blank(present)
        if is_blank(present) and untouched:
            known.take[column] = value
        elif column in shelf.asked_first:
            known.ask[column] = shelf.asked_first[column]
        elif untouched:
            known.take[column] = value
        else:
            known.ask[column] = Question.CONFLICT
    return known


def _carry_out(plan: _Plan, writing: Writing) -> None:
    session = plan.shelf.session
    for known in plan.updates:
        if known.take:
            plan.shelf.change(known.thing.id, known.take)
        for column, question in known.ask.items():
            _ask(plan.shelf, known.key, column, known.thing.id, question, known.said[column], writing.now)
        if known.is_news:
            _remember(session, plan.shelf, known)
    for rename in plan.renames:
        question = Question.PHONE if rename.column == "phone" else Question.IDENTITY
        _ask(plan.shelf, rename.key, rename.column, rename.thing.id, question, rename.value, writing.now)
    if plan.new:
        rows = [row for row, _ in plan.new]
        ids = plan.shelf.add(rows)
        session.add_all(
            [
                BookValue(sheet=plan.shelf.sheet.value, key=key, subject_id=id_, said=plan.shelf.says(row))
                for (row, key), id_ in zip(plan.new, ids, strict=True)
            ]
        )
    for record, _ in plan.missing:
        record.missing_since = record.missing_since or writing.now
    session.flush()


def _remember(session: Session, shelf: Shelf[Any], known: _Update) -> None:
    if known.record is None:
        session.add(
            BookValue(sheet=shelf.sheet.value, key=known.key, subject_id=known.thing.id, said=known.said)
        )
        return
    known.record.said = known.said
    known.record.missing_since = None


def _ask(
    shelf: Shelf[Any], key: str, column: str, subject_id: int, question: Question, value: str, now: datetime
) -> None:
    """Raise a question once: a later book's value replaces the one that still waits."""
    waiting = shelf.session.exec(
        select(BookChange).where(
            BookChange.sheet == shelf.sheet,
            BookChange.key == key,
            BookChange.column == column,
            col(BookChange.decided_at).is_(None),
        )
    ).one_or_none()
    if waiting is not None:
        if waiting.value != value:
            waiting.value, waiting.raised_at = value, now
        return
    shelf.session.add(
        BookChange(
            sheet=shelf.sheet.value,
            key=key,
            column=column,
            subject_id=subject_id,
            question=question.value,
            value=value,
            raised_at=now,
        )
    )


def _declined(shelf: Shelf[Any]) -> set[str]:
    """Keys of rows that a coordinator said are another person: they are new."""
    return set(
        shelf.session.exec(
            select(BookChange.key).where(
                BookChange.sheet == shelf.sheet,
                col(BookChange.column).in_(_RENAMES),
                BookChange.decision == Decision.KEPT,
            )
        )
    )


def _rekey(session: Session, change: BookChange, *, new_key: str) -> None:
    record = session.exec(
        select(BookValue).where(BookValue.sheet == change.sheet, BookValue.subject_id == change.subject_id)
    ).one_or_none()
    if record is not None:
        record.key, record.missing_since = new_key, None


def _hashed(shelf: Shelf[Any], key: str) -> str:
    return book_key(shelf.keyring, shelf.sheet, key)


def _differences(plans: list[_Plan]) -> Differences:
    changed: list[Change] = []
    asked: list[Change] = []
    for plan in plans:
        for known in plan.updates:
            for column, after in known.take.items():
                changed.append(_change(known, column, after, None))
            for column, question in known.ask.items():
                asked.append(_change(known, column, known.said[column], question))
        for rename in plan.renames:
            question = Question.PHONE if rename.column == "phone" else Question.IDENTITY
            label = rename.thing.label
            asked.append(
                Change(
                    rename.row.sheet,
                    rename.row.row,
                    label,
                    rename.column,
                    rename.thing.key,
                    rename.value,
                    question,
                )
            )
    return Differences(
        added=tuple(Line(row.sheet, row.row, _label(row)) for plan in plans for row, _ in plan.new),
        changed=tuple(changed),
        asked=tuple(asked),
        missing=tuple(
            Line(plan.shelf.sheet.value, None, thing.label) for plan in plans for _, thing in plan.missing
        ),
    )


def _change(known: _Update, column: str, after: str, question: Question | None) -> Change:
    before = known.thing.holds[column]
    return Change(known.row.sheet, known.row.row, known.thing.label, column, before, after, question)


def _label(row: BookRow) -> str:
    """What a list may say of a row: of a child only what boards call it."""
    if isinstance(row, ChildRow):
        return short_name(row.name)
    return str(getattr(row, "name", row.key))
