"""What is said: a registered template, its parameters, and the text that they make in the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_LANGUAGE = "zh-Hans"


@dataclass(frozen=True)
class Wording:
    """One thing said to one reader. Raises ValueError if it has no template key or nothing to say."""

    key: str
    parameters: Mapping[str, str]
    text: str
    language: str = DEFAULT_LANGUAGE

    def __post_init__(self) -> None:
        if not self.key or not self.text.strip():
            raise ValueError("a wording needs a template key and a text")
