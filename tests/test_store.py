"""The store begins empty and takes a row on both databases."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, select

from escort.app import open_store
from escort.db import Store
from escort.roster.models import Team
from escort.settings import Settings


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


def test_an_error_of_a_real_districts_store_names_no_value(tmp_path: Path, empty_store: Store) -> None:
    settings = Settings(database_url=empty_store.url, key_file=tmp_path / "dujuan.key")
    real = open_store(settings)

    with pytest.raises(SQLAlchemyError) as broken, real.write() as session:
        session.execute(text("INSERT INTO nowhere VALUES (:who)"), {"who": "小雨 199 0000 7998"})

    real.dispose()
    assert "nowhere" in str(broken.value)
    assert "小雨" not in str(broken.value)
