"""An insert that two may try: the unique key decides, and the second one changes nothing."""

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel


def insert_if_new(session: Session, table: type[SQLModel]) -> Any:
    """Return an insert that does nothing where a unique key is there already: each database has its own."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()
