"""每周固定来: a standing yes, explicit, dated and revocable

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'standing_yes',
        sa.Column('id', sa.Integer(), primary_key=True),
        sa.Column('volunteer_id', sa.Integer(), sa.ForeignKey('volunteer.id'), nullable=False),
        sa.Column('weekday', sa.Integer(), nullable=False),
        sa.Column('direction', sa.String(length=16), nullable=False),
        sa.Column('usual_at', sa.Time(), nullable=False),
        sa.Column('given_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('given_how', sa.String(length=40), nullable=False),
        sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('ended_how', sa.String(length=40), nullable=False, server_default=''),
    )
    op.create_index('ix_standing_yes_volunteer_id', 'standing_yes', ['volunteer_id'])
    op.create_index(
        'uq_standing_yes_live',
        'standing_yes',
        ['volunteer_id', 'weekday', 'direction'],
        unique=True,
        sqlite_where=sa.text('ended_at IS NULL'),
        postgresql_where=sa.text('ended_at IS NULL'),
    )


def downgrade() -> None:
    op.drop_table('standing_yes')
