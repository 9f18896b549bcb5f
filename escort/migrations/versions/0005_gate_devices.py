"""Tablets at the gate have a name, and the office sees when each was last seen

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('device', sa.Column('label', sa.String(length=20), nullable=False, server_default=''))
    op.add_column('device', sa.Column('seen_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('device', 'seen_at')
    op.drop_column('device', 'label')
