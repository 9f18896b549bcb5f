"""Terms, holidays, make-up workdays 调休, closures, early days -> which dates are school days, and how long.

Facts come from four sources and hold for four scopes. Where two disagree, the narrower scope wins (child, class,
school, district); within a scope the better source (coordinator, school, book, national); then the later fact.
Dates are the district's local dates; bell and dismissal are its local wall time.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum
from functools import lru_cache

import holidays


class FactKind(StrEnum):
    TERM = "term"  # school is on between the dates, Monday to Friday
    CLOSURE = "closure"  # no school between the dates
    EARLY_DAY = "early_day"  # dismissal at `at`
    MAKE_UP = "make_up"  # school on a day that would have none; `as_weekday` gives the timetable
    LATE_START = "late_start"  # bell at `at`


class FactSource(StrEnum):
    NATIONAL = "national"  # the State Council's yearly notice, by way of `holidays`
    BOOK = "book"
    SCHOOL = "school"
    COORDINATOR = "coordinator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One statement about dates, both ends included. Raises ValueError for what cannot be meant.

    `school`, `class_name`, `child` narrow it; None means all. `key` orders facts that are otherwise equal: the
    later wins. `as_weekday` is 0 for Monday.
    """

    kind: FactKind
    source: FactSource
    from_on: date
    until_on: date
    at: time | None = None
    as_weekday: int | None = None
    school: int | None = None
    class_name: str | None = None
    child: int | None = None
    note: str = ""
    key: int = 0

    def __post_init__(self) -> None:
        if self.until_on < self.from_on:
            raise ValueError("Fact.until_on must not lie before from_on.")
        if self.as_weekday is not None and not 0 <= self.as_weekday <= 6:
            raise ValueError("Fact.as_weekday must be 0 (Monday) to 6 (Sunday).")
        if self.class_name is not None and self.school is None:
            raise ValueError("Fact.class_name needs the school whose class it is.")

    @property
    def scope(self) -> int:
        """Return how narrow it is: 0 district, 1 school, 2 class, 3 child."""
        if self.child is not None:
            return 3
        if self.class_name is not None:
            return 2
        return 0 if self.school is None else 1

    @property
    def rank(self) -> tuple[int, int, int]:
        """Return what decides between two facts: the greater wins."""
        return (self.scope, SOURCE_RANK[self.source], self.key)

    def covers(self, on: date) -> bool:
        return self.from_on <= on <= self.until_on


@dataclass(frozen=True, slots=True)
class SchoolTimes:
    """A school's usual wall times. `friday_dismissal` follows the timetable: a make-up day with Friday's has it."""

    bell: time
    dismissal: time
    friday_dismissal: time | None = None


@dataclass(frozen=True, slots=True)
class SchoolDay:
    """One date for one school, class or child.

    `timetable_weekday` is whose timetable, and whose availability, holds: it differs from the date's own on
    make-up days. `is_assumption`: somebody should confirm it (the make-up day itself, its timetable, or an
    early dismissal without a time). `is_known` is False where a notice or a term plan is still missing:
    then `is_school` is the best guess, so that no leg is silently left out. `why`: what decided, strongest first.
    """

    on: date
    is_school: bool
    timetable_weekday: int
    bell: time
    dismissal: time
    why: tuple[Fact, ...]
    is_assumption: bool
    is_known: bool


@dataclass(frozen=True, slots=True)
class NationalNotice:
    """The national holidays and make-up workdays of some years, as facts."""

    facts: tuple[Fact, ...]
    published_years: frozenset[int]  # the others are estimates without make-up days


