"""The volunteer's form: what the office types, checked and tidied before it becomes a row."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from escort.filled_form import (
    FilledForm,
    MaybeDate,
    MaybeGender,
    MaybeId,
    Plate,
    YesNo,
    number_of,
    text_of,
)
from escort.geocoding import PIDU, parse_shared_place
from escort.roster.models import Volunteer
from escort.sentences import Sentence, mark
from escort.typed_values import read_name, read_phone, read_text
from scheduling.travel import Point

FEWEST_SEATS, MOST_SEATS = 2, 9  # with the driver's; a car of more seats needs another licence
HIGHEST_CAP, DEFAULT_CAP = 14, 2  # duties a week
HIGHEST_MONTH = 60  # duties a month: two a day, and then some
SCHOOL_BUS_SEATS = 7  # from so many seats on, a car that brings pupils may count as a school bus
NEVER = "0" * 14


def _name(value: object) -> str:
    return read_name(str(value or ""))


def _phone(value: object) -> str:
    phone = read_phone(str(value or ""))
    if phone is None:
        raise ValueError("手机号没填，请填 11 位手机号。")
    return phone


def _maybe_phone(value: object) -> str | None:
    return read_phone(str(value or ""))


def _home(value: object) -> Point | None:
    if value is None or isinstance(value, Point):
        return value
    text = read_text(str(value))
    if not text:
        return None
    point = parse_shared_place(text)
    if point is None:
        raise ValueError("看不懂这个地点，请粘贴“30.8214,103.8648”这样的坐标，或地图里“分享”出来的整段文字。")
    if not PIDU.contains(point):
        raise ValueError("住址不在本区范围内，请核对坐标。")
    return point


def read_cap_month(value: object) -> int | None:
    """Return how many duties a month are allowed; None for a blank: no limit but the week's."""
    text = read_text(str(value if value is not None else ""))
    if not text:
        return None
    return number_of("每月最多次数", 1, HIGHEST_MONTH, default=HIGHEST_MONTH)(text)


def _pattern(value: object) -> str:
    """Fourteen 0/1 characters, or the ticked boxes' numbers (weekday * 2 + half-day, Monday first)."""
    if isinstance(value, str) and len(value) == 14 and set(value) <= {"0", "1"}:
        return value
    ticked = value if isinstance(value, list | tuple | set | frozenset) else [value] if value else []
    places = {str(box) for box in ticked}
    if not places <= {str(place) for place in range(14)}:
        raise ValueError("可出车的时间看不懂，请重新勾选。")
    return "".join("1" if str(place) in places else "0" for place in range(14))


class VolunteerFields(FilledForm):
    """All that is kept of a volunteer but the number. `seats` counts the driver's, as a car's papers do."""

    name: Annotated[str, BeforeValidator(_name), Field(title=mark("姓名"))]
    gender: MaybeGender = Field(None, title=mark("性别"))
    team_id: MaybeId = Field(None, title=mark("车队"))
    address: Annotated[str, BeforeValidator(text_of(120, "住址"))] = Field("", title=mark("住址"))
    home: Annotated[Point | None, BeforeValidator(_home)] = Field(None, title=mark("住址坐标"))
    plate: Plate = Field("", title=mark("车牌号"))
    car_model: Annotated[str, BeforeValidator(text_of(40, "车型"))] = Field("", title=mark("车型"))
    car_colour: Annotated[str, BeforeValidator(text_of(10, "颜色"))] = Field("", title=mark("颜色"))
    seats: Annotated[
        int, BeforeValidator(number_of("座位数（含司机）", FEWEST_SEATS, MOST_SEATS, default=5))
    ] = Field(5, title=mark("座位数（含司机）"))
    child_seats: Annotated[int, BeforeValidator(number_of("儿童座椅", 0, 8, default=0))] = Field(
        0, title=mark("儿童座椅")
    )
    wheelchair: YesNo = Field(False, title=mark("能放轮椅"))
    pattern: Annotated[str, BeforeValidator(_pattern)] = Field(NEVER, title=mark("什么时候能去"))
    cap_week: Annotated[
        int, BeforeValidator(number_of("每周最多次数", 1, HIGHEST_CAP, default=DEFAULT_CAP))
    ] = Field(DEFAULT_CAP, title=mark("每周最多次数"))
    cap_month: Annotated[int | None, BeforeValidator(read_cap_month)] = Field(
        None, title=mark("每月最多次数")
    )
    max_approach_km: Annotated[int, BeforeValidator(number_of("最远接人公里数", 1, 40, default=10))] = Field(
        10, title=mark("最远接人公里数")
    )
    vetted_on: MaybeDate = Field(None, title=mark("无犯罪记录查询日期"))
    licence_until: MaybeDate = Field(None, title=mark("驾驶证有效期"))
    insured_until: MaybeDate = Field(None, title=mark("座位险有效期"))
    girls_only: YesNo = Field(False, title=mark("只接女孩"))
    remark: Annotated[str, BeforeValidator(text_of(200, "备注"))] = Field("", title=mark("备注"))
    shares_phone: YesNo = Field(False, title=mark("和家人共用手机号"))

    @field_validator("child_seats")
    @classmethod
    def _child_seats_fit(cls, value: int, info: ValidationInfo) -> int:
        seats = info.data.get("seats")  # absent when it is wrong itself
        if seats is not None and value > seats - 1:
            raise ValueError(
                Sentence("儿童座椅 %(value)s 个，超过乘客座位 %(n)s 个，请核对。", value=value, n=seats - 1)
            )
        return value

    def columns(self) -> dict[str, Any]:
        """Return the values of the volunteer's own columns; the phone lives in `notifications`."""
        kept = self.model_dump(exclude={"phone", "home", "seats", "shares_phone", "gender"})
        return kept | {
            "gender": str(self.gender) if self.gender else None,
            "lat": self.home.lat if self.home else None,
            "lon": self.home.lon if self.home else None,
            "seats": self.seats - 1,
            "pattern_understood": True,
        }


class NewVolunteer(VolunteerFields):
    """The form of somebody whom the office adds by hand."""

    phone: Annotated[str, BeforeValidator(_phone), Field(title=mark("手机号"))]


class ChangedVolunteer(VolunteerFields):
    """The form of somebody known. The number is shown masked: left blank, it stays as it is."""

    phone: Annotated[str | None, BeforeValidator(_maybe_phone)] = Field(None, title=mark("手机号"))


def form_of(volunteer: Volunteer) -> dict[str, object]:
    """Return what the form shows of a volunteer, without the number; read back unchanged, it changes nothing."""
    same = (
        "name gender team_id address plate car_model car_colour child_seats wheelchair pattern cap_week "
        "cap_month vetted_on licence_until insured_until girls_only remark"
    )
    shown: dict[str, object] = {field: getattr(volunteer, field) for field in same.split()}
    has_home = volunteer.lat is not None and volunteer.lon is not None
    return shown | {
        "home": f"{volunteer.lat},{volunteer.lon}" if has_home else "",
        "seats": volunteer.seats + 1,
        "max_approach_km": round(volunteer.max_approach_km),
    }
