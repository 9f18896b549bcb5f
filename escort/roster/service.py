"""Changes to volunteers by hand: add, edit, when they can drive, and 停用.

What follows for shifts, links and cases lies higher: rota frees what a blockout meets, journeys carries out 停用.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from escort.access import audit
from escort.access.numbers import Change, change_number
from escort.errors import Conflict, NotFound, Refused
from escort.filled_form import FormMistakes
from escort.roster.forms import SCHOOL_BUS_SEATS, ChangedVolunteer, NewVolunteer, VolunteerFields
from escort.roster.gates import gates_on, sentences
from escort.roster.models import Blockout, HalfDay, Team, Volunteer
from escort.sentences import Sentence, mark
from notifications.addresses import party_by_phone, phone_of, set_phone


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved volunteer: which columns have changed, and what the office should still see to."""

    volunteer_id: int
    changed: tuple[str, ...]
    notes: tuple[str, ...]


def add_volunteer(session: Session, *, form: NewVolunteer, today: date, now: datetime, by: str) -> Saved:
    """Add somebody by hand. Raises FormMistakes, with the field, for what does not fit what is known."""
    _check(session, form, phone=form.phone, today=today, own=None)
    volunteer = Volunteer(created_at=now, **form.columns())
    session.add(volunteer)
    session.flush()
    volunteer_id = _id(volunteer)
    set_phone(session, party=subject_of(volunteer_id), phone=form.phone, now=now)
    audit.record(session, actor=by, action="volunteer.add", subject=subject_of(volunteer_id), now=now)
    return Saved(volunteer_id, (), _notes(session, volunteer, form, form.phone, today))


def edit_volunteer(
    session: Session,
    *,
    volunteer_id: int,
    form: ChangedVolunteer,
    version: int,
    today: date,
    now: datetime,
    by: str,
) -> Saved:
    """Change somebody; `version` is the one that the form was made from. Raises Conflict if it is an older one.

    A new number is told to the old one and used after a day; then every link and device ends (`access.numbers`).
    """
    volunteer = get_volunteer(session, volunteer_id)
    subject = subject_of(volunteer_id)
    old_phone = phone_of(session, subject)
    has_new_phone = form.phone is not None and form.phone != old_phone
    _check(session, form, phone=form.phone if has_new_phone else None, today=today, own=volunteer_id)
    changed = [name for name, value in form.columns().items() if getattr(volunteer, name) != value]
    values = {name: form.columns()[name] for name in changed}
    _move(session, volunteer_id, version, values)
    if has_new_phone and form.phone is not None:
        change = change_number(session, party=subject, phone=form.phone, by=by, now=now)
        changed += ["phone"] if change is not Change.NONE else []
    if changed:
        audit.record(session, actor=by, action="volunteer.edit", subject=subject, fields=changed, now=now)
    session.refresh(volunteer)
    return Saved(volunteer_id, tuple(changed), _notes(session, volunteer, form, form.phone or "", today))


def set_pattern(
    session: Session, *, volunteer_id: int, pattern: str, cap_week: int | None = None, now: datetime, by: str
) -> None:
    """Set when a volunteer can drive: fourteen characters, weekday * 2 + half-day, Monday first."""
    if len(pattern) != 14 or not set(pattern) <= {"0", "1"}:
        raise Refused("可出车的时间看不懂，请重新勾选。")
    volunteer = get_volunteer(session, volunteer_id)
    values: dict[str, object] = {"pattern": pattern, "pattern_understood": True}
    if cap_week is not None:
        if not 1 <= cap_week <= 14:
            raise Refused(
                Sentence("每周最多次数是 %(cap_week)s，应在 1 到 14 之间，请核对。", cap_week=cap_week)
            )
        values["cap_week"] = cap_week
    _move(session, volunteer_id, volunteer.version, values)
    audit.record(
        session,
        actor=by,
        action="volunteer.pattern",
        subject=subject_of(volunteer_id),
        fields=list(values),
        now=now,
    )


def set_limits(
    session: Session, *, volunteer_id: int, cap_week: int, cap_month: int | None, now: datetime, by: str
) -> None:
    """Set how many duties a week, and a month, are not too many. What was promised before stands."""
    volunteer = get_volunteer(session, volunteer_id)
    values: dict[str, object] = {"cap_week": cap_week, "cap_month": cap_month}
    _move(session, volunteer_id, volunteer.version, values)
    audit.record(
        session,
        actor=by,
        action="volunteer.limits",
        subject=subject_of(volunteer_id),
        fields=list(values),
        now=now,
    )


