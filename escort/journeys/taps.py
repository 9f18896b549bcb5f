"""What drivers, guards and families tap: each tap once, by whoever may, in an order that can have happened.

A phone without signal keeps its taps and sends them later, perhaps twice: the phone's uuid makes them one. The time
of the tap and the time of its arrival are two facts. A refused tap is answered with a sentence and never stops the
others of its batch.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import bindparam, delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from escort import wording
from escort.cases.models import CaseKind
from escort.cases.service import close_because, live_cases_about, open_case
from escort.errors import NotFound
from escort.families.models import Child, Guardian
from escort.journeys.models import Step, Tap, WatchedRun
from escort.journeys.progress import Rank, rank_of
from escort.roster.models import Volunteer
from escort.rota.models import Direction, Leg, LegState, Role, RunLeg, Service, Shift, ShiftState
from escort.rota.service import record_services
from escort.sentences import mark


class TapOutcome(StrEnum):
    RECORDED = "recorded"
    KNOWN = "known"  # this tap, or this very step, is there already
    REFUSED = "refused"  # the sentence says why and what to do


@dataclass(frozen=True)
class TapIn:
    uuid: str
    leg_id: int
    step: str
    tapped_at: datetime  # the phone's clock


@dataclass(frozen=True)
class TapResult:
    uuid: str
    outcome: TapOutcome
    sentence: str = ""


def record_taps(session: Session, *, by: str, taps: Sequence[TapIn], now: datetime) -> list[TapResult]:
    """Record a batch of taps and what they prove; return what became of each, in the order given.

    A driver's steps count if he drives the leg's run now, a guard's at his own school, a family's for its own child.
    Delivered legs are counted as turns served; when all of a run are, its shifts are served.
    """
    if not taps:
        return []
    scene = _scene(session, by, {tap.leg_id for tap in taps})
    results: dict[str, TapResult] = {}
    rows: list[dict[str, Any]] = []
    for tap in sorted(taps, key=lambda tap: tap.tapped_at):
        if tap.uuid in scene.known or tap.uuid in results:
            results.setdefault(tap.uuid, TapResult(tap.uuid, TapOutcome.KNOWN))
            continue
        results[tap.uuid] = result = _judge(scene, tap, now)
        if result.outcome is TapOutcome.RECORDED:
            rows.append(_row(scene, tap, now))
    new = _insert(session, rows)
    for row in rows:
        if row["uuid"] not in new:
            results[row["uuid"]] = TapResult(row["uuid"], TapOutcome.KNOWN)
    _bring_forward(session, scene, {row["leg_id"] for row in rows if row["uuid"] in new}, now)
    _alarm_where_child_is_in_wrong_car(
        session, scene, [tap for tap in taps if tap.uuid not in scene.known], now
    )
    return [results[tap.uuid] for tap in taps]


def undo_tap(session: Session, *, uuid: str, by: str, now: datetime) -> bool:
    """Take a tap back within 10 seconds of its arrival, and what it proved; False if it is too late or was undone.

    Raises NotFound for a tap that is not this person's.
    """
    tap = session.get(Tap, uuid)
    if tap is None or tap.by != by:
        raise NotFound("没有这一步，可能还没有报上来。")
    undone = session.execute(
        update(Tap)
        .where(col(Tap.uuid) == uuid, col(Tap.undone_at).is_(None), col(Tap.arrived_at) >= now - UNDO)
        .values(undone_at=now)
    )
    if undone.rowcount == 0:  # type: ignore[attr-defined]  # an UPDATE's result has it
        return False
    session.refresh(tap)
    scene = _scene(session, by, {tap.leg_id})
    session.execute(  # what the tap had settled is open again: the watch looks at once
        update(WatchedRun)
        .where(col(WatchedRun.run_id) == scene.run_of.get(tap.leg_id))
        .values(next_look_at=now)
    )
    if scene.reached[tap.leg_id] < Rank.DELIVERED:
        session.execute(delete(Service).where(col(Service.leg_id) == tap.leg_id))
        session.execute(
            update(Shift)
            .where(col(Shift.run_id) == scene.run_of.get(tap.leg_id), col(Shift.state) == ShiftState.SERVED)
            .values(state=str(ShiftState.CONFIRMED), ended_at=None)
        )
    session.flush()
    return True


@dataclass
class _Scene:
    """What a batch is judged by: the legs with the others in their cars, who drives, what was tapped."""

    by: str
    legs: dict[int, Leg]
    run_of: dict[int, int]
    shifts: dict[int, list[Shift]]  # confirmed or served, by run
    own_family: set[int]  # legs of the guardian's own children
    known: set[str] = field(default_factory=set)  # taps of these legs that are here already, undone ones too
    steps: dict[int, dict[str, datetime]] = field(
        default_factory=lambda: defaultdict(dict)
    )  # this person's own
    reached: dict[int, Rank] = field(default_factory=lambda: defaultdict(lambda: Rank.WAITING))

    @property
    def role(self) -> str:
        return self.by.partition(":")[0]

    @property
    def number(self) -> int:
        return int(self.by.partition(":")[2])

    def shift_for(self, leg_id: int) -> Shift | None:
        """The shift that this person's taps belong to: a driver's own, else that of the run's driver."""
        shifts = self.shifts.get(self.run_of.get(leg_id, 0), [])
        if self.role == "volunteer":
            return next((shift for shift in shifts if shift.volunteer_id == self.number), None)
        return next((shift for shift in shifts if shift.role == Role.DRIVER), None)

    def note(self, leg_id: int, step: str, by: str, at: datetime) -> None:
        self.reached[leg_id] = max(self.reached[leg_id], rank_of(step, by, self.legs[leg_id].direction))
        if by == self.by:
            self.steps[leg_id][step] = at


