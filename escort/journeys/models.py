"""The day itself: what drivers, guards and families tapped, and when."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel


class Step(StrEnum):
    STARTED = "started"  # 出发: the run is on its way
    AT_PICKUP = "at_pickup"  # 到了
    ON_BOARD = "on_board"  # 接到
    DELIVERED = "delivered"  # 送达: the driver's word
    HANDED_OVER = "handed_over"  # 交接: the guard's or the family's word
    SELF_COLLECTED = "self_collected"  # 领走了: the family fetched a cancelled child


class Tap(SQLModel, table=True):
    """One deliberate tap. `uuid` is made by the phone: the same tap sent twice is one tap."""

    __tablename__ = "tap"
    uuid: str = Field(primary_key=True, max_length=36)
    leg_id: int = Field(foreign_key="leg.id", index=True)
    shift_id: int | None = Field(default=None, foreign_key="shift.id", index=True)
    step: str = Field(max_length=16)
    by: str = Field(max_length=40)  # "volunteer:12", "gate:3", "guardian:7", "account:1"
    tapped_at: datetime = Field(index=True)  # the phone's clock
    arrived_at: datetime  # ours
    undone_at: datetime | None = None
