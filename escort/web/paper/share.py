"""A picture for a group of volunteers, as values for `share.typ`: the turns that nobody has, by time and area.

Whoever is in a group may not be who was asked: no name of anybody, no school, no plate, no number of a family.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from escort.rota.models import Direction
from escort.rota.open_runs import OpenRuns
from escort.sentences import mark
from escort.web.paper.words import Words


def values(
    runs: Sequence[OpenRuns], words: Words, *, district: str, duty_phone: str, first: date, last: date
) -> dict[str, Any]:
    missing = sum(run.missing for run in runs)
    left = sum(run.missing for run in runs[LINES:])
    return {
        "title": words(mark("还缺人")),
        "lang": words.language[:2],
        "district": words(mark("%(district)s 接送"), district=district),
        "heading": words.number(mark("还缺 %(num)s 位志愿者"), mark("还缺 %(num)s 位志愿者"), missing),
        "span": words.span(first, last),
        "runs": [_run(run, words) for run in runs[:LINES]],
        "more": words(mark("另外还缺 %(n)s 位，没有画在图里。"), n=left) if left else "",
        "what_to_do": words(mark("能去的，回您的队长，或打值班电话 %(phone)s。"), phone=duty_phone),
        "holds": words(mark("图里只有时间和地区。没有名字、学校、住址、车牌。")),
    }


def _run(run: OpenRuns, words: Words) -> dict[str, Any]:
    to_school = run.direction == Direction.TO_SCHOOL
    return {
        "day": f"{words.times.weekday(run.starts_at)} {words.times.date_of(run.starts_at).day}",
        "half": words(mark("上学")) if to_school else words(mark("放学")),
        "at": words.times.clock(run.starts_at),
        "from": run.from_area,
        "to": run.to_area,
        "missing": words(mark("缺 %(n)s 位"), n=run.missing),
    }


LINES = 14
"""More make a picture that nobody reads on a phone."""
