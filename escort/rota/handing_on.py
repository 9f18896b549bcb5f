"""How a volunteer hands a promised turn on: 想找人替, 我找了人替, 想跟人换; and what becomes of a wish nobody answers.

None of them gives the promise up: he stays responsible until somebody else has said yes (`rota.reliefs`).
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, or_, select

from escort import wording
from escort.access import audit, throttle
from escort.cases.models import CaseKind
from escort.cases.service import close_because, open_case
from escort.errors import Conflict, NotFound, Refused, TooMany
from escort.families.models import Child
from escort.roster.models import Volunteer
from escort.rota.aboard import legs_in_cars
from escort.rota.asks import LinkMaker
from escort.rota.deadlines import relief_deadline
from escort.rota.fitness import SUSPENDED
from escort.rota.models import (
    CircleMember,
    CircleState,
    Leg,
    Offer,
    OfferState,
    Relief,
    ReliefKind,
    ReliefState,
    Run,
    RunLeg,
    RunState,
    Shift,
    ShiftState,
)
from escort.rota.release import withdraw_offers
from escort.rota.reliefs import REFUSED, is_off, settle_relief, why_not_theirs
from escort.rota.seats import lock_runs, search_now
from escort.rota.shown import RunShown, shown_runs
from escort.rota.standins import ask_colleague
from escort.sentences import mark
from escort.typed_values import UnreadableError, read_name, read_phone
from notifications.addresses import party_by_phone
from notifications.models import Urgency
from notifications.outbox import Letter, enqueue_many
from notifications.wording import Wording
from scheduling.plan import Rule


def look_for_stand_in(
    session: Session, *, shift_id: int, volunteer_id: int, by: str, how: str, now: datetime, zone: ZoneInfo
) -> Relief:
    """Let the search ask others for a turn that its driver keeps until one says yes.

    Raises NotFound, Conflict if a wish is open already, Refused if it is too late for it.
    """
    shift, run = _own_turn(session, shift_id, volunteer_id, now)
    relief = _open(session, shift, run, ReliefKind.SEARCH, by=by, how=how, now=now, zone=zone)
    search_now(session, [run.id], now=now)
    return relief


def name_colleague(
    session: Session,
    *,
    shift_id: int,
    volunteer_id: int,
    said: str,
    by: str,
    how: str,
    now: datetime,
    zone: ZoneInfo,
    links: LinkMaker,
) -> Relief:
    """Ask the colleague whom the driver names, by full name or number, to take the turn. Nothing changes before a yes.

    Raises Refused with one sentence that says why not; beside what `look_for_stand_in` raises.
    """
    shift, run = _own_turn(session, shift_id, volunteer_id, now)
    colleague = find_colleague(session, said=said, shift=shift, by=by, now=now)
    _must_fit(why_not_theirs(session, run=run, volunteer_id=colleague, role=shift.role))
    relief = _open(
        session, shift, run, ReliefKind.NAMED, by=by, how=how, now=now, zone=zone, to_volunteer_id=colleague
    )
    ask_colleague(
        session, relief, run, who=_surname_of(session, volunteer_id), now=now, zone=zone, links=links
    )
    return relief


def move_to_another_run(
    session: Session,
    *,
    shift_id: int,
    to_volunteer_id: int,
    then_run_id: int,
    by: str,
    how: str,
    now: datetime,
    zone: ZoneInfo,
    links: LinkMaker,
) -> Relief:
    """Ask a colleague to take a turn whose driver has told the office that he would drive another run instead.

    Until the colleague says yes he keeps his turn; then he is asked for the other run, before anybody else, and it is
    his only with his yes. Raises like `name_colleague`.
    """
    held = session.get(Shift, shift_id)
    if held is None:
        raise NotFound("没有找到这一趟，请刷新页面再看。")
    shift, run = _own_turn(session, shift_id, held.volunteer_id, now)
    then = session.get(Run, then_run_id)
    if then is None or then.state != RunState.LIVE or then.starts_at <= now:
        raise Conflict("要补的那一趟已经取消或者开始了，请刷新页面再看。")
    _must_fit(why_not_theirs(session, run=run, volunteer_id=to_volunteer_id, role=shift.role))
    relief = _open(
        session,
        shift,
        run,
        ReliefKind.NAMED,
        by=by,
        how=how,
        now=now,
        zone=zone,
        to_volunteer_id=to_volunteer_id,
        then_run_id=then_run_id,
    )
    ask_colleague(
        session, relief, run, who=_surname_of(session, shift.volunteer_id), now=now, zone=zone, links=links
    )
    return relief


def propose_swap(
    session: Session,
    *,
    shift_id: int,
    volunteer_id: int,
    said: str,
    their_on: date,
    their_direction: str,
    by: str,
    how: str,
    now: datetime,
    zone: ZoneInfo,
    links: LinkMaker,
) -> Relief:
    """Ask a colleague to give his turn of that half-day for this one. The proposal is the proposer's own yes.

    Both turns are judged now and at the yes; either one changing meanwhile ends it. Raises like `name_colleague`.
    """
    mine = _own_shift(session, shift_id, volunteer_id)
    colleague = find_colleague(session, said=said, shift=mine, by=by, now=now)
    lock_runs(session, [mine.run_id, *_run_of(session, colleague, their_on, their_direction)])
    shift, run = _own_turn(session, shift_id, volunteer_id, now)
    theirs, their_run = _their_turn(session, colleague, their_on, their_direction, shift, now)
    _must_fit(
        why_not_theirs(session, run=run, volunteer_id=colleague, role=shift.role, given_shift_id=theirs.id)
    )
    broken = why_not_theirs(
        session, run=their_run, volunteer_id=volunteer_id, role=theirs.role, given_shift_id=shift.id
    )
    if broken is not None and broken != REFUSED:
        raise Refused(OWN_WORDS.get(broken, NOT_THIS_ONE))
    relief = _open(
        session,
        shift,
        run,
        ReliefKind.SWAP,
        by=by,
        how=how,
        now=now,
        zone=zone,
        to_volunteer_id=colleague,
        theirs=theirs,
        their_run=their_run,
    )
    ask_colleague(
        session, relief, run, who=_surname_of(session, volunteer_id), now=now, zone=zone, links=links
    )
    return relief


def withdraw_relief(session: Session, *, shift_id: int, volunteer_id: int, by: str, now: datetime) -> bool:
    """He drives after all: nobody is asked any more. False if there was nothing to take back (any more)."""
    relief = open_relief_of(session, shift_id)
    if relief is None or relief.volunteer_id != volunteer_id:
        return False
    lock_runs(session, [relief.run_id, relief.their_run_id])
    if not settle_relief(session, relief, ReliefState.WITHDRAWN, now=now, reason=by):
        return False
    _stop_asking(session, [relief], by=by, now=now)
    return True


def open_relief_of(session: Session, shift_id: int) -> Relief | None:
    """Return the open wish about a turn, whoever has it: its driver's, or a colleague's who would swap for it."""
    return session.exec(
        select(Relief).where(
            or_(Relief.shift_id == shift_id, col(Relief.their_shift_id) == shift_id),
            Relief.state == ReliefState.OPEN,
        )
    ).first()


def next_relief_at(session: Session, *, now: datetime) -> datetime | None:
    """Return when a wish ends or has something to be told, perhaps now."""
    if _over(session, now):
        return now
    return session.exec(select(func.min(Relief.deadline_at)).where(Relief.state == ReliefState.OPEN)).one()


def sweep_reliefs(session: Session, *, now: datetime, zone: ZoneInfo, duty_phone: str) -> int:
    """End wishes that came to nothing; tell those who made them, and the office where a search found nobody."""
    over = _over(session, now)
    lock_runs(session, [run_id for relief, _ in over for run_id in (relief.run_id, relief.their_run_id)])
    ended = []
    for relief, state in over:
        if settle_relief(session, relief, state, now=now):
            ended.append((relief, state))
    in_vain = [one for one, state in ended if state != ReliefState.VOID or one.kind == ReliefKind.SWAP]
    _stop_asking(session, in_vain, by="system", now=now)  # an empty seat still wants whoever was asked for it
    shown = shown_runs(session, [run for one, _ in ended for run in (one.run_id, one.their_run_id) if run])
    letters = []
    for relief, state in ended:
        words = _came_to_nothing(relief, state, shown, duty_phone=duty_phone, now=now, zone=zone)
        letters += [
            Letter(
                to=f"volunteer:{who}",
                wording=words,
                about=f"relief:{relief.id}",
                dedup_key=f"relief-over:{relief.id}:{who}",
                urgency=Urgency.URGENT,
                do_not_send_after=shown[relief.run_id].starts_at,
            )
            for who in _whom_to_tell(relief, state)
            if words is not None
        ]
        if relief.kind == ReliefKind.SEARCH and state == ReliefState.LAPSED:
            _tell_office(session, relief, shown[relief.run_id], now=now, zone=zone)
    enqueue_many(session, letters, now=now)
    return len(ended)


def find_colleague(session: Session, *, said: str, shift: Shift, by: str, now: datetime) -> int:
    """Return the one volunteer that a full name or a number means. Raises Refused; no list is ever shown.

    A volunteer finds by name only whom he may know: of his team, or in the circle of a child of this turn.
    """
    if not said.strip():
        raise Refused("请写他的姓名或手机号。")
    if (
        by.startswith("volunteer:")
        and throttle.hit(session, key=f"colleague:{by}", window=WINDOW, now=now) > TRIES
    ):
        raise TooMany("试的次数太多了，请过一个小时再试，或打值班电话。")
    found = (
        _by_phone(session, said)
        if any(letter.isdecimal() for letter in said)
        else _by_name(session, said, shift, by)
    )
    if shift.volunteer_id in found:
        raise Refused("这是您自己。请写替您去的那位。")
    if len(found) > 1:
        raise Refused("叫这个名字的不止一位，请写手机号。")
    if not found:
        raise Refused("没有找到这位志愿者。同一个车队、或接送同一个孩子的请写全名，别的请写手机号。")
    return found[0]


def _own_shift(session: Session, shift_id: int, volunteer_id: int) -> Shift:
    shift = session.get(Shift, shift_id)
    if shift is None or shift.volunteer_id != volunteer_id or shift.run_id is None:
        raise NotFound("没有找到您的这一趟。请打开最近的一条消息，或打值班电话。")
    return shift


def _own_turn(session: Session, shift_id: int, volunteer_id: int, now: datetime) -> tuple[Shift, Run]:
    shift = _own_shift(session, shift_id, volunteer_id)
    lock_runs(session, [shift.run_id])
    session.refresh(shift)
    run = session.get_one(Run, shift.run_id or 0, populate_existing=True)
    if shift.state != ShiftState.CONFIRMED or run.state != RunState.LIVE:
        raise NotFound("这趟已经不是您的了，不用再找人。")
    if run.starts_at <= now or legs_in_cars(session, [shift.run_id or 0]):
        raise Refused("这趟已经开始了。有事请马上打值班电话。")
    return shift, run


def _run_of(session: Session, volunteer_id: int, on: date, direction: str) -> list[int | None]:
    """Return the run that somebody has promised that half-day: both runs of a swap are held in one order."""
    promised = select(Shift.run_id).where(
        Shift.volunteer_id == volunteer_id,
        Shift.on == on,
        Shift.direction == direction,
        Shift.state == ShiftState.CONFIRMED,
    )
    return list(session.exec(promised))


def _their_turn(
    session: Session, colleague: int, on: date, direction: str, mine: Shift, now: datetime
) -> tuple[Shift, Run]:
    row = session.exec(
        select(Shift, Run)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .where(
            Shift.volunteer_id == colleague,
            Shift.on == on,
            Shift.direction == direction,
            Shift.role == mine.role,
            Shift.state == ShiftState.CONFIRMED,
            Run.state == RunState.LIVE,
            col(Run.starts_at) > now,
        )
    ).first()
    if row is None:
        raise Refused("他那半天没有说定的班。请和他再对一下日期、上学还是放学。")
    shift, run = row
    if open_relief_of(session, shift.id or 0) is not None:
        raise Conflict("他那一趟正在找人替或跟人换，先等那边有结果。")
    return shift, run


def _open(
    session: Session,
    shift: Shift,
    run: Run,
    kind: ReliefKind,
    *,
    by: str,
    how: str,
    now: datetime,
    zone: ZoneInfo,
    to_volunteer_id: int | None = None,
    theirs: Shift | None = None,
    their_run: Run | None = None,
    then_run_id: int | None = None,
) -> Relief:
    starts = [run.starts_at] + ([their_run.starts_at] if their_run else [])
    deadline_at = relief_deadline(now, min(starts), zone)
    if deadline_at is None:
        raise Refused("离出发太近，来不及另外找人了。真去不了，请马上打值班电话。")
    if open_relief_of(session, shift.id or 0) is not None:
        raise Conflict("这一趟已经在找人替或跟人换了。要改，先点“不找了，还是我去”。")
    shown = shown_runs(session, [one.id or 0 for one in (run, their_run) if one is not None])
    relief = Relief(
        kind=kind,
        shift_id=shift.id or 0,
        run_id=run.id or 0,
        volunteer_id=shift.volunteer_id,
        to_volunteer_id=to_volunteer_id,
        their_shift_id=theirs.id if theirs else None,
        their_run_id=their_run.id if their_run else None,
        then_run_id=then_run_id,
        shown_starts_at=run.starts_at,
        shown_legs=shown[run.id or 0].legs,
        their_shown_starts_at=their_run.starts_at if their_run else None,
        their_shown_legs=shown[their_run.id or 0].legs if their_run else "",
        asked_at=now,
        asked_how=f"{how}:{by}"[:40],
        deadline_at=deadline_at,
    )
    try:
        with session.begin_nested():
            session.add(relief)
    except IntegrityError as twice:
        raise Conflict("这一趟已经在找人替或跟人换了，请刷新页面再看。") from twice
    audit.record(session, actor=by, action=f"relief.{kind}", subject=f"shift:{shift.id}", now=now)
    return relief


def _over(session: Session, now: datetime) -> list[tuple[Relief, ReliefState]]:
    """Return the open wishes that have come to an end, with what ended them."""
    rows = session.exec(
        select(Relief, Shift.state, Run.state)
        .join(Shift, col(Shift.id) == col(Relief.shift_id))
        .join(Run, col(Run.id) == col(Relief.run_id))
        .where(Relief.state == ReliefState.OPEN)
        .order_by(col(Relief.id))
    ).all()
    asked = _still_asked(session, [relief.id for relief, *_ in rows])
    over = []
    for relief, shift_state, run_state in rows:
        if (
            shift_state != ShiftState.CONFIRMED
            or run_state != RunState.LIVE
            or (relief.kind == ReliefKind.SWAP and is_off(session, relief))
        ):
            over.append((relief, ReliefState.VOID))
        elif now >= relief.deadline_at:
            over.append((relief, ReliefState.LAPSED))
        elif relief.kind != ReliefKind.SEARCH and relief.id not in asked:
            over.append((relief, ReliefState.DECLINED))
    return over


def _still_asked(session: Session, relief_ids: Collection[int | None]) -> set[int | None]:
    rows = select(Offer.relief_id).where(
        col(Offer.relief_id).in_([one for one in relief_ids if one]), Offer.state == OfferState.OPEN
    )
    return set(session.exec(rows))


def _stop_asking(session: Session, reliefs: Collection[Relief], *, by: str, now: datetime) -> None:
    ids = [relief.id for relief in reliefs if relief.id is not None]
    if not ids:
        return
    offers = session.exec(
        select(Offer).where(col(Offer.relief_id).in_(ids), Offer.state == OfferState.OPEN)
    ).all()
    withdraw_offers(session, offers, now=now, reason="relief")
    close_because(
        session,
        kinds=[CaseKind.RELIEF],
        abouts=[f"shift:{relief.shift_id}" for relief in reliefs],
        by=by,
        reason="不再找人替",
        now=now,
    )


def _came_to_nothing(
    relief: Relief,
    state: ReliefState,
    shown: dict[int, RunShown],
    *,
    duty_phone: str,
    now: datetime,
    zone: ZoneInfo,
) -> Wording | None:
    """Return what is said of it; nothing where his own turn is gone: that was told already."""
    mine, theirs = shown.get(relief.run_id), shown.get(relief.their_run_id or 0)
    if mine is None or mine.children == 0:
        return None
    if relief.kind == ReliefKind.SWAP:
        if theirs is None:
            return None
        return wording.swap_off(mine.turn, theirs.turn, now=now, zone=zone)
    if state == ReliefState.VOID:
        return None
    if relief.kind == ReliefKind.NAMED:
        return wording.colleague_cannot(mine.turn, duty_phone=duty_phone, now=now, zone=zone)
    return wording.nobody_stands_in(mine.turn, duty_phone=duty_phone, now=now, zone=zone)


def _whom_to_tell(relief: Relief, state: ReliefState) -> list[int]:
    """Return whoever wished it; in a swap that is off also the colleague, unless he said no himself."""
    asked_too = relief.kind == ReliefKind.SWAP and state != ReliefState.DECLINED
    return [relief.volunteer_id, *([relief.to_volunteer_id] if asked_too and relief.to_volunteer_id else [])]


def _tell_office(session: Session, relief: Relief, shown: RunShown, *, now: datetime, zone: ZoneInfo) -> None:
    names = session.exec(
        select(Child.short_name)
        .join(Leg, col(Leg.child_id) == col(Child.id))
        .join(RunLeg, col(RunLeg.leg_id) == col(Leg.id))
        .where(RunLeg.run_id == relief.run_id, col(RunLeg.is_live))
        .order_by(col(RunLeg.position))
    ).all()
    driver = session.get_one(Volunteer, relief.volunteer_id)
    open_case(
        session,
        kind=CaseKind.RELIEF,
        about=f"shift:{relief.shift_id}",
        sentence=wording.case_no_relief(driver.name, names, shown.turn, zone=zone),
        needed_by=shown.starts_at,
        now=now,
        is_urgent=shown.starts_at - now < SOON,
    )


def _by_phone(session: Session, said: str) -> list[int]:
    try:
        number = read_phone(said)
    except UnreadableError as wrong:
        raise Refused(str(wrong)) from wrong
    parties = party_by_phone(session, number or "")
    return [int(party.partition(":")[2]) for party in parties if party.startswith("volunteer:")]


def _by_name(session: Session, said: str, shift: Shift, by: str) -> list[int]:
    try:
        name = read_name(said)
    except UnreadableError as wrong:
        raise Refused(str(wrong)) from wrong
    rows = select(Volunteer.id).where(Volunteer.name == name)
    if by.startswith("volunteer:"):
        own_team = select(Volunteer.team_id).where(Volunteer.id == shift.volunteer_id).scalar_subquery()
        circle = (
            select(CircleMember.volunteer_id)
            .join(Leg, col(Leg.child_id) == col(CircleMember.child_id))
            .join(RunLeg, col(RunLeg.leg_id) == col(Leg.id))
            .where(
                RunLeg.run_id == shift.run_id, col(RunLeg.is_live), CircleMember.state == CircleState.KNOWN
            )
        )
        rows = rows.where(or_(col(Volunteer.team_id) == own_team, col(Volunteer.id).in_(circle)))
    return [one for one in session.exec(rows) if one is not None]


def _must_fit(broken: str | None) -> None:
    if broken is not None:
        raise Refused(COLLEAGUE_WORDS.get(broken, ASK_OFFICE))


def _surname_of(session: Session, volunteer_id: int) -> str:
    return session.exec(select(Volunteer.name).where(Volunteer.id == volunteer_id)).one()


WINDOW, TRIES = timedelta(hours=1), 12
SOON = timedelta(hours=3)  # an unanswered wish so near is urgent for the office
ASK_OFFICE = mark("他现在接送不了这一趟，原因请他自己问值班老师。请另外找人。")
NOT_THIS_ONE = mark("他那一趟您现在接送不了，请问值班老师。")
COLLEAGUE_WORDS: dict[str, str] = {
    REFUSED: mark("他说过这一趟去不了，不再问他。请另外找人。"),
    Rule.WHEELCHAIR: mark("这一趟要能载轮椅的车，他的车不行。请另外找人。"),
    Rule.CHILD_SEATS: mark("他车上登记的儿童座椅不够。请另外找人。"),
    Rule.SEATS: mark("他车上登记的座位不够。请另外找人。"),
    Rule.SAME_HALF_DAY: mark("他那半天已经有别的安排。请另外找人。"),
    Rule.BLOCKOUT: mark("他说过那天不方便。请另外找人。"),
    Rule.ONLY_FAMILIAR: mark("这一趟要孩子认识的志愿者。请换一位，或问值班老师。"),
}
"""What a driver may hear of a colleague: the car and the calendar. Papers and families' wishes are not his affair."""

OWN_WORDS: dict[str, str] = {
    Rule.WHEELCHAIR: mark("他那一趟要能载轮椅的车，您的车不行。"),
    Rule.CHILD_SEATS: mark("他那一趟要的儿童座椅，您车上登记的不够。"),
    Rule.SEATS: mark("他那一趟坐的人，您车上登记的座位不够。"),
    Rule.SAME_HALF_DAY: mark("他那一趟的时间，您已经有别的安排。"),
    Rule.BLOCKOUT: mark("他那一趟的那天，您说过不方便。"),
    SUSPENDED: mark("您的接送现在是暂停的。"),
}
