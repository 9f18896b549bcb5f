"""What a store still lacks before real children may be in it: one list, for every page and the command line."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import exists, func, select
from sqlmodel import Session, col

from escort.access.models import Account, Role, SecondFactor
from escort.sentences import mark
from escort.upkeep.models import Backup, RestoredStore


class Lack(StrEnum):
    CHANNELS_CLOSED = "channels_closed"  # a restored copy that sends nothing yet
    LINKS_STAY_HERE = "links_stay_here"  # the address of links is this machine's or this building's own
    LINKS_NOT_HTTPS = "links_not_https"
    LINKS_DEAD = "links_dead"  # nothing answers at the address of links
    LINKS_ELSEWHERE = "links_elsewhere"  # something else answers there
    SECOND_FACTOR = "second_factor"  # a coordinator without one, where others can come in
    BACKUP = "backup"  # none of the last days
    PROVEN_RESTORE = "proven_restore"  # no file of the last weeks was restored and compared


@dataclass(frozen=True)
class Safety:
    """The store's own safety at a glance."""

    last_backup_at: datetime | None
    last_proven_at: datetime | None
    are_channels_closed: bool
    is_second_factor_missing: bool


def safety_of(session: Session) -> Safety:
    """Return it in one query: every page asks, once in a while."""
    live = select(col(Account.id)).where(
        col(Account.role) == str(Role.COORDINATOR), col(Account.disabled_at).is_(None)
    )
    has_one = select(col(SecondFactor.account_id)).where(
        col(SecondFactor.account_id) == col(Account.id), col(SecondFactor.confirmed_at).is_not(None)
    )
    asked: Any = select(
        select(func.max(col(Backup.made_at))).scalar_subquery(),
        select(func.max(col(Backup.proven_at))).scalar_subquery(),
        exists(select(col(RestoredStore.id)).where(col(RestoredStore.opened_at).is_(None))),
        exists(live.where(~exists(has_one))),
    )
    return Safety(*session.execute(asked).one())


def newest_backups(session: Session, *, limit: int = 10) -> list[Backup]:
    """Return the backups that were made of this store, the newest first."""
    rows = select(Backup).order_by(col(Backup.made_at).desc()).limit(limit)
    return list(session.scalars(rows))


def what_is_missing(
    safety: Safety, *, needs_second_factor: bool, real_now: datetime, links: Lack | None = None
) -> list[Lack]:
    """Return what keeps real children out of this store, the worst first; nothing where it is ready for them.

    `links`: what keeps the links in messages from working.
    """
    lacks = []
    if safety.are_channels_closed:
        lacks.append(Lack.CHANNELS_CLOSED)
    if links is not None:
        lacks.append(links)
    if needs_second_factor and safety.is_second_factor_missing:
        lacks.append(Lack.SECOND_FACTOR)
    if safety.last_backup_at is None or safety.last_backup_at < real_now - BACKUP_AT_LEAST:
        lacks.append(Lack.BACKUP)
    if safety.last_proven_at is None or safety.last_proven_at < real_now - PROOF_AT_LEAST:
        lacks.append(Lack.PROVEN_RESTORE)
    return lacks


BACKUP_AT_LEAST = timedelta(days=7)
PROOF_AT_LEAST = timedelta(days=35)  # as long as a backup is kept
WORDS = {
    Lack.CHANNELS_CLOSED: mark("这是从备份恢复的库，什么消息也不发，等装系统的人确认后再开"),
    Lack.LINKS_STAY_HERE: mark(
        "链接的网址只有这台电脑或这栋楼里打得开，带链接的短信不发，改由办公室打电话；请装系统的人设 DUJUAN_BASE_URL"
    ),
    Lack.LINKS_NOT_HTTPS: mark(
        "链接的网址不是 https:// 开头，带链接的短信不发，改由办公室打电话；请装系统的人改 DUJUAN_BASE_URL"
    ),
    Lack.LINKS_DEAD: mark(
        "链接的网址现在打不开，带链接的短信不发，改由办公室打电话；请装系统的人看网络和证书"
    ),
    Lack.LINKS_ELSEWHERE: mark(
        "链接的网址打开的不是这个系统，带链接的短信不发，改由办公室打电话；请装系统的人核对 DUJUAN_BASE_URL"
    ),
    Lack.SECOND_FACTOR: mark("有协调员还没开两步登录"),
    Lack.BACKUP: mark("7 天里没有做过备份"),
    Lack.PROVEN_RESTORE: mark("35 天里没有试着恢复过一份备份"),
}
