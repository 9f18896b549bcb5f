"""Who is on duty, and at which number: without either, an urgent case stands on the board and reaches nobody."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from escort.access import accounts, audit
from escort.access.models import Account, Role
from escort.cases.models import Duty
from escort.cases.service import narrowest, set_duty
from escort.errors import NotFound, Refused
from escort.sentences import Sentence
from escort.typed_values import UnreadableError, read_phone
from notifications.addresses import phone_of, phones_of, set_phone


def keep_phone(session: Session, *, account_id: int, phone: str, by: str, now: datetime) -> str:
    """Keep the number at which somebody of the office is told of urgent cases; return it in E.164.

    Raises Refused, with what is wrong, for anything that is not a mobile number.
    """
    if session.get(Account, account_id) is None:
        raise NotFound("没有这个账号。")
    try:
        number = read_phone(phone)
        if number is None:
            raise Refused("请填手机号：值班时，急事的短信发到这个号码。")
        number = set_phone(session, party=party_of(account_id), phone=number, now=now)
    except UnreadableError as unreadable:
        raise Refused(str(unreadable)) from unreadable
    except ValueError as unknown:
        raise Refused("这不是国内的手机号，请核对后再填。") from unknown
    audit.record(
        session, actor=by, action="phone.set", subject=party_of(account_id), fields=["phone"], now=now
    )
    return number


def put_on_duty(session: Session, *, account_id: int, by: str, now: datetime) -> None:
    """Put a coordinator on duty for every hour, in place of whoever was. Raises Refused where no number is kept."""
    account = session.get(Account, account_id)
    if account is None or account.role != Role.COORDINATOR or account.disabled_at is not None:
        raise NotFound("没有这位协调员，或者这个账号已经停用。")
    if phone_of(session, party_of(account_id)) is None:
        raise Refused(
            Sentence(
                "%(name)s还没有登记手机号，急事发不到。请先记下手机号，再请这位值班。", name=account.name
            )
        )
    set_duty(session, account_id=account_id)
    audit.record(session, actor=by, action="duty.set", subject=party_of(account_id), now=now)


def always_on_duty(session: Session) -> int | None:
    """Return the account that is on duty for every hour that has no entry of its own."""
    entry = select(Duty.account_id).where(
        col(Duty.weekday).is_(None), Duty.from_minute == 0, Duty.until_minute == 1440
    )
    return session.exec(entry.order_by(col(Duty.id).desc())).first()


def name_on_duty(session: Session, *, now: datetime, zone: ZoneInfo) -> str:
    """Return who answers at this moment; "": nobody is set."""
    rows = session.exec(select(Duty, Account.name).join(Account, col(Account.id) == col(Duty.account_id)))
    names = {duty.id: (duty, name) for duty, name in rows}
    chosen = narrowest([duty for duty, _ in names.values()], now, zone)
    return names[chosen.id][1] if chosen else ""


def office_phones(session: Session) -> dict[int, str]:
    """Return the numbers kept for accounts, by account."""
    by_party = {party_of(account.id or 0): account.id or 0 for account in accounts.accounts(session)}
    return {by_party[party]: number for party, number in phones_of(session, by_party).items()}


def disable_account(session: Session, *, account_id: int, by: str, now: datetime) -> None:
    """Close an account. Raises Refused while its owner is on duty: else urgent cases would go to nobody."""
    if session.exec(select(Duty.id).where(Duty.account_id == account_id)).first() is not None:
        raise Refused("这个账号正在值班，不能停用。请先请另一位值班。")
    accounts.disable_account(session, account_id=account_id, by=by, now=now)


def party_of(account_id: int) -> str:
    return f"account:{account_id}"
