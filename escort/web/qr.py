"""A QR as SVG inside the page: it prints sharply, and no policy for images or styles needs to know of it."""

import segno
from markupsafe import Markup


def qr_code(address: str) -> Markup:
    """Return an address as an <svg>, with the quiet zone that cameras need; its size is the style sheet's."""
    drawn = segno.make(address, error="m", micro=False).svg_inline(omitsize=True, border=4)
    return Markup(drawn)  # segno draws squares; nothing of the address is in it
