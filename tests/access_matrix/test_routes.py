"""Every route says who may read it, and nobody else passes, whatever he carries."""

import re
from typing import cast

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from escort.app import create_app
from escort.demo import pages
from escort.demo.gateway import gateway_router
from escort.demo.people import People
from escort.web import policy
from escort.web.deps import House
from escort.web.policy import Declared
from tests.access_matrix.world import Visitor, World, snapshot

# Open to all. A new line here is a decision that a second person looks at.
OPEN = {
    "/",
    "/sign-in",
    "/sign-in/code",
    "/sign-out",
    "/setup/{token}",
    "/gate/bind/{token}",
    "/livez",
    "/livez/{word}",
    "/readyz",
    "/healthz/dispatch",
    "/api/openapi.json",
    "/api/docs",
    "/static",
}
REFUSED = {401, 403, 404}


def test_every_route_declares_its_reader(app: FastAPI, capsys: pytest.CaptureFixture[str]) -> None:
    routes = policy.declared_routes(app)

    with capsys.disabled():
        print(f"\n{len(routes)} routes, {len({route.path for route in routes})} addresses")
    assert [route.path for route in routes if not route.readers] == []
    assert len(routes) >= 40, "the walk must reach the routes of included routers"


def test_the_walk_finds_as_many_routes_as_the_application_answers(app: FastAPI) -> None:
    walked = {(path, method) for path, method, _ in _doors(app)}

    assert {("/today", "GET"), ("/v/{token}/taps", "POST"), ("/gate/legs/{leg_id}/word", "POST")} <= walked


def test_a_real_district_has_no_demonstration_even_if_somebody_adds_its_pages(house: House) -> None:
    def add(app: FastAPI) -> None:
        app.include_router(pages.router)
        app.include_router(gateway_router(lambda: cast("People", None)))

    app = create_app(house, extra=add)
    client = TestClient(app, follow_redirects=False)
    doors = [(path, method) for path, method, reader in _doors(app) if reader == "demonstration"]

    answers = {
        client.request(method, re.sub(r"{\w+}", "volunteer:1", path)).status_code for path, method in doors
    }

    assert len(doors) >= 8
    assert answers == {404}


def test_what_is_open_to_all_is_written_down(app: FastAPI) -> None:
    found = [route for route in policy.declared_routes(app) if "public" in route.readers]

    assert {route.path for route in found} <= OPEN
    assert all(route.reasons and len(route.reasons[0]) > 10 for route in found)


def test_a_route_lets_in_one_kind_of_reader(app: FastAPI) -> None:
    assert [route.path for route in policy.declared_routes(app) if len(set(route.readers)) != 1] == []


def test_a_door_by_link_has_its_token_in_the_path(app: FastAPI) -> None:
    by_link = [
        route
        for route in policy.declared_routes(app)
        if {"volunteer", "leader", "guardian", "provider", "feed"} & {*route.readers}
    ]

    assert by_link
    assert [route.path for route in by_link if "{token}" not in route.path] == []


@pytest.mark.parametrize(
    "who",
    ["nobody", "office", "gate_yang", "wang", "wang_elsewhere", "stranger", "yang", "yang_elsewhere", "lead"],
)
def test_nobody_passes_a_door_that_is_not_his(
    app: FastAPI, house: House, world: World, people: dict[str, Visitor], who: str
) -> None:
    visitor = people[who]
    secrets = world.secrets_of_all(house.store)
    before = snapshot(house.store)
    tried = 0

    for path, method, reader in _doors(app):
        if reader in ("public", visitor.reader):
            continue
        address = _filled(path, world, visitor.token)
        answer = visitor.client.request(method, address, headers=visitor.headers)
        tried += 1
        if answer.status_code == 303:
            assert answer.headers["location"].startswith("/sign-in"), f"{who}: {method} {path}"
        else:
            assert answer.status_code in REFUSED, f"{who}: {method} {path} said {answer.status_code}"
        assert [secret for secret in secrets if secret in answer.text] == [], f"{who}: {method} {path}"

    assert tried >= 15
    assert snapshot(house.store) == before


@pytest.mark.parametrize("who", ["office", "gate_yang"])
def test_no_form_of_another_site_is_taken(
    app: FastAPI, house: House, world: World, people: dict[str, Visitor], who: str
) -> None:
    visitor = people[who]
    before = snapshot(house.store)

    for path, method, reader in _doors(app):
        if method == "GET" or reader not in (visitor.reader, "public"):
            continue
        address = _filled(path, world, visitor.token)
        with_token = {**visitor.headers, "sec-fetch-site": "cross-site"}
        cross = visitor.client.request(method, address, headers=with_token)
        assert cross.status_code == 403, f"{method} {path}"
        if reader == visitor.reader:
            assert visitor.client.request(method, address).status_code == 403, (
                f"{method} {path} without a token"
            )

    assert snapshot(house.store) == before


def test_opening_a_page_changes_nothing(
    app: FastAPI, house: House, world: World, people: dict[str, Visitor]
) -> None:
    before = snapshot(house.store)

    for visitor in people.values():
        for path, method, reader in _doors(app):
            if method == "GET" and reader in (visitor.reader, "public"):
                answer = visitor.client.get(_filled(path, world, visitor.token))
                assert answer.status_code != 500, f"{visitor.name}: {path}"

    assert snapshot(house.store) == before


def _doors(app: FastAPI) -> list[tuple[str, str, str]]:
    """Return (path, method, reader) of every route but files."""
    return [
        (route.path, method, route.readers[0])
        for route in policy.declared_routes(app)
        for method in route.methods
        if method not in ("HEAD", "OPTIONS", "ANY") and _is_door(route)
    ]


def _is_door(route: Declared) -> bool:
    return route.path not in policy.OPEN_MOUNTS


def _filled(path: str, world: World, token: str) -> str:
    """Return the path with the ids of 杨小雨's things. A new kind of id must be taught here."""
    yang = world.yang
    known = {
        "token": token,
        "word": "w" * 32,
        "leg_id": yang.leg.id,
        "run_id": yang.run.id,
        "child_id": yang.child.id,
        "case_id": world.case.id,
        "task_id": world.task.id,
        "ask_id": world.offer.ask_id,
        "volunteer_id": yang.driver.id,
        "account_id": world.accounts["gate_shi"],
        "subject": f"volunteer:{yang.driver.id}",
        "device_id": world.phones["wang"],
        "team_id": world.team_id,
        "introduction_id": world.introduction.id,
        "shift_id": yang.shift.id,
        "escort_id": yang.child.escort.id,
        "pause_id": 1,
        "report_id": 1,
        "school_id": yang.child.school.id,
        "receiver_id": 1,
        "barred_id": 1,
        "blockout_id": 1,
        "link_id": 1,
        "entry_id": 1,
        "change_id": 1,
        "day": "2021-04-07",
        "template_key": "ask.routine",
    }
    names = re.findall(r"{(\w+)(?::\w+)?}", path)
    assert set(names) <= set(known), f"{path}: which id is {set(names) - set(known)}?"
    for name in names:
        path = re.sub(rf"{{{name}(?::\w+)?}}", str(known[name]), path)
    return path
