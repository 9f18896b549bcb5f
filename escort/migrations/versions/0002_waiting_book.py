"""A book between the two steps of its import

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('waiting_book',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kept_by', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.Column('kept_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_waiting_book')),
    sa.UniqueConstraint('kept_by', name=op.f('uq_waiting_book_kept_by'))
    )


def downgrade() -> None:
    op.drop_table('waiting_book')
