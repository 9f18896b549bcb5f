"""Today's car as a form: the driver fills it in, or the office while he is on the telephone."""

from typing import Annotated

from pydantic import Field

from escort.journeys.changed_car import TodaysCar
from escort.web.forms import FormModel, OptionalLine20

Few = Annotated[int, Field(ge=0, le=9)]


class CarForm(FormModel):
    plate: OptionalLine20 = ""
    colour: OptionalLine20 = ""
    seats: Few = 0
    child_seats: Few = 0
    wheelchair: bool = False
    is_insured: bool = False

    def car(self) -> TodaysCar:
        return TodaysCar(**self.model_dump(exclude={"csrf_token"}))
