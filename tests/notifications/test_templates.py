import pytest

from notifications.templates import Template, Templates, sms_segments
from notifications.wording import Wording


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("好" * 70, 1),  # UCS-2, one SMS
        ("好" * 71, 2),  # 67 in each part
        ("好" * 134, 2),
        ("好" * 135, 3),
        ("a" * 160, 1),  # GSM-7
        ("a" * 161, 2),
        ("a" * 306, 2),  # 153 in each part
        ("€" * 81, 2),  # the extension table counts two
        ("a" * 100 + "好", 2),  # one Chinese character makes all of it UCS-2
        ("🚗" * 35, 1),  # two units each
        ("🚗" * 36, 2),
        ("", 1),
    ],
)
def test_how_many_sms_a_text_costs(text: str, segments: int) -> None:
    assert sms_segments(text) == segments


def test_a_wording_is_held_against_its_registration() -> None:
    templates = Templates([Template("ask", ("name", "day"), max_segments=1)])

    assert templates.faults_of(Wording("ask", {"name": "王", "day": "周一"}, "王师傅,周一请您")) == []
    assert len(templates.faults_of(Wording("ask", {"name": "王", "plate": "川"}, "长" * 71))) == 3
    assert templates.faults_of(Wording("other", {}, "x")) == ["other: not registered"]


def test_a_key_is_registered_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        Templates([Template("ask", ()), Template("ask", ())])


@pytest.mark.parametrize(("key", "text"), [("", "x"), ("ask", " ")])
def test_a_wording_says_something(key: str, text: str) -> None:
    with pytest.raises(ValueError):
        Wording(key, {}, text)
