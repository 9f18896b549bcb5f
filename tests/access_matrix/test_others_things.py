"""At his own door, with another's ids: nothing is shown, nothing is changed."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI

from escort.web import policy
from escort.web.deps import House
from tests.access_matrix.world import NOON, Visitor, World, at, move_clock, snapshot
from tests.access_matrix.world import ON as TODAY

Body = Callable[[World], dict[str, Any]]


def json(body: Callable[[World], Any]) -> Body:
    return lambda world: {"json": body(world)}


def data(body: Callable[[World], dict[str, Any]]) -> Body:
    return lambda world: {"data": body(world)}


def a_tap(world: World) -> list[dict[str, Any]]:
    return [{"uuid": "11111111-theirs", "leg": world.yang.leg.id, "step": "on_board", "at": NOON.isoformat()}]


PRESSED = data(lambda _: {"uuid": "22222222-theirs"})
OF_WANG = data(lambda world: {"uuid": world.tap.uuid})

# who comes, route, address, body: 杨小雨's things, shown by people of another family, school or car
TRIES: list[tuple[str, str, Callable[[World], str], Body]] = [
    # a volunteer with nothing to do, and the driver of another child
    *[
        (who, route, address, body)
        for who in ("stranger", "chen")
        for route, address, body in (
            ("GET /v/{token}/run/{run_id}", lambda w: f"/run/{w.yang.run.id}", data(lambda _: {})),
            ("POST /v/{token}/taps", lambda _: "/taps", json(a_tap)),
            (
                "POST /v/{token}/undo",
                lambda _: "/undo",
                data(lambda w: {"uuid": [w.tap.uuid], "run": w.yang.run.id}),
            ),
            (
                "POST /v/{token}/trouble",
                lambda _: "/trouble",
                data(lambda w: {"run": w.yang.run.id, "what": "late"}),
            ),
            (
                "POST /v/{token}/phones/{device_id}/revoke",
                lambda w: f"/phones/{w.phones['wang']}/revoke",
                data(lambda _: {}),
            ),
            (
                "GET /v/{token}/replace/{shift_id}",
                lambda w: f"/replace/{w.yang.shift.id}",
                data(lambda _: {}),
            ),
            *[
                (
                    f"POST /v/{{token}}/replace/{{shift_id}}/{what}",
                    lambda w, what=what: f"/replace/{w.yang.shift.id}/{what}",
                    data(lambda _, form=form: form),
                )
                for what, form in (
                    ("search", {}),
                    ("name", {"who": "陈秀英大姐"}),
                    ("swap", {"who": "陈秀英大姐", "on": "2021-04-08", "half_day": "to_school"}),
                    ("keep", {}),
                )
            ],
            (
                "POST /v/{token}/run/{run_id}/car",
                lambda w: f"/run/{w.yang.run.id}/car",
                data(lambda _: {"plate": "川A23456", "colour": "白", "seats": "4", "is_insured": "on"}),
            ),
            (
                "POST /v/{token}/run/{run_id}/car/known",
                lambda w: f"/run/{w.yang.run.id}/car/known",
                data(lambda _: {}),
            ),
            (
                "POST /v/{token}/standing/end",
                lambda _: "/standing/end",
                data(lambda w: {"standing": w.standing.id}),
            ),
        )
    ],
    # the ask of 陈姐, answered by others
    *[
        (
            who,
            "POST /v/{token}/answer",
            lambda _: "/answer",
            data(lambda w: {"answer": "yes", "ask": w.offer.ask_id}),
        )
        for who in ("stranger", "wang")
    ],
    *[
        (who, "POST /v/{token}/take-back", lambda _: "/take-back", data(lambda w: {"offer": w.offer.id}))
        for who in ("stranger", "wang")
    ],
    # the leader of another team
    *[
        ("lead_far", route, address, body)
        for route, address, body in (
            ("GET /t/{token}/runs/{run_id}", lambda w: f"/runs/{w.yang.run.id}", data(lambda _: {})),
            (
                "POST /t/{token}/runs/{run_id}/ask",
                lambda w: f"/runs/{w.yang.run.id}/ask",
                data(lambda w: {"volunteer_ids": [w.yang.driver.id]}),
            ),
            (
                "POST /t/{token}/runs/{run_id}/record",
                lambda w: f"/runs/{w.tomorrow.run.id}/record",
                data(lambda w: {"volunteer_id": w.offer.volunteer_id, "answer": "yes", "how": "phone"}),
            ),
            (
                "POST /t/{token}/people/{volunteer_id}/phone",
                lambda w: f"/people/{w.yang.driver.id}/phone",
                data(lambda _: {}),
            ),
            (
                "GET /t/{token}/newcomers/{volunteer_id}",
                lambda w: f"/newcomers/{w.introduction.newcomer_id}",
                data(lambda _: {}),
            ),
            (
                "POST /t/{token}/newcomers/{volunteer_id}/rides",
                lambda w: f"/newcomers/{w.introduction.newcomer_id}/rides",
                data(lambda w: {"run_id": w.yang.run.id}),
            ),
            (
                "POST /t/{token}/rides/{introduction_id}/yes",
                lambda w: f"/rides/{w.introduction.id}/yes",
                data(lambda _: {"side": "driver", "how": "phone"}),
            ),
            (
                "POST /t/{token}/rides/{introduction_id}/done",
                lambda w: f"/rides/{w.introduction.id}/done",
                data(lambda _: {}),
            ),
            (
                "POST /t/{token}/rides/{introduction_id}/call-off",
                lambda w: f"/rides/{w.introduction.id}/call-off",
                data(lambda _: {}),
            ),
            (
                "POST /t/{token}/phones/{device_id}/revoke",
                lambda w: f"/phones/{w.phones['wang']}/revoke",
                data(lambda _: {}),
            ),
        )
    ],
    # another family
    ("shi", "POST /f/{token}/cancel", lambda _: "/cancel", data(lambda w: {"leg": [w.yang.leg.id]})),
    (
        "shi",
        "POST /f/{token}/not-this-person",
        lambda _: "/not-this-person",
        data(lambda w: {"leg": w.yang.leg.id}),
    ),
    ("shi", "POST /f/{token}/not-home", lambda _: "/not-home", data(lambda w: {"leg": w.yang.leg.id})),
    (
        "shi",
        "POST /f/{token}/arrived",
        lambda _: "/arrived",
        data(lambda w: {"leg": w.yang.leg.id, "uuid": "33333333-theirs"}),
    ),
    *[
        (
            "shi",
            f"POST /f/{{token}}{path}",
            lambda _, path=path: path,
            data(lambda w, more=more: {"child": w.yang.leg.child_id, **more}),
        )
        for path, more in (
            ("/pause", {"why": "sick", "until_on": TODAY.isoformat()}),
            ("/pause/lift", {"pause": 1}),
            ("/next-term", {"answer": "yes"}),
        )
    ],
    ("shi", "POST /f/{token}/keep", lambda _: "/keep", data(lambda w: {"leg": w.yang.leg.id})),
    (
        "shi",
        "POST /f/{token}/phones/{device_id}/revoke",
        lambda w: f"/phones/{w.phones['yang']}/revoke",
        data(lambda _: {}),
    ),
    # another school's gate
    (
        "gate_shi",
        "POST /gate/legs/{leg_id}/word",
        lambda w: f"/gate/legs/{w.yang.leg.id}/word",
        data(lambda _: {}),
    ),
    (
        "gate_shi",
        "POST /gate/legs/{leg_id}/handover",
        lambda w: f"/gate/legs/{w.yang.leg.id}/handover",
        PRESSED,
    ),
    (
        "gate_shi",
        "POST /gate/legs/{leg_id}/collected",
        lambda w: f"/gate/legs/{w.yang.leg.id}/collected",
        PRESSED,
    ),
    (
        "gate_shi",
        "POST /gate/legs/{leg_id}/hold",
        lambda w: f"/gate/legs/{w.yang.leg.id}/hold",
        data(lambda _: {}),
    ),
    (
        "gate_shi",
        "POST /gate/early/{report_id}/withdraw",
        lambda w: f"/gate/early/{w.report.id}/withdraw",
        data(lambda _: {}),
    ),
    ("gate_shi", "POST /gate/undo", lambda _: "/gate/undo", OF_WANG),
]

# Routes of link and gate that take nobody's ids: they only know who is asking.
OWN_ONLY = {
    "GET /v/{token}",
    "POST /v/{token}/bind",
    "POST /v/{token}/blockouts",
    "POST /v/{token}/calendar",
    "POST /v/{token}/calendar/stop",
    "GET /v/{token}/phones",
    "GET /v/{token}/me",
    "GET /v/{token}/standing",
    "POST /v/{token}/standing",
    "GET /v/{token}/replace",
    "POST /v/{token}/month",
    "POST /v/{token}/limits",
    "GET /v/{token}/rotation",
    "POST /v/{token}/rotation",
    "GET /t/{token}",
    "POST /t/{token}/bind",
    "GET /t/{token}/people",
    "GET /t/{token}/newcomers/new",
    "POST /t/{token}/newcomers/new",
    "GET /t/{token}/phones",
    "GET /f/{token}",
    "GET /f/{token}/cancel",
    "GET /f/{token}/pause",
    "POST /f/{token}/bind",
    "GET /f/{token}/phones",
    "GET /gate",
    "GET /gate/live",
    "GET /gate/early",
    "POST /gate/early",
    "POST /gate/sheet",
    "POST /gate/sheet/pdf",
    "POST /gate/hold",
}


@pytest.mark.parametrize(
    ("who", "route", "address", "body"), TRIES, ids=[f"{who}: {route}" for who, route, _, _ in TRIES]
)
def test_anothers_things_are_neither_shown_nor_changed(
    house: House,
    world: World,
    people: dict[str, Visitor],
    who: str,
    route: str,
    address: Callable[[World], str],
    body: Body,
) -> None:
    visitor = people[who]
    move_clock(house, at(TODAY, "07:45"))  # W-duty and W-gate are open for those whose leg it is
    before = snapshot(house.store)
    doors = {"volunteer": "/v", "guardian": "/f", "leader": "/t"}
    prefix = f"{doors[visitor.reader]}/{visitor.token}" if visitor.reader in doors else ""
    method = route.split()[0]
    sent = body(world) if method == "POST" else {}

    answer = visitor.client.request(method, prefix + address(world), headers=visitor.headers, **sent)

    assert answer.status_code not in (422, 500), answer.text
    hidden = world.yang.secrets_of_child() + world.yang.words(house.store)
    assert [secret for secret in hidden if secret in answer.text] == []
    assert snapshot(house.store) == before


def test_every_route_that_takes_ids_is_tried(app: FastAPI) -> None:
    doors = {
        f"{method} {route.path}"
        for route in policy.declared_routes(app)
        for method in route.methods
        if {"volunteer", "leader", "guardian", "gate"} & {*route.readers}
        and method not in ("HEAD", "OPTIONS")
    }

    assert doors - OWN_ONLY - {route for _, route, _, _ in TRIES} == set()
