"""What a gate prints is counted, and what a school reports waits for the office

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'printed_sheet',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('school_id', sa.Integer(), nullable=False),
        sa.Column('on', sa.Date(), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('printed_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('printed_by', sa.String(length=40), nullable=False),
        sa.Column('shown', sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(['school_id'], ['school.id']),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('school_id', 'on', 'number', name='uq_printed_sheet_number'),
    )
    op.create_index('ix_printed_sheet_school_id', 'printed_sheet', ['school_id'])
    op.create_table(
        'dismissal_report',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('school_id', sa.Integer(), nullable=False),
        sa.Column('on', sa.Date(), nullable=False),
        sa.Column('at', sa.Time(), nullable=False),
        sa.Column('class_name', sa.String(length=60), nullable=False),
        sa.Column('note', sa.String(length=80), nullable=False),
        sa.Column('state', sa.String(length=16), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('reported_by', sa.String(length=40), nullable=False),
        sa.Column('reported_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('answered_by', sa.String(length=40), nullable=True),
        sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('answer', sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(['school_id'], ['school.id']),
        sa.PrimaryKeyConstraint('id'),
    )
    op.create_index('ix_dismissal_report_school_id', 'dismissal_report', ['school_id'])
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        'uq_dismissal_report_waiting',
        'dismissal_report',
        ['school_id', 'on', 'class_name'],
        unique=True,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def downgrade() -> None:
    op.drop_table('dismissal_report')
    op.drop_table('printed_sheet')
