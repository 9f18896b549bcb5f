"""Legs that are not what was shown, and what an offer that asks again shows of before

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'changed_leg',
        sa.Column('leg_id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('on', sa.Date(), nullable=False),
        sa.Column('cause', sa.String(length=16), nullable=False),
        sa.Column('was_pickup_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['leg_id'], ['leg.id'], name=op.f('fk_changed_leg_leg_id_leg')),
        sa.PrimaryKeyConstraint('leg_id', name=op.f('pk_changed_leg')),
    )
    op.create_index(op.f('ix_changed_leg_on'), 'changed_leg', ['on'])
    op.add_column('offer', sa.Column('was_starts_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        'offer', sa.Column('is_elsewhere', sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    op.drop_column('offer', 'is_elsewhere')
    op.drop_column('offer', 'was_starts_at')
    op.drop_table('changed_leg')
