"""The week for the office's wall, as values for `rota.typ`: who drives whom, half-day by half-day, and no place."""

from collections.abc import Mapping
from typing import Any

from escort.rota.week import HALF_DAYS, Cell, CellCode, Row, WeekMatrix
from escort.sentences import mark
from escort.web.paper.words import Words
from escort.web.status import status


def values(matrix: WeekMatrix, words: Words, *, foot: str) -> dict[str, Any]:
    """Return the schools, or teams, whose rows are open."""
    shown = [group for group in matrix.groups if group.is_open]
    counts: dict[CellCode, int] = {}
    for group in shown:
        for code, number in group.counts.items():
            counts[code] = counts.get(code, 0) + number
    return {
        "title": words(mark("排班表 %(days)s"), days=words.span(matrix.days[0], matrix.days[-1])),
        "lang": words.language[:2],
        "sums": _sums(counts, words),
        "legend": words(mark("名字后面没有字的都答应了。粗虚线框：还没有人。")),
        "child": words(mark("孩子")),
        "halves": [words(mark("上学")), words(mark("放学"))],
        "days": [
            {
                "name": f"{words.times.weekday(day)} {day.day}",
                "sums": _sums(matrix.by_day.get(day, {}), words),
            }
            if len(shown) == len(matrix.groups)
            else {"name": f"{words.times.weekday(day)} {day.day}", "sums": ""}
            for day in matrix.days
        ],
        "schools": [
            {
                "name": group.name or words(mark("没有车队")),
                "sums": _sums(group.counts, words),
                "rows": [_row(row, matrix, words) for row in group.rows],
            }
            for group in shown
        ],
        "foot": foot,
    }


def _row(row: Row, matrix: WeekMatrix, words: Words) -> dict[str, Any]:
    cells = [row.cells.get((day, half)) for day in matrix.days for half in HALF_DAYS]
    return {"name": row.name, "cells": [_cell(cell, words) for cell in cells]}


def _cell(cell: Cell | None, words: Words) -> dict[str, Any]:
    if cell is None:
        return {"text": "", "hole": False}
    state = words(status(cell.code).word)
    if cell.code in (CellCode.CONFIRMED, CellCode.DELIVERED):
        return {"text": cell.name, "hole": False}
    return {"text": f"{cell.name} {state}".strip(), "hole": cell.code == CellCode.UNASSIGNED}


def _sums(counts: Mapping[CellCode, int], words: Words) -> str:
    said = [
        words(word, n=counts[code])
        for code, word in (
            (CellCode.UNASSIGNED, mark("缺 %(n)s")),
            (CellCode.ASKED, mark("待回 %(n)s")),
            (CellCode.SWAP, mark("换 %(n)s")),
            (CellCode.DRAFT, mark("草稿 %(n)s")),
        )
        if counts.get(code)
    ]
    return " · ".join(said) or (words(mark("全有人")) if counts else "")
