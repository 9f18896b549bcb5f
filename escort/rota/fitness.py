"""Whether somebody may take a seat of a run: judged when the office asks, and again at the moment of the yes.

The planner's own rules judge (`scheduling.feasibility`), over a problem of this one person and these runs as they are
now. Five statements, whatever the number of runs.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from escort.errors import Refused
from escort.families.models import BarredPerson, Child
from escort.roster.gates import gates_on, sentences
from escort.roster.households import Kin, kin_of
from escort.roster.models import Blockout, LinkKind, Volunteer
from escort.rota.bookings import direction_of, next_month, week_number, week_of
from escort.rota.models import (
    LIVE_SHIFT,
    CircleMember,
    CircleState,
    Leg,
    Offer,
    Refusal,
    Role,
    Run,
    RunLeg,
    Shift,
    ShiftState,
)
from escort.rota.planner_rows import (
    CHILD_COLUMNS,
    VOLUNTEER_COLUMNS,
    planner_child,
    planner_run,
    planner_volunteer,
    point_of,
)
from escort.rota.shown import CHANGED
from escort.schools.models import School
from escort.sentences import Sentence, mark
from scheduling import problem as planner
from scheduling.explain import Claim, broken_by_claims
from scheduling.plan import Rule
from scheduling.problem import Booking, Problem, month_number

SWAP_OFF = "swap_off"  # no rule either: one of a swap's two turns is not what both agreed to
PARTNER = "partner"  # nor this: the other of a couple cannot, or has not answered
SUSPENDED = "suspended"  # no rule of the planner's: it never hears of them
YES_ANSWERS = frozenset({Rule.DECLINED, Rule.UNAVAILABLE})
"""A yes takes an earlier no back, and says more about this half-day than the weekly pattern does."""

OWN_WISHES = frozenset({Rule.TOO_FAR, Rule.WEEK_CAP, Rule.MONTH_CAP})
"""What the volunteers said of themselves: when a human asks them all the same, their yes decides."""


@dataclass(frozen=True)
class Asker:
    """Who asks by hand: in what he may give way, and in which words he hears what stands against somebody."""

    may_give_way: frozenset[Rule]
    words: Mapping[str, str]


@dataclass(frozen=True)
class Riding:
    """A run's leg as the yes is judged by it, with what this volunteer is to its child."""

    leg_id: int
    generation: int
    row: Any  # of the leg, its child and its school
    circle: str | None  # the state of this volunteer's membership
    has_refused: bool  # this volunteer, this leg


@dataclass(frozen=True)
class Held:
    """A live promise, or what we hope will become one: this volunteer's, his kin's, or a seat in one of the runs."""

    shift_id: int
    run_id: int | None
    volunteer_id: int
    on: date
    direction: str
    role: str
    state: str


@dataclass(frozen=True)
class Scene:
    """One volunteer before some runs, as the rows are now."""

    volunteer_id: int
    runs: Mapping[int, Run]
    riding: Mapping[int, tuple[Riding, ...]]  # by run, in visiting order
    held: tuple[Held, ...]
    kin: tuple[Kin, ...] = ()
    beside: Mapping[int, str] = field(
        default_factory=dict
    )  # by run, the seat for which the partner is asked too

    @property
    def partner_id(self) -> int | None:
        """Return with whom alone this volunteer drives."""
        return next((one.volunteer_id for one in self.kin if one.kind == LinkKind.TOGETHER), None)

    @property
    def own(self) -> list[Held]:
        return [one for one in self.held if one.volunteer_id == self.volunteer_id]

    def holder(self, run_id: int, role: str) -> Held | None:
        """Return who holds a seat of a run, be it as a draft."""
        found = (one for one in self.held if (one.run_id, one.role) == (run_id, role))
        return next((one for one in found if one.state in LIVE_SHIFT), None)


@dataclass(frozen=True)
class Seat:
    """A seat of a run that the volunteer would take, and in what the office gave way for it."""

    run_id: int
    role: str
    gave_way: frozenset[Rule] = frozenset()