def _scene(session: Session, by: str, leg_ids: Collection[int]) -> _Scene:
    legs, run_of, shifts = _cars(session, leg_ids)
    scene = _Scene(by, legs, run_of, shifts, _own_family(session, by, leg_ids))
    for tap in session.scalars(_taps_of(), {"leg_ids": list(legs)}):
        scene.known.add(tap.uuid)
        if tap.undone_at is None:
            scene.note(tap.leg_id, tap.step, tap.by, tap.tapped_at)
    return scene


def _cars(
    session: Session, leg_ids: Collection[int]
) -> tuple[dict[int, Leg], dict[int, int], dict[int, list[Shift]]]:
    """Return these legs with the others in their cars, each leg's run, and who has promised each run."""
    rows = session.execute(_cars_of(), {"leg_ids": list(leg_ids)}).all()
    legs = {leg.id: leg for leg, _, _ in rows if leg.id is not None}
    run_of = {leg.id: run_id for leg, run_id, _ in rows if leg.id is not None}
    shifts: dict[int, dict[int | None, Shift]] = defaultdict(dict)
    for _, run_id, shift in rows:
        if shift is not None:
            shifts[run_id][shift.id] = shift
    alone = set(leg_ids) - legs.keys()
    if alone:
        found = session.exec(select(Leg).where(col(Leg.id).in_(alone)))
        legs.update({leg.id: leg for leg in found if leg.id is not None})
    return legs, run_of, {run_id: list(of_run.values()) for run_id, of_run in shifts.items()}


@cache
def _cars_of() -> Any:
    """Put together once: building a statement with aliases takes ten times as long as running it."""
    mine, other = aliased(RunLeg), aliased(RunLeg)
    return (
        select(Leg, other.run_id, Shift)
        .select_from(mine)
        .join(other, (col(other.run_id) == col(mine.run_id)) & col(other.is_live))
        .join(Leg, col(Leg.id) == col(other.leg_id))
        .outerjoin(
            Shift,
            (col(Shift.run_id) == col(mine.run_id))
            & col(Shift.state).in_((ShiftState.CONFIRMED, ShiftState.SERVED)),
        )
        .where(col(mine.leg_id).in_(bindparam("leg_ids", expanding=True)), col(mine.is_live))
        .order_by(col(Shift.id))
    )


@cache
def _taps_of() -> Any:
    return select(Tap).where(col(Tap.leg_id).in_(bindparam("leg_ids", expanding=True)))


@cache
def _new_tap(dialect: str) -> Any:
    insert: Any = sqlite.insert(Tap) if dialect == "sqlite" else postgresql.insert(Tap)
    return insert.on_conflict_do_nothing(index_elements=["uuid"]).returning(Tap.uuid)


def _own_family(session: Session, by: str, leg_ids: Collection[int]) -> set[int]:
    role, _, number = by.partition(":")
    if role != "guardian":
        return set()
    rows = (
        select(Leg.id)
        .join(Child, col(Child.id) == col(Leg.child_id))
        .join(Guardian, col(Guardian.family_id) == col(Child.family_id))
        .where(col(Guardian.id) == int(number), col(Leg.id).in_(leg_ids))
    )
    return {leg_id for leg_id in session.exec(rows) if leg_id is not None}


