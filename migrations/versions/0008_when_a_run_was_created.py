"""When a run was created, apart from when it was last queued.

Of a run that was queued again before this migration the time of its id is taken: a version 7 UUID, made with it.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from models.database import UTCDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

RUNS = sa.table("runs", sa.column("id"), *(sa.column(name, UTCDateTime()) for name in ("created_at", "queued_at")))
EVENTS = sa.table("events", sa.column("type"), sa.column("run_id"))


def upgrade() -> None:
    op.add_column("runs", sa.Column("created_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(sa.update(RUNS).values(created_at=RUNS.c.queued_at))
    connection = op.get_bind()
    again = sa.select(EVENTS.c.run_id).where(EVENTS.c.type == "run.requeued").distinct()
    of: sa.BindParameter[str] = sa.bindparam("of")
    changed = [{"of": run_id, "created_at": _made(run_id)} for run_id in connection.scalars(again)]
    if changed:
        connection.execute(
            sa.update(RUNS).where(RUNS.c.id == of).values(created_at=sa.bindparam("created_at")), changed
        )
    with op.batch_alter_table("runs") as batch:
        batch.alter_column("created_at", existing_type=sa.DateTime(timezone=True), nullable=False)


def _made(run_id: str) -> datetime:
    """The moment in a version 7 UUID (RFC 9562, 5.7): its first 48 bits are milliseconds."""
    return datetime.fromtimestamp(int(run_id.removeprefix("run_")[:12], 16) / 1000, UTC)


def downgrade() -> None:
    with op.batch_alter_table("runs") as batch:
        batch.drop_column("created_at")
