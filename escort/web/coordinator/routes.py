"""All routes of the coordinator's desk."""

from fastapi import APIRouter

from escort.web.coordinator import children, rota, today

router = APIRouter(include_in_schema=False)
for part in (today, rota, children):
    router.include_router(part.router)
