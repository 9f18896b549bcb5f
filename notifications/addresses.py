"""Who can be reached where. A number lives here and nowhere else; it is found again by its blind index."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import phonenumbers
from sqlmodel import Session, col, delete, select, update

from notifications.models import Address, ChannelName
from notifications.sealed import Keyring, keyring_of
from notifications.wording import DEFAULT_LANGUAGE


def normalise_phone(raw: str, *, region: str = "CN") -> str:
    """Return a mobile number of the region in E.164 ("+8613812345678").

    Spaces, dashes, full-width digits and a country code are tidied. Raises ValueError for anything that is not a
    valid mobile number of the region: an SMS to a fixed line would be accepted and never read.
    """
    try:
        number = phonenumbers.parse(raw.strip(), region)
    except phonenumbers.NumberParseException as unreadable:
        raise ValueError("not a phone number") from unreadable
    if number.extension or not phonenumbers.is_valid_number_for_region(number, region):
        raise ValueError("not a valid phone number of this country")
    kind = phonenumbers.number_type(number)
    if kind not in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE):
        raise ValueError("not a mobile number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def mask_phone(e164: str) -> str:
    """Return the number as it may be shown: "138****5678"."""
    national = e164.removeprefix("+86")
    return f"{national[:3]}****{national[-4:]}" if len(national) >= 8 else "****"


def set_phone(
    session: Session, *, party: str, phone: str, now: datetime, language: str = DEFAULT_LANGUAGE
) -> str:
    """Give a party its number, in place of any other it had, and return it in E.164. Raises ValueError."""
    e164 = normalise_phone(phone)
    set_address(session, party=party, channel=ChannelName.SMS, value=e164, now=now, language=language)
    return e164


def set_phones(
    session: Session, phones: Mapping[str, str], *, now: datetime, language: str = DEFAULT_LANGUAGE
) -> None:
    """Give many parties their numbers in a few statements. Raises ValueError for the first that is no number."""
    wanted = {party: normalise_phone(phone) for party, phone in phones.items()}
    keyring = keyring_of(session.get_bind().dialect)
    known = _addresses_of(session, wanted, channel=ChannelName.SMS)
    for party, e164 in wanted.items():
        if party in known:
            _change(known[party], value=e164, index=keyring.index(e164), now=now)
        else:
            session.add(_address(keyring, party, ChannelName.SMS, e164, language, now))
    session.flush()


def set_address(
    session: Session,
    *,
    party: str,
    channel: ChannelName,
    value: str,
    now: datetime,
    language: str = DEFAULT_LANGUAGE,
    preferred: bool = False,
) -> None:
    """Give a party its address on one channel. A new value thaws an address that was frozen."""
    keyring = keyring_of(session.get_bind().dialect)
    address = session.exec(
        select(Address).where(Address.party == party, Address.channel == channel)
    ).one_or_none()
    if address is None:
        address = _address(keyring, party, channel, value, language, now)
        session.add(address)
    elif address.value != value:
        _change(address, value=value, index=keyring.index(value), now=now)
    address.language = language
    address.is_preferred = preferred
    session.flush()


def prefer_by_hand(session: Session, *, party: str, now: datetime) -> None:
    """Let a human tell this party everything, whatever numbers it has."""
    set_address(session, party=party, channel=ChannelName.BY_HAND, value="", now=now, preferred=True)


def prefer_machine(session: Session, *, party: str) -> None:
    """Take `prefer_by_hand` back: this party's own number is used again."""
    session.exec(
        delete(Address).where(col(Address.party) == party, col(Address.channel) == ChannelName.BY_HAND)
    )


def phone_of(session: Session, party: str) -> str | None:
    """Return the party's number in E.164, also where it is frozen; None if it has none."""
    return phones_of(session, [party]).get(party)


def phones_of(session: Session, parties: Collection[str]) -> dict[str, str]:
    """Return the numbers of those parties that have one."""
    found = _addresses_of(session, parties, channel=ChannelName.SMS)
    return {party: address.value for party, address in found.items()}


