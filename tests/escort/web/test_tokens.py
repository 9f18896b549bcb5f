"""The colours of both themes against each other: what WCAG asks of text (4.5) and of borders and icons (3)."""

import re

import pytest

from escort.web.render import STATIC

TEXT, SHAPE = 4.5, 3.0
PAIRS = [
    ("ink", "paper", TEXT),
    ("ink", "card", TEXT),
    ("ink", "sunk", TEXT),
    ("ink2", "paper", TEXT),
    ("ink2", "card", TEXT),
    ("ink2", "sunk", TEXT),
    ("ink2", "off-tint", TEXT),  # chips
    ("brand", "card", TEXT),
    ("brand", "paper", TEXT),
    ("brand", "brand-tint", TEXT),
    ("on-brand", "brand", TEXT),  # the main button
    ("now", "card", TEXT),
    ("now", "now-tint", TEXT),
    ("on-now", "now", TEXT),
    ("wait", "card", TEXT),
    ("wait", "wait-tint", TEXT),
    ("run", "card", TEXT),
    ("run", "run-tint", TEXT),
    ("off", "off-tint", TEXT),
    ("paper", "ink", TEXT),  # a chosen tab
    ("line2", "card", SHAPE),  # borders of what can be pressed
    ("line2", "paper", SHAPE),
    ("focus", "paper", SHAPE),
    ("focus", "card", SHAPE),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("front", "ground", "least"), PAIRS, ids=lambda value: str(value))
def test_colours_stand_apart(theme: str, front: str, ground: str, least: float) -> None:
    colours = tokens()[theme]

    assert contrast(colours[front], colours[ground]) >= least


def test_the_dark_theme_names_every_colour_again() -> None:
    themes = tokens()

    assert set(themes["light"]) == set(themes["dark"])
    assert len(themes["light"]) >= 20


def tokens() -> dict[str, dict[str, str]]:
    """Return the colours by name, as the style sheet sets them for either theme."""
    blocks = re.findall(r":root\s*{([^}]*)}", (STATIC / "tokens.css").read_text("utf-8"))[:2]
    found = [dict(re.findall(r"--([\w-]+):\s*(#[0-9A-Fa-f]{6})", block)) for block in blocks]
    return dict(zip(("light", "dark"), found, strict=True))


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