def _judge(scene: _Scene, tap: TapIn, now: datetime) -> TapResult:
    leg = scene.legs.get(tap.leg_id)
    refusal = mark("没有这趟接送，请刷新页面再看。") if leg is None else _refusal(scene, leg, tap, now)
    if refusal or leg is None:
        return TapResult(tap.uuid, TapOutcome.REFUSED, refusal)
    step = _stored_step(scene, tap)
    if step in scene.steps[tap.leg_id]:
        return TapResult(tap.uuid, TapOutcome.KNOWN)
    if scene.role in {"volunteer", "account"} and _comes_too_late(scene, leg, step, tap.tapped_at):
        return TapResult(tap.uuid, TapOutcome.REFUSED, mark("后面的一步已经报过了，这一步不用再报。"))
    scene.note(tap.leg_id, step, scene.by, tap.tapped_at)
    return TapResult(tap.uuid, TapOutcome.RECORDED)


def _refusal(scene: _Scene, leg: Leg, tap: TapIn, now: datetime) -> str:
    """Return why this tap cannot be recorded; "" if it can."""
    if not 0 < len(tap.uuid) <= UUID or tap.step not in set(Step):
        return mark("这一步系统不认识，请刷新页面再点。")
    if tap.tapped_at > now + MAX_AHEAD:
        return mark("这部手机的时间快了，这一步没有记。请把手机时间设成自动，再点一次。")
    if tap.tapped_at < now - MAX_AGE:
        return mark("这一步是12小时以前点的，没有记。请打值班电话说一声。")
    if tap.tapped_at < leg.pickup_at - MAX_EARLY:
        return mark("还没到这趟的时间，这一步没有记。")
    allowed = {
        "volunteer": _may_volunteer,
        "gate": _may_gate,
        "guardian": _may_guardian,
        "account": _may_account,
    }.get(scene.role)
    return allowed(scene, leg, tap) if allowed else mark("您不能报这一步。")


def _may_volunteer(scene: _Scene, leg: Leg, tap: TapIn) -> str:
    if tap.step not in DRIVE:
        return mark("这一步由校门或家里来点。")
    if leg.state != LegState.WANTED:
        return mark("家里说这趟不用接了，没有记。孩子如果在您车上，请马上打值班电话。")
    if scene.shift_for(tap.leg_id) is None:
        return mark("这趟现在不是您的了，没有记。孩子如果在您车上，请马上打值班电话。")
    return ""


def _may_gate(scene: _Scene, leg: Leg, tap: TapIn) -> str:
    if leg.school_id != scene.number:
        return mark("这名学生不是本校的，请核对名单。")
    if tap.step == Step.SELF_COLLECTED:
        return (
            "" if leg.state != LegState.WANTED else mark("这趟还有人来接。家里要自己接，请先打值班电话取消。")
        )
    if tap.step != Step.HANDED_OVER:
        return mark("这一步由司机来点。")
    if leg.state != LegState.WANTED:
        return mark("家里说今天自己接，请点“领走了”。")
    if leg.direction == Direction.HOME and scene.shift_for(tap.leg_id) is None:
        return mark("这趟现在没有人来接，先不放人，请打值班电话。")
    return ""


def _may_guardian(scene: _Scene, leg: Leg, tap: TapIn) -> str:
    if leg.id not in scene.own_family:
        return mark("没有这趟接送，请打开最新的短信。")
    if leg.direction != Direction.HOME or tap.step not in {Step.DELIVERED, Step.HANDED_OVER}:
        return mark("这一步由司机或学校来点。")
    return "" if leg.state == LegState.WANTED else mark("这趟已经取消了。")


def _may_account(_scene: _Scene, leg: Leg, _tap: TapIn) -> str:
    return (
        "" if leg.state == LegState.WANTED or _tap.step == Step.SELF_COLLECTED else mark("这趟已经取消了。")
    )


def _stored_step(scene: _Scene, tap: TapIn) -> str:
    """A family's “送到了” is the family's word, not the driver's."""
    return str(Step.HANDED_OVER) if scene.role == "guardian" else tap.step


def _comes_too_late(scene: _Scene, leg: Leg, step: str, tapped_at: datetime) -> bool:
    """An earlier step may arrive late, but it cannot have been tapped after a later one."""
    rank = rank_of(step, scene.by, leg.direction)
    return any(
        rank_of(done, scene.by, leg.direction) > rank and at < tapped_at
        for done, at in scene.steps[leg.id or 0].items()
    )


def _row(scene: _Scene, tap: TapIn, now: datetime) -> dict[str, Any]:
    shift = scene.shift_for(tap.leg_id)
    return {
        "uuid": tap.uuid,
        "leg_id": tap.leg_id,
        "shift_id": shift.id if shift else None,
        "step": _stored_step(scene, tap),
        "by": scene.by,
        "tapped_at": tap.tapped_at,
        "arrived_at": now,
    }


def _insert(session: Session, rows: list[dict[str, Any]]) -> set[str]:
    """Insert taps and return the uuids that were new: another process may have them already."""
    if not rows:
        return set()
    statement = _new_tap(session.get_bind().dialect.name)
    return set(session.scalars(statement, rows))  # rows apart: one compiled text