def scene_of(session: Session, *, volunteer_id: int, runs: Sequence[Run]) -> Scene:
    """Return what stands around a volunteer and these runs, in three statements."""
    by_id = {run.id: run for run in runs if run.id is not None}
    known: dict[str, Any] = {"volunteer_id": volunteer_id, "run_ids": list(by_id)}
    riding: dict[int, list[Riding]] = defaultdict(list)
    for row in session.execute(_riding(), known):
        riding[row.run_id].append(Riding(row.leg_id, row.generation, row, row.circle, row.has_refused))
    kin = tuple(kin_of(session, volunteer_id))
    dates = [run.on for run in runs]
    if not dates:
        return Scene(volunteer_id, by_id, {}, (), kin)
    around = {
        "people": [volunteer_id, *(one.volunteer_id for one in kin)],
        "run_ids": list(by_id),
        "from_on": min(week_of(min(dates)), min(dates).replace(day=1)),
        "until_on": max(week_of(max(dates)) + timedelta(days=7), next_month(max(dates))),
    }
    held = tuple(Held(*row) for row in session.execute(_held(), around))
    return Scene(volunteer_id, by_id, {run_id: tuple(legs) for run_id, legs in riding.items()}, held, kin)


def what_breaks(session: Session, scene: Scene, seats: Sequence[Seat]) -> dict[int, str]:
    """Return, by run, the first rule that stands against each seat; who may take it is absent.

    In the order given: a seat that may be taken counts as promised for those after it. Two statements.
    """
    if not seats:
        return {}
    person = session.execute(_person(), {"volunteer_id": scene.volunteer_id}).one()
    if person.suspended_at is not None:
        return {seat.run_id: SUSPENDED for seat in seats}
    seats = [seat for seat in seats if seat.run_id in scene.riding]  # an empty run wants nobody
    problem, run_at = _problem(session, scene, person, [seat.run_id for seat in seats])
    claims = [
        Claim(run_at[seat.run_id], 0, seat.role == Role.SECOND, _waived(scene, seat, person))
        for seat in seats
    ]
    broken = broken_by_claims(problem, claims)
    return {seat.run_id: rules[0].value for seat, rules in zip(seats, broken, strict=True) if rules}


def require_fit(session: Session, *, run: Run, volunteer_id: int, role: str, asker: Asker) -> frozenset[Rule]:
    """Return in what the asker gives way by asking this volunteer; it holds for the yes too.

    Raises Refused, with the name and what is wrong, where that is nothing that he may give way in.
    """
    volunteer = session.get(Volunteer, volunteer_id)
    if volunteer is None or run.id is None:
        raise Refused("没有这位志愿者，请刷新页面再选。")
    scene = scene_of(session, volunteer_id=volunteer_id, runs=[run])
    broken = what_breaks(session, scene, [Seat(run.id, role, asker.may_give_way)]).get(run.id)
    if broken is not None:
        shut = sentences(gates_on(volunteer, run.on))
        wrong = (
            shut[0]
            if broken in PAPERS and shut
            else Sentence("%(why)s，请另外选人。", why=Sentence(asker.words[broken]))
        )
        raise Refused(Sentence("%(name)s：%(wrong)s", name=volunteer.name, wrong=Sentence(wrong)))
    stranger = what_breaks(session, scene, [Seat(run.id, role, OWN_WISHES)]).get(run.id)
    return OWN_WISHES if stranger is None else asker.may_give_way


def given_way(session: Session, run_ids: Sequence[int]) -> dict[tuple[int, int], frozenset[Rule]]:
    """Return, by run and volunteer, in what the office gave way when it asked by hand: it stands for the promise too."""
    columns: Any = (Offer.run_id, Offer.volunteer_id, Offer.gave_way)
    rows = session.exec(
        select(*columns)
        .where(col(Offer.run_id).in_(list(run_ids)), Offer.gave_way != "")
        .order_by(col(Offer.id))
    )
    return {(run_id, volunteer_id): rules_in(codes) for run_id, volunteer_id, codes in rows}


