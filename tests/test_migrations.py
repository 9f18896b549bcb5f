"""Migrations up, down and up again give the very tables that the models describe, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel, col, select

from escort import migrations
from escort.db import Store
from escort.rota.models import Ask, Offer
from tests.builders import NOW, a_child, a_volunteer
from tests.escort.journeys.rides import a_ride


def test_migrated_store_has_the_shape_of_the_models(empty_store: Store) -> None:
    migrations.migrate(empty_store)

    with empty_store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    assert migrations.is_current(empty_store)


def test_down_and_up_again_leaves_the_same_store(empty_store: Store) -> None:
    migrations.migrate(empty_store)

    migrations.demolish(empty_store)

    assert not migrations.is_current(empty_store)
    migrations.migrate(empty_store)
    assert migrations.is_current(empty_store)


def test_migrating_twice_changes_nothing(empty_store: Store) -> None:
    migrations.migrate(empty_store)
    migrations.migrate(empty_store)

    assert migrations.is_current(empty_store)


def test_open_offers_are_taken_to_have_shown_the_run_as_it_is(empty_store: Store) -> None:
    migrations.migrate(empty_store)
    with empty_store.write() as session:
        ride = a_ride(session, a_child(session))
        for volunteer, state in ((a_volunteer(session), "open"), (a_volunteer(session, "陈姐"), "declined")):
            ask = Ask(
                volunteer_id=volunteer.id or 0,
                kind="stand_in",
                week_on=NOW.date(),
                asked_at=NOW,
                deadline_at=NOW,
            )
            session.add(ask)
            session.flush()
            session.add(
                Offer(
                    ask_id=ask.id or 0,
                    volunteer_id=volunteer.id or 0,
                    run_id=ride.run_id,
                    on=ride.run.on,
                    direction="home",
                    state=state,
                )
            )
    migrations.demolish(empty_store, down_to="0002")

    migrations.migrate(empty_store)

    with empty_store.read() as session:
        shown = session.exec(select(Offer.shown_starts_at, Offer.shown_legs).order_by(col(Offer.id))).all()
        assert shown == [(ride.starts_at, f"{ride.leg_id}.1"), (None, "")]
