"""New numbers that wait for a day

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'held_number',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('party', sa.String(), nullable=False),
        sa.Column('value', sa.Text(), nullable=False),
        sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('asked_by', sa.String(length=40), nullable=False),
        sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('told_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('settled_by', sa.String(length=40), nullable=True),
        sa.Column('outcome', sa.String(length=16), nullable=True),
        sa.Column('spoken_with', sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint('id', name='pk_held_number'),
    )
    op.create_index('ix_held_number_party', 'held_number', ['party'])
    op.create_index(
        'uq_held_number_waiting',
        'held_number',
        ['party'],
        unique=True,
        sqlite_where=sa.text('settled_at IS NULL'),
        postgresql_where=sa.text('settled_at IS NULL'),
    )


def downgrade() -> None:
    op.drop_index('uq_held_number_waiting', table_name='held_number')
    op.drop_index('ix_held_number_party', table_name='held_number')
    op.drop_table('held_number')
