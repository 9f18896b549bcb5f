"""What a note for drivers may say: how to greet and seat the child, never what the child has."""

import re

LONGEST_NOTE = 200  # characters; it is read at a roadside
DIAGNOSIS = re.compile(
    "自闭|孤独症|癫痫|羊癫疯|脑瘫|脑性瘫痪|唐氏|智力障碍|智障|智力残疾|弱智|多动症|阿斯伯格|抑郁|焦虑症|精神|"
    "听障|听力残疾|听力障碍|聋|视障|视力残疾|视力障碍|盲|肢残|肢体残疾|言语残疾|多重残疾|残疾|哮喘|糖尿病|"
    "心脏病|先心病|血友病|白血病|肾病|肌营养不良|肌无力|脊柱裂|脊髓|发育迟缓|发育障碍|罕见病|艾滋|HIV|乙肝|"
    "诊断|病史|综合征|障碍症",
    re.IGNORECASE,
)


def diagnosis_word_in(text: str) -> str | None:
    """Return the first word that names a diagnosis, or None."""
    found = DIAGNOSIS.search(text)
    return found[0] if found else None


def checked_note(text: str) -> str:
    """Return a note for drivers. Raises ValueError with a sentence if it is long or names a diagnosis."""
    note = " ".join(text.split())
    if len(note) > LONGEST_NOTE:
        raise ValueError(f"路上的注意事项超过 {LONGEST_NOTE} 个字，只写怎么照顾，病情请写到“诊断”一栏。")
    word = diagnosis_word_in(note)
    if word is not None:
        raise ValueError(f"路上的注意事项会给护送员看，请去掉“{word}”，只写怎么照顾；病情请写到“诊断”一栏。")
    return note
