"""The store's history of shapes, and the one call that brings a store to the newest."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from escort.db import Store


def migrate(store: Store) -> None:
    """Bring a store to the newest shape; one that is there already is left alone."""
    config = _config()
    config.attributes["engine"] = store.engine
    command.upgrade(config, "head")


def demolish(store: Store, *, down_to: str = "base") -> None:
    """Take every table, or every later step, away again. For tests: a real store is never taken down."""
    config = _config()
    config.attributes["engine"] = store.engine
    command.downgrade(config, down_to)


def is_current(store: Store) -> bool:
    """Return whether the store has the newest shape."""
    with store.engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return current == ScriptDirectory.from_config(_config()).get_current_head()


def knows(revision: str) -> bool:
    """Return whether this version knows a shape: one of a newer version it does not."""
    return revision in {step.revision for step in ScriptDirectory.from_config(_config()).walk_revisions()}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
