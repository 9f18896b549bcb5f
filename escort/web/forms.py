"""What forms may hold: named fields only, tidied lines of bounded length. A field we did not ask for is refused."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


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
OptionalInt = Annotated[int | None, _Blank]
Ids = Annotated[list[int], Field(max_length=200)]
Secret = Annotated[str, Field(max_length=1024)]  # as typed: passwords and codes are not tidied
