"""Migrations up, down and up again give the very tables that the models describe, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

from escort import migrations
from escort.db import Store


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
