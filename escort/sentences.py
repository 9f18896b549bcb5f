"""Sentences that readers are shown: written in 简体 where they arise, said in the reader's language at the edge.

`mark` names a text for the catalogue. A `Sentence` has values in it and remembers which, so that the page can say
it in another language; everywhere else it is the 简体 text, and that is what a store or a message keeps of it.
"""

from collections.abc import Callable
from typing import Any


def mark(text: str) -> str:
    """Mark a text for the message catalogue without translating it here."""
    return text


class Sentence(str):
    """A 简体 text made of a marked pattern and its values: Sentence("%(name)s没有登记。", name="王师傅").

    A value that is itself a Sentence is translated too; any other, such as a name or a number, stays as it is.
    A Sentence of a Sentence is that one.
    """

    pattern: str
    values: dict[str, object]

    def __new__(cls, pattern: str, /, **values: object) -> "Sentence":
        if isinstance(pattern, Sentence) and not values:
            return pattern
        made = super().__new__(cls, pattern % values if values else pattern)
        made.pattern, made.values = pattern, values
        return made

    def __str__(self) -> str:
        """Return itself: an exception's text then still knows its pattern."""
        return self


def translated(sentence: str, gettext: Callable[[str], Any]) -> str:
    """Return the sentence in the language of `gettext`; a text that is in no catalogue comes back as it is."""
    if not isinstance(sentence, Sentence):
        return str(gettext(sentence)) if sentence else ""
    values = {
        name: translated(value, gettext) if isinstance(value, Sentence) else value
        for name, value in sentence.values.items()
    }
    pattern = str(gettext(sentence.pattern))
    return pattern % values if values else pattern