def party_by_phone(session: Session, phone: str) -> list[str]:
    """Return every party with this number, the oldest first: a mother may be a volunteer too. [] if none."""
    try:
        e164 = normalise_phone(phone)
    except ValueError:
        return []
    index = keyring_of(session.get_bind().dialect).index(e164)
    rows = select(Address.party).where(Address.value_index == index, Address.channel == ChannelName.SMS)
    return list(session.exec(rows.order_by(col(Address.id))))


def parties_by_phone(session: Session, phones: Iterable[str]) -> dict[str, list[str]]:
    """Return for each number, as given, the parties that have it. Numbers that are none are left out."""
    keyring = keyring_of(session.get_bind().dialect)
    by_index: dict[str, list[str]] = {}
    for phone in phones:
        try:
            by_index.setdefault(keyring.index(normalise_phone(phone)), []).append(phone)
        except ValueError:
            continue
    found: dict[str, list[str]] = {}
    for part in _parts(list(by_index)):
        rows = select(Address.value_index, Address.party).where(
            col(Address.value_index).in_(part), Address.channel == ChannelName.SMS
        )
        for index, party in session.exec(rows.order_by(col(Address.id))):
            for phone in by_index[index]:
                found.setdefault(phone, []).append(party)
    return found


def freeze_phone(session: Session, *, phone: str, reason: str, now: datetime) -> int:
    """Send nothing more to a number ("不认识": it has a new owner) and return how many parties lose it."""
    index = keyring_of(session.get_bind().dialect).index(normalise_phone(phone))
    frozen = session.exec(
        update(Address)
        .where(col(Address.value_index) == index, col(Address.frozen_at).is_(None))
        .values(frozen_at=now, frozen_reason=reason)
    )
    return frozen.rowcount


def freeze_party(session: Session, *, party: str, reason: str, now: datetime) -> None:
    """Send nothing more to this party's number, until it has another: humans tell it what there is to tell."""
    session.exec(
        update(Address)
        .where(
            col(Address.party) == party,
            col(Address.channel) == ChannelName.SMS,
            col(Address.frozen_at).is_(None),
        )
        .values(frozen_at=now, frozen_reason=reason)
    )


def forget(session: Session, *, party: str) -> None:
    """Delete every address of a party."""
    session.exec(delete(Address).where(col(Address.party) == party))


def live_addresses(session: Session, parties: Collection[str]) -> dict[str, list[Address]]:
    """Return the addresses that may be used, of each party, the preferred one first."""
    found: dict[str, list[Address]] = {}
    for part in _parts(sorted(set(parties))):
        rows = select(Address).where(col(Address.party).in_(part), col(Address.frozen_at).is_(None))
        for address in session.exec(rows.order_by(col(Address.is_preferred).desc(), col(Address.id))):
            found.setdefault(address.party, []).append(address)
    return found


def _addresses_of(session: Session, parties: Collection[str], *, channel: str) -> dict[str, Address]:
    found: dict[str, Address] = {}
    for part in _parts(sorted(set(parties))):
        rows = select(Address).where(col(Address.party).in_(part), Address.channel == channel)
        found.update({address.party: address for address in session.exec(rows)})
    return found


def _address(keyring: Keyring, party: str, channel: str, value: str, language: str, now: datetime) -> Address:
    return Address(
        party=party,
        channel=str(channel),
        value=value,
        value_index=keyring.index(value),
        language=language,
        created_at=now,
        changed_at=now,
    )


def _change(address: Address, *, value: str, index: str, now: datetime) -> None:
    if address.value == value:
        return
    address.value, address.value_index, address.changed_at = value, index, now
    address.frozen_at = address.frozen_reason = None


def _parts(values: list[str]) -> list[list[str]]:
    return [values[start : start + IN_LIST] for start in range(0, len(values), IN_LIST)]


IN_LIST = 500  # values in one IN (...): well below what any database allows
