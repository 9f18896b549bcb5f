"""A closed list: what is not on it is never guessed."""

import pytest

from escort.reply_grammar import Meaning, Reply, read_reply

WED, THU, FRI, SUN = 2, 3, 4, 6


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1", Meaning.YES),
        ("１", Meaning.YES),  # full width
        ("1。", Meaning.YES),
        (" 1 \n", Meaning.YES),
        ("好", Meaning.YES),
        ("好的！", Meaning.YES),
        ("可以", Meaning.YES),
        ("ＯＫ", Meaning.YES),
        ("2", Meaning.NO),
        ("２．", Meaning.NO),
        ("不行", Meaning.NO),
        ("去不了", Meaning.NO),
        ("没有", Meaning.NOTHING),
        ("没有不方便的。", Meaning.NOTHING),
        ("没有空", Meaning.UNCLEAR),
        ("5月3日 5月6日", Meaning.DATES),
        ("５月３号、5月6号不行", Meaning.DATES),
        ("5月3日～5月6日", Meaning.DATES),
        ("5月3日可以", Meaning.UNCLEAR),  # can, or cannot?
        ("3日 6日", Meaning.UNCLEAR),  # of which month?
        ("固定", Meaning.STANDING),
        ("不固定了。", Meaning.STANDING_END),
        ("固定工作", Meaning.UNCLEAR),
        ("不用接", Meaning.CANCEL),
        ("收到", Meaning.RECEIVED),
        ("好的，收到", Meaning.RECEIVED),  # read, but is it a yes?
        ("嗯嗯", Meaning.RECEIVED),
        ("谢谢", Meaning.THANKS),
        ("收到，谢谢！", Meaning.THANKS),
        ("打错了", Meaning.STRANGER),
        ("你是谁？", Meaning.STRANGER),
        ("是", Meaning.UNCLEAR),
        ("不", Meaning.UNCLEAR),
        ("", Meaning.UNCLEAR),
        ("   ", Meaning.UNCLEAR),
        ("👍", Meaning.UNCLEAR),
        ("1️⃣", Meaning.UNCLEAR),  # a key cap, not a 1
        ("12", Meaning.UNCLEAR),
        ("1 2", Meaning.UNCLEAR),  # yes and no
        ("1 周三", Meaning.UNCLEAR),
        ("可以，不过周三晚一点", Meaning.UNCLEAR),
        ("我" * 300, Meaning.UNCLEAR),
        ("不是本人，不过可以", Meaning.UNCLEAR),
    ],
)
def test_each_short_reply_means_one_thing_or_nothing(text: str, meaning: Meaning) -> None:
    assert read_reply(text).meaning is meaning


@pytest.mark.parametrize(
    ("text", "weekdays"),
    [
        ("2 周三", {WED}),
        ("２周三周五", {WED, FRI}),
        ("2周三、周五", {WED, FRI}),
        ("2 周三和五", {WED, FRI}),
        ("2星期四", {THU}),
        ("2礼拜四。", {THU}),
        ("2周日", {SUN}),  # a make-up day
        ("2星期天", {SUN}),
        ("周三不行", {WED}),
        ("周三，周五去不了", {WED, FRI}),
    ],
)
def test_a_two_with_weekdays_is_yes_to_all_but_those(text: str, weekdays: set[int]) -> None:
    assert read_reply(text) == Reply(Meaning.NO_ON, frozenset(weekdays))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("固定 周三上学", (Meaning.STANDING, WED, "to_school")),
        ("每周三早上固定来", (Meaning.STANDING, WED, "to_school")),
        ("星期五放学固定。", (Meaning.STANDING, FRI, "home")),
        ("不固定 周三上学", (Meaning.STANDING_END, WED, "to_school")),
        ("周五下午不固定了", (Meaning.STANDING_END, FRI, "home")),
    ],
)
def test_a_standing_yes_names_its_very_turn(text: str, said: tuple[Meaning, int, str]) -> None:
    found = read_reply(text)

    assert (found.meaning, *found.weekdays, found.way) == said


@pytest.mark.parametrize(
    "text", ["固定 周三", "固定 周三周五上学", "周三不固定", "固定 每天上学", "周三上学"]
)
def test_a_standing_yes_to_who_knows_what_goes_to_a_human(text: str) -> None:
    assert read_reply(text).meaning is Meaning.UNCLEAR


@pytest.mark.parametrize(
    ("text", "weekdays", "dates", "is_sick"),
    [
        ("病了到周五", {FRI}, (), True),
        ("生病请假到星期四。", {THU}, (), True),
        ("请假到4月9日", set(), (((4, 9), (4, 9)),), False),
        ("去外婆家住到４月９号", set(), (((4, 9), (4, 9)),), False),
    ],
)
def test_days_off_name_their_last_day(
    text: str, weekdays: set[int], dates: tuple[object, ...], is_sick: bool
) -> None:
    found = read_reply(text)

    assert (found.meaning, found.weekdays, found.dates, found.is_sick) == (
        Meaning.PAUSE,
        weekdays,
        dates,
        is_sick,
    )


@pytest.mark.parametrize("text", ["病了", "病了几天", "请假到9日", "请假到下周三", "病了到明天"])
def test_days_off_without_a_last_day_go_to_a_human(text: str) -> None:
    assert read_reply(text).meaning is Meaning.UNCLEAR


@pytest.mark.parametrize("text", ["2 下周三", "2 三", "2 周八", "周三可以", "2 周三早上"])
def test_weekdays_said_otherwise_go_to_a_human(text: str) -> None:
    assert read_reply(text).meaning is Meaning.UNCLEAR


def test_only_the_very_digit_counts_as_one() -> None:
    assert read_reply("２").is_digit
    assert not read_reply("不行").is_digit
