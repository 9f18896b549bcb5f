"""What forms may hold: named fields only, tidied lines of bounded length. A field we did not ask for is refused."""

import unicodedata
from datetime import date
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from escort.errors import Refused


class FormModel(BaseModel):
    """The base of every form: `form: Annotated[ThatForm, Form()]`. Extra fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    csrf_token: str = ""  # checked before the handler runs


def tidy(text: str) -> str:
    """Return one line without control and invisible characters, its spaces single and its ends bare."""
    kept = "".join(char if unicodedata.category(char)[0] != "C" else " " for char in text)
    return " ".join(kept.split())


def tidy_paragraph(text: str) -> str:
    """Return a text with its line breaks kept and everything else as in `tidy`."""
    lines = [tidy(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return "\n".join(lines).strip("\n")


def read_day(text: str) -> date | None:
    """Return the date that a field holds, None for a blank one. Raises Refused."""
    if not text.strip():
        return None
    try:
        return _DAY.validate_python(text.strip())
    except ValidationError as unreadable:
        raise Refused("日期没有看懂，请再选一次。") from unreadable


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("请填写这一项。")
    return text


_Tidy = BeforeValidator(lambda value: tidy(value) if isinstance(value, str) else value)
_Blank = BeforeValidator(_blank_is_none)

Line20 = Annotated[str, Field(max_length=20), _Tidy, AfterValidator(_not_empty)]
Line40 = Annotated[str, Field(max_length=40), _Tidy, AfterValidator(_not_empty)]
Line80 = Annotated[str, Field(max_length=80), _Tidy, AfterValidator(_not_empty)]
Line200 = Annotated[str, Field(max_length=200), _Tidy, AfterValidator(_not_empty)]
OptionalLine20 = Annotated[str, Field(max_length=20), _Tidy]
OptionalLine40 = Annotated[str, Field(max_length=40), _Tidy]
OptionalLine80 = Annotated[str, Field(max_length=80), _Tidy]
OptionalLine200 = Annotated[str, Field(max_length=200), _Tidy]
Paragraph = Annotated[
    str,
    Field(max_length=2000),
    BeforeValidator(lambda value: tidy_paragraph(value) if isinstance(value, str) else value),
]

LARGEST_ID = 2**31 - 1  # PostgreSQL's INTEGER; SQLite's driver raises from 2**63 on
RowId = Annotated[
    int, Field(ge=1, le=LARGEST_ID)
]  # in a path, a query or a form: a plain `int` ends in a 500
OptionalRowId = Annotated[RowId | None, _Blank]
Ids = Annotated[list[RowId], Field(max_length=200)]
Offset = Annotated[int, Field(ge=0, le=LARGEST_ID)]
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2099, 12, 31))]  # weeks and months around it exist
Secret = Annotated[str, Field(max_length=1024)]  # as typed: passwords and codes are not tidied
_DAY: TypeAdapter[date] = TypeAdapter(Day)
