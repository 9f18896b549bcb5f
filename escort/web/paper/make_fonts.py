"""Make the fonts of the printed sheets: `python make_fonts.py REGULAR.ttc BOLD.ttc UNIHAN_OTHER_MAPPINGS.txt`.

Run by hand when a font changes, never by the product; it needs fonttools alone. The collections are those of Debian's
package fonts-noto-cjk (SIL Open Font License 1.1, `fonts/OFL.txt`), the table is Unihan_OtherMappings.txt of Debian's
package unicode-data, unpacked. What is kept: the 8,105 characters of 通用规范汉字表 (kTGH), GB 2312 with its signs, the
5,401 common characters of Big5 for 繁體, and printable Latin.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection

FACE = "Noto Sans CJK SC"
HERE = Path(__file__).parent / "fonts"


def main(regular: str, bold: str, unihan: str) -> None:
    kept = _latin() | _double_bytes("gb2312", range(0xA1, 0xF8)) | _common_big5() | _listed(Path(unihan))
    for weight, source in (("Regular", regular), ("Bold", bold)):
        _make(source, kept, HERE / f"NotoSansCJKsc-{weight}.otf")


def _make(source: str, kept: set[int], target: Path) -> None:
    fonts = TTCollection(source, lazy=True).fonts
    font = next(one for one in fonts if one["name"].getDebugName(1).startswith(FACE))
    options = subset.Options(
        layout_features=["ccmp", "kern", "mark", "mkmk"],
        layout_scripts=["DFLT", "hani", "latn"],
        drop_tables=["vhea", "vmtx", "VORG", "BASE", "DSIG"],
        name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14, 16, 17],
        desubroutinize=False,
        hinting=False,
    )
    cut = subset.Subsetter(options)
    cut.populate(unicodes=kept)
    cut.subset(font)
    subset.save_font(font, target, options)
    print(target.name, len(kept & set(font.getBestCmap())), "characters", target.stat().st_size, "bytes")


def _latin() -> set[int]:
    return {*range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x2010, 0x2028), 0x20BD, 0x2190, 0x2192, 0x21C4}


def _double_bytes(codec: str, first: range) -> set[int]:
    pairs = (bytes((one, two)) for one in first for two in range(0x40, 0xFF))
    return {ord(text) for pair in pairs if len(text := pair.decode(codec, "ignore")) == 1}


def _common_big5() -> set[int]:
    return _double_bytes("big5", range(0xA4, 0xC7))


def _listed(table: Path) -> set[int]:
    rows = (line.split("\t") for line in table.read_text("utf-8").splitlines() if "\tkTGH\t" in line)
    return {int(row[0].removeprefix("U+"), 16) for row in rows}


if __name__ == "__main__":
    main(*sys.argv[1:])
