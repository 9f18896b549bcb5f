"""Sentences with values in them: 简体 wherever they arise, another language at the edge."""

import pickle

import pytest

from escort.errors import Refused
from escort.filled_form import FilledForm, FormMistakes, text_of
from escort.sentences import Sentence, mark, translated
from escort.typed_values import UnreadableError

ENGLISH = {
    "%(name)s的%(seats)s个座位不够，%(why)s。": "%(seats)s seats of %(name)s are too few, %(why)s.",
    "车牌": "the plate is missing",
    "请先登录。": "Please sign in first.",
}


def in_english(text: str) -> str:
    return ENGLISH.get(text, text)


def test_a_sentence_is_its_text_and_can_still_be_said_otherwise() -> None:
    sentence = Sentence(
        "%(name)s的%(seats)s个座位不够，%(why)s。", name="车牌", seats=5, why=Sentence(mark("车牌"))
    )

    assert sentence == "车牌的5个座位不够，车牌。"
    assert translated(sentence, in_english) == "5 seats of 车牌 are too few, the plate is missing."


def test_a_plain_marked_text_is_looked_up_and_an_unknown_one_stays() -> None:
    assert translated(mark("请先登录。"), in_english) == "Please sign in first."
    assert translated("王师傅", in_english) == "王师傅"
    assert translated("", in_english) == ""  # the empty text is a catalogue's header


def test_a_value_with_a_percent_sign_is_taken_as_it_is() -> None:
    assert translated(Sentence("“%(text)s”", text="100%(x)s"), in_english) == "“100%(x)s”"


def test_an_error_keeps_what_its_sentence_was_made_of() -> None:
    sentence = Sentence("%(name)s的%(seats)s个座位不够，%(why)s。", name="王师傅", seats=5, why="")

    assert isinstance(Refused(sentence).sentence, Sentence)
    assert isinstance(str(UnreadableError(sentence)), Sentence)


def test_a_sentence_of_a_sentence_is_that_one_and_survives_another_process() -> None:
    sentence = Sentence("“%(text)s”", text="甲")

    again = pickle.loads(pickle.dumps(Sentence(sentence)))

    assert again == "“甲”"
    assert (again.pattern, again.values) == ("“%(text)s”", {"text": "甲"})


def test_a_forms_mistake_keeps_its_pattern() -> None:
    class Name(FilledForm):
        name: str

    with pytest.raises(FormMistakes) as missing:
        Name.read({})
    with pytest.raises(ValueError) as too_long:
        text_of(2, "小名")("三个字")

    assert isinstance(missing.value.fields["name"], Sentence)
    assert isinstance(too_long.value.args[0], Sentence)
