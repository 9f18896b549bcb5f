"""The store begins empty and takes a row on both databases."""

from sqlmodel import Session, select

from escort.db import Store
from escort.roster.models import Team


def test_what_is_written_is_read_back(store: Store) -> None:
    with store.write() as session:
        session.add(Team(name="郫筒先锋车队", street="郫筒街道"))

    with store.read() as session:
        assert [team.name for team in session.exec(select(Team))] == ["郫筒先锋车队"]


def test_an_error_rolls_the_whole_transaction_back(store: Store) -> None:
    class Stop(Exception):
        pass

    try:
        with store.write() as session:
            session.add(Team(name="一队"))
            session.flush()
            raise Stop
    except Stop:
        pass

    with Session(store.engine) as session:
        assert session.exec(select(Team)).all() == []