def _bring_forward(session: Session, scene: _Scene, leg_ids: Collection[int], now: datetime) -> None:
    """Do what the new taps prove: cases lose their cause, turns are served."""
    if not leg_ids:
        return
    aboard = [leg_id for leg_id in leg_ids if scene.reached[leg_id] >= Rank.ON_BOARD]
    delivered = [leg_id for leg_id in leg_ids if scene.reached[leg_id] >= Rank.DELIVERED]
    moving = {shift.id for leg_id in leg_ids if (shift := scene.shift_for(leg_id)) is not None}
    settled = {(CaseKind.NOT_DEPARTED, f"shift:{shift_id}") for shift_id in moving}
    settled |= {(CaseKind.NOT_ABOARD, f"leg:{leg_id}") for leg_id in aboard}
    settled |= {(CaseKind.NOT_DELIVERED, f"leg:{leg_id}") for leg_id in delivered}
    for case in live_cases_about(session, {about for _, about in settled}):
        if (CaseKind(case.kind), case.about) in settled:
            _close(session, scene, [CaseKind(case.kind)], [case.about], now)
    if delivered:
        _serve(session, scene, delivered, now)


def _close(session: Session, scene: _Scene, kinds: list[CaseKind], abouts: list[str], now: datetime) -> None:
    close_because(session, kinds=kinds, abouts=abouts, by=scene.by, reason="已经报上来了", now=now)


def _serve(session: Session, scene: _Scene, leg_ids: Iterable[int], now: datetime) -> None:
    turns: dict[int, tuple[Leg, int]] = {}
    for leg_id in leg_ids:
        run_id, leg = scene.run_of.get(leg_id), scene.legs[leg_id]
        driver = next((one for one in scene.shifts.get(run_id or 0, []) if one.role == Role.DRIVER), None)
        if driver is not None and leg.state == LegState.WANTED:
            turns[leg_id] = leg, driver.volunteer_id
    record_services(session, turns.values(), now=now)
    runs = {scene.run_of[leg_id] for leg_id in turns}
    done = [run_id for run_id in runs if _is_done(scene, run_id)]
    if done:
        session.execute(
            update(Shift)
            .where(col(Shift.run_id).in_(done), col(Shift.state) == ShiftState.CONFIRMED)
            .values(state=str(ShiftState.SERVED), ended_at=now)
            .execution_options(synchronize_session=False)
        )


def _is_done(scene: _Scene, run_id: int) -> bool:
    return all(
        scene.reached[leg_id] >= Rank.DELIVERED or scene.legs[leg_id].state != LegState.WANTED
        for leg_id, run in scene.run_of.items()
        if run == run_id
    )


def _alarm_where_child_is_in_wrong_car(
    session: Session, scene: _Scene, taps: Iterable[TapIn], now: datetime
) -> None:
    """A driver who is no longer the driver says that the child is in his car: a human must know at once."""
    if scene.role != "volunteer":
        return
    for tap in taps:
        leg = scene.legs.get(tap.leg_id)
        if leg is None or tap.step != Step.ON_BOARD or abs(now - tap.tapped_at) > MAX_AGE:
            continue
        if leg.state == LegState.WANTED and scene.shift_for(tap.leg_id) is not None:
            continue
        if not _was_ever_theirs(session, tap.leg_id, scene.number):
            continue  # a stranger's claim about somebody's leg tells nothing, and costs nothing
        child, driver = session.get_one(Child, leg.child_id), session.get_one(Volunteer, scene.number)
        open_case(
            session,
            kind=CaseKind.WRONG_PERSON,
            about=f"leg:{tap.leg_id}",
            sentence=wording.case_boarded_with_replaced(child.short_name, driver.name),
            needed_by=leg.pickup_at,
            now=now,
            by=scene.by,
        )


def _was_ever_theirs(session: Session, leg_id: int, volunteer_id: int) -> bool:
    rows = (
        select(Shift.id)
        .join(RunLeg, col(RunLeg.run_id) == col(Shift.run_id))
        .where(
            RunLeg.leg_id == leg_id,
            Shift.volunteer_id == volunteer_id,
            col(Shift.confirmed_at).is_not(None),
        )
    )
    return session.exec(rows.limit(1)).first() is not None


DRIVE = (Step.STARTED, Step.AT_PICKUP, Step.ON_BOARD, Step.DELIVERED)
UNDO = timedelta(seconds=10)
MAX_AGE = timedelta(hours=12)
MAX_AHEAD = timedelta(minutes=2)
MAX_EARLY = timedelta(hours=4)
UUID = 36  # characters
