"""What a person typed into a form, checked field by field: every mistake is one plain sentence that says how to mend it."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from escort.errors import Refused
from escort.sentences import Sentence
from escort.typed_values import Gender, read_count, read_date, read_gender, read_plate, read_text, read_yes


class FormMistakes(Refused):
    """What is wrong with a form: field -> sentence. The first sentence stands for all."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(next(iter(fields.values())))
        self.fields = dict(fields)


class FilledForm(BaseModel):
    """The base of every form of the office. Unknown fields are refused: a page has no business to send them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def read(cls, typed: Mapping[str, object]) -> Self:
        """Return the form, or raise FormMistakes with a sentence for each field that cannot be taken."""
        try:
            return cls.model_validate(dict(typed))
        except ValidationError as mistakes:
            raise FormMistakes(
                {_field(mistake): cls._sentence(mistake) for mistake in reversed(mistakes.errors())}
            ) from mistakes

    @classmethod
    def _sentence(cls, mistake: Any) -> str:
        field = cls.model_fields.get(_field(mistake))
        label = (field.title if field else None) or _field(mistake)
        if mistake["type"] == "value_error":
            return str(mistake["ctx"]["error"].args[0])
        if mistake["type"] == "missing":
            return Sentence("%(label)s没填，请补上。", label=Sentence(label))
        if mistake["type"] == "extra_forbidden":
            return Sentence("表单里多了一项“%(name)s”，请刷新页面后重填。", name=label[:20])
        return Sentence("%(label)s看不懂，请核对。", label=Sentence(label))


def text_of(longest: int, label: str, *, required: bool = False) -> Callable[[object], str]:
    """Return a reader of one tidy line of at most `longest` characters."""

    def read(value: object) -> str:
        text = read_text(str(value)) if value is not None else ""
        if required and not text:
            raise ValueError(Sentence("%(label)s没填，请补上。", label=Sentence(label)))
        if len(text) > longest:
            raise ValueError(
                Sentence(
                    "%(label)s超过 %(longest)s 个字，请写短一些。", label=Sentence(label), longest=longest
                )
            )
        return text

    return read


def number_of(label: str, low: int, high: int, *, default: int | None = None) -> Callable[[object], int]:
    """Return a reader of a whole number ("5", "５座", "两次") within limits."""

    def read(value: object) -> int:
        number = (
            value if isinstance(value, int) and not isinstance(value, bool) else read_count(str(value or ""))
        )
        if number is None:
            if default is None:
                raise ValueError(Sentence("%(label)s没填，请补上。", label=Sentence(label)))
            return default
        if not low <= number <= high:
            raise ValueError(
                Sentence(
                    "%(label)s是 %(number)s，应在 %(low)s 到 %(high)s 之间，请核对。",
                    label=Sentence(label),
                    number=number,
                    low=low,
                    high=high,
                )
            )
        return number

    return read


def _date(value: object) -> date | None:
    return None if value is None else read_date(value if isinstance(value, date) else str(value))


def _yes(value: object) -> bool:
    return value if isinstance(value, bool) else value == "on" or bool(read_yes(str(value or "")))


def _gender(value: object) -> Gender | None:
    return None if value is None else read_gender(str(value))


def _id(value: object) -> int | None:
    text = str(value).strip() if value is not None else ""
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) > LARGEST_ID:
        raise ValueError("选中的那一项已经不在了，请重新选择。")
    return int(text)


def _field(mistake: Any) -> str:
    return str(mistake["loc"][0]) if mistake["loc"] else ""


LARGEST_ID = 2**31 - 1
MaybeDate = Annotated[date | None, BeforeValidator(_date)]
YesNo = Annotated[bool, BeforeValidator(_yes)]
MaybeGender = Annotated[Gender | None, BeforeValidator(_gender)]
MaybeId = Annotated[int | None, BeforeValidator(_id)]
Plate = Annotated[str, BeforeValidator(lambda value: read_plate(str(value or "")))]
