"""The two forms of a child: six fields to begin with, and what makes it ready to be escorted."""

from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from escort.families.models import TellBy
from escort.families.needs import checked_note
from escort.filled_form import FilledForm, FormMistakes, MaybeDate, MaybeGender, MaybeId, YesNo, text_of
from escort.sentences import Sentence, mark
from escort.typed_values import half_width, read_name, read_phone, read_text

WEEKDAYS_DEFAULT = "1111100"
CONSENT_VERSION = "2"  # of the notice that guardians sign now


def read_weekdays(value: object) -> str:
    """Seven 0/1 characters, or the ticked boxes' numbers, Monday 0."""
    if isinstance(value, str) and len(value) == 7 and set(value) <= {"0", "1"}:
        text = value
    else:
        ticked = value if isinstance(value, list | tuple | set | frozenset) else [value] if value else []
        boxes = {str(box) for box in ticked}
        if not boxes <= {str(day) for day in range(7)}:
            raise ValueError("哪几天看不懂，请重新勾选。")
        text = "".join("1" if str(day) in boxes else "0" for day in range(7))
    if "1" not in text:
        raise ValueError("请至少勾选一天。")
    return text


def _phone(value: object) -> str:
    phone = read_phone(str(value or ""))
    if phone is None:
        raise ValueError("手机没填，请填收消息的人的 11 位手机号。")
    return phone


def _tell_by(value: object) -> TellBy:
    text = read_text(str(value or TellBy.SMS))
    if text not in set(TellBy):
        raise ValueError("请选怎么告诉家里。")
    return TellBy(text)


def _school(value: object) -> int:
    text = read_text(str(value or ""))
    if not text:
        raise ValueError("学校没选，请选一所学校。")
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ValueError("没有这所学校，请重新选择。")
    return int(text)


class ChildSetUp(FilledForm):
    """Six fields; the rest is defaulted and shown as such. Places are read by `places.read_place`."""

    short_name: Annotated[str, BeforeValidator(text_of(20, "小名", required=True))] = Field(
        title=mark("小名")
    )
    school_id: Annotated[int, BeforeValidator(_school)] = Field(title=mark("学校"))
    pickup: Annotated[str, BeforeValidator(text_of(500, "接的地方"))] = Field("", title=mark("接的地方"))
    dropoff: Annotated[str, BeforeValidator(text_of(500, "送到"))] = Field(
        "", title=mark("送到")
    )  # blank: as pickup
    tell_name: Annotated[str, BeforeValidator(text_of(40, "谁收消息", required=True))] = Field(
        title=mark("谁收消息")
    )
    phone: Annotated[str, BeforeValidator(_phone)] = Field(title=mark("手机"))

    pickup_id: MaybeId = Field(None, title=mark("接的地方"))
    dropoff_id: MaybeId = Field(None, title=mark("送到"))
    relation: Annotated[str, BeforeValidator(text_of(20, "关系"))] = Field("", title=mark("关系"))
    weekdays: Annotated[str, BeforeValidator(read_weekdays)] = Field(WEEKDAYS_DEFAULT, title=mark("哪几天"))
    to_school: YesNo = Field(True, title=mark("上学"))
    home_again: YesNo = Field(True, title=mark("放学"))
    from_on: MaybeDate = Field(None, title=mark("从哪天起"))
    until_on: MaybeDate = Field(None, title=mark("到哪天止"))
    street: Annotated[str, BeforeValidator(text_of(40, "街道"))] = Field("", title=mark("街道"))
    grade: Annotated[str, BeforeValidator(text_of(20, "年级"))] = Field("", title=mark("年级"))
    class_name: Annotated[str, BeforeValidator(text_of(40, "班级"))] = Field("", title=mark("班级"))
    gender: MaybeGender = Field(None, title=mark("性别"))
    child_seat: YesNo = Field(False, title=mark("要儿童座椅"))
    wheelchair: YesNo = Field(False, title=mark("坐轮椅"))
    female_driver: YesNo = Field(False, title=mark("只要女司机"))
    only_familiar: YesNo = Field(False, title=mark("只要熟面孔"))
    alone: YesNo = Field(False, title=mark("单独一车"))
    second_adult: YesNo = Field(False, title=mark("要第二个大人"))
    tell_by: Annotated[TellBy, BeforeValidator(_tell_by)] = Field(TellBy.SMS, title=mark("怎么告诉家里"))

    @field_validator("home_again")
    @classmethod
    def _wants_a_leg(cls, value: bool, info: ValidationInfo) -> bool:
        if not value and info.data.get("to_school") is False:
            raise ValueError("上学、放学都没有选，请至少选一个。")
        return value

    @field_validator("until_on")
    @classmethod
    def _ends_after_it_begins(cls, value: date | None, info: ValidationInfo) -> date | None:
        begins = info.data.get("from_on")
        if value is not None and begins is not None and value < begins:
            raise ValueError("结束日期早于开始日期，请核对。")
        return value


class PersonNamed(FilledForm):
    """A receiver: without a phone it is "to be completed"."""

    name: Annotated[str, BeforeValidator(text_of(40, "姓名", required=True))] = Field(title=mark("姓名"))
    phone: Annotated[str | None, BeforeValidator(lambda value: read_phone(str(value or "")))] = Field(
        None, title=mark("手机号")
    )


def read_people(text: str, *, field: str) -> list[PersonNamed]:
    """Return the people in "外婆 19900000001、邻居张婶", one line or several. Raises FormMistakes at `field`."""
    lines = [line.strip() for line in half_width(text).replace("、", "\n").replace(",", "\n").splitlines()]
    people = []
    for line in filter(None, lines):
        name = line.rstrip("0123456789 -+")
        try:
            people.append(PersonNamed.read({"name": name, "phone": line[len(name) :]}))
        except FormMistakes as mistake:
            raise FormMistakes(
                {field: Sentence("%(name)s：%(wrong)s", name=name or line, wrong=Sentence(mistake.sentence))}
            ) from mistake
    return people


class ChildCompletion(FilledForm):
    """Step two: full name, birth date and the signed consent; until then nobody is asked."""

    full_name: Annotated[str, BeforeValidator(lambda value: read_name(str(value or "")))] = Field(
        title=mark("全名")
    )
    born_on: MaybeDate = Field(title=mark("出生日期"))
    consent_on: MaybeDate = Field(None, title=mark("同意书日期"))
    consent_version: Annotated[str, BeforeValidator(text_of(20, "同意书版本"))] = Field(
        CONSENT_VERSION, title=mark("同意书版本")
    )
    receivers: Annotated[str, BeforeValidator(lambda value: str(value or "")[:1000])] = Field(
        "", title=mark("谁可以接回")
    )
    barred: Annotated[str, BeforeValidator(lambda value: str(value or "")[:1000])] = Field(
        "", title=mark("不许接的人")
    )
    address: Annotated[str, BeforeValidator(text_of(120, "住址"))] = Field("", title=mark("住址"))
    diagnosis: Annotated[str, BeforeValidator(text_of(500, "诊断"))] = Field("", title=mark("诊断"))
    handling_note: Annotated[str, BeforeValidator(lambda value: checked_note(str(value or "")))] = Field(
        "", title=mark("路上要注意什么")
    )
    note_for_gate: YesNo = Field(False, title=mark("校门也看得到"))

    @field_validator("born_on")
    @classmethod
    def _is_given(cls, value: date | None) -> date:
        if value is None:
            raise ValueError("出生日期没填，请补上。")
        return value
