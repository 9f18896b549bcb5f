"""What a new office has not done yet: until then its board has nothing to show."""

from dataclasses import dataclass

from sqlmodel import Session, select

from escort.families.models import Child
from escort.roster.models import Volunteer
from escort.rota.models import Run


@dataclass(frozen=True)
class FirstSteps:
    has_volunteers: bool
    has_children: bool
    has_runs: bool

    @property
    def are_done(self) -> bool:
        return self.has_volunteers and self.has_children and self.has_runs


def first_steps(session: Session) -> FirstSteps:
    """Return which of the three first steps are done, in one query."""
    found = session.execute(
        select(
            select(Volunteer.id).exists().label("volunteers"),
            select(Child.id).exists().label("children"),
            select(Run.id).exists().label("runs"),
        )
    ).one()
    return FirstSteps(*map(bool, found))
