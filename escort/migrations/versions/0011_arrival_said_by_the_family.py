"""Families whose arrival at home a guardian confirms, and when each such ride is next asked about

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('family', sa.Column('confirms_arrival', sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        'watched_arrival',
        sa.Column('leg_id', sa.Integer(), sa.ForeignKey('leg.id', name='fk_watched_arrival_leg_id_leg'), nullable=False),
        sa.Column('tap_uuid', sa.String(length=36), nullable=False),
        sa.Column('reported_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('next_look_at', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('leg_id', name='pk_watched_arrival'),
    )
    op.create_index('ix_watched_arrival_next_look_at', 'watched_arrival', ['next_look_at'])


def downgrade() -> None:
    op.drop_index('ix_watched_arrival_next_look_at', table_name='watched_arrival')
    op.drop_table('watched_arrival')
    op.drop_column('family', 'confirms_arrival')