def set_rotation(
    session: Session,
    *,
    volunteer_id: int,
    joins_on: date | None,
    leaves_on: date | None,
    now: datetime,
    by: str,
) -> bool:
    """Write down the dates of the rotation; return whether they are new. `rota.rotation` frees what lies outside."""
    volunteer = get_volunteer(session, volunteer_id)
    if (volunteer.joins_on, volunteer.leaves_on) == (joins_on, leaves_on):
        return False
    _move(session, volunteer_id, volunteer.version, {"joins_on": joins_on, "leaves_on": leaves_on})
    audit.record(
        session,
        actor=by,
        action="volunteer.rotation",
        subject=subject_of(volunteer_id),
        fields=[f"{joins_on or ''}..{leaves_on or ''}"],
        now=now,
    )
    return True


def add_blockout(
    session: Session,
    *,
    volunteer_id: int,
    from_on: date,
    until_on: date,
    half_day: str | None = None,
    today: date,
    now: datetime,
    by: str,
) -> int:
    """Say on which dates, both included, a volunteer cannot drive; the same said twice is one blockout.

    Raises Refused for dates that are over, the wrong way round, or longer than a year.
    """
    get_volunteer(session, volunteer_id)
    if half_day is not None and half_day not in set(HalfDay):
        raise Refused("请选早上、下午，或整天。")
    if until_on < from_on:
        raise Refused("最后一天早于第一天，请核对。")
    if until_on < today:
        raise Refused("这些日子已经过去了，请核对。")
    if until_on - from_on > LONGEST_BLOCKOUT or from_on > today + LONGEST_BLOCKOUT:
        raise Refused("一次最多填一年以内的日子；如果以后都不方便，请改“什么时候能去”。")
    known = session.exec(
        select(Blockout.id).where(
            Blockout.volunteer_id == volunteer_id,
            Blockout.from_on == from_on,
            Blockout.until_on == until_on,
            col(Blockout.half_day).is_not_distinct_from(half_day),
            col(Blockout.removed_at).is_(None),
        )
    ).first()
    if known is not None:
        return known
    blockout = Blockout(
        volunteer_id=volunteer_id, from_on=from_on, until_on=until_on, half_day=half_day, created_at=now
    )
    session.add(blockout)
    session.flush()
    assert blockout.id is not None
    audit.record(
        session,
        actor=by,
        action="volunteer.blockout",
        subject=subject_of(volunteer_id),
        fields=[f"{from_on}..{until_on}"],
        now=now,
    )
    return blockout.id


def remove_blockout(
    session: Session, *, blockout_id: int, now: datetime, by: str, volunteer_id: int | None = None
) -> None:
    """Take a blockout back. With `volunteer_id`, only that person's own. Raises NotFound if there is none."""
    statement = update(Blockout).where(col(Blockout.id) == blockout_id, col(Blockout.removed_at).is_(None))
    if volunteer_id is not None:
        statement = statement.where(col(Blockout.volunteer_id) == volunteer_id)
    if session.exec(statement.values(removed_at=now)).rowcount == 0:
        raise NotFound("这条不方便的日子已经撤掉了，请刷新。")
    audit.record(
        session, actor=by, action="volunteer.blockout_removed", subject=f"blockout:{blockout_id}", now=now
    )


def suspend(session: Session, *, volunteer_id: int, reason: str, now: datetime, by: str) -> None:
    """Mark a volunteer as suspended. Only the mark: `journeys.suspension` frees shifts and ends links.

    Raises Conflict if somebody did it before.
    """
    _mark(session, volunteer_id, was_suspended=False, suspended_at=now, suspended_reason=reason.strip()[:200])
    audit.record(session, actor=by, action="volunteer.suspend", subject=subject_of(volunteer_id), now=now)


def lift(session: Session, *, volunteer_id: int, now: datetime, by: str) -> None:
    """Let a suspended volunteer drive again. Freed shifts do not come back. Raises Conflict if not suspended."""
    _mark(session, volunteer_id, was_suspended=True, suspended_at=None, suspended_reason="")
    audit.record(session, actor=by, action="volunteer.lift", subject=subject_of(volunteer_id), now=now)


