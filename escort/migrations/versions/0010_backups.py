"""What is known of backups, and of a store that came out of one

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'backup',
        sa.Column('fingerprint', sa.String(length=64), nullable=False),
        sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('by', sa.String(length=40), nullable=False),
        sa.Column('bytes', sa.BigInteger(), nullable=False),
        sa.Column('rows', sa.Integer(), nullable=False),
        sa.Column('proven_at', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('fingerprint', name='pk_backup'),
    )
    op.create_index('ix_backup_made_at', 'backup', ['made_at'])
    op.create_table(
        'restored_store',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('restored_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('backup_made_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('opened_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('opened_by', sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_restored_store'),
    )


def downgrade() -> None:
    op.drop_table('restored_store')
    op.drop_index('ix_backup_made_at', table_name='backup')
    op.drop_table('backup')