def rules_in(codes: str | None) -> frozenset[Rule]:
    """Return the rules that an offer's `gave_way` names."""
    return frozenset(Rule(code) for code in (codes or "").split(",") if code)


def _waived(scene: Scene, seat: Seat, person: Any) -> frozenset[Rule]:
    """Where nobody can measure the way, the volunteer knows best how far it is: areas and km were shown."""
    places = [person.lat, *(one.row.lat for one in scene.riding[seat.run_id])]
    return YES_ANSWERS | seat.gave_way | ({Rule.TOO_FAR} if None in places else set())


def _problem(
    session: Session, scene: Scene, person: Any, run_ids: Sequence[int]
) -> tuple[Problem, dict[int, int]]:
    """Return the problem of one volunteer and these runs, with the run's positions."""
    ordered = sorted(set(run_ids), key=lambda run_id: (scene.runs[run_id].on, run_id))
    rows = [one.row for run_id in ordered for one in scene.riding[run_id]]
    dates = sorted({scene.runs[run_id].on for run_id in ordered})
    day_at = {on: index for index, on in enumerate(dates)}
    weekday = {row.on: row.timetable_weekday for row in rows}
    schools = {row.school_id: planner.School(point_of(row.school_lat, row.school_lon)) for row in rows}
    school_at = {school_id: index for index, school_id in enumerate(schools)}
    children = {row.id: row for row in rows}
    child_at = {child_id: index for index, child_id in enumerate(children)}
    blocked, busy = _off(session, scene, day_at, set(ordered))
    apart = tuple(at for at, one in enumerate(scene.kin, start=1) if one.kind == LinkKind.APART)
    together = next((at for at, one in enumerate(scene.kin, start=1) if one.kind == LinkKind.TOGETHER), None)
    plain = Problem(
        days=tuple(planner.Day(on, weekday[on], week_number(on)) for on in dates),
        schools=tuple(schools.values()),
        children=tuple(
            planner_child(
                row,
                school=school_at[row.school_id],
                circle=(0,) if row.circle is not None else (),
                banned=(0,) if row.is_barred else (),
            )
            for row in children.values()
        ),
        volunteers=(
            planner_volunteer(
                person, first_on=dates[0], blockouts=blocked, household=apart, together=together
            ),
            *(
                planner.Volunteer(point_of(person.lat, person.lon), together=0 if at == together else None)
                for at in range(1, 1 + len(scene.kin))
            ),
        ),
        legs=tuple(
            planner.Leg(
                child_at[row.id],
                day_at[row.on],
                direction_of(row.direction),
                point=schools[row.school_id].point if row.lat is None else point_of(row.lat, row.lon),
            )
            for row in rows
        ),
        busy=busy | _kin_busy(scene, day_at),
        week_used=_duties(scene, busy, dates, week_number),
        month_used=_duties(scene, busy, dates, month_number),
    )
    leg_at = {row.leg_id: index for index, row in enumerate(rows)}
    cars = tuple(
        planner_run(plain, scene.runs[run_id], [leg_at[one.leg_id] for one in scene.riding[run_id]], day_at)
        for run_id in ordered
    )
    run_at = {run_id: at for at, run_id in enumerate(ordered)}
    beside = {} if together is None else _beside(scene, scene.kin[together - 1].volunteer_id, run_at)
    return replace(
        plain,
        runs=cars,
        promised={at: together for at, role in beside.items() if together and role == Role.DRIVER},
        promised_second={at: together for at, role in beside.items() if together and role == Role.SECOND},
    ), run_at


def _kin_busy(scene: Scene, day_at: Mapping[date, int]) -> frozenset[Booking]:
    """Return the half-days that somebody of the household, who must not be out at once, has said yes to."""
    at = {one.volunteer_id: at for at, one in enumerate(scene.kin, start=1) if one.kind == LinkKind.APART}
    return frozenset(
        Booking(at[one.volunteer_id], day_at[one.on], direction_of(one.direction))
        for one in scene.held
        if one.volunteer_id in at and one.state in PROMISED_OR_DONE and one.on in day_at
    )


