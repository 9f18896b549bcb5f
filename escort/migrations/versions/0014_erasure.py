"""Children whose data were erased, since their families withdrew their consent

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('child', sa.Column('erased_at', sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        'erasure',
        sa.Column('child_id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('erased_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['child_id'], ['child.id'], name='fk_erasure_child_id_child'),
        sa.PrimaryKeyConstraint('child_id', name='pk_erasure'),
    )


def downgrade() -> None:
    op.drop_table('erasure')
    op.drop_column('child', 'erased_at')
