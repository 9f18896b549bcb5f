"""What makes the trail append-only in the database itself: statements for migrations and for new stores."""

from sqlalchemy import DDL, Table, event
from sqlalchemy.schema import ExecutableDDLElement

REFUSES = "the audit trail is append-only"

SQLITE = (
    f"CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSES}'); END",
    f"CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSES}'); END",
)
POSTGRESQL = (
    f"CREATE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{REFUSES}'; END $$",
    "CREATE TRIGGER audit_event_no_change BEFORE UPDATE OR DELETE ON audit_event "
    "FOR EACH ROW EXECUTE FUNCTION audit_event_refuse()",
    "CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON audit_event "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_event_refuse()",
)
POSTGRESQL_DOWN = ("DROP FUNCTION audit_event_refuse() CASCADE",)

STATEMENTS = {"sqlite": SQLITE, "postgresql": POSTGRESQL}


def guard(table: Table) -> None:
    """Put the triggers on whenever `metadata.create_all` makes the table (tests; migrations run `STATEMENTS`)."""
    for dialect, statements in STATEMENTS.items():
        for statement in statements:
            event.listen(table, "after_create", _on(dialect, statement))
    for statement in POSTGRESQL_DOWN:
        event.listen(table, "after_drop", _on("postgresql", statement))


def _on(dialect: str, statement: str) -> ExecutableDDLElement:
    ddl: ExecutableDDLElement = DDL(statement)  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    return ddl.execute_if(dialect=dialect)
