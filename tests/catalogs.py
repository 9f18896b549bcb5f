"""The message catalogues against the texts that stand in the code: `make catalogs` brings them up to date.

New texts are entered untranslated and `tests/escort/web/test_catalogues.py` fails until somebody writes what they
are in each language; texts that no code says any more are dropped.
"""

from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

from escort.web.languages import LOCALE

ROOT = Path(__file__).parent.parent
FOLDERS = ("zh_Hant", "en")
METHODS = [("escort/**.py", "python"), ("escort/web/templates/**.html", "jinja2")]
OPTIONS: dict[str, dict[str, Any]] = {
    "escort/web/templates/**.html": {
        "extensions": "jinja2.ext.i18n,jinja2.ext.loopcontrols",
        "trim_blocks": "true",
        "lstrip_blocks": "true",
        "newstyle_gettext": "true",
        "silent": "false",
    }
}
ERRORS = (
    "Refused",
    "Conflict",
    "NotFound",
    "NotAllowed",
    "SecondFactorNeeded",
    "SignInNeeded",
    "TooMany",
    "ValueError",
    "UnreadableError",
    "BookRefused",
)
"""An error's sentence is extracted where the error is raised; it needs no `mark`."""

KEYWORDS: dict[str, Any] = (
    DEFAULT_KEYWORDS
    | dict.fromkeys(("mark", "Sentence", *ERRORS))
    | dict.fromkeys(("text_of", "reject", "warn", "tidied"), (2,))
    | {"number_of": (1,)}
)
HEADER = "# Texts of the pages in one language. `make catalogs` enters and drops texts; the translations are by hand."


def extracted() -> Catalog:
    """Return every text that pages may show, without translations."""
    found = Catalog(header_comment=HEADER, project="dujuan", version="", charset="utf-8")
    where = extract_from_dir(
        ROOT, METHODS, OPTIONS, keywords=KEYWORDS, directory_filter=lambda path: "locale" not in str(path)
    )
    for name, _, text, comments, context in where:
        if _is_ours(text):
            found.add(text, locations=[(name, 0)], auto_comments=comments, context=context)
    return found


def kept(folder: str) -> Catalog:
    """Return the catalogue of a language as it stands in the repository."""
    with _file(folder).open("rb") as file:
        return read_po(file, locale=folder)


def main() -> None:
    template = extracted()
    for folder in FOLDERS:
        known = kept(folder)
        template.creation_date = known.creation_date
        known.update(template, no_fuzzy_matching=True)
        known.obsolete.clear()
        known.header_comment, known.fuzzy = HEADER, False
        with _file(folder).open("wb") as file:
            write_po(file, known, width=0, sort_output=True, include_lineno=False, ignore_obsolete=True)
        print(f"{folder}: {sum(1 for text in known if text.id)} texts")


def _file(folder: str) -> Path:
    return LOCALE / folder / "LC_MESSAGES" / "messages.po"


def _is_ours(text: str | tuple[str, ...]) -> bool:
    """Leave out the English of the machine's own errors; pages are written in 简体, or are values alone."""
    whole = "".join(text)
    return "%(" in whole or any(ord(letter) > 0x2FFF for letter in whole)


if __name__ == "__main__":
    main()
