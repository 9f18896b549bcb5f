"""What an offer showed, what the office gave way in, and why a yes to it was not taken

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('offer', sa.Column('shown_starts_at', sa.DateTime(timezone=True), nullable=True))
    for name, length in TEXTS.items():
        op.add_column('offer', sa.Column(name, sa.String(length=length), nullable=False, server_default=''))
    _show_open_offers_what_is_now()


def downgrade() -> None:
    for name in (*TEXTS, 'shown_starts_at'):
        op.drop_column('offer', name)


def _show_open_offers_what_is_now() -> None:
    """Whoever has not answered yet is taken to have been shown the run as it is at this moment."""
    op.execute(
        "UPDATE offer SET shown_starts_at = (SELECT run.starts_at FROM run WHERE run.id = offer.run_id)"
        " WHERE state = 'open'"
    )
    connection = op.get_bind()
    legs: dict[int, list[str]] = {}
    for run_id, leg_id, generation, _ in connection.execute(
        sa.text(
            "SELECT DISTINCT run_leg.run_id, leg.id, leg.generation, run_leg.position FROM run_leg"
            " JOIN leg ON leg.id = run_leg.leg_id JOIN offer ON offer.run_id = run_leg.run_id"
            " WHERE run_leg.is_live AND offer.state = 'open' ORDER BY run_leg.run_id, run_leg.position"
        )
    ).all():
        legs.setdefault(run_id, []).append(f'{leg_id}.{generation}')
    if legs:
        connection.execute(
            sa.text("UPDATE offer SET shown_legs = :legs WHERE run_id = :run_id AND state = 'open'"),
            [{'run_id': run_id, 'legs': ','.join(shown)[:120]} for run_id, shown in legs.items()],
        )


TEXTS = {'shown_legs': 120, 'gave_way': 120, 'end_reason': 40}
