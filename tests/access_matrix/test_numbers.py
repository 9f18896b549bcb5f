"""Ids and days that no store can hold: told plainly, never a 500. Every route, not a list of them."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, get_args

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from tests.access_matrix.test_routes import _doors, _filled
from tests.access_matrix.world import Visitor, World

TOO_LARGE = 2**63  # SQLite's driver raises from here on; PostgreSQL's INTEGER ends at 2**31
BEYOND_REASON = (
    "/rota?week=0001-01-01",
    "/rota?week=9999-12-31",
    f"/rota?open={TOO_LARGE}",
    f"/rota/runs/1?turned_away={TOO_LARGE}",
    f"/children?offset={TOO_LARGE}",
    f"/volunteers?offset={TOO_LARGE}",
)


def test_an_id_that_no_row_has_is_no_fault_of_ours(
    app: FastAPI, world: World, people: dict[str, Visitor]
) -> None:
    tried = 0

    for visitor in people.values():
        for path, method, reader in _doors(app):
            if reader != visitor.reader or "_id}" not in path:
                continue
            for number in (TOO_LARGE, 2**31, 0, -1):
                address = _filled(re.sub(r"{\w+_id}", str(number), path), world, visitor.token)
                answer = visitor.client.request(method, address, headers=visitor.headers)
                tried += 1
                assert answer.status_code == 404, f"{method} {address} said {answer.status_code}"
                assert "没有这一页" in answer.text

    assert tried >= 160


def test_a_day_or_a_number_beyond_all_reason_is_told_plainly(people: dict[str, Visitor]) -> None:
    for address in BEYOND_REASON:
        answer = people["office"].client.get(address)

        assert answer.status_code == 422, address
        assert "有一项没有填对" in answer.text


def test_a_link_asks_for_no_number_beyond_all_reason(people: dict[str, Visitor]) -> None:
    wang = people["wang"]

    answer = wang.client.get(f"/v/{wang.token}?answered={TOO_LARGE}")

    assert answer.status_code == 422


def test_every_number_and_every_day_that_a_route_takes_has_bounds(app: FastAPI) -> None:
    """`escort/web/forms.py` has `RowId`, `Ids`, `Offset` and `Day` for them."""
    fields = [(where, name, info) for where, name, info in _fields(app)]

    assert len(fields) >= 100, "the walk must reach the forms"
    assert [f"{where}: {name}" for where, name, info in fields if _takes_anything(info)] == []


def _fields(app: FastAPI) -> Iterator[tuple[str, str, FieldInfo]]:
    """Yield (route, name, what it takes) of everything in paths, queries and forms, those in forms' models too."""
    for context in iter_route_contexts(app.routes):
        dependant: Any = getattr(context, "dependant", None)
        if not isinstance(dependant, Dependant):
            continue
        for field in _params(dependant):
            yield str(context.path), field.name, field.field_info
            for model in _models(field.field_info.annotation):
                for name, info in model.model_fields.items():
                    yield str(context.path), name, info


def _params(dependant: Dependant) -> Iterator[Any]:
    yield from (*dependant.path_params, *dependant.query_params, *dependant.body_params)
    for needed in dependant.dependencies:
        yield from _params(needed)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _takes_anything(info: FieldInfo) -> bool:
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[info.annotation, "as taken", *info.metadata])
    return any(_takes(adapter, value) for value in (TOO_LARGE, [TOO_LARGE], date.max, date.min, [date.max]))


def _takes(adapter: TypeAdapter[Any], value: object) -> bool:
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True