def _beside(scene: Scene, partner_id: int, run_at: Mapping[int, int]) -> dict[int, str]:
    """Return, by position of the run, which seat the partner holds, or is asked for."""
    return {run_at[run_id]: role for run_id, role in scene.beside.items() if run_id in run_at} | {
        run_at[one.run_id]: one.role
        for one in scene.held
        if one.run_id is not None
        and one.run_id in run_at
        and one.volunteer_id == partner_id
        and one.state in LIVE_SHIFT
    }


def _off(
    session: Session, scene: Scene, day_at: Mapping[date, int], runs: Collection[int]
) -> tuple[frozenset[date], frozenset[Booking]]:
    """Return the volunteer's whole days off, and the half-days that something else holds."""
    span = {"volunteer_id": scene.volunteer_id, "first_on": min(day_at), "last_on": max(day_at)}
    days: set[date] = set()
    busy = {
        Booking(0, day_at[one.on], direction_of(one.direction))
        for one in scene.own
        if one.state in ASKED_OR_PROMISED and one.on in day_at and one.run_id not in runs
    }
    for from_on, until_on, half_day in session.execute(_blockouts(), span):
        within = [on for on in day_at if from_on <= on <= until_on]
        if half_day:
            busy.update(Booking(0, day_at[on], direction_of(half_day)) for on in within)
        else:
            days.update(within)
    return frozenset(days), frozenset(busy)


def _duties(
    scene: Scene, busy: Collection[Booking], dates: Sequence[date], number_of: Callable[[date], int]
) -> dict[tuple[int, int], int]:
    """Return the yeses of each week, or month, beside the bookings, which the planner counts itself.

    Only a yes counts against the cap: what he is still asked about would crowd itself out.
    """
    used = Counter((0, number_of(one.on)) for one in scene.own if one.state in PROMISED_OR_DONE)
    used.subtract((0, number_of(dates[booking.day])) for booking in busy)
    return dict(used)


@cache
def _riding() -> Any:
    barred = select(BarredPerson.id).where(
        col(BarredPerson.child_id) == col(Leg.child_id),
        col(BarredPerson.volunteer_id) == bindparam("volunteer_id"),
        col(BarredPerson.removed_at).is_(None),
    )
    refused = select(Refusal.id).where(
        col(Refusal.leg_id) == col(Leg.id),
        col(Refusal.volunteer_id) == bindparam("volunteer_id"),
        col(Refusal.taken_back_at).is_(None),
    )
    member = (
        (col(CircleMember.child_id) == col(Leg.child_id))
        & (col(CircleMember.volunteer_id) == bindparam("volunteer_id"))
        & (col(CircleMember.state) != CircleState.LEFT)
    )
    return (
        select_columns(
            col(RunLeg.run_id),
            col(Leg.id).label("leg_id"),
            *_LEG_COLUMNS,
            col(School.lat).label("school_lat"),
            col(School.lon).label("school_lon"),
            *CHILD_COLUMNS,
            col(CircleMember.state).label("circle"),
            barred.exists().label("is_barred"),
            refused.exists().label("has_refused"),
        )
        .select_from(RunLeg)
        .join(Leg, col(Leg.id) == col(RunLeg.leg_id))
        .join(Child, col(Child.id) == col(Leg.child_id))
        .join(School, col(School.id) == col(Leg.school_id))
        .outerjoin(CircleMember, member)
        .where(col(RunLeg.run_id).in_(bindparam("run_ids", expanding=True)), col(RunLeg.is_live))
        .order_by(col(RunLeg.run_id), col(RunLeg.position))
    )


@cache
def _held() -> Any:
    own = (
        col(Shift.volunteer_id).in_(bindparam("people", expanding=True))
        & (col(Shift.on) >= bindparam("from_on"))
        & (col(Shift.on) < bindparam("until_on"))
    )
    return select_columns(*_SHIFT_COLUMNS).where(
        col(Shift.state).in_((*LIVE_SHIFT, ShiftState.SERVED)),
        own | col(Shift.run_id).in_(bindparam("run_ids", expanding=True)),
    )


