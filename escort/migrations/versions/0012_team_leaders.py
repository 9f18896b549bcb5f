"""Team leaders, newcomers whom they bring in, and accompanied first rides

Revision ID: 0012
Revises: 0011
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index('ix_team_leader_volunteer_id', table_name='team')  # the name is the new table's
    op.drop_column('team', 'leader_volunteer_id')
    op.add_column('volunteer', sa.Column('brought_by', sa.String(length=40), nullable=True))
    op.create_table(
        'team_leader',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('team_id', sa.Integer(), nullable=False),
        sa.Column('volunteer_id', sa.Integer(), nullable=True),
        sa.Column('name', sa.String(length=40), nullable=False),
        sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('made_by', sa.String(length=40), nullable=False),
        sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('ended_by', sa.String(length=40), nullable=True),
        sa.Column('told_on', sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(['team_id'], ['team.id'], name='fk_team_leader_team_id_team'),
        sa.ForeignKeyConstraint(
            ['volunteer_id'], ['volunteer.id'], name='fk_team_leader_volunteer_id_volunteer'
        ),
        sa.PrimaryKeyConstraint('id', name='pk_team_leader'),
    )
    op.create_index('ix_team_leader_team_id', 'team_leader', ['team_id'])
    op.create_index('ix_team_leader_volunteer_id', 'team_leader', ['volunteer_id'])
    op.create_index('uq_team_leader_live', 'team_leader', ['team_id'], unique=True, **_where('ended_at IS NULL'))
    op.create_table(
        'introduction',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('newcomer_id', sa.Integer(), nullable=False),
        sa.Column('driver_id', sa.Integer(), nullable=False),
        sa.Column('run_id', sa.Integer(), nullable=False),
        sa.Column('state', sa.String(length=16), nullable=False),
        sa.Column('planned_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('planned_by', sa.String(length=40), nullable=False),
        sa.Column('newcomer_yes_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('newcomer_how', sa.String(length=40), nullable=False),
        sa.Column('driver_yes_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('driver_how', sa.String(length=40), nullable=False),
        sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('ended_by', sa.String(length=40), nullable=True),
        sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('decided_by', sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ['newcomer_id'], ['volunteer.id'], name='fk_introduction_newcomer_id_volunteer'
        ),
        sa.ForeignKeyConstraint(['driver_id'], ['volunteer.id'], name='fk_introduction_driver_id_volunteer'),
        sa.ForeignKeyConstraint(['run_id'], ['run.id'], name='fk_introduction_run_id_run'),
        sa.PrimaryKeyConstraint('id', name='pk_introduction'),
    )
    op.create_index('ix_introduction_newcomer_id', 'introduction', ['newcomer_id'])
    op.create_index('ix_introduction_run_id', 'introduction', ['run_id'])
    op.create_index('ix_introduction_state', 'introduction', ['state'])
    op.create_index(
        'uq_introduction_planned_run', 'introduction', ['run_id'], unique=True, **_where("state = 'planned'")
    )


def downgrade() -> None:
    op.drop_table('introduction')
    op.drop_table('team_leader')
    op.drop_column('volunteer', 'brought_by')
    op.add_column('team', sa.Column('leader_volunteer_id', sa.Integer(), nullable=True))
    op.create_index('ix_team_leader_volunteer_id', 'team', ['leader_volunteer_id'])


def _where(condition: str) -> dict[str, Any]:
    return {f'{dialect}_where': sa.text(condition) for dialect in ('sqlite', 'postgresql')}
