"""Whether this process, its store and its clock are alive. A dead clock in a live web process is the silent failure."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from escort.cases.models import CaseKind
from escort.cases.service import live_cases_of
from escort.upkeep.address import countersign
from escort.web.deps import HouseDep, NowDep
from escort.web.policy import public
from notifications import outbox

router = APIRouter(tags=["health"])
PROBE = public("probes of the machine; no names and no numbers of people")


@router.get("/livez", dependencies=[PROBE])
def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/livez/{word}", dependencies=[PROBE])
def countersigned(house: HouseDep, word: Annotated[str, Path(pattern=r"^[\w-]{16,64}$")]) -> dict[str, str]:
    """The process answers for its own store: who asks through the address in messages learns whether it leads here."""
    return {"status": "ok", "proof": countersign(house.store.keyring, word)}


@router.get("/readyz", dependencies=[PROBE])
def ready(request: Request, response: Response) -> dict[str, str]:
    """The store answers and has the newest shape."""
    if not request.app.state.is_current():
        response.status_code = 503
        return {"status": "the store needs `dujuan migrate`"}
    return {"status": "ok"}


@router.get("/healthz/dispatch", dependencies=[PROBE])
def dispatch(house: HouseDep, now: NowDep, response: Response) -> dict[str, object]:
    """Messages leave in time and timed work is done: 503 if one has been due, or a job undone, for a minute."""
    with house.store.read() as session:
        late = outbox.overdue(session, now=now)
        due_at = outbox.next_due_at(session)
        set_aside = [case.about for case in live_cases_of(session, [CaseKind.STUCK_WORK])]
    stuck = [about.removeprefix("job:") for about in set_aside if about.startswith("job:")]
    if late or stuck:
        response.status_code = 503
    return {
        "overdue_messages": late,
        "stuck_jobs": stuck,
        "next_due_at": due_at.isoformat() if due_at else None,
    }
