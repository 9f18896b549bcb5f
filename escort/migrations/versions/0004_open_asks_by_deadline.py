"""Open asks are found by their deadline without walking over all that were ever answered

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_ask_state_deadline_at', 'ask', ['state', 'deadline_at'])
    op.drop_index('ix_ask_deadline_at', table_name='ask')


def downgrade() -> None:
    op.create_index('ix_ask_deadline_at', 'ask', ['deadline_at'])
    op.drop_index('ix_ask_state_deadline_at', table_name='ask')
