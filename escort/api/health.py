"""Whether this process, its store and its clock are alive. A dead clock in a live web process is the silent failure."""

from fastapi import APIRouter, Request, Response

from escort.web.deps import HouseDep, NowDep
from escort.web.policy import public
from notifications import outbox

router = APIRouter(tags=["health"])
PROBE = public("probes of the machine; no names and no numbers of people")


@router.get("/livez", dependencies=[PROBE])
def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", dependencies=[PROBE])
def ready(request: Request, response: Response) -> dict[str, str]:
    """The store answers and has the newest shape."""
    if not request.app.state.is_current():
        response.status_code = 503
        return {"status": "the store needs `dujuan migrate`"}
    return {"status": "ok"}


@router.get("/healthz/dispatch", dependencies=[PROBE])
def dispatch(house: HouseDep, now: NowDep, response: Response) -> dict[str, object]:
    """Messages leave in time: 503 if one has been due for more than a minute."""
    with house.store.read() as session:
        late = outbox.overdue(session, now=now)
        due_at = outbox.next_due_at(session)
    if late:
        response.status_code = 503
    return {"overdue_messages": late, "next_due_at": due_at.isoformat() if due_at else None}
