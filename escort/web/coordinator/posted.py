"""A posted form as it was typed, so that a mistake gives it back unchanged."""

from collections.abc import Collection, Mapping
from typing import Annotated

from fastapi import Depends, Request

from escort.errors import Refused

Typed = Mapping[str, str | list[str]]
NOT_OURS = frozenset({"csrf_token", "do"})


async def read_typed(request: Request) -> dict[str, list[str]]:
    form = await request.form()
    return {name: [str(value) for value in form.getlist(name)] for name in form}


TypedDep = Annotated[dict[str, list[str]], Depends(read_typed)]


def posted_number(text: object) -> int:
    """Return a number that the page itself wrote into its form. Raises Refused for anything else."""
    if not (isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 10):
        raise Refused("这一页开得太久了，请刷新后再改。")
    return int(text)


def filled(
    typed: Mapping[str, list[str]], *, boxes: Collection[str] = (), lists: Collection[str] = ()
) -> dict[str, str | list[str]]:
    """Return the fields for a form's reader: boxes that were not ticked are said to be so, lists stay lists."""
    fields: dict[str, str | list[str]] = {name: values[-1] for name, values in typed.items() if values}
    fields |= {name: typed.get(name, []) for name in lists}
    fields |= {name: "on" if name in typed else "" for name in boxes}
    return {name: value for name, value in fields.items() if name not in NOT_OURS}