@lru_cache(maxsize=8)
def national_notice(first_year: int, last_year: int) -> NationalNotice:
    """Return the mainland's holidays for the years, both included, as the library knows them.

    A make-up day takes the weekday of the day off that it pays for: the notices say only which days are swapped,
    no school's timetable follows from them by law, so each stays an assumption until it is confirmed.
    """
    years = range(first_year, last_year + 1)
    # One more year: a day off in January may be paid for in the December before.
    calendar = holidays.country_holidays("CN", years=range(first_year, last_year + 2), language="zh_CN")
    facts: list[Fact] = []
    published: set[int] = set()
    for on, name in sorted(calendar.items()):
        if on.year in years:
            facts.append(_national(FactKind.CLOSURE, on, note=name))
        paid_for = _ISO_DATE.search(name)
        if paid_for is None:
            continue
        published.add(on.year)
        worked = date.fromisoformat(paid_for.group())
        if worked.year in years:
            facts.append(
                _national(FactKind.MAKE_UP, worked, as_weekday=on.weekday(), note=f"补{on:%Y-%m-%d}")
            )
    paired = {fact.from_on for fact in facts if fact.kind is FactKind.MAKE_UP}
    for worked in sorted(calendar.weekend_workdays):
        if worked.year in years and worked not in paired:  # the library keeps other years' days in it too
            published.add(worked.year)
            facts.append(_national(FactKind.MAKE_UP, worked))
    return NationalNotice(facts=tuple(facts), published_years=frozenset(published & set(years)))


class SchoolCalendar:
    """The days of one school, compiled once; asking for a day is a look-up.

    `facts` may be the whole district's: those of other schools are left out. `national` should cover the dates.
    Dates outside `from_on`..`until_on` raise ValueError.
    """

    def __init__(
        self,
        *,
        school: int,
        times: SchoolTimes,
        facts: Iterable[Fact],
        national: NationalNotice,
        from_on: date,
        until_on: date,
    ) -> None:
        if until_on < from_on:
            raise ValueError("SchoolCalendar.until_on must not lie before from_on.")
        self.school, self.times, self.from_on, self.until_on = school, times, from_on, until_on
        own = [fact for fact in (*national.facts, *facts) if fact.school in (None, school)]
        self._terms = [fact for fact in own if fact.kind is FactKind.TERM]
        dated = [fact for fact in own if fact.kind is not FactKind.TERM]
        self._by_date = _by_date(dated, from_on, until_on)
        self._classes = {fact.class_name for fact in own if fact.class_name is not None}
        self._children = {fact.child for fact in own if fact.child is not None}
        told = {fact.from_on.year for fact in own if fact.source is FactSource.NATIONAL and fact.key}
        self.published_years = (
            national.published_years | told
        )  # a notice that the coordinator typed in counts
        self._cache: dict[tuple[date, str | None, int | None], SchoolDay] = {}
        self._terms_for: dict[tuple[str | None, int | None], list[Fact]] = {}

    def day(self, on: date, *, class_name: str | None = None, child: int | None = None) -> SchoolDay:
        """Return the day as it is for the school, for one of its classes, or for one child."""
        if not self.from_on <= on <= self.until_on:
            raise ValueError(f"SchoolCalendar was compiled for other dates than {on}.")
        class_name = class_name if class_name in self._classes else None
        child = child if child in self._children else None
        key = (on, class_name, child)
        if key not in self._cache:
            self._cache[key] = self._decide(on, class_name, child)
        return self._cache[key]

    def days(self, *, class_name: str | None = None, child: int | None = None) -> Iterator[SchoolDay]:
        """Yield every date of the calendar in order, school day or not."""
        for offset in range((self.until_on - self.from_on).days + 1):
            yield self.day(self.from_on + timedelta(days=offset), class_name=class_name, child=child)

    def _decide(self, on: date, class_name: str | None, child: int | None) -> SchoolDay:
        facts = [fact for fact in self._by_date.get(on, ()) if _applies(fact, class_name, child)]
        term, term_is_known = self._term(on, class_name, child)
        is_weekday = on.weekday() < SATURDAY
        ruling = _strongest(facts, FactKind.CLOSURE, FactKind.MAKE_UP)
        why = [ruling] if ruling else [term] if term else []
        # The notice swaps days inside a term; only a human or a school opens a school in its holidays.
        opened = ruling is not None and ruling.kind is FactKind.MAKE_UP
        if (
            ruling is not None
            and opened
            and ruling.source is FactSource.NATIONAL
            and not self._in_term(term, term_is_known)
        ):
            opened, ruling, why = False, None, []
        is_school = opened or (ruling is None and is_weekday and self._in_term(term, term_is_known))
        weekday, is_assumption = _timetable(on, ruling if opened else None)
        by_human = ruling is not None and ruling.source is not FactSource.NATIONAL
        return self._day(
            on,
            facts,
            why,
            is_school=is_school,
            weekday=weekday,
            is_assumption=is_school and is_assumption,
            is_known=by_human or (term_is_known and on.year in self.published_years),
        )

    def _day(
        self,
        on: date,
        facts: list[Fact],
        why: list[Fact],
        *,
        is_school: bool,
        weekday: int,
        is_assumption: bool,
        is_known: bool,
    ) -> SchoolDay:
        """Add the day's times to what is known of it."""
        bell = self.times.bell
        friday = self.times.friday_dismissal if weekday == FRIDAY else None
        dismissal = friday or self.times.dismissal
        late = _strongest(facts, FactKind.LATE_START)
        early = _strongest(facts, FactKind.EARLY_DAY)
        if is_school and late is not None:
            bell, why = late.at or bell, [*why, late]
            is_assumption = is_assumption or late.at is None
        if is_school and early is not None:
            dismissal, why = early.at or dismissal, [*why, early]
            is_assumption = is_assumption or early.at is None
        return SchoolDay(
            on=on,
            is_school=is_school,
            timetable_weekday=weekday,
            bell=bell,
            dismissal=dismissal,
            why=tuple(why),
            is_assumption=is_assumption,
            is_known=is_known,
        )

    def _term(self, on: date, class_name: str | None, child: int | None) -> tuple[Fact | None, bool]:
        """Return the term that the date lies in, and whether the plan reaches that far at all.

        A narrower term replaces the wider ones that it overlaps: a school that begins a week later has no school
        in that week, whatever the district's term says.
        """
        scope = (class_name, child)
        if scope not in self._terms_for:
            terms = [fact for fact in self._terms if _applies(fact, class_name, child)]
            self._terms_for[scope] = [term for term in terms if not _is_replaced(term, terms)]
        live = self._terms_for[scope]
        inside = [term for term in live if term.covers(on)]
        if inside:
            return max(inside, key=lambda term: term.rank), True
        return None, any(on < term.until_on for term in live)

    def _in_term(self, term: Fact | None, term_is_known: bool) -> bool:
        """Return True also where no term was ever filled in: a guess that leaves no child without a leg."""
        return term is not None or (not term_is_known and not self._terms)


