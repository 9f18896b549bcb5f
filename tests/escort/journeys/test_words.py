"""The pair of words of a shift and a leg."""

from itertools import combinations

from pypinyin import lazy_pinyin

from escort.journeys.words import FIRST, SECOND, spoken_pair, word_pair
from notifications.sealed import Keyring


def test_the_same_shift_and_leg_always_have_the_same_pair(keyring: Keyring) -> None:
    assert word_pair(keyring, 12, 34) == word_pair(keyring, 12, 34)
    assert spoken_pair(keyring, 12, 34) == "".join(word_pair(keyring, 12, 34))


def test_a_new_shift_has_a_new_pair(keyring: Keyring) -> None:
    pairs = {word_pair(keyring, shift, 34) for shift in range(100)}

    assert len(pairs) > 95


def test_another_district_has_other_pairs(keyring: Keyring) -> None:
    other = Keyring.fresh()

    assert [word_pair(keyring, 1, leg) for leg in range(20)] != [
        word_pair(other, 1, leg) for leg in range(20)
    ]


def test_there_are_enough_pairs_and_every_word_has_two_characters() -> None:
    assert len(set(FIRST)) == len(set(SECOND)) == 64
    assert {len(word) for word in FIRST + SECOND} == {2}
    assert not set(FIRST) & set(SECOND)


def test_no_two_words_of_a_list_sound_alike_in_sichuan() -> None:
    for words in (FIRST, SECOND):
        for one, other in combinations(words, 2):
            assert _heard(one) != _heard(other), (one, other)


def test_every_word_turns_up(keyring: Keyring) -> None:
    pairs = [word_pair(keyring, shift, shift) for shift in range(3_000)]

    assert {first for first, _ in pairs} == set(FIRST)
    assert {second for _, second in pairs} == set(SECOND)


def _heard(word: str) -> str:
    """The word as it is heard where n is l, zh is z, ng is n and hu is f."""
    heard = []
    for sound in lazy_pinyin(word):
        for written, said in (("zh", "z"), ("ch", "c"), ("sh", "s"), ("hu", "f"), ("ng", "n")):
            sound = sound.replace(written, said)
        heard.append("n" + sound[1:] if sound.startswith("l") else sound)
    return " ".join(heard)
