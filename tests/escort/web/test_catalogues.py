"""The catalogues of 繁體 and English: complete, of one mind about values, and nothing on a page goes past them."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message

from escort.web.render import TEMPLATES
from tests.catalogs import FOLDERS, extracted, kept

HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
VALUE = re.compile(r"%\(\w+\)s|{\w+}")
CALLS = re.compile(r'\b[np]?gettext\("[^"]*"(?:, "[^"]*")?|\b_\("[^"]*"')
NOT_SHOWN = re.compile(
    r'value="[^"{]*"|== "[^"]*"|\("[女男]", |"，", "，<br>"|"(?:白|黑|银|灰|红|蓝|绿|黄|棕|褐|金|香|橙|紫)":'
)
QUOTED = re.compile(
    "2 周三|没有|5月3日 5月6日|是 \\(yes\\)|否 \\(no\\)|男 \\(male\\)|女 \\(female\\)|says 是;|川AD?12345"
    "|(?:sheet|columns?) (?:学校|常用地点|志愿队|上学)|and 放学|周一、周三、周五|周一至周三早上|工作日均可|全区"
    "|学期|停课|提前放学|推迟到校|补课"
)
"""What English quotes: sheets, columns and cells of the office's book, a plate, an SMS to write."""


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_catalogue_holds_the_texts_of_the_code_and_no_others(folder: str) -> None:
    said, held = (
        {(text.id, text.context) for text in catalogue if text.id}
        for catalogue in (extracted(), kept(folder))
    )

    assert sorted(map(str, said - held)) == [], "run `make catalogs`, then translate"
    assert sorted(map(str, held - said)) == [], "run `make catalogs`"


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_text_is_missing_or_doubtful(folder: str) -> None:
    texts = [text for text in kept(folder) if text.id]

    assert [text.id for text in texts if text.fuzzy or not all(forms(text))] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_text_names_the_values_of_its_original(folder: str) -> None:
    wrong = []
    for text in (text for text in kept(folder) if text.id):
        values = {*VALUE.findall(text.id if isinstance(text.id, str) else text.id[0])}
        *few, many = ({*VALUE.findall(form)} for form in forms(text))
        if many != values or any(one - values for one in few):
            wrong.append(text.id)

    assert wrong == []


def test_english_has_two_forms_where_it_counts() -> None:
    counted = [text for text in kept("en") if isinstance(text.id, tuple)]

    assert len(counted) > 30
    assert all(len(forms(text)) == 2 for text in counted)


def test_english_texts_hold_no_han_but_quoted_words() -> None:
    texts = [form for text in kept("en") if text.id for form in forms(text)]

    assert [text for text in texts if HAN.search(QUOTED.sub("", text))] == []


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.stem)
def test_a_template_says_nothing_past_the_catalogues(path: Path) -> None:
    text = re.sub(r"{#.*?#}", "", path.read_text("utf-8"), flags=re.DOTALL)
    for known in (NOT_SHOWN, CALLS):
        text = known.sub("", text)

    left = [line.strip() for line in text.splitlines() if re.search(r"[\u3000-\u9fff\uff01-\uff5e]", line)]

    assert left == []


def forms(text: Message) -> tuple[str, ...]:
    return (text.string,) if isinstance(text.string, str) else tuple(text.string)
