"""A child is set up with six fields; full name and consent are the next step, and until then nobody is asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from escort.access import audit
from escort.errors import Conflict, NotFound, Refused
from escort.families.consent import record_consent
from escort.families.escorts import put_place
from escort.families.forms import ChildCompletion, ChildSetUp, read_people
from escort.families.identity import natural_key
from escort.families.models import Child, Escort, Family, Guardian, PlaceKind, TellBy
from escort.families.people import BY_HAND, bar_people, set_receivers
from escort.families.places import ChosenPlace, read_place
from escort.families.queries import NEEDS, Missing, missing_of
from escort.families.streets import guess_street
from escort.filled_form import FormMistakes
from escort.schools.models import School
from escort.sentences import Sentence, mark
from notifications.addresses import party_by_phone, prefer_by_hand, set_phone
from notifications.sealed import keyring_of


@dataclass(frozen=True, slots=True)
class NewChild:
    child_id: int
    escort_id: int
    guardian_id: int
    missing: tuple[Missing, ...]  # at least the full name and the consent


@dataclass(frozen=True, slots=True)
class Completed:
    """What is still missing, and what the office should see to."""

    missing: tuple[Missing, ...]
    notes: tuple[str, ...]


def set_up_child(session: Session, *, form: ChildSetUp, today: date, now: datetime, by: str) -> NewChild:
    """Make a child, its family and its standing escort from six fields; the rest is the form's defaults.

    A guardian's number that is known already makes the children siblings. Nobody is asked and nothing is sent.
    Raises FormMistakes at the field.
    """
    pickup, dropoff = _read_places(session, form)
    if session.get(School, form.school_id) is None:
        raise FormMistakes({"school_id": mark("没有这所学校，请重新选择。")})
    if form.until_on is not None and form.until_on < today:
        raise FormMistakes({"until_on": mark("结束日期已经过去，请核对年份。")})
    street = form.street or guess_street(session, pickup.point or dropoff.point)
    if not street:
        raise FormMistakes({"street": NO_STREET})
    guardian = _guardian(session, form, now=now)
    child = _child(form, street, guardian.family_id, pickup, dropoff, now=now)
    _refuse_namesake(session, child)
    session.add(child)
    session.flush()
    child_id = _known(child.id)
    escort = _escort(form, child_id, pickup, dropoff, today=today)
    session.add(escort)
    session.flush()
    audit.record(session, actor=by, action="child.set_up", subject=f"child:{child_id}", now=now)
    missing = missing_of(session, [child_id], on=max(today, escort.from_on))[child_id]
    return NewChild(child_id, _known(escort.id), _known(guardian.id), missing)


def complete_child(
    session: Session,
    *,
    child_id: int,
    form: ChildCompletion,
    version: int,
    today: date,
    now: datetime,
    by: str,
) -> Completed:
    """Add full name, birth date and consent, who may receive the child and who never may.

    The receivers and barred persons of the form are the whole lists. Raises FormMistakes, or Conflict if the child
    was changed since `version`.
    """
    child = get_child(session, child_id)
    born_on = _checked_birth(form, today)
    receivers = read_people(form.receivers, field="receivers")
    barred = read_people(form.barred, field="barred")
    _refuse_both(receivers=[one.name for one in receivers], barred=[one.name for one in barred])
    keyring = keyring_of(session.get_bind().dialect)
    key = natural_key(keyring, full_name=form.full_name, born_on=born_on, school_id=child.school_id)
    twin = session.exec(select(Child.id).where(Child.natural_key == key, col(Child.id) != child_id)).first()
    if twin is not None:
        raise FormMistakes(
            {"full_name": mark("这所学校已经登记过同名同生日的孩子，请在列表里找到原来的资料。")}
        )
    values = {
        "full_name": form.full_name,
        "born_on": born_on.isoformat(),
        "natural_key": key,
        "address": form.address or child.address,
        "diagnosis": form.diagnosis or child.diagnosis,
        "handling_note": form.handling_note or child.handling_note,
        "note_for_gate": form.note_for_gate,
    }
    _move(session, child_id, version, values)
    set_receivers(session, child_id=child_id, people=receivers, now=now)
    bar_people(session, child_id=child_id, names=[one.name for one in barred], now=now)
    audit.record(
        session, actor=by, action="child.complete", subject=f"child:{child_id}", fields=list(values), now=now
    )
    if form.consent_on is not None:
        record_consent(
            session,
            child_id=child_id,
            version=form.consent_version,
            given_on=form.consent_on,
            today=today,
            now=now,
            by=by,
        )
    missing = missing_of(session, [child_id], on=today)[child_id]
    return Completed(missing, tuple(_notes(born_on, today, [one.name for one in receivers if not one.phone])))


def change_needs(
    session: Session, *, child_id: int, needs: Iterable[str], version: int, now: datetime, by: str
) -> None:
    """Set the child's equipment and rules: those named hold, the others do not. Raises Conflict."""
    wanted = set(needs)
    if not wanted <= {*NEEDS, "rotate"}:
        raise Refused("需求看不懂，请刷新页面后重新勾选。")
    values: dict[str, object] = {need: need in wanted for need in (*NEEDS, "rotate")}
    _move(session, child_id, version, values)
    audit.record(
        session, actor=by, action="child.needs", subject=f"child:{child_id}", fields=sorted(wanted), now=now
    )


def get_child(session: Session, child_id: int) -> Child:
    child = session.get(Child, child_id)
    if child is None or child.erased_at is not None:
        raise NotFound("没有这个孩子，请回到列表重新选择。")
    return child


