"""特殊需求 and 备注, split: rules and equipment, diagnosis for the sealed field, and what a driver must know."""

import re
from dataclasses import dataclass

from escort.families.needs import DIAGNOSIS
from escort.roster_book.book import Needs

LONGEST_NOTE = 300  # characters; a handling note is read at a roadside


@dataclass(frozen=True, slots=True)
class SplitNeeds:
    needs: Needs
    diagnosis: str
    handling_note: str


def split_needs(*texts: str) -> SplitNeeds:
    """Return the parts of a child's remarks. A fragment that names a diagnosis goes whole to the sealed field."""
    found: set[str] = set()
    diagnosis: list[str] = []
    note: list[str] = []
    for fragment in _fragments(texts):
        rules = _rules_in(fragment)
        found |= rules
        if DIAGNOSIS.search(fragment):
            diagnosis.append(fragment)
        elif not rules or _says_more(fragment):
            note.append(fragment)
    return SplitNeeds(
        needs=Needs(**{name: name in found for name in _RULES}),
        diagnosis="，".join(dict.fromkeys(diagnosis)),
        handling_note="，".join(dict.fromkeys(note)),
    )


def split_remark(text: str) -> tuple[bool, str]:
    """Return whether a volunteer drives girls only, and the rest of the remark."""
    fragments = _fragments((text,))
    kept = [fragment for fragment in fragments if not _GIRLS_ONLY.search(fragment)]
    return len(kept) < len(fragments), "，".join(kept)


def say_needs(needs: Needs) -> list[str]:
    """Return the rules and equipment in words that `split_needs` reads as just these."""
    return [words for name, words in _WORDS.items() if getattr(needs, name)]


_WORDS = {
    "child_seat": "儿童座椅",
    "wheelchair": "轮椅",
    "female_driver": "女司机",
    "only_familiar": "固定熟悉的护送员",
    "alone": "单独接送",
    "second_adult": "第二名成人",
}
_RULES = {
    "child_seat": re.compile(r"儿童座椅|安全座椅|儿童安全椅|增高垫|儿童椅"),
    "wheelchair": re.compile(r"轮椅"),
    "female_driver": re.compile(
        r"(?:只要|仅限?|限|需要?)?女性?(?:护送员|司机|驾驶员|志愿者|师傅)|(?:只要|限|需要?)女性"
    ),
    "only_familiar": re.compile(
        r"固定的?(?:熟悉的?|熟人)?(?:护送员|司机|人员|人|熟人)|(?:仅限?|只[认要接]|需要?)?熟悉的(?:护送员|司机|人)"
        r"|(?:仅限?|只[认要接]|需要?)熟人|不(?:要|能)换人"
    ),
    "alone": re.compile(
        r"单独(?:接送|乘车|一车|坐车)|不(?:能|要|可|与[^，]{0,6})?(?:拼车|同车|同乘)|一人一车"
    ),
    "second_adult": re.compile(
        r"第二名?成人|两名?(?:成人|大人|志愿者|护送员)|另一名?成人|双人护送|随车陪护|需人?陪护"
    ),
}
_NOT = re.compile(r"^(?:不需要?|无需|不用|没有|无|非|暂不)")
_FILLER = re.compile(r"需要?|必须|使用|乘坐|安排|有|用|坐|请|的|要|须|仅限?|只|，|\s")
_GIRLS_ONLY = re.compile(r"(?:仅限?|只限?|限|只接|只送|只接送|仅接送)(?:接送)?女(?:童|生|孩)")


def _fragments(texts: tuple[str, ...]) -> list[str]:
    pieces = (piece.strip() for text in texts for piece in re.split(r"[,，;；。、\n]+", text))
    return [piece for piece in pieces if piece and piece not in {"无", "没有", "-", "/"}]


def _rules_in(fragment: str) -> set[str]:
    if _NOT.match(fragment) and not _RULES["alone"].search(fragment) and "换人" not in fragment:
        return set()  # "不需要轮椅" asks for nothing
    return {name for name, pattern in _RULES.items() if pattern.search(fragment)}


def _says_more(fragment: str) -> bool:
    for pattern in _RULES.values():
        fragment = pattern.sub("", fragment)
    return bool(_FILLER.sub("", fragment))
