"""Webhooks that pause after a failed attempt, and messages that know their events.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("webhooks", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("webhooks", sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("deliveries", sa.Column("job_id", sa.String(length=40), nullable=False, server_default=sa.text("''")))
    op.add_column("deliveries", sa.Column("event_id", sa.Integer(), nullable=False, server_default="0"))
    # A test's message tells of no event.
    if op.get_bind().dialect.name == "postgresql":
        job_id, event_id = "payload->>'job_id'", "(payload->>'event_id')::integer"
    else:
        job_id, event_id = "json_extract(payload, '$.job_id')", "json_extract(payload, '$.event_id')"
    op.execute(
        f"UPDATE deliveries SET job_id = {job_id}, event_id = {event_id}"
        f" WHERE due_at IS NOT NULL AND {event_id} IS NOT NULL"
    )


def downgrade() -> None:
    for table, column in (
        ("deliveries", "event_id"),
        ("deliveries", "job_id"),
        ("webhooks", "paused_until"),
        ("webhooks", "failures"),
    ):
        op.drop_column(table, column)
