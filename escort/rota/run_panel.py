"""One run as the office sees it beside the week: whom it carries, who drives, who was asked and what they said."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import aliased, load_only
from sqlmodel import Session, col, or_, select

from escort.errors import NotFound
from escort.families.models import Child
from escort.roster.models import Volunteer
from escort.rota.fitness import OFFICE_WORDS
from escort.rota.models import (
    LIVE_SHIFT,
    Ask,
    ChangedCar,
    HowSaid,
    Leg,
    LegState,
    Offer,
    Relief,
    ReliefKind,
    ReliefState,
    Role,
    Run,
    RunLeg,
    Shift,
    ShiftState,
)
from escort.schools.models import School
from escort.sentences import Sentence


@dataclass(frozen=True)
class PanelLeg:
    leg_id: int
    child_id: int
    child: str
    pickup_at: datetime
    due_at: datetime
    place: str
    area: str
    is_cancelled: bool


@dataclass(frozen=True)
class PanelShift:
    """One promise, kept or ended: the old one stays, with its reason."""

    volunteer_id: int
    name: str
    role: str
    state: str
    how: str
    confirmed_at: datetime | None
    ended_at: datetime | None
    end_reason: str
    repeat_reason: str
    shift_id: int = 0
    changed_plate: str = ""  # of another car than the known one, for this turn
    changed_colour: str = ""

    @property
    def recorded_by(self) -> str:
        """Return "office" or "leader" for a yes that another wrote down; "" for one's own."""
        via, _, who = self.how.partition(":")
        if via not in {*HowSaid}:
            return ""
        return "office" if who.startswith("account:") else "leader"


@dataclass(frozen=True)
class PanelWish:
    """A driver who would hand the turn on, or a colleague who would swap for it; he keeps it until then."""

    shift_id: int
    kind: str
    by: str  # who wishes it
    to: str  # the colleague; "" where the search asks
    deadline_at: datetime


@dataclass(frozen=True)
class PanelOffer:
    volunteer_id: int
    name: str
    state: str
    asked_at: datetime
    answered_at: datetime | None
    deadline_at: datetime
    end_reason: str  # why a yes could not be taken


@dataclass(frozen=True)
class RunPanel:
    run_id: int
    school_id: int
    school: str
    on: date
    direction: str
    starts_at: datetime
    ends_at: datetime
    km: float
    is_published: bool
    needs: tuple[str, ...]  # names of the child's boolean columns
    legs: tuple[PanelLeg, ...]
    shifts: tuple[PanelShift, ...]
    offers: tuple[PanelOffer, ...]
    wishes: tuple[PanelWish, ...] = ()

    @property
    def is_searched(self) -> bool:
        """Whether others are asked although somebody has said yes: he would hand the turn on."""
        return any(wish.kind == ReliefKind.SEARCH for wish in self.wishes)

    @property
    def driver(self) -> PanelShift | None:
        """The shift that holds the driver's seat, whatever its state."""
        held = [shift for shift in self.shifts if shift.state in HOLDING and shift.role == Role.DRIVER]
        return held[-1] if held else None

    @property
    def is_safe(self) -> bool:
        """Whether every seat that somebody must take has a yes."""
        return self.driver is not None and self.driver.state in SAID_YES and not self._wants_second

    @property
    def _wants_second(self) -> bool:
        if "second_adult" not in self.needs:
            return False
        return not any(shift.role == Role.SECOND and shift.state in SAID_YES for shift in self.shifts)

    def why_turned_away(self, volunteer_id: int) -> str | None:
        """Return in a sentence why this volunteer's yes could not be taken, or None if it was."""
        last = [offer for offer in self.offers if offer.volunteer_id == volunteer_id][-1:]
        return next(
            (
                Sentence(
                    "%(name)s：这个回答不能算，%(why)s。",
                    name=one.name,
                    why=Sentence(OFFICE_WORDS[one.end_reason]),
                )
                for one in last
                if one.end_reason
            ),
            None,
        )

    @property
    def code(self) -> str:
        """The run's code in the status vocabulary."""
        if self.driver is not None:
            return SHIFT_CODES[ShiftState(self.driver.state)]
        return "asked" if any(offer.state == "open" for offer in self.offers) else "unassigned"


def panel_of(session: Session, *, run_id: int) -> RunPanel:
    """Return one run with its children, shifts, asks and wishes, in five queries. Raises NotFound."""
    found = session.exec(
        select(Run, School.name).join(School, col(School.id) == Run.school_id).where(Run.id == run_id)
    ).first()
    if found is None:
        raise NotFound("没有这趟车，可能已经改过了。请回到周排班再看。")
    run, school = found
    riding = session.exec(
        select(Leg, Child)
        .join(RunLeg, col(RunLeg.leg_id) == Leg.id)
        .join(Child, col(Child.id) == Leg.child_id)
        .where(RunLeg.run_id == run_id, col(RunLeg.is_live).is_(True))
        .options(load_only(*SHOWN, raiseload=True))
        .order_by(col(RunLeg.position))
    ).all()
    shifts = _shifts(session, run_id)
    return RunPanel(
        run_id=run_id,
        school_id=run.school_id,
        school=school,
        on=run.on,
        direction=run.direction,
        starts_at=run.starts_at,
        ends_at=run.ends_at,
        km=run.km,
        is_published=run.published_at is not None,
        needs=tuple(need for need in NEEDS if any(getattr(child, need) for _, child in riding)),
        legs=tuple(_leg(leg, child) for leg, child in riding),
        shifts=shifts,
        offers=_offers(session, run_id),
        wishes=_wishes(session, run_id) if any(one.state in SAID_YES for one in shifts) else (),
    )


