"""The page of one run, as several handlers show it: with what was said, or with what is to be mended."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from sqlmodel import Session

from escort.journeys import taps, words
from escort.journeys.changed_car import COLOURS
from escort.journeys.run_view import RunView, run_view
from escort.web.deps import House, VolunteerHere
from escort.web.render import page


def a_run(session: Session, visitor: VolunteerHere, house: House, now: datetime, run_id: int) -> RunView:
    return run_view(
        session,
        volunteer_id=visitor.id,
        run_id=run_id,
        is_bound=visitor.bound,
        words_of=lambda shift_id, leg_id: " ".join(words.word_pair(house.store.keyring, shift_id, leg_id)),
        now=now,
        zone=house.zone,
    )


def run_page(
    request: Request,
    visitor: VolunteerHere,
    view: RunView,
    now: datetime,
    *,
    said: str = "",
    mistake: str = "",
    car_mistake: str = "",
    car_typed: Mapping[str, Any] | None = None,
    status_code: int = 200,
) -> Response:
    return page(
        request,
        "volunteer/run.html",
        status_code,
        view=view,
        token=visitor.token,
        bound=visitor.bound,
        said=said,
        mistake=mistake,
        car_mistake=car_mistake,
        car_typed=car_typed or {},
        car_colours=COLOURS,
        can_undo=view.last_tap is not None and now - view.last_tap.at <= taps.UNDO,
    )
