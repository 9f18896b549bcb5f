"""Alembic's entry: migrates the engine that it is handed, or the store that the settings name."""

from alembic import context
from sqlalchemy import Connection, Engine
from sqlmodel import SQLModel

import escort.tables  # noqa: F401
from escort.db import Store
from escort.settings import Settings
from notifications.sealed import Keyring


def _engine() -> Engine:
    engine = context.config.attributes.get("engine")
    if isinstance(engine, Engine):
        return engine
    settings = Settings()
    return Store(settings.url, Keyring.load_or_create(settings.keys)).engine


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=True,
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


with _engine().connect() as _connection:
    _migrate(_connection)
    _connection.commit()
