"""All routes of the coordinator's desk."""

from fastapi import APIRouter

from escort.web.coordinator import (
    asks,
    book,
    calendar,
    calls,
    child_edit,
    children,
    dismissals,
    early,
    month,
    next_term,
    outlook,
    papers,
    promises,
    rota,
    sms_templates,
    teams,
    today,
    volunteer_limits,
    volunteers,
)

router = APIRouter(include_in_schema=False)
for part in (
    today,
    dismissals,
    asks,
    calls,
    rota,
    outlook,
    papers,
    next_term,
    children,
    child_edit,
    volunteers,
    volunteer_limits,
    promises,
    teams,
    calendar,
    early,
    book,
    month,
    sms_templates,
):
    router.include_router(part.router)
