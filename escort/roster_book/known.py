"""What a store knows that a book may name without listing it."""

from sqlmodel import Session, select

from escort.roster.models import Team
from escort.roster_book.book import place_key
from escort.roster_book.verdicts import BookRules
from escort.schools.models import Place, School
from scheduling.travel import Point


def rules_of(session: Session) -> BookRules:
    """Return what the store knows that a book may name without listing it."""
    places = {place_key(p.name, p.street): Point(p.lat, p.lon) for p in session.exec(select(Place))}
    return BookRules(
        known_schools=frozenset(session.exec(select(School.name))),
        known_teams=frozenset(session.exec(select(Team.name))),
        known_places=places,
    )
