"""What is known of the store's own safety: its backups, and whether it is itself a restored copy."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class Backup(SQLModel, table=True):
    """One backup file that was made of this store. Times are real ones."""

    __tablename__ = "backup"
    fingerprint: str = Field(primary_key=True, max_length=64)
    made_at: datetime = Field(index=True)
    by: str = Field(max_length=40)
    bytes: int = Field(sa_type=BigInteger)
    rows: int
    proven_at: datetime | None = None  # when this very file was last restored and compared


class RestoredStore(SQLModel, table=True):
    """One row in a store that came out of a backup: it sends nothing until somebody says so."""

    __tablename__ = "restored_store"
    id: int = Field(default=1, primary_key=True)
    restored_at: datetime
    backup_made_at: datetime
    opened_at: datetime | None = None  # from then on it sends
    opened_by: str = Field(default="", max_length=40)
