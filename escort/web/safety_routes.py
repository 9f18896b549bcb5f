"""What keeps real children out of this store, its backups, and who took files out: the coordinators' page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlmodel import Session

from escort.access import accounts, audit
from escort.access.models import AuditEvent
from escort.db import Store
from escort.sentences import mark
from escort.upkeep.address import AddressWatch
from escort.upkeep.readiness import WORDS, newest_backups, safety_of, what_is_missing
from escort.web.deps import CurrentCoordinator, HouseDep, ReadSessionDep
from escort.web.render import page

router = APIRouter(include_in_schema=False)


class SafetyWatch:
    """Says what is missing, and looks at the store for it only once in a while: every page asks."""

    def __init__(
        self,
        store: Store,
        *,
        needs_second_factor: bool,
        real_now: Callable[[], datetime],
        links: AddressWatch | None = None,
    ) -> None:
        self._store = store
        self._needs_second_factor = needs_second_factor
        self._real_now = real_now
        self._links = links
        self._known: tuple[datetime, Sequence[str]] | None = None

    def __call__(self) -> Sequence[str]:
        now = self._real_now()
        if self._known is None or now - self._known[0] >= LOOKS_EVERY:
            with self._store.read() as session:
                safety = safety_of(session)
            lacks = what_is_missing(
                safety,
                needs_second_factor=self._needs_second_factor,
                real_now=now,
                links=self._links.known if self._links else None,
            )
            self._known = now, [WORDS[lack] for lack in lacks]
        return self._known[1]


@dataclass(frozen=True)
class TakenOut:
    """One file that left the house."""

    at: datetime
    who: str
    what: str
    counts: list[tuple[str, str]]  # ("孩子", "344")
    is_personal: bool


@router.get("/safety")
def show_safety(
    request: Request, session: ReadSessionDep, house: HouseDep, _me: CurrentCoordinator
) -> HTMLResponse:
    seq, last = audit.head(session)
    return page(
        request,
        "session/safety.html",
        backups=newest_backups(session),
        taken_out=_taken_out(session),
        audit_seq=seq,
        audit_hash=last[:16],
        needs_second_factor=house.needs_second_factor,
    )


def _taken_out(session: Session) -> list[TakenOut]:
    names = {f"account:{account.id}": account.name for account in accounts.accounts(session)}
    return [_line(event, names.get(event.actor, event.actor)) for event in audit.exports(session)]


def _line(event: AuditEvent, who: str) -> TakenOut:
    """Counts stand in a line as "儿童: 344", names of bold fields as "child.full_name"."""
    pairs = [field.split(": ", 1) for field in event.fields if ": " in field]
    counts = [(COUNTED.get(word, word), number) for word, number in pairs]
    is_personal = any("." in field and ": " not in field for field in event.fields)
    kind = event.action.removesuffix(audit.EXPORTED)
    return TakenOut(event.at, who, FILES.get(kind, kind), counts, is_personal)


LOOKS_EVERY = timedelta(seconds=10)
COUNTED = {
    "month": mark("月份"),
    "volunteers": mark("志愿者"),
    "rows": mark("行"),
    "children": mark("孩子"),
    "turns": mark("趟"),
    "儿童": mark("儿童"),
    "志愿者": mark("志愿者"),
    "学校": mark("学校"),
    "志愿队": mark("志愿队"),
    "校历": mark("校历"),
    "常用地点": mark("常用地点"),
}
"""What a line of the trail counts: the book's own sheets, and the words of other files."""
FILES = {
    "roster_book": mark("名册"),
    "marked_book": mark("名册（标了问题）"),
    "month_sheet": mark("月报"),
    "papers": mark("年审名单"),
    "rota": mark("周排班表"),
    "rota_picture": mark("群里发的图"),
    "gate_sheet": mark("门口名单"),
    "door_sheet": mark("贴门上的一页"),
}
