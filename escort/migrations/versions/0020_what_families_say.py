"""Why a child pauses and who said so, afternoons that are still wanted, and who goes on next term

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('escort_pause', sa.Column('why', sa.String(length=16), nullable=False, server_default='other'))
    op.add_column('escort_pause', sa.Column('said_by', sa.String(length=40), nullable=False, server_default=''))
    op.add_column('escort_pause', sa.Column('said_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('leg', sa.Column('kept_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('leg', sa.Column('kept_by', sa.String(length=40), nullable=True))
    op.create_table(
        'term_question',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('escort_id', sa.Integer(), nullable=False),
        sa.Column('child_id', sa.Integer(), nullable=False),
        sa.Column('ends_on', sa.Date(), nullable=False),
        sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('answer', sa.String(length=8), nullable=False),
        sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('answered_by', sa.String(length=40), nullable=False),
        sa.Column('how', sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(['child_id'], ['child.id'], name=op.f('fk_term_question_child_id_child')),
        sa.ForeignKeyConstraint(['escort_id'], ['escort.id'], name=op.f('fk_term_question_escort_id_escort')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_term_question')),
        sa.UniqueConstraint('escort_id', 'ends_on', name='uq_term_question_escort_id_ends_on'),
    )
    op.create_index(op.f('ix_term_question_child_id'), 'term_question', ['child_id'])


def downgrade() -> None:
    op.drop_table('term_question')
    for name in ('kept_by', 'kept_at'):
        op.drop_column('leg', name)
    for name in ('said_at', 'said_by', 'why'):
        op.drop_column('escort_pause', name)
