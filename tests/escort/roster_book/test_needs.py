"""特殊需求 and 备注, split into rules, diagnosis and what a driver must know."""

import pytest

from escort.roster_book.book import Needs
from escort.roster_book.needs import split_needs, split_remark


@pytest.mark.parametrize(
    ("text", "needs", "diagnosis", "note"),
    [
        ("儿童座椅", Needs(child_seat=True), "", ""),
        ("需要安全座椅", Needs(child_seat=True), "", ""),
        ("轮椅", Needs(wheelchair=True), "", ""),
        ("女性护送员", Needs(female_driver=True), "", ""),
        ("需女性司机", Needs(female_driver=True), "", ""),
        ("怕生,需固定熟悉的护送员", Needs(only_familiar=True), "", "怕生"),
        ("自闭症,需固定熟悉的护送员", Needs(only_familiar=True), "自闭症", ""),
        ("癫痫,需知晓急救", Needs(), "癫痫", "需知晓急救"),
        ("单独接送", Needs(alone=True), "", ""),
        ("不能拼车", Needs(alone=True), "", ""),
        ("需两名成人", Needs(second_adult=True), "", ""),
        ("患有脑瘫，需轮椅；怕鸣笛", Needs(wheelchair=True), "患有脑瘫", "怕鸣笛"),
        ("自闭症怕鸣笛", Needs(), "自闭症怕鸣笛", ""),  # a fragment that names a diagnosis is sealed whole
        ("不需要轮椅", Needs(), "", "不需要轮椅"),
        ("轮椅需折叠放后备箱", Needs(wheelchair=True), "", "轮椅需折叠放后备箱"),
        ("无", Needs(), "", ""),
        ("", Needs(), "", ""),
    ],
)
def test_a_childs_needs_are_split(text: str, needs: Needs, diagnosis: str, note: str) -> None:
    split = split_needs(text)

    assert (split.needs, split.diagnosis, split.handling_note) == (needs, diagnosis, note)


def test_both_columns_are_read_and_nothing_is_said_twice() -> None:
    split = split_needs("轮椅，怕鸣笛", "怕鸣笛，癫痫")

    assert split.needs.wheelchair
    assert (split.diagnosis, split.handling_note) == ("癫痫", "怕鸣笛")


@pytest.mark.parametrize(
    ("text", "girls_only", "remark"),
    [
        ("仅限女童", True, ""),
        ("只接女生，党员", True, "党员"),
        ("会手语", False, "会手语"),
        ("", False, ""),
    ],
)
def test_girls_only_is_taken_out_of_a_volunteers_remark(text: str, girls_only: bool, remark: str) -> None:
    assert split_remark(text) == (girls_only, remark)