@cache
def _person() -> Any:
    return select_columns(*VOLUNTEER_COLUMNS, col(Volunteer.suspended_at)).where(
        col(Volunteer.id) == bindparam("volunteer_id")
    )


@cache
def _blockouts() -> Any:
    return select_columns(col(Blockout.from_on), col(Blockout.until_on), col(Blockout.half_day)).where(
        col(Blockout.volunteer_id) == bindparam("volunteer_id"),
        col(Blockout.removed_at).is_(None),
        col(Blockout.until_on) >= bindparam("first_on"),
        col(Blockout.from_on) <= bindparam("last_on"),
    )


ASKED_OR_PROMISED = (ShiftState.OPEN, ShiftState.CONFIRMED)
PROMISED_OR_DONE = (ShiftState.CONFIRMED, ShiftState.SERVED)
PAPERS = {SUSPENDED, Rule.NOT_IN_ROTA.value, Rule.VETTING.value, Rule.LICENCE.value, Rule.INSURANCE.value}
OFFICE_WORDS: dict[str, str] = {
    CHANGED: mark("时间或孩子和问他时不一样了，马上重新问他"),
    SUSPENDED: mark("已停用"),
    PARTNER: mark("他家里那位去不了，或者没有回，他们要一起才去"),
    SWAP_OFF: mark("换班作废了：其中一趟变了，两边都照原来的"),
    Rule.BANNED: mark("这趟车里有家庭不让他接"),
    Rule.NOT_IN_ROTA: mark("这天还没加入轮值，或已经退出"),
    Rule.TOGETHER: mark("他只和家人一起出车，这趟的另一个座位不是他家人的"),
    Rule.VETTING: mark("无犯罪记录查询当天无效"),
    Rule.LICENCE: mark("驾驶证当天无效"),
    Rule.INSURANCE: mark("座位险当天无效"),
    Rule.WHEELCHAIR: mark("他的车不能载轮椅"),
    Rule.CHILD_SEATS: mark("他的车儿童座椅不够"),
    Rule.SEATS: mark("他的车座位不够"),
    Rule.FEMALE_DRIVER: mark("这趟车里有孩子只由女志愿者接送"),
    Rule.GIRLS_ONLY: mark("只接女生，这趟车里有男生"),
    Rule.BLOCKOUT: mark("这天他说过不方便"),
    Rule.SAME_HALF_DAY: mark("这半天已经有别的车次，或者说过不方便"),
    Rule.HOUSEHOLD: mark("这半天他家里已经有人出车"),
    Rule.ONLY_FAMILIAR: mark("这趟车里有孩子只由熟悉的志愿者接送"),
    Rule.TOO_FAR: mark("比他说的最远路程还远"),
    Rule.WEEK_CAP: mark("他这周已经到了自己说的最多趟数"),
    Rule.MONTH_CAP: mark("他这个月已经到了自己说的最多趟数"),
}
OFFICE = Asker(OWN_WISHES | {Rule.ONLY_FAMILIAR}, OFFICE_WORDS)
"""A circle is widened only by a coordinator's word. All else stands whoever asks: papers, the car, the family's no."""

OF_THE_CHILD = mark("这趟由协调员定人")  # why is the child's or its family's own affair
TEAM_LEADER = Asker(
    OWN_WISHES,
    OFFICE_WORDS
    | dict.fromkeys((Rule.BANNED, Rule.ONLY_FAMILIAR, Rule.FEMALE_DRIVER, Rule.GIRLS_ONLY), OF_THE_CHILD),
)
_LEG_COLUMNS: tuple[Any, ...] = (
    Leg.generation,
    Leg.on,
    Leg.direction,
    Leg.timetable_weekday,
    Leg.school_id,
    Leg.lat,
    Leg.lon,
)
_SHIFT_COLUMNS: tuple[Any, ...] = (
    Shift.id,
    Shift.run_id,
    Shift.volunteer_id,
    Shift.on,
    Shift.direction,
    Shift.role,
    Shift.state,
)
