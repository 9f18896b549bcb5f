"""Every route says who may read it. One that does not keeps the house from starting."""

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Mount

from escort.errors import NotConfigured, NotFound
from escort.web import csrf
from escort.web.deps import (
    HouseDep,
    coordinator_at_the_door,
    current_coordinator,
    current_feed,
    current_gate,
    current_guardian,
    current_leader,
    current_volunteer,
)


@dataclass(frozen=True)
class Public:
    """Nobody need say who he is, for a reason that a reviewer can read."""

    reason: str
    reader = "public"

    def __call__(self, request: Request, house: HouseDep) -> None:
        csrf.check_origin(request, house.settings.base_url)


@dataclass(frozen=True)
class DemoOnly:
    """There only in the demonstration district; elsewhere the address does not exist."""

    reason: str
    reader = "demonstration"

    def __call__(self, request: Request, house: HouseDep) -> None:
        if not house.is_demo:
            raise NotFound("没有这一页。")
        csrf.check_origin(request, house.settings.base_url)


def public(reason: str) -> Any:
    """Return the declaration of a route that is open to all: `dependencies=[public("probes of the machine")]`."""
    return Depends(Public(reason))


def demo_only(reason: str) -> Any:
    """Return the declaration of a route that only a demonstration has."""
    return Depends(DemoOnly(reason))


def only_the_provider(token: str, house: HouseDep) -> None:
    """Let in whoever knows the secret path of the callbacks: the SMS provider. Others see nothing there."""
    expected = house.settings.callback_token
    if expected is None or not hmac.compare_digest(expected.get_secret_value().encode(), token.encode()):
        raise NotFound("没有这一页。")


FOR_PROVIDER: Any = Depends(only_the_provider)

READERS: dict[Callable[..., Any], str] = {
    current_coordinator: "coordinator",
    coordinator_at_the_door: "coordinator",
    current_gate: "gate",
    current_volunteer: "volunteer",
    current_guardian: "guardian",
    current_leader: "leader",
    only_the_provider: "provider",
    current_feed: "feed",
}


@dataclass(frozen=True)
class Declared:
    """One route and who may come: `readers` is empty where nobody said it."""

    path: str
    methods: tuple[str, ...]
    readers: tuple[str, ...]
    reasons: tuple[str, ...] = ()


def declared_routes(app: FastAPI) -> list[Declared]:
    """Return every route of the app, those of included routers too, with its readers."""
    return list(_walk(app, app.routes, ""))


def check_declared(app: FastAPI) -> None:
    """Raise NotConfigured naming the routes that declare no reader."""
    silent = [
        f"{' '.join(route.methods)} {route.path}" for route in declared_routes(app) if not route.readers
    ]
    if silent:
        raise NotConfigured(
            "these routes do not say who may read them (escort/web/policy.py, deps.py): " + ", ".join(silent)
        )


def _walk(app: FastAPI, routes: list[BaseRoute], prefix: str) -> Iterator[Declared]:
    documentation = {app.openapi_url, app.docs_url, app.redoc_url, app.swagger_ui_oauth2_redirect_url} - {
        None
    }
    for context in iter_route_contexts(routes):
        route = context.original_route
        path = prefix + (context.path or "")
        methods = tuple(sorted(getattr(context, "methods", None) or ("ANY",)))
        if isinstance(route, Mount) and path not in OPEN_MOUNTS:
            yield from _walk(app, list(route.routes), path)
            if not route.routes:
                yield Declared(path, methods, ())
            continue
        if isinstance(route, Mount) or path in documentation:
            yield Declared(path, methods, ("public",), ("static files, or the description of the interface",))
            continue
        found = list(_policies(getattr(context, "dependant", None)))
        yield Declared(path, methods, tuple(name for name, _ in found), tuple(why for _, why in found if why))


def _policies(dependant: Dependant | None) -> Iterator[tuple[str, str]]:
    """Yield the readers that a route's dependencies name, however deep they stand."""
    if dependant is None:
        return
    for needed in dependant.dependencies:
        call = needed.call
        if isinstance(call, Public | DemoOnly):
            yield call.reader, call.reason
        elif call in READERS:
            yield READERS[call], ""
        yield from _policies(needed)


OPEN_MOUNTS = frozenset({"/static"})
