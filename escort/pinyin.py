"""Chinese names as people type and sort them: by pinyin, surnames read as surnames."""

from functools import lru_cache

from pypinyin import Style, lazy_pinyin


def sort_key(name: str) -> str:
    """Return the name's pinyin, for lists: databases without a Chinese collation sort by code point."""
    return " ".join(_syllables(name, as_surname=True))


def matches(name: str, text: str) -> bool:
    """Return whether somebody who types `text` may mean this name: characters, pinyin, or initials.

    A surname is found under its own reading (曾 zeng) and under the common one (ceng), 吕 as lv, lyu and lu.
    """
    wanted = text.replace(" ", "").lower()
    if not wanted or wanted in name.lower():
        return True
    return wanted.isascii() and any(wanted in spelling for spelling in _spellings(name))


@lru_cache(maxsize=20_000)
def _spellings(name: str) -> tuple[str, ...]:
    readings = [_syllables(name, as_surname=as_surname) for as_surname in (True, False)]
    readings += [[part.replace("v", to) for part in reading] for reading in readings for to in ("yu", "u")]
    spelled = ["".join(reading) for reading in readings]
    initials = ["".join(part[:1] for part in reading) for reading in readings]
    return tuple(dict.fromkeys(spelled + initials))


@lru_cache(maxsize=20_000)
def _syllables(name: str, *, as_surname: bool) -> list[str]:
    if as_surname:
        for length in (2, 1):
            surname = SURNAMES.get(name[:length])
            if surname is not None and len(name) > length:
                return [*surname.split(), *lazy_pinyin(name[length:], style=Style.NORMAL)]
    return lazy_pinyin(name, style=Style.NORMAL)


# What pypinyin reads as ordinary words, and what they are as surnames.
SURNAMES = {
    "单": "shan",
    "仇": "qiu",
    "曾": "zeng",
    "解": "xie",
    "查": "zha",
    "任": "ren",
    "区": "ou",
    "朴": "piao",
    "华": "hua",
    "盖": "ge",
    "翟": "zhai",
    "缪": "miao",
    "覃": "qin",
    "冼": "xian",
    "洗": "xian",
    "员": "yun",
    "召": "shao",
    "种": "chong",
    "繁": "po",
    "秘": "bi",
    "折": "she",
    "黑": "he",
    "乐": "yue",
    "尉": "wei",
    "车": "che",
    "牟": "mu",
    "万俟": "mo qi",
    "尉迟": "yu chi",
    "长孙": "zhang sun",
    "澹台": "tan tai",
    "令狐": "ling hu",
}
