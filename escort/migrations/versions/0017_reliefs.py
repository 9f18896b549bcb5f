"""A promise that its driver would hand on: to whoever is found, to a colleague, or for the colleague's own turn

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'relief',
        sa.Column('id', sa.Integer(), primary_key=True),
        sa.Column('kind', sa.String(length=16), nullable=False),
        sa.Column('state', sa.String(length=16), nullable=False),
        sa.Column('shift_id', sa.Integer(), sa.ForeignKey('shift.id'), nullable=False),
        sa.Column('run_id', sa.Integer(), sa.ForeignKey('run.id'), nullable=False),
        sa.Column('volunteer_id', sa.Integer(), sa.ForeignKey('volunteer.id'), nullable=False),
        sa.Column('to_volunteer_id', sa.Integer(), sa.ForeignKey('volunteer.id'), nullable=True),
        sa.Column('their_shift_id', sa.Integer(), sa.ForeignKey('shift.id'), nullable=True),
        sa.Column('their_run_id', sa.Integer(), sa.ForeignKey('run.id'), nullable=True),
        sa.Column('shown_starts_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('shown_legs', sa.String(length=120), nullable=False),
        sa.Column('their_shown_starts_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('their_shown_legs', sa.String(length=120), nullable=False),
        sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('asked_how', sa.String(length=40), nullable=False),
        sa.Column('deadline_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('end_reason', sa.String(length=40), nullable=False),
    )
    for column in ('shift_id', 'run_id', 'volunteer_id', 'to_volunteer_id', 'their_shift_id'):
        op.create_index(f'ix_relief_{column}', 'relief', [column])
    op.create_index('ix_relief_state_deadline_at', 'relief', ['state', 'deadline_at'])
    for name, column in (
        ('uq_relief_open_shift', 'shift_id'),
        ('uq_relief_open_their_shift', 'their_shift_id'),
    ):
        op.create_index(
            name,
            'relief',
            [column],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
    with op.batch_alter_table('offer') as offer:
        offer.add_column(sa.Column('relief_id', sa.Integer(), nullable=True))
        offer.create_foreign_key('fk_offer_relief_id_relief', 'relief', ['relief_id'], ['id'])
        offer.create_index('ix_offer_relief_id', ['relief_id'])


def downgrade() -> None:
    with op.batch_alter_table('offer') as offer:
        offer.drop_index('ix_offer_relief_id')
        offer.drop_constraint('fk_offer_relief_id_relief', type_='foreignkey')
        offer.drop_column('relief_id')
    op.drop_table('relief')
