"""今天换车: another car than the known one, for one shift; and which car a family was told of

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'changed_car',
        sa.Column('id', sa.Integer(), primary_key=True),
        sa.Column('shift_id', sa.Integer(), sa.ForeignKey('shift.id'), nullable=False),
        sa.Column('plate', sa.String(length=10), nullable=False),
        sa.Column('colour', sa.String(length=10), nullable=False),
        sa.Column('given_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('given_how', sa.String(length=40), nullable=False),
        sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index('ix_changed_car_shift_id', 'changed_car', ['shift_id'])
    op.create_index(
        'uq_changed_car_live_shift',
        'changed_car',
        ['shift_id'],
        unique=True,
        sqlite_where=sa.text('ended_at IS NULL'),
        postgresql_where=sa.text('ended_at IS NULL'),
    )
    op.add_column('told_family', sa.Column('car_id', sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column('told_family', 'car_id')
    op.drop_table('changed_car')