def get_volunteer(session: Session, volunteer_id: int) -> Volunteer:
    volunteer = session.get(Volunteer, volunteer_id)
    if volunteer is None:
        raise NotFound("没有这位志愿者，请回到列表重新选择。")
    return volunteer


def subject_of(volunteer_id: int) -> str:
    """Return the party and actor string of a volunteer."""
    return f"volunteer:{volunteer_id}"


LONGEST_BLOCKOUT = timedelta(days=366)


def _move(session: Session, volunteer_id: int, version: int, values: Mapping[str, object]) -> None:
    moved = session.exec(
        update(Volunteer)
        .where(col(Volunteer.id) == volunteer_id, col(Volunteer.version) == version)
        .values(**values, version=version + 1)
    )
    if moved.rowcount == 0:
        raise Conflict("这位志愿者的资料刚刚被别人改过，请刷新后再改。")


def _mark(session: Session, volunteer_id: int, *, was_suspended: bool, **values: object) -> None:
    at = col(Volunteer.suspended_at)
    marked = session.exec(
        update(Volunteer)
        .where(col(Volunteer.id) == volunteer_id, at.is_not(None) if was_suspended else at.is_(None))
        .values(**values, version=Volunteer.version + 1)
    )
    if marked.rowcount == 0:
        get_volunteer(session, volunteer_id)
        raise Conflict(
            mark("这位志愿者没有停用，不用恢复。") if was_suspended else mark("这位志愿者已经停用了。")
        )


def _check(
    session: Session, form: VolunteerFields, *, phone: str | None, today: date, own: int | None
) -> None:
    """Raise FormMistakes for what only the store or the date can tell."""
    mistakes: dict[str, str] = {}
    if form.team_id is not None and session.get(Team, form.team_id) is None:
        mistakes["team_id"] = mark("没有这支车队，请重新选择。")
    if form.vetted_on is not None and form.vetted_on > today:
        mistakes["vetted_on"] = Sentence(
            "无犯罪记录查询日期 %(vetted_on)s 在将来，请核对年份。", vetted_on=form.vetted_on
        )
    other = _holder_of(session, phone, own) if phone is not None else None
    if other is not None and other.name == form.name:
        mistakes["phone"] = Sentence(
            "%(name)s用这个手机号已经登记过了，请直接修改原来的资料。", name=other.name
        )
    elif other is not None and not form.shares_phone:
        mistakes["phone"] = Sentence(
            "这个手机号已经登记给%(name)s；如是家人共用，请勾选“和家人共用手机号”，否则请核对号码。",
            name=other.name,
        )
    if mistakes:
        raise FormMistakes(mistakes)


def _holder_of(session: Session, phone: str, own: int | None) -> Volunteer | None:
    parties = [party.partition(":") for party in party_by_phone(session, phone)]
    ids = [int(number) for kind, _, number in parties if kind == "volunteer" and int(number) != own]
    return session.get(Volunteer, ids[0]) if ids else None


def _notes(
    session: Session, volunteer: Volunteer, form: VolunteerFields, phone: str, today: date
) -> tuple[str, ...]:
    """Return what is no mistake, but keeps the volunteer from driving or deserves a look."""
    notes = sentences(gates_on(volunteer, today))
    if volunteer.lat is None:
        notes.append(mark("住址没有坐标，排班时无法估算路程，请补上。"))
    if not volunteer.plate:
        notes.append(mark("车牌号没填，家里和门卫无法认车，请补上。"))
    if "1" not in volunteer.pattern:
        notes.append(mark("没有勾选什么时候能去，暂时不会排班。"))
    if form.seats >= SCHOOL_BUS_SEATS:
        notes.append(
            Sentence("%(seats)s 座以上的车接送学生，可能要按校车管理，请先问交管部门。", seats=form.seats)
        )
    if phone and any(party.startswith("guardian:") for party in party_by_phone(session, phone)):
        notes.append(mark("这个号码也是一位孩子家长的号码，请确认不会安排接送自己家以外不认识的孩子。"))
    return tuple(notes)


def _id(volunteer: Volunteer) -> int:
    assert volunteer.id is not None
    return volunteer.id