def _applies(fact: Fact, class_name: str | None, child: int | None) -> bool:
    return fact.class_name in (None, class_name) and fact.child in (None, child)


def _is_replaced(term: Fact, terms: list[Fact]) -> bool:
    return any(
        other.rank[:2] > term.rank[:2] and other.from_on <= term.until_on and term.from_on <= other.until_on
        for other in terms
    )


def _strongest(facts: list[Fact], *kinds: FactKind) -> Fact | None:
    return max((fact for fact in facts if fact.kind in kinds), key=lambda fact: fact.rank, default=None)


def _timetable(on: date, make_up: Fact | None) -> tuple[int, bool]:
    """Return whose timetable holds, and whether that is an assumption."""
    if make_up is None:
        return on.weekday(), False
    if make_up.as_weekday is not None:
        return make_up.as_weekday, make_up.source is FactSource.NATIONAL
    if on.weekday() < SATURDAY:
        return on.weekday(), False
    # Nobody said: the nearest school weekday, to be confirmed.
    return (FRIDAY if on.weekday() == SATURDAY else 0), True


def _by_date(facts: list[Fact], from_on: date, until_on: date) -> dict[date, list[Fact]]:
    found: dict[date, list[Fact]] = {}
    for fact in facts:
        first, last = max(fact.from_on, from_on), min(fact.until_on, until_on)
        for offset in range((last - first).days + 1):
            found.setdefault(first + timedelta(days=offset), []).append(fact)
    return found


def _national(kind: FactKind, on: date, *, as_weekday: int | None = None, note: str = "") -> Fact:
    source = FactSource.NATIONAL
    return Fact(kind=kind, source=source, from_on=on, until_on=on, as_weekday=as_weekday, note=note)


FRIDAY, SATURDAY = 4, 5
SOURCE_RANK = {source: rank for rank, source in enumerate(FactSource)}
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")  # in "休息日（由 2021-04-25 调休）"
