"""What the SMS provider calls our templates, and which it has approved

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'registered_template',
        sa.Column('key', sa.String(length=60), nullable=False),
        sa.Column('provider_id', sa.String(length=60), nullable=False),
        sa.Column('state', sa.String(length=16), nullable=False),
        sa.Column('noted_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('noted_by', sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint('key', name='pk_registered_template'),
    )


def downgrade() -> None:
    op.drop_table('registered_template')