def other_turns(
    session: Session, *, volunteer_ids: Collection[int], on: date, direction: str
) -> dict[int, tuple[datetime, str]]:
    """Return what these people drive on that half-day already: when it begins, and from or to which school."""
    rows = session.exec(
        select(Shift.volunteer_id, Run.starts_at, School.name)
        .join(Run, col(Run.id) == col(Shift.run_id))
        .join(School, col(School.id) == col(Run.school_id))
        .where(
            col(Shift.volunteer_id).in_(volunteer_ids),
            Shift.on == on,
            Shift.direction == direction,
            col(Shift.state).in_(LIVE_SHIFT),
        )
    )
    return {who: (starts_at, school) for who, starts_at, school in rows}


def _leg(leg: Leg, child: Child) -> PanelLeg:
    return PanelLeg(
        leg_id=leg.id or 0,
        child_id=leg.child_id,
        child=child.short_name,
        pickup_at=leg.pickup_at,
        due_at=leg.due_at,
        place=leg.place_name,
        area=leg.area,
        is_cancelled=leg.state == LegState.CANCELLED,
    )


def _shifts(session: Session, run_id: int) -> tuple[PanelShift, ...]:
    rows = session.exec(
        select(Shift, Volunteer.name, ChangedCar)
        .join(Volunteer, col(Volunteer.id) == Shift.volunteer_id)
        .outerjoin(
            ChangedCar,
            (col(ChangedCar.shift_id) == col(Shift.id)) & col(ChangedCar.ended_at).is_(None),
        )
        .where(Shift.run_id == run_id)
        .order_by(col(Shift.id))
    )
    return tuple(
        PanelShift(
            volunteer_id=shift.volunteer_id,
            name=name,
            role=shift.role,
            state=shift.state,
            how=shift.confirmed_how,
            confirmed_at=shift.confirmed_at,
            ended_at=shift.ended_at,
            end_reason=shift.end_reason,
            repeat_reason=shift.repeat_reason,
            shift_id=shift.id or 0,
            changed_plate=car.plate if car is not None else "",
            changed_colour=car.colour if car is not None else "",
        )
        for shift, name, car in rows
    )


def _offers(session: Session, run_id: int) -> tuple[PanelOffer, ...]:
    rows = session.exec(
        select(Offer, Ask, Volunteer.name)
        .join(Ask, col(Ask.id) == Offer.ask_id)
        .join(Volunteer, col(Volunteer.id) == Offer.volunteer_id)
        .where(Offer.run_id == run_id)
        .order_by(col(Offer.id))
    )
    return tuple(
        PanelOffer(
            volunteer_id=offer.volunteer_id,
            name=name,
            state=offer.state,
            asked_at=ask.asked_at,
            answered_at=offer.answered_at,
            deadline_at=ask.deadline_at,
            end_reason=offer.end_reason,
        )
        for offer, ask, name in rows
    )


def _wishes(session: Session, run_id: int) -> tuple[PanelWish, ...]:
    by, to = aliased(Volunteer), aliased(Volunteer)
    rows = session.exec(
        select(Relief, by.name, to.name)
        .join(by, col(by.id) == col(Relief.volunteer_id))
        .outerjoin(to, col(to.id) == col(Relief.to_volunteer_id))
        .where(
            or_(Relief.run_id == run_id, col(Relief.their_run_id) == run_id),
            Relief.state == ReliefState.OPEN,
        )
    )
    return tuple(
        PanelWish(relief.shift_id, relief.kind, name, other or "", relief.deadline_at)
        for relief, name, other in rows
    )


SHOWN: Any = (  # nothing sealed; SQLModel types its columns as values
    Child.id,
    Child.short_name,
    Child.wheelchair,
    Child.child_seat,
    Child.female_driver,
    Child.only_familiar,
    Child.alone,
    Child.second_adult,
)
NEEDS = ("wheelchair", "child_seat", "female_driver", "only_familiar", "alone", "second_adult")
HOLDING = (ShiftState.DRAFT, ShiftState.OPEN, ShiftState.CONFIRMED, ShiftState.SERVED)
SAID_YES = (ShiftState.CONFIRMED, ShiftState.SERVED)
SHIFT_CODES = {
    ShiftState.DRAFT: "draft",
    ShiftState.OPEN: "asked",
    ShiftState.CONFIRMED: "confirmed",
    ShiftState.SERVED: "delivered",
}
