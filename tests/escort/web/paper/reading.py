"""Reads PDFs with a reader that is not ours."""

import io
from collections.abc import Sequence

from pypdf import PdfReader


def pages_of(pdf: bytes) -> list[str]:
    """Return the text of each page, without the spaces that a reader puts between glyphs."""
    return [squeezed(page.extract_text()) for page in PdfReader(io.BytesIO(pdf)).pages]


def squeezed(text: str) -> str:
    return "".join(text.split())


def lacks(pages: Sequence[str], *texts: str) -> bool:
    return not any(squeezed(text) in page for page in pages for text in texts)
