"""The first shape of the store

Revision ID: 0001
Revises: 
"""

import sqlalchemy as sa
from alembic import op

from escort.access import audit_ddl


revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('access_link',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('subject', sa.String(length=40), nullable=False),
    sa.Column('purpose', sa.String(length=16), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_access_link')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_access_link_token_hash'))
    )
    with op.batch_alter_table('access_link', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_access_link_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_access_link_subject'), ['subject'], unique=False)

    op.create_table('account',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('login', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('school_id', sa.Integer(), nullable=True),
    sa.Column('password_hash', sa.String(length=200), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('disabled_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_account')),
    sa.UniqueConstraint('login', name=op.f('uq_account_login'))
    )
    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_account_school_id'), ['school_id'], unique=False)
        batch_op.create_index('uq_account_gate_school', ['school_id'], unique=True, sqlite_where=sa.text("role = 'gate' AND disabled_at IS NULL"), postgresql_where=sa.text("role = 'gate' AND disabled_at IS NULL"))

    op.create_table('address',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('party', sa.String(), nullable=False),
    sa.Column('channel', sa.String(), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.Column('value_index', sa.String(), nullable=False),
    sa.Column('language', sa.String(), nullable=False),
    sa.Column('is_preferred', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('frozen_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('frozen_reason', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_address')),
    sa.UniqueConstraint('party', 'channel', name='uq_address_party_channel')
    )
    with op.batch_alter_table('address', schema=None) as batch_op:
        batch_op.create_index('ix_address_value_index', ['value_index'], unique=False)

    op.create_table('audit_event',
    sa.Column('seq', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.String(length=40), nullable=False),
    sa.Column('action', sa.String(length=60), nullable=False),
    sa.Column('subject', sa.String(length=60), nullable=False),
    sa.Column('fields', sa.JSON(), nullable=False),
    sa.Column('request_id', sa.String(length=32), nullable=False),
    sa.Column('prev_hash', sa.Text(), nullable=False),
    sa.Column('hash', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_audit_event')),
    sa.UniqueConstraint('hash', name=op.f('uq_audit_event_hash'))
    )
    with op.batch_alter_table('audit_event', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_audit_event_action'), ['action'], unique=False)
        batch_op.create_index(batch_op.f('ix_audit_event_actor'), ['actor'], unique=False)
        batch_op.create_index(batch_op.f('ix_audit_event_subject'), ['subject'], unique=False)

    op.create_table('book_change',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('sheet', sa.String(length=16), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('column', sa.String(length=40), nullable=False),
    sa.Column('subject_id', sa.Integer(), nullable=False),
    sa.Column('question', sa.String(length=16), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.Column('raised_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_by', sa.String(length=40), nullable=False),
    sa.Column('decision', sa.String(length=16), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_book_change'))
    )
    with op.batch_alter_table('book_change', schema=None) as batch_op:
        batch_op.create_index('uq_book_change_open', ['sheet', 'key', 'column'], unique=True, sqlite_where=sa.text('decided_at IS NULL'), postgresql_where=sa.text('decided_at IS NULL'))

    op.create_table('book_value',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('sheet', sa.String(length=16), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('subject_id', sa.Integer(), nullable=False),
    sa.Column('said', sa.Text(), nullable=False),
    sa.Column('missing_since', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_book_value')),
    sa.UniqueConstraint('sheet', 'key', name='uq_book_value_sheet_key')
    )
    op.create_table('case',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=24), nullable=False),
    sa.Column('about', sa.String(length=80), nullable=False),
    sa.Column('is_urgent', sa.Boolean(), nullable=False),
    sa.Column('needed_by', sa.DateTime(timezone=True), nullable=True),
    sa.Column('sentence', sa.String(length=400), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('next_step_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('times_told', sa.Integer(), nullable=False),
    sa.Column('acknowledged_by', sa.String(length=40), nullable=True),
    sa.Column('acknowledged_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ack_lapses_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_by', sa.String(length=40), nullable=True),
    sa.Column('close_reason', sa.String(length=200), nullable=False),
    sa.CheckConstraint("state = 'closed' OR next_step_at IS NOT NULL", name=op.f('ck_case_live_has_next_step')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case'))
    )
    with op.batch_alter_table('case', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_case_about'), ['about'], unique=False)
        batch_op.create_index('ix_case_state_next_step_at', ['state', 'next_step_at'], unique=False)
        batch_op.create_index('uq_case_live_kind_about', ['kind', 'about'], unique=True, sqlite_where=sa.text("state <> 'closed'"), postgresql_where=sa.text("state <> 'closed'"))

    op.create_table('demo_person_action',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('who', sa.String(length=40), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('data', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_demo_person_action'))
    )
    with op.batch_alter_table('demo_person_action', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_demo_person_action_due_at'), ['due_at'], unique=False)

    op.create_table('demo_person_cookie',
    sa.Column('who', sa.String(length=40), nullable=False),
    sa.Column('cookies', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('who', name=op.f('pk_demo_person_cookie'))
    )
    op.create_table('demo_phone_message',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('number', sa.String(length=20), nullable=False),
    sa.Column('key', sa.String(length=80), nullable=True),
    sa.Column('is_written', sa.Boolean(), nullable=False),
    sa.Column('template', sa.String(length=40), nullable=False),
    sa.Column('text', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_demo_phone_message')),
    sa.UniqueConstraint('key', name=op.f('uq_demo_phone_message_key'))
    )
    with op.batch_alter_table('demo_phone_message', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_demo_phone_message_at'), ['at'], unique=False)
        batch_op.create_index(batch_op.f('ix_demo_phone_message_number'), ['number'], unique=False)

    op.create_table('demo_state',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('offset_seconds', sa.Float(), nullable=False),
    sa.Column('going_to', sa.DateTime(timezone=True), nullable=True),
    sa.Column('seed', sa.Integer(), nullable=False),
    sa.Column('is_ready', sa.Boolean(), nullable=False),
    sa.Column('sms_secret', sa.Text(), nullable=False),
    sa.Column('callback_token', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_demo_state'))
    )
    op.create_table('demo_taken_phone',
    sa.Column('number', sa.String(length=20), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_demo_taken_phone'))
    )
    op.create_table('device',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('subject', sa.String(length=40), nullable=False),
    sa.Column('secret_hash', sa.String(length=64), nullable=False),
    sa.Column('is_first', sa.Boolean(), nullable=False),
    sa.Column('bound_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_by', sa.String(length=40), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_device')),
    sa.UniqueConstraint('secret_hash', name=op.f('uq_device_secret_hash'))
    )
    with op.batch_alter_table('device', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_device_subject'), ['subject'], unique=False)
        batch_op.create_index('uq_device_first_of_subject', ['subject'], unique=True, sqlite_where=sa.text('is_first'), postgresql_where=sa.text('is_first'))

    op.create_table('duty',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('account_id', sa.Integer(), nullable=False),
    sa.Column('weekday', sa.Integer(), nullable=True),
    sa.Column('from_minute', sa.Integer(), nullable=False),
    sa.Column('until_minute', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_duty'))
    )
    with op.batch_alter_table('duty', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_duty_account_id'), ['account_id'], unique=False)

    op.create_table('family',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('tell_by', sa.String(length=16), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_family'))
    )
    op.create_table('inbound',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('provider_message_id', sa.String(), nullable=False),
    sa.Column('sender', sa.Text(), nullable=False),
    sa.Column('sender_index', sa.String(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('raw', sa.Text(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('handled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('outcome', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_inbound')),
    sa.UniqueConstraint('provider', 'provider_message_id', name='uq_inbound_provider_message_id')
    )
    with op.batch_alter_table('inbound', schema=None) as batch_op:
        batch_op.create_index('ix_inbound_sender_index', ['sender_index'], unique=False)
        batch_op.create_index('ix_inbound_unhandled', ['id'], unique=False, sqlite_where=sa.text('handled_at IS NULL'), postgresql_where=sa.text('handled_at IS NULL'))

    op.create_table('job_lease',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('owner', sa.String(length=80), nullable=False),
    sa.Column('until_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_for_on', sa.Date(), nullable=True),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_job_lease'))
    )
    op.create_table('message',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('party', sa.String(), nullable=False),
    sa.Column('template', sa.String(), nullable=False),
    sa.Column('parameters', sa.Text(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('language', sa.String(), nullable=False),
    sa.Column('about', sa.String(), nullable=False),
    sa.Column('dedup_key', sa.String(), nullable=False),
    sa.Column('send_key', sa.String(), nullable=False),
    sa.Column('urgency', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('not_before', sa.DateTime(timezone=True), nullable=False),
    sa.Column('do_not_send_after', sa.DateTime(timezone=True), nullable=True),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('next_attempt_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('fence', sa.Integer(), nullable=False),
    sa.Column('owner', sa.String(), nullable=True),
    sa.Column('in_doubt', sa.Boolean(), nullable=False),
    sa.Column('channel', sa.String(), nullable=True),
    sa.Column('channel_is_spent', sa.Boolean(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('doubts', sa.Integer(), nullable=False),
    sa.Column('losses', sa.Integer(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('provider_id', sa.String(), nullable=True),
    sa.Column('accepted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('acknowledged_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failed_code', sa.String(), nullable=True),
    sa.Column('withdrawn_reason', sa.String(), nullable=True),
    sa.Column('escalated_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_message')),
    sa.UniqueConstraint('dedup_key', name='uq_message_dedup_key'),
    sa.UniqueConstraint('send_key', name='uq_message_send_key')
    )
    with op.batch_alter_table('message', schema=None) as batch_op:
        batch_op.create_index('ix_message_about', ['about'], unique=False)
        batch_op.create_index('ix_message_due', ['next_attempt_at'], unique=False, sqlite_where=sa.text('next_attempt_at IS NOT NULL'), postgresql_where=sa.text('next_attempt_at IS NOT NULL'))
        batch_op.create_index('ix_message_due_by_urgency', ['urgency', 'next_attempt_at'], unique=False, sqlite_where=sa.text('next_attempt_at IS NOT NULL'), postgresql_where=sa.text('next_attempt_at IS NOT NULL'))
        batch_op.create_index('ix_message_failed', ['id'], unique=False, sqlite_where=sa.text("state = 'failed' AND escalated_at IS NULL"), postgresql_where=sa.text("state = 'failed' AND escalated_at IS NULL"))
        batch_op.create_index('ix_message_party', ['party', 'created_at'], unique=False)

    op.create_table('place',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('street', sa.String(length=40), nullable=False),
    sa.Column('lat', sa.Float(), nullable=False),
    sa.Column('lon', sa.Float(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_place'))
    )
    op.create_table('plan_record',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('from_on', sa.Date(), nullable=False),
    sa.Column('until_on', sa.Date(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('published_by', sa.String(length=40), nullable=False),
    sa.Column('seed', sa.Integer(), nullable=False),
    sa.Column('legs', sa.Integer(), nullable=False),
    sa.Column('uncovered', sa.Integer(), nullable=False),
    sa.Column('proven_uncovered', sa.Integer(), nullable=False),
    sa.Column('parts', sa.JSON(), nullable=False),
    sa.Column('seconds', sa.Float(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_plan_record'))
    )
    op.create_table('school',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('street', sa.String(length=40), nullable=False),
    sa.Column('lat', sa.Float(), nullable=False),
    sa.Column('lon', sa.Float(), nullable=False),
    sa.Column('bell', sa.Time(), nullable=False),
    sa.Column('dismissal', sa.Time(), nullable=False),
    sa.Column('friday_dismissal', sa.Time(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_school')),
    sa.UniqueConstraint('name', name=op.f('uq_school_name'))
    )
    op.create_table('store_stamp',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('is_demo', sa.Boolean(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_store_stamp'))
    )
    op.create_table('team',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('street', sa.String(length=40), nullable=False),
    sa.Column('leader_name', sa.String(length=40), nullable=False),
    sa.Column('leader_volunteer_id', sa.Integer(), nullable=True),
    sa.Column('lat', sa.Float(), nullable=True),
    sa.Column('lon', sa.Float(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_team')),
    sa.UniqueConstraint('name', name=op.f('uq_team_name'))
    )
    with op.batch_alter_table('team', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_team_leader_volunteer_id'), ['leader_volunteer_id'], unique=False)

    op.create_table('throttle',
    sa.Column('key', sa.String(length=120), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('hits', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_throttle'))
    )
    with op.batch_alter_table('throttle', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_throttle_until'), ['until'], unique=False)

    op.create_table('watched_day',
    sa.Column('on', sa.Date(), nullable=False),
    sa.Column('next_look_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('on', name=op.f('pk_watched_day'))
    )
    with op.batch_alter_table('watched_day', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_watched_day_next_look_at'), ['next_look_at'], unique=False)

    op.create_table('watched_run',
    sa.Column('run_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('shift_id', sa.Integer(), nullable=True),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('depart_by', sa.DateTime(timezone=True), nullable=True),
    sa.Column('next_look_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('run_id', name=op.f('pk_watched_run'))
    )
    with op.batch_alter_table('watched_run', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_watched_run_next_look_at'), ['next_look_at'], unique=False)

    op.create_table('attempt',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('message_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('channel', sa.String(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('outcome', sa.String(), nullable=False),
    sa.Column('provider_id', sa.String(), nullable=True),
    sa.Column('code', sa.String(), nullable=True),
    sa.Column('detail', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['message_id'], ['message.id'], name=op.f('fk_attempt_message_id_message')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attempt')),
    sa.UniqueConstraint('message_id', 'number', name='uq_attempt_message_id_number')
    )
    with op.batch_alter_table('attempt', schema=None) as batch_op:
        batch_op.create_index('ix_attempt_provider_id', ['provider_id'], unique=False)

    op.create_table('calendar_entry',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('source', sa.String(length=16), nullable=False),
    sa.Column('from_on', sa.Date(), nullable=False),
    sa.Column('until_on', sa.Date(), nullable=False),
    sa.Column('at', sa.Time(), nullable=True),
    sa.Column('as_weekday', sa.Integer(), nullable=True),
    sa.Column('school_id', sa.Integer(), nullable=True),
    sa.Column('class_name', sa.String(length=40), nullable=True),
    sa.Column('child_id', sa.Integer(), nullable=True),
    sa.Column('note', sa.String(length=200), nullable=False),
    sa.Column('removed', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['school_id'], ['school.id'], name=op.f('fk_calendar_entry_school_id_school')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_calendar_entry'))
    )
    with op.batch_alter_table('calendar_entry', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_calendar_entry_child_id'), ['child_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_calendar_entry_school_id'), ['school_id'], unique=False)

    op.create_table('case_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=40), nullable=False),
    sa.Column('what', sa.String(length=24), nullable=False),
    sa.Column('detail', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['case.id'], name=op.f('fk_case_event_case_id_case')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_event'))
    )
    with op.batch_alter_table('case_event', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_case_event_case_id'), ['case_id'], unique=False)
        batch_op.create_index('ix_case_event_what_at', ['what', 'at'], unique=False)

    op.create_table('child',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('short_name', sa.String(length=20), nullable=False),
    sa.Column('family_id', sa.Integer(), nullable=False),
    sa.Column('school_id', sa.Integer(), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=True),
    sa.Column('grade', sa.String(length=20), nullable=False),
    sa.Column('class_name', sa.String(length=40), nullable=False),
    sa.Column('gender', sa.String(length=1), nullable=True),
    sa.Column('full_name', sa.Text(), nullable=True),
    sa.Column('born_on', sa.Text(), nullable=True),
    sa.Column('natural_key', sa.String(length=64), nullable=True),
    sa.Column('street', sa.String(length=40), nullable=False),
    sa.Column('address', sa.Text(), nullable=True),
    sa.Column('home_lat', sa.Float(), nullable=True),
    sa.Column('home_lon', sa.Float(), nullable=True),
    sa.Column('child_seat', sa.Boolean(), nullable=False),
    sa.Column('wheelchair', sa.Boolean(), nullable=False),
    sa.Column('female_driver', sa.Boolean(), nullable=False),
    sa.Column('only_familiar', sa.Boolean(), nullable=False),
    sa.Column('alone', sa.Boolean(), nullable=False),
    sa.Column('second_adult', sa.Boolean(), nullable=False),
    sa.Column('rotate', sa.Boolean(), nullable=False),
    sa.Column('diagnosis', sa.Text(), nullable=True),
    sa.Column('handling_note', sa.Text(), nullable=True),
    sa.Column('note_for_gate', sa.Boolean(), nullable=False),
    sa.Column('photo', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['family_id'], ['family.id'], name=op.f('fk_child_family_id_family')),
    sa.ForeignKeyConstraint(['school_id'], ['school.id'], name=op.f('fk_child_school_id_school')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_child')),
    sa.UniqueConstraint('natural_key', name=op.f('uq_child_natural_key'))
    )
    with op.batch_alter_table('child', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_child_family_id'), ['family_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_child_school_id'), ['school_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_child_team_id'), ['team_id'], unique=False)

    op.create_table('guardian',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('family_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('relation', sa.String(length=20), nullable=False),
    sa.Column('gets_messages', sa.Boolean(), nullable=False),
    sa.Column('is_proxy', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['family_id'], ['family.id'], name=op.f('fk_guardian_family_id_family')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_guardian'))
    )
    with op.batch_alter_table('guardian', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_guardian_family_id'), ['family_id'], unique=False)

    op.create_table('hand_task',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('message_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('last_tried_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_by', sa.String(), nullable=True),
    sa.Column('outcome', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['message_id'], ['message.id'], name=op.f('fk_hand_task_message_id_message')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hand_task')),
    sa.UniqueConstraint('message_id', name='uq_hand_task_message_id')
    )
    with op.batch_alter_table('hand_task', schema=None) as batch_op:
        batch_op.create_index('ix_hand_task_open', ['created_at'], unique=False, sqlite_where=sa.text('done_at IS NULL'), postgresql_where=sa.text('done_at IS NULL'))

    op.create_table('one_time_code',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('subject', sa.String(length=40), nullable=False),
    sa.Column('link_id', sa.Integer(), nullable=False),
    sa.Column('code_hash', sa.String(length=64), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['link_id'], ['access_link.id'], name=op.f('fk_one_time_code_link_id_access_link')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_one_time_code'))
    )
    with op.batch_alter_table('one_time_code', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_one_time_code_link_id'), ['link_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_one_time_code_subject'), ['subject'], unique=False)

    op.create_table('receipt',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('provider_id', sa.String(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('code', sa.String(), nullable=True),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('message_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['message_id'], ['message.id'], name=op.f('fk_receipt_message_id_message')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_receipt')),
    sa.UniqueConstraint('provider', 'provider_id', 'status', name='uq_receipt_provider_provider_id_status')
    )
    with op.batch_alter_table('receipt', schema=None) as batch_op:
        batch_op.create_index('ix_receipt_unmatched', ['provider_id'], unique=False, sqlite_where=sa.text('message_id IS NULL'), postgresql_where=sa.text('message_id IS NULL'))

    op.create_table('run',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('school_id', sa.Integer(), nullable=False),
    sa.Column('on', sa.Date(), nullable=False),
    sa.Column('direction', sa.String(length=16), nullable=False),
    sa.Column('line', sa.String(length=40), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('km', sa.Float(), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('unfilled_code', sa.String(length=40), nullable=True),
    sa.Column('unfilled_detail', sa.JSON(), nullable=True),
    sa.Column('is_proved_unfillable', sa.Boolean(), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('search_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('search_round', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['school_id'], ['school.id'], name=op.f('fk_run_school_id_school')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_run'))
    )
    with op.batch_alter_table('run', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_run_on'), ['on'], unique=False)
        batch_op.create_index(batch_op.f('ix_run_school_id'), ['school_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_run_search_at'), ['search_at'], unique=False)

    op.create_table('sign_in',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('secret_hash', sa.String(length=64), nullable=False),
    sa.Column('account_id', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_sign_in_account_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_in')),
    sa.UniqueConstraint('secret_hash', name=op.f('uq_sign_in_secret_hash'))
    )
    with op.batch_alter_table('sign_in', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sign_in_account_id'), ['account_id'], unique=False)

    op.create_table('volunteer',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('gender', sa.String(length=1), nullable=True),
    sa.Column('team_id', sa.Integer(), nullable=True),
    sa.Column('address', sa.Text(), nullable=True),
    sa.Column('lat', sa.Float(), nullable=True),
    sa.Column('lon', sa.Float(), nullable=True),
    sa.Column('plate', sa.String(length=16), nullable=False),
    sa.Column('car_model', sa.String(length=40), nullable=False),
    sa.Column('car_colour', sa.String(length=10), nullable=False),
    sa.Column('seats', sa.Integer(), nullable=False),
    sa.Column('child_seats', sa.Integer(), nullable=False),
    sa.Column('wheelchair', sa.Boolean(), nullable=False),
    sa.Column('pattern', sa.String(length=14), nullable=False),
    sa.Column('pattern_understood', sa.Boolean(), nullable=False),
    sa.Column('cap_week', sa.Integer(), nullable=False),
    sa.Column('max_approach_km', sa.Float(), nullable=False),
    sa.Column('vetted_on', sa.Date(), nullable=True),
    sa.Column('licence_until', sa.Date(), nullable=True),
    sa.Column('insured_until', sa.Date(), nullable=True),
    sa.Column('girls_only', sa.Boolean(), nullable=False),
    sa.Column('remark', sa.String(length=200), nullable=False),
    sa.Column('photo', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('suspended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('suspended_reason', sa.String(length=200), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_volunteer_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_volunteer'))
    )
    with op.batch_alter_table('volunteer', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_volunteer_team_id'), ['team_id'], unique=False)

    op.create_table('ask',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('volunteer_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('week_on', sa.Date(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('deadline_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answer', sa.String(length=80), nullable=False),
    sa.ForeignKeyConstraint(['volunteer_id'], ['volunteer.id'], name=op.f('fk_ask_volunteer_id_volunteer')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ask'))
    )
    with op.batch_alter_table('ask', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ask_deadline_at'), ['deadline_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_ask_volunteer_id'), ['volunteer_id'], unique=False)
        batch_op.create_index('uq_ask_open_routine', ['volunteer_id'], unique=True, sqlite_where=sa.text("state = 'open' AND kind = 'routine'"), postgresql_where=sa.text("state = 'open' AND kind = 'routine'"))

    op.create_table('barred_person',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('child_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('volunteer_id', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['child_id'], ['child.id'], name=op.f('fk_barred_person_child_id_child')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_barred_person'))
    )
    with op.batch_alter_table('barred_person', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_barred_person_child_id'), ['child_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_barred_person_volunteer_id'), ['volunteer_id'], unique=False)

    op.create_table('blockout',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('volunteer_id', sa.Integer(), nullable=False),
    sa.Column('from_on', sa.Date(), nullable=False),
    sa.Column('until_on', sa.Date(), nullable=False),
    sa.Column('half_day', sa.String(length=16), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['volunteer_id'], ['volunteer.id'], name=op.f('fk_blockout_volunteer_id_volunteer')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_blockout'))
    )
    with op.batch_alter_table('blockout', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_blockout_volunteer_id'), ['volunteer_id'], unique=False)

    op.create_table('circle_member',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('child_id', sa.Integer(), nullable=False),
    sa.Column('volunteer_id', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('known_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['child_id'], ['child.id'], name=op.f('fk_circle_member_child_id_child')),
    sa.ForeignKeyConstraint(['volunteer_id'], ['volunteer.id'], name=op.f('fk_circle_member_volunteer_id_volunteer')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_circle_member')),
    sa.UniqueConstraint('child_id', 'volunteer_id', name='uq_circle_member_child_volunteer')
    )
    with op.batch_alter_table('circle_member', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_circle_member_child_id'), ['child_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_circle_member_volunteer_id'), ['volunteer_id'], unique=False)

    op.create_table('consent',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('child_id', sa.Integer(), nullable=False),
    sa.Column('version', sa.String(length=20), nullable=False),
    sa.Column('given_on', sa.Date(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_by', sa.String(length=40), nullable=False),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['child_id'], ['child.id'], name=op.f('fk_consent_child_id_child')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_consent'))
    )
    with op.batch_alter_table('consent', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_consent_child_id'), ['child_id'], unique=False)

    op.create_table('escort',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('child_id', sa.Integer(), nullable=False),
    sa.Column('weekdays', sa.String(length=7), nullable=False),
    sa.Column('to_school', sa.Boolean(), nullable=False),
    sa.Column('home', sa.Boolean(), nullable=False),
    sa.Column('from_on', sa.Date(), nullable=False),
    sa.Column('until_on', sa.Date(), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('pickup_kind', sa.String(length=16), nullable=False),
    sa.Column('pickup_name', sa.String(length=80), nullable=False),
    sa.Column('pickup_lat', sa.Float(), nullable=True),
    sa.Column('pickup_lon', sa.Float(), nullable=True),
    sa.Column('dropoff_kind', sa.String(length=16), nullable=False),
    sa.Column('dropoff_name', sa.String(length=80), nullable=False),
    sa.Column('dropoff_lat', sa.Float(), nullable=True),
    sa.Column('dropoff_lon', sa.Float(), nullable=True),
    sa.Column('km_by_hand', sa.Float(), nullable=True),
    sa.Column('minutes_by_hand', sa.Integer(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['child_id'], ['child.id'], name=op.f('fk_escort_child_id_child')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_escort'))
    )
    with op.batch_alter_table('escort', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_escort_child_id'), ['child_id'], unique=False)
        batch_op.create_index('uq_escort_live_child', ['child_id'], unique=True, sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))

    op.create_table('receiver',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('child_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('phone', sa.Text(), nullable=True),
    sa.Column('is_complete', sa.Boolean(), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['child_id'], ['child.id'], name=op.f('fk_receiver_child_id_child')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_receiver'))
    )
    with op.batch_alter_table('receiver', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_receiver_child_id'), ['child_id'], unique=False)

    op.create_table('shift',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('run_id', sa.Integer(), nullable=True),
    sa.Column('team_id', sa.Integer(), nullable=True),
    sa.Column('volunteer_id', sa.Integer(), nullable=False),
    sa.Column('on', sa.Date(), nullable=False),
    sa.Column('direction', sa.String(length=16), nullable=False),
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('plan_id', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('confirmed_how', sa.String(length=40), nullable=False),
    sa.Column('shown_starts_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('shown_legs', sa.String(length=120), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('end_reason', sa.String(length=80), nullable=False),
    sa.Column('repeat_reason', sa.String(length=40), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['run.id'], name=op.f('fk_shift_run_id_run')),
    sa.ForeignKeyConstraint(['volunteer_id'], ['volunteer.id'], name=op.f('fk_shift_volunteer_id_volunteer')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_shift'))
    )
    with op.batch_alter_table('shift', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_shift_on'), ['on'], unique=False)
        batch_op.create_index('ix_shift_on_state', ['on', 'state'], unique=False)
        batch_op.create_index(batch_op.f('ix_shift_plan_id'), ['plan_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_shift_run_id'), ['run_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_shift_team_id'), ['team_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_shift_volunteer_id'), ['volunteer_id'], unique=False)
        batch_op.create_index('uq_shift_live_run_role', ['run_id', 'role'], unique=True, sqlite_where=sa.text("state IN ('draft', 'open', 'confirmed')"), postgresql_where=sa.text("state IN ('draft', 'open', 'confirmed')"))
        batch_op.create_index('uq_shift_live_volunteer_half_day', ['volunteer_id', 'on', 'direction'], unique=True, sqlite_where=sa.text("state IN ('draft', 'open', 'confirmed')"), postgresql_where=sa.text("state IN ('draft', 'open', 'confirmed')"))

    op.create_table('escort_pause',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('escort_id', sa.Integer(), nullable=False),
    sa.Column('from_on', sa.Date(), nullable=False),
    sa.Column('until_on', sa.Date(), nullable=False),
    sa.Column('reason', sa.String(length=80), nullable=False),
    sa.Column('lifted_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['escort_id'], ['escort.id'], name=op.f('fk_escort_pause_escort_id_escort')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_escort_pause'))
    )
    with op.batch_alter_table('escort_pause', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_escort_pause_escort_id'), ['escort_id'], unique=False)

    op.create_table('leg',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('escort_id', sa.Integer(), nullable=False),
    sa.Column('child_id', sa.Integer(), nullable=False),
    sa.Column('school_id', sa.Integer(), nullable=False),
    sa.Column('on', sa.Date(), nullable=False),
    sa.Column('direction', sa.String(length=16), nullable=False),
    sa.Column('timetable_weekday', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('pickup_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('place_kind', sa.String(length=16), nullable=False),
    sa.Column('place_name', sa.String(length=80), nullable=False),
    sa.Column('area', sa.String(length=40), nullable=False),
    sa.Column('lat', sa.Float(), nullable=True),
    sa.Column('lon', sa.Float(), nullable=True),
    sa.Column('km', sa.Float(), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('by_hand', sa.Boolean(), nullable=False),
    sa.Column('cancelled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('cancelled_by', sa.String(length=40), nullable=True),
    sa.Column('cancel_reason', sa.String(length=80), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['child_id'], ['child.id'], name=op.f('fk_leg_child_id_child')),
    sa.ForeignKeyConstraint(['escort_id'], ['escort.id'], name=op.f('fk_leg_escort_id_escort')),
    sa.ForeignKeyConstraint(['school_id'], ['school.id'], name=op.f('fk_leg_school_id_school')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_leg')),
    sa.UniqueConstraint('escort_id', 'on', 'direction', name='uq_leg_escort_on_direction')
    )
    with op.batch_alter_table('leg', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_leg_child_id'), ['child_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_leg_escort_id'), ['escort_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_leg_on'), ['on'], unique=False)
        batch_op.create_index('ix_leg_on_state', ['on', 'state'], unique=False)
        batch_op.create_index(batch_op.f('ix_leg_school_id'), ['school_id'], unique=False)

    op.create_table('offer',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('ask_id', sa.Integer(), nullable=False),
    sa.Column('volunteer_id', sa.Integer(), nullable=False),
    sa.Column('run_id', sa.Integer(), nullable=True),
    sa.Column('shift_id', sa.Integer(), nullable=True),
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('on', sa.Date(), nullable=False),
    sa.Column('direction', sa.String(length=16), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['ask_id'], ['ask.id'], name=op.f('fk_offer_ask_id_ask')),
    sa.ForeignKeyConstraint(['run_id'], ['run.id'], name=op.f('fk_offer_run_id_run')),
    sa.ForeignKeyConstraint(['shift_id'], ['shift.id'], name=op.f('fk_offer_shift_id_shift')),
    sa.ForeignKeyConstraint(['volunteer_id'], ['volunteer.id'], name=op.f('fk_offer_volunteer_id_volunteer')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_offer'))
    )
    with op.batch_alter_table('offer', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_offer_ask_id'), ['ask_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_offer_run_id'), ['run_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_offer_shift_id'), ['shift_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_offer_volunteer_id'), ['volunteer_id'], unique=False)
        batch_op.create_index('uq_offer_open_run_volunteer', ['run_id', 'volunteer_id'], unique=True, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))

    op.create_table('told_driver',
    sa.Column('shift_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('told_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['shift_id'], ['shift.id'], name=op.f('fk_told_driver_shift_id_shift')),
    sa.PrimaryKeyConstraint('shift_id', 'kind', name=op.f('pk_told_driver'))
    )
    op.create_table('refusal',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('leg_id', sa.Integer(), nullable=False),
    sa.Column('volunteer_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('taken_back_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['leg_id'], ['leg.id'], name=op.f('fk_refusal_leg_id_leg')),
    sa.ForeignKeyConstraint(['volunteer_id'], ['volunteer.id'], name=op.f('fk_refusal_volunteer_id_volunteer')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_refusal')),
    sa.UniqueConstraint('leg_id', 'volunteer_id', name='uq_refusal_leg_volunteer')
    )
    with op.batch_alter_table('refusal', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_refusal_leg_id'), ['leg_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_refusal_volunteer_id'), ['volunteer_id'], unique=False)

    op.create_table('run_leg',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('run_id', sa.Integer(), nullable=False),
    sa.Column('leg_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('is_live', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['leg_id'], ['leg.id'], name=op.f('fk_run_leg_leg_id_leg')),
    sa.ForeignKeyConstraint(['run_id'], ['run.id'], name=op.f('fk_run_leg_run_id_run')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_run_leg'))
    )
    with op.batch_alter_table('run_leg', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_run_leg_leg_id'), ['leg_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_run_leg_run_id'), ['run_id'], unique=False)
        batch_op.create_index('uq_run_leg_live', ['leg_id'], unique=True, sqlite_where=sa.text('is_live = 1'), postgresql_where=sa.text('is_live'))

    op.create_table('service',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('leg_id', sa.Integer(), nullable=False),
    sa.Column('child_id', sa.Integer(), nullable=False),
    sa.Column('volunteer_id', sa.Integer(), nullable=False),
    sa.Column('on', sa.Date(), nullable=False),
    sa.Column('direction', sa.String(length=16), nullable=False),
    sa.ForeignKeyConstraint(['child_id'], ['child.id'], name=op.f('fk_service_child_id_child')),
    sa.ForeignKeyConstraint(['leg_id'], ['leg.id'], name=op.f('fk_service_leg_id_leg')),
    sa.ForeignKeyConstraint(['volunteer_id'], ['volunteer.id'], name=op.f('fk_service_volunteer_id_volunteer')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_service')),
    sa.UniqueConstraint('leg_id', name=op.f('uq_service_leg_id'))
    )
    with op.batch_alter_table('service', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_service_child_id'), ['child_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_service_on'), ['on'], unique=False)
        batch_op.create_index(batch_op.f('ix_service_volunteer_id'), ['volunteer_id'], unique=False)

    op.create_table('tap',
    sa.Column('uuid', sa.String(length=36), nullable=False),
    sa.Column('leg_id', sa.Integer(), nullable=False),
    sa.Column('shift_id', sa.Integer(), nullable=True),
    sa.Column('step', sa.String(length=16), nullable=False),
    sa.Column('by', sa.String(length=40), nullable=False),
    sa.Column('tapped_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('arrived_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('undone_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['leg_id'], ['leg.id'], name=op.f('fk_tap_leg_id_leg')),
    sa.ForeignKeyConstraint(['shift_id'], ['shift.id'], name=op.f('fk_tap_shift_id_shift')),
    sa.PrimaryKeyConstraint('uuid', name=op.f('pk_tap'))
    )
    with op.batch_alter_table('tap', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_tap_leg_id'), ['leg_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_tap_shift_id'), ['shift_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_tap_tapped_at'), ['tapped_at'], unique=False)

    op.create_table('told_family',
    sa.Column('leg_id', sa.Integer(), nullable=False),
    sa.Column('on', sa.Date(), nullable=False),
    sa.Column('shift_id', sa.Integer(), nullable=True),
    sa.Column('surname', sa.String(length=8), nullable=False),
    sa.Column('pickup_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('told_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('promised_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['leg_id'], ['leg.id'], name=op.f('fk_told_family_leg_id_leg')),
    sa.PrimaryKeyConstraint('leg_id', name=op.f('pk_told_family'))
    )
    with op.batch_alter_table('told_family', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_told_family_on'), ['on'], unique=False)
        batch_op.create_index(batch_op.f('ix_told_family_promised_at'), ['promised_at'], unique=False)

    for statement in audit_ddl.STATEMENTS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for statement in audit_ddl.POSTGRESQL_DOWN:
            op.execute(statement)
    with op.batch_alter_table('told_family', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_told_family_promised_at'))
        batch_op.drop_index(batch_op.f('ix_told_family_on'))

    op.drop_table('told_family')
    with op.batch_alter_table('tap', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_tap_tapped_at'))
        batch_op.drop_index(batch_op.f('ix_tap_shift_id'))
        batch_op.drop_index(batch_op.f('ix_tap_leg_id'))

    op.drop_table('tap')
    with op.batch_alter_table('service', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_service_volunteer_id'))
        batch_op.drop_index(batch_op.f('ix_service_on'))
        batch_op.drop_index(batch_op.f('ix_service_child_id'))

    op.drop_table('service')
    with op.batch_alter_table('run_leg', schema=None) as batch_op:
        batch_op.drop_index('uq_run_leg_live', sqlite_where=sa.text('is_live = 1'), postgresql_where=sa.text('is_live'))
        batch_op.drop_index(batch_op.f('ix_run_leg_run_id'))
        batch_op.drop_index(batch_op.f('ix_run_leg_leg_id'))

    op.drop_table('run_leg')
    with op.batch_alter_table('refusal', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_refusal_volunteer_id'))
        batch_op.drop_index(batch_op.f('ix_refusal_leg_id'))

    op.drop_table('refusal')
    op.drop_table('told_driver')
    with op.batch_alter_table('offer', schema=None) as batch_op:
        batch_op.drop_index('uq_offer_open_run_volunteer', sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
        batch_op.drop_index(batch_op.f('ix_offer_volunteer_id'))
        batch_op.drop_index(batch_op.f('ix_offer_shift_id'))
        batch_op.drop_index(batch_op.f('ix_offer_run_id'))
        batch_op.drop_index(batch_op.f('ix_offer_ask_id'))

    op.drop_table('offer')
    with op.batch_alter_table('leg', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_leg_school_id'))
        batch_op.drop_index('ix_leg_on_state')
        batch_op.drop_index(batch_op.f('ix_leg_on'))
        batch_op.drop_index(batch_op.f('ix_leg_escort_id'))
        batch_op.drop_index(batch_op.f('ix_leg_child_id'))

    op.drop_table('leg')
    with op.batch_alter_table('escort_pause', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_escort_pause_escort_id'))

    op.drop_table('escort_pause')
    with op.batch_alter_table('shift', schema=None) as batch_op:
        batch_op.drop_index('uq_shift_live_volunteer_half_day', sqlite_where=sa.text("state IN ('draft', 'open', 'confirmed')"), postgresql_where=sa.text("state IN ('draft', 'open', 'confirmed')"))
        batch_op.drop_index('uq_shift_live_run_role', sqlite_where=sa.text("state IN ('draft', 'open', 'confirmed')"), postgresql_where=sa.text("state IN ('draft', 'open', 'confirmed')"))
        batch_op.drop_index(batch_op.f('ix_shift_volunteer_id'))
        batch_op.drop_index(batch_op.f('ix_shift_team_id'))
        batch_op.drop_index(batch_op.f('ix_shift_run_id'))
        batch_op.drop_index(batch_op.f('ix_shift_plan_id'))
        batch_op.drop_index('ix_shift_on_state')
        batch_op.drop_index(batch_op.f('ix_shift_on'))

    op.drop_table('shift')
    with op.batch_alter_table('receiver', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_receiver_child_id'))

    op.drop_table('receiver')
    with op.batch_alter_table('escort', schema=None) as batch_op:
        batch_op.drop_index('uq_escort_live_child', sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_escort_child_id'))

    op.drop_table('escort')
    with op.batch_alter_table('consent', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_consent_child_id'))

    op.drop_table('consent')
    with op.batch_alter_table('circle_member', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_circle_member_volunteer_id'))
        batch_op.drop_index(batch_op.f('ix_circle_member_child_id'))

    op.drop_table('circle_member')
    with op.batch_alter_table('blockout', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_blockout_volunteer_id'))

    op.drop_table('blockout')
    with op.batch_alter_table('barred_person', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_barred_person_volunteer_id'))
        batch_op.drop_index(batch_op.f('ix_barred_person_child_id'))

    op.drop_table('barred_person')
    with op.batch_alter_table('ask', schema=None) as batch_op:
        batch_op.drop_index('uq_ask_open_routine', sqlite_where=sa.text("state = 'open' AND kind = 'routine'"), postgresql_where=sa.text("state = 'open' AND kind = 'routine'"))
        batch_op.drop_index(batch_op.f('ix_ask_volunteer_id'))
        batch_op.drop_index(batch_op.f('ix_ask_deadline_at'))

    op.drop_table('ask')
    with op.batch_alter_table('volunteer', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_volunteer_team_id'))

    op.drop_table('volunteer')
    with op.batch_alter_table('sign_in', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sign_in_account_id'))

    op.drop_table('sign_in')
    with op.batch_alter_table('run', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_run_search_at'))
        batch_op.drop_index(batch_op.f('ix_run_school_id'))
        batch_op.drop_index(batch_op.f('ix_run_on'))

    op.drop_table('run')
    with op.batch_alter_table('receipt', schema=None) as batch_op:
        batch_op.drop_index('ix_receipt_unmatched', sqlite_where=sa.text('message_id IS NULL'), postgresql_where=sa.text('message_id IS NULL'))

    op.drop_table('receipt')
    with op.batch_alter_table('one_time_code', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_one_time_code_subject'))
        batch_op.drop_index(batch_op.f('ix_one_time_code_link_id'))

    op.drop_table('one_time_code')
    with op.batch_alter_table('hand_task', schema=None) as batch_op:
        batch_op.drop_index('ix_hand_task_open', sqlite_where=sa.text('done_at IS NULL'), postgresql_where=sa.text('done_at IS NULL'))

    op.drop_table('hand_task')
    with op.batch_alter_table('guardian', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_guardian_family_id'))

    op.drop_table('guardian')
    with op.batch_alter_table('child', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_child_team_id'))
        batch_op.drop_index(batch_op.f('ix_child_school_id'))
        batch_op.drop_index(batch_op.f('ix_child_family_id'))

    op.drop_table('child')
    with op.batch_alter_table('case_event', schema=None) as batch_op:
        batch_op.drop_index('ix_case_event_what_at')
        batch_op.drop_index(batch_op.f('ix_case_event_case_id'))

    op.drop_table('case_event')
    with op.batch_alter_table('calendar_entry', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_calendar_entry_school_id'))
        batch_op.drop_index(batch_op.f('ix_calendar_entry_child_id'))

    op.drop_table('calendar_entry')
    with op.batch_alter_table('attempt', schema=None) as batch_op:
        batch_op.drop_index('ix_attempt_provider_id')

    op.drop_table('attempt')
    with op.batch_alter_table('watched_run', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_watched_run_next_look_at'))

    op.drop_table('watched_run')
    with op.batch_alter_table('watched_day', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_watched_day_next_look_at'))

    op.drop_table('watched_day')
    with op.batch_alter_table('throttle', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_throttle_until'))

    op.drop_table('throttle')
    with op.batch_alter_table('team', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_team_leader_volunteer_id'))

    op.drop_table('team')
    op.drop_table('store_stamp')
    op.drop_table('school')
    op.drop_table('plan_record')
    op.drop_table('place')
    with op.batch_alter_table('message', schema=None) as batch_op:
        batch_op.drop_index('ix_message_party')
        batch_op.drop_index('ix_message_failed', sqlite_where=sa.text("state = 'failed' AND escalated_at IS NULL"), postgresql_where=sa.text("state = 'failed' AND escalated_at IS NULL"))
        batch_op.drop_index('ix_message_due_by_urgency', sqlite_where=sa.text('next_attempt_at IS NOT NULL'), postgresql_where=sa.text('next_attempt_at IS NOT NULL'))
        batch_op.drop_index('ix_message_due', sqlite_where=sa.text('next_attempt_at IS NOT NULL'), postgresql_where=sa.text('next_attempt_at IS NOT NULL'))
        batch_op.drop_index('ix_message_about')

    op.drop_table('message')
    op.drop_table('job_lease')
    with op.batch_alter_table('inbound', schema=None) as batch_op:
        batch_op.drop_index('ix_inbound_unhandled', sqlite_where=sa.text('handled_at IS NULL'), postgresql_where=sa.text('handled_at IS NULL'))
        batch_op.drop_index('ix_inbound_sender_index')

    op.drop_table('inbound')
    op.drop_table('family')
    with op.batch_alter_table('duty', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_duty_account_id'))

    op.drop_table('duty')
    with op.batch_alter_table('device', schema=None) as batch_op:
        batch_op.drop_index('uq_device_first_of_subject', sqlite_where=sa.text('is_first'), postgresql_where=sa.text('is_first'))
        batch_op.drop_index(batch_op.f('ix_device_subject'))

    op.drop_table('device')
    op.drop_table('demo_taken_phone')
    op.drop_table('demo_state')
    with op.batch_alter_table('demo_phone_message', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_demo_phone_message_number'))
        batch_op.drop_index(batch_op.f('ix_demo_phone_message_at'))

    op.drop_table('demo_phone_message')
    op.drop_table('demo_person_cookie')
    with op.batch_alter_table('demo_person_action', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_demo_person_action_due_at'))

    op.drop_table('demo_person_action')
    with op.batch_alter_table('case', schema=None) as batch_op:
        batch_op.drop_index('uq_case_live_kind_about', sqlite_where=sa.text("state <> 'closed'"), postgresql_where=sa.text("state <> 'closed'"))
        batch_op.drop_index('ix_case_state_next_step_at')
        batch_op.drop_index(batch_op.f('ix_case_about'))

    op.drop_table('case')
    op.drop_table('book_value')
    with op.batch_alter_table('book_change', schema=None) as batch_op:
        batch_op.drop_index('uq_book_change_open', sqlite_where=sa.text('decided_at IS NULL'), postgresql_where=sa.text('decided_at IS NULL'))

    op.drop_table('book_change')
    with op.batch_alter_table('audit_event', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_audit_event_subject'))
        batch_op.drop_index(batch_op.f('ix_audit_event_actor'))
        batch_op.drop_index(batch_op.f('ix_audit_event_action'))

    op.drop_table('audit_event')
    with op.batch_alter_table('address', schema=None) as batch_op:
        batch_op.drop_index('ix_address_value_index')

    op.drop_table('address')
    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.drop_index('uq_account_gate_school', sqlite_where=sa.text("role = 'gate' AND disabled_at IS NULL"), postgresql_where=sa.text("role = 'gate' AND disabled_at IS NULL"))
        batch_op.drop_index(batch_op.f('ix_account_school_id'))

    op.drop_table('account')
    with op.batch_alter_table('access_link', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_access_link_subject'))
        batch_op.drop_index(batch_op.f('ix_access_link_expires_at'))

    op.drop_table('access_link')
