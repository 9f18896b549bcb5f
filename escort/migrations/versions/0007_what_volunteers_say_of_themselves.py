"""A cap a month, dates of the rotation, household links, the month's question, papers counted down

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('volunteer', sa.Column('cap_month', sa.Integer(), nullable=True))
    op.add_column('volunteer', sa.Column('joins_on', sa.Date(), nullable=True))
    op.add_column('volunteer', sa.Column('leaves_on', sa.Date(), nullable=True))
    op.create_table(
        'household_link',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('volunteer_id', sa.Integer(), nullable=False),
        sa.Column('other_id', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(length=16), nullable=False),
        sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ['volunteer_id'], ['volunteer.id'], name='fk_household_link_volunteer_id_volunteer'
        ),
        sa.ForeignKeyConstraint(['other_id'], ['volunteer.id'], name='fk_household_link_other_id_volunteer'),
        sa.PrimaryKeyConstraint('id', name='pk_household_link'),
    )
    op.create_index('ix_household_link_volunteer_id', 'household_link', ['volunteer_id'])
    op.create_index('ix_household_link_other_id', 'household_link', ['other_id'])
    op.create_index(
        'uq_household_link_live',
        'household_link',
        ['volunteer_id', 'other_id'],
        unique=True,
        sqlite_where=sa.text('ended_at IS NULL'),
        postgresql_where=sa.text('ended_at IS NULL'),
    )
    op.create_table(
        'month_question',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('volunteer_id', sa.Integer(), nullable=False),
        sa.Column('month_on', sa.Date(), nullable=False),
        sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('answer', sa.String(length=16), nullable=False),
        sa.Column('how', sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ['volunteer_id'], ['volunteer.id'], name='fk_month_question_volunteer_id_volunteer'
        ),
        sa.PrimaryKeyConstraint('id', name='pk_month_question'),
        sa.UniqueConstraint('volunteer_id', 'month_on', name='uq_month_question_volunteer_month'),
    )
    op.create_index('ix_month_question_volunteer_id', 'month_question', ['volunteer_id'])
    op.create_table(
        'paper_notice',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('volunteer_id', sa.Integer(), nullable=False),
        sa.Column('paper', sa.String(length=16), nullable=False),
        sa.Column('until_on', sa.Date(), nullable=False),
        sa.Column('step', sa.Integer(), nullable=False),
        sa.Column('told_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ['volunteer_id'], ['volunteer.id'], name='fk_paper_notice_volunteer_id_volunteer'
        ),
        sa.PrimaryKeyConstraint('id', name='pk_paper_notice'),
        sa.UniqueConstraint(
            'volunteer_id', 'paper', 'until_on', 'step', name='uq_paper_notice_volunteer_paper_until_step'
        ),
    )
    op.create_index('ix_paper_notice_volunteer_id', 'paper_notice', ['volunteer_id'])


def downgrade() -> None:
    for name in ('paper_notice', 'month_question', 'household_link'):
        op.drop_table(name)
    for name in ('leaves_on', 'joins_on', 'cap_month'):
        op.drop_column('volunteer', name)
