"""The languages of the pages: which one a reader gets, what each text is in it, and the switch at a page's foot.

Pages are written in 简体; the catalogues beside this file hold the other two. They are read once, when a page first
needs them, so that nothing has to be compiled and a text mended in a catalogue is a text mended on the page.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from fastapi import Request, Response

from escort.sentences import translated
from escort.web import cookies

DEFAULT = "zh-Hans"
LANGUAGES = {DEFAULT: "简体", "zh-Hant": "繁體", "en": "English"}
"""Each language under its own name: whoever cannot read the page finds it all the same."""

LOCALE = Path(__file__).parent / "locale"
REMEMBERED_FOR = timedelta(days=400)  # as long as browsers keep a cookie


@dataclass(frozen=True)
class Choice:
    code: str
    name: str
    href: str
    is_current: bool


def language_of(request: Request, *, is_https: bool) -> str:
    """Return the language of this page: as just chosen, else as remembered, else 简体.

    What the browser asks for is not asked: many a phone in the district came with its settings in English.
    """
    asked = request.query_params.get(PARAMETER)
    kept = cookies.plain(request, is_https, COOKIE)
    return next((code for code in (asked, kept) if code in LANGUAGES), DEFAULT)


def remember_choice(request: Request, response: Response, *, is_https: bool) -> None:
    """Keep in the browser what its reader chose on this page. Nothing else anywhere changes by it."""
    asked = request.query_params.get(PARAMETER)
    if asked in LANGUAGES:
        cookies.set_plain(response, is_https=is_https, name=COOKIE, value=asked, lasts=REMEMBERED_FOR)


def choices(request: Request, current: str) -> list[Choice]:
    """Return the switch at the foot: this very page in each language.

    A page that answers a posted form has none: following a link there would lose what was typed.
    """
    if request.method != "GET":
        return []
    addresses = ((code, request.url.include_query_params(**{PARAMETER: code})) for code in LANGUAGES)
    return [
        Choice(code, LANGUAGES[code], f"{address.path}?{address.query}", code == current)
        for code, address in addresses
    ]


@cache
def catalogue(language: str) -> NullTranslations:
    """Return the texts of a language; 简体 needs none."""
    if language not in LANGUAGES or language == DEFAULT:
        return NullTranslations()
    folder = language.replace("-", "_")
    with (LOCALE / folder / "LC_MESSAGES" / "messages.po").open("rb") as file:
        texts = read_po(file, locale=folder)
    compiled = BytesIO()
    write_mo(compiled, texts)
    compiled.seek(0)
    return GNUTranslations(compiled)


def say(language: str, sentence: str) -> str:
    """Return a sentence from below, such as an error's, in the reader's language."""
    return translated(sentence, catalogue(language).gettext)


PARAMETER = "lang"
COOKIE = "dj_language"