NO_STREET = mark("街道没填，附近也没有可以参照的地点，请填上：问志愿者时只说街道和时间。")
OLDEST = 20  # years; a pupil of a special school may well be eighteen
OWN_CONSENT_AGE = 14  # 个人信息保护法 art. 31: up to here the guardian alone consents


def _read_places(session: Session, form: ChildSetUp) -> tuple[ChosenPlace, ChosenPlace]:
    """Return both ends; a drop-off left blank is the pick-up."""
    pickup = read_place(session, form.pickup, place_id=form.pickup_id)
    if not form.dropoff and form.dropoff_id is None:
        return pickup, pickup
    home = pickup.point if pickup.kind is PlaceKind.HOME else None
    return pickup, read_place(session, form.dropoff, place_id=form.dropoff_id, home=home, field="dropoff")


def _guardian(session: Session, form: ChildSetUp, *, now: datetime) -> Guardian:
    """Return whoever has this number, or somebody new in a family of their own."""
    for party in party_by_phone(session, form.phone):
        kind, _, number = party.partition(":")
        known = session.get(Guardian, int(number)) if kind == "guardian" else None
        if known is not None:
            return known
    family = Family(tell_by=form.tell_by)
    session.add(family)
    session.flush()
    guardian = Guardian(
        family_id=_known(family.id),
        name=form.tell_name,
        relation=form.relation,
        is_proxy=form.tell_by == TellBy.PROXY,
        created_at=now,
    )
    session.add(guardian)
    session.flush()
    party = f"guardian:{guardian.id}"
    set_phone(session, party=party, phone=form.phone, now=now)
    if form.tell_by in BY_HAND:
        prefer_by_hand(session, party=party, now=now)
    return guardian


def _child(
    form: ChildSetUp, street: str, family_id: int, pickup: ChosenPlace, dropoff: ChosenPlace, *, now: datetime
) -> Child:
    homes = [place.point for place in (pickup, dropoff) if place.kind is PlaceKind.HOME]
    home = homes[0] if homes else None
    return Child(
        short_name=form.short_name,
        family_id=family_id,
        school_id=form.school_id,
        grade=form.grade,
        class_name=form.class_name,
        gender=str(form.gender) if form.gender else None,
        street=street,
        home_lat=home.lat if home else None,
        home_lon=home.lon if home else None,
        child_seat=form.child_seat,
        wheelchair=form.wheelchair,
        female_driver=form.female_driver,
        only_familiar=form.only_familiar,
        alone=form.alone,
        second_adult=form.second_adult,
        created_at=now,
    )


def _escort(
    form: ChildSetUp, child_id: int, pickup: ChosenPlace, dropoff: ChosenPlace, *, today: date
) -> Escort:
    escort = Escort(
        child_id=child_id,
        weekdays=form.weekdays,
        to_school=form.to_school,
        home=form.home_again,
        from_on=form.from_on or today + timedelta(days=1),
        until_on=form.until_on,
    )
    put_place(escort, "pickup", pickup)
    put_place(escort, "dropoff", dropoff)
    return escort


def _refuse_namesake(session: Session, child: Child) -> None:
    """Two children of one family and one short name are one child, entered twice."""
    twin = session.exec(
        select(Child.id).where(Child.family_id == child.family_id, Child.short_name == child.short_name)
    ).first()
    if twin is not None:
        raise FormMistakes(
            {
                "short_name": Sentence(
                    "这家已经有一个孩子叫“%(short_name)s”，请在列表里找到原来的资料。",
                    short_name=child.short_name,
                )
            }
        )


def _checked_birth(form: ChildCompletion, today: date) -> date:
    born_on = form.born_on
    if born_on is None or born_on >= today:
        raise FormMistakes({"born_on": mark("出生日期在将来，请核对年份。")})
    if today.year - born_on.year > OLDEST:
        raise FormMistakes(
            {"born_on": Sentence("按出生日期已超过 %(oldest)s 岁，请核对年份。", oldest=OLDEST)}
        )
    if form.consent_on is not None and form.consent_on > today:
        raise FormMistakes({"consent_on": mark("同意书日期在将来，请填签字那天的日期。")})
    return born_on


def _refuse_both(*, receivers: list[str], barred: list[str]) -> None:
    both = set(receivers) & set(barred)
    if both:
        raise FormMistakes(
            {"barred": Sentence("“%(name)s”同时写在可以接回和不许接里，请去掉其中一处。", name=min(both))}
        )


def _notes(born_on: date, today: date, without_phone: list[str]) -> Iterable[str]:
    for name in without_phone:
        yield Sentence("%(name)s没有手机号，先记成“待补”。", name=name)
    turns_on = date(born_on.year + OWN_CONSENT_AGE, born_on.month, min(born_on.day, 28))
    if today <= turns_on <= today + timedelta(days=365):
        yield Sentence(
            "孩子将在 %(turns_on)s满 %(own_consent_age)s 岁，届时请本人也在同意书上签字。",
            turns_on=f"{turns_on:%Y年%-m月}",
            own_consent_age=OWN_CONSENT_AGE,
        )


def _move(session: Session, child_id: int, version: int, values: Mapping[str, object]) -> None:
    moved = session.exec(
        update(Child)
        .where(col(Child.id) == child_id, col(Child.version) == version)
        .values(**values, version=version + 1)
    )
    if moved.rowcount == 0:
        get_child(session, child_id)
        raise Conflict("这个孩子的资料刚刚被别人改过，请刷新后再改。")


def _known(row_id: int | None) -> int:
    assert row_id is not None
    return row_id
