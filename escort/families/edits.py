"""One form for what the office changes about a child: needs, days, ways, places, and the people to tell."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from sqlmodel import Session

from escort.errors import Conflict, NotFound, Refused
from escort.families.escorts import End, change_days, change_place, escort_of
from escort.families.forms import read_weekdays
from escort.families.models import Escort, TellBy
from escort.families.people import (
    add_guardian,
    change_guardian_phone,
    guardians_of,
    set_roles,
    set_telling,
)
from escort.families.places import ChosenPlace, read_place
from escort.families.queries import NEEDS
from escort.families.service import change_needs, get_child
from escort.filled_form import FilledForm, FormMistakes, MaybeDate, MaybeId, YesNo, text_of
from escort.sentences import mark
from escort.typed_values import read_phone
from scheduling.travel import Point


class ChildEdit(FilledForm):
    """A child's needs and standing arrangement as they shall be; a blank place or number stays as it is."""

    child_seat: YesNo = Field(False, title=mark("要儿童座椅"))
    wheelchair: YesNo = Field(False, title=mark("坐轮椅"))
    female_driver: YesNo = Field(False, title=mark("只要女司机"))
    only_familiar: YesNo = Field(False, title=mark("只要熟面孔"))
    alone: YesNo = Field(False, title=mark("单独一车"))
    second_adult: YesNo = Field(False, title=mark("要第二个大人"))
    weekdays: Annotated[str, BeforeValidator(read_weekdays)] = Field(title=mark("哪几天"))
    to_school: YesNo = Field(False, title=mark("上学"))
    home_again: YesNo = Field(False, title=mark("放学"))
    from_on: MaybeDate = Field(title=mark("从哪天起"))
    until_on: MaybeDate = Field(None, title=mark("到哪天止"))
    pickup: Annotated[str, BeforeValidator(text_of(500, "接的地方"))] = Field("", title=mark("接的地方"))
    dropoff: Annotated[str, BeforeValidator(text_of(500, "送到"))] = Field("", title=mark("送到"))
    pickup_id: MaybeId = Field(None, title=mark("接的地方"))
    dropoff_id: MaybeId = Field(None, title=mark("送到"))
    new_name: Annotated[str, BeforeValidator(text_of(40, "姓名"))] = Field("", title=mark("姓名"))
    new_relation: Annotated[str, BeforeValidator(text_of(20, "关系"))] = Field("", title=mark("关系"))
    new_phone: Annotated[str | None, BeforeValidator(lambda value: read_phone(str(value or "")))] = Field(
        None, title=mark("手机")
    )
    new_is_proxy: YesNo = Field(False, title=mark("代为转告"))

    tell_by: Annotated[str, BeforeValidator(text_of(16, "怎么告诉家里"))] = Field(
        "", title=mark("怎么告诉家里")
    )
    confirms_arrival: YesNo = Field(False, title=mark("到家要家里人说一声"))

    @field_validator("tell_by")
    @classmethod
    def _is_a_way(cls, value: str) -> str:
        if value and value not in set(TellBy):
            raise ValueError("请从短信、打电话、请人转告、纸条里选一种。")
        return value

    @field_validator("home_again")
    @classmethod
    def _wants_a_leg(cls, value: bool, info: ValidationInfo) -> bool:
        if not value and info.data.get("to_school") is False:
            raise ValueError("上学、放学都没有选，请至少选一个。")
        return value

    @field_validator("from_on")
    @classmethod
    def _begins(cls, value: date | None) -> date:
        if value is None:
            raise ValueError("从哪天起没填，请补上。")
        return value

    @field_validator("until_on")
    @classmethod
    def _ends_after_it_begins(cls, value: date | None, info: ValidationInfo) -> date | None:
        begins = info.data.get("from_on")
        if value is not None and begins is not None and value < begins:
            raise ValueError("结束日期早于开始日期，请核对。")
        return value

    @field_validator("new_phone")
    @classmethod
    def _comes_with_a_name(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (value is None) != (not info.data.get("new_name")):
            raise ValueError("加一位收消息的人，姓名和手机都要填。")
        return value

    @property
    def telling(self) -> TellBy | None:
        return TellBy(self.tell_by) if self.tell_by else None

    @property
    def needs(self) -> set[str]:
        return {need for need in NEEDS if getattr(self, need)}


@dataclass(frozen=True, slots=True)
class PersonEdit:
    """What the form says of somebody who is told: roles as they shall be, a number only if it changes."""

    guardian_id: int
    gets_messages: bool
    is_proxy: bool
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Versions:
    """What the reader of the form had before his eyes."""

    child: int
    escort: int


def edit_child(
    session: Session,
    *,
    child_id: int,
    form: ChildEdit,
    people: Iterable[PersonEdit],
    versions: Versions,
    now: datetime,
    by: str,
) -> None:
    """Change what the form changes, and nothing else. Raises FormMistakes at the field, or Conflict.

    The rows alone: legs, and promises that were given for other needs, are brought up to date in rota.
    """
    child = get_child(session, child_id)
    escort = escort_of(session, child_id)
    if (child.version, escort.version) != (versions.child, versions.escort):
        raise Conflict("这个孩子的资料刚刚被别人改过，请刷新后再改。")
    home = Point(child.home_lat, child.home_lon) if child.home_lat and child.home_lon else None
    places = _places(session, form, home)
    if form.needs != {need for need in NEEDS if getattr(child, need)}:
        kept = {"rotate"} if child.rotate else set()
        change_needs(
            session, child_id=child_id, needs=form.needs | kept, version=child.version, now=now, by=by
        )
    version = versions.escort
    if _days_of(escort) != (form.weekdays, form.to_school, form.home_again, form.from_on, form.until_on):
        _change_days(session, child_id, form, version, now=now, by=by)
        version += 1
    for end, place in places.items():
        change_place(session, child_id=child_id, end=end, place=place, version=version, now=now, by=by)
        version += 1
    _change_people(session, child_id, form, people, now=now, by=by)
    if form.telling is not None:
        set_telling(
            session,
            child_id=child_id,
            tell_by=form.telling,
            confirms_arrival=form.confirms_arrival,
            now=now,
            by=by,
        )


def _days_of(escort: Escort) -> tuple[str, bool, bool, date, date | None]:
    return (escort.weekdays, escort.to_school, escort.home, escort.from_on, escort.until_on)


def _change_days(
    session: Session, child_id: int, form: ChildEdit, version: int, *, now: datetime, by: str
) -> None:
    assert form.from_on is not None  # the form's own rule
    change_days(
        session,
        child_id=child_id,
        weekdays=form.weekdays,
        to_school=form.to_school,
        home=form.home_again,
        from_on=form.from_on,
        until_on=form.until_on,
        version=version,
        now=now,
        by=by,
    )


def _places(session: Session, form: ChildEdit, home: Point | None) -> Mapping[End, ChosenPlace]:
    """Return the ends that the form changes."""
    typed: dict[End, tuple[str, int | None]] = {
        "pickup": (form.pickup, form.pickup_id),
        "dropoff": (form.dropoff, form.dropoff_id),
    }
    return {
        end: read_place(session, text, home=home, place_id=place_id, field=end)
        for end, (text, place_id) in typed.items()
        if text or place_id is not None
    }


def _change_people(
    session: Session, child_id: int, form: ChildEdit, people: Iterable[PersonEdit], *, now: datetime, by: str
) -> None:
    """Add first and let go last, so that at each moment somebody gets the messages."""
    known = {guardian.id: guardian for guardian in guardians_of(session, child_id)}
    if form.new_name and form.new_phone:
        try:
            add_guardian(
                session,
                child_id=child_id,
                name=form.new_name,
                phone=form.new_phone,
                relation=form.new_relation,
                is_proxy=form.new_is_proxy,
                now=now,
                by=by,
            )
        except ValueError as wrong:
            raise FormMistakes({"new_name": str(wrong)}) from wrong
    for person in sorted(people, key=lambda one: not one.gets_messages):
        guardian = known.get(person.guardian_id)
        if guardian is None:
            raise NotFound("没有这位联系人，请刷新页面。")
        try:
            if person.phone:
                change_guardian_phone(
                    session, guardian_id=person.guardian_id, phone=person.phone, now=now, by=by
                )
            if (guardian.gets_messages, guardian.is_proxy) != (person.gets_messages, person.is_proxy):
                set_roles(
                    session,
                    guardian_id=person.guardian_id,
                    gets_messages=person.gets_messages,
                    is_proxy=person.is_proxy,
                    now=now,
                    by=by,
                )
        except Refused as refused:
            raise FormMistakes({f"phone_{person.guardian_id}": refused.sentence}) from refused
