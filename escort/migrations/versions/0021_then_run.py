"""What somebody would drive instead, who hands a turn on

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('relief') as batch:
        batch.add_column(sa.Column('then_run_id', sa.Integer(), nullable=True))
        batch.create_foreign_key(op.f('fk_relief_then_run_id_run'), 'run', ['then_run_id'], ['id'])
        batch.create_index(op.f('ix_relief_then_run_id'), ['then_run_id'])


def downgrade() -> None:
    with op.batch_alter_table('relief') as batch:
        batch.drop_index(op.f('ix_relief_then_run_id'))
        batch.drop_constraint(op.f('fk_relief_then_run_id_run'), type_='foreignkey')
        batch.drop_column('then_run_id')
