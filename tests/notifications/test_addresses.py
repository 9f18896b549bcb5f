import pytest
from sqlmodel import Session

from notifications.addresses import (
    forget,
    freeze_phone,
    live_addresses,
    mask_phone,
    normalise_phone,
    parties_by_phone,
    party_by_phone,
    phone_of,
    phones_of,
    set_phone,
    set_phones,
)

from .builders import DRIVER, EVENING, PHONE

MOTHER = "guardian:7"


@pytest.mark.parametrize(
    "raw",
    [
        "13800138000",  # as people write it
        "+86 138 0013 8000",  # with a country code and spaces
        "0086-138-0013-8000",  # as from abroad
        "138-0013-8000",  # dashes
        "１３８００１３８０００",  # full-width digits
        " 13800138000 ",  # blanks around
    ],
)
def test_a_number_is_tidied(raw: str) -> None:
    assert normalise_phone(raw) == PHONE


@pytest.mark.parametrize(
    "raw",
    [
        "",  # nothing
        "妈妈",  # no number
        "1380013800",  # a digit short
        "138001380000",  # a digit too many
        "028-86740101",  # a fixed line: an SMS to it is accepted and never read
        "+852 5123 4567",  # another region
        "10000000000",  # no such range
        "13800138000 转 12",  # an extension
    ],
)
def test_what_is_no_mobile_number_is_refused(raw: str) -> None:
    with pytest.raises(ValueError):
        normalise_phone(raw)


def test_a_masked_number_shows_head_and_tail() -> None:
    assert mask_phone(PHONE) == "138****8000"
    assert mask_phone("+8612") == "****"


def test_a_number_is_found_again_by_whoever_has_it(session: Session) -> None:
    set_phone(session, party=DRIVER, phone="138 0013 8000", now=EVENING)
    set_phone(session, party=MOTHER, phone=PHONE, now=EVENING)

    assert phone_of(session, DRIVER) == PHONE
    assert party_by_phone(session, "13800138000") == [DRIVER, MOTHER]
    assert party_by_phone(session, "13900139000") == []
    assert party_by_phone(session, "什么") == []
    assert parties_by_phone(session, ["13800138000", "什么", "13900139000"]) == {
        "13800138000": [DRIVER, MOTHER]
    }


def test_a_new_number_takes_the_place_of_the_old_one(session: Session) -> None:
    set_phone(session, party=DRIVER, phone=PHONE, now=EVENING)
    freeze_phone(session, phone=PHONE, reason="不认识", now=EVENING)
    session.expire_all()

    set_phone(session, party=DRIVER, phone="13900139000", now=EVENING)

    assert party_by_phone(session, PHONE) == []
    assert phone_of(session, DRIVER) == "+8613900139000"
    assert len(live_addresses(session, [DRIVER])[DRIVER]) == 1  # thawed: the new number is another one


def test_many_numbers_are_set_at_once_and_again(session: Session) -> None:
    phones = {f"volunteer:{n}": f"138{n:08d}" for n in range(600)}

    set_phones(session, phones, now=EVENING)
    set_phones(session, phones | {"volunteer:1": "13900139000"}, now=EVENING)

    assert phones_of(session, phones)["volunteer:599"] == "+8613800000599"
    assert phone_of(session, "volunteer:1") == "+8613900139000"


def test_a_forgotten_party_has_no_address(session: Session) -> None:
    set_phone(session, party=DRIVER, phone=PHONE, now=EVENING)

    forget(session, party=DRIVER)

    assert phone_of(session, DRIVER) is None
