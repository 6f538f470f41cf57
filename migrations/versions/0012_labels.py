"""What jobs are found by: tags, and the members of their metadata.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.labels import labels_of

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

JOBS = sa.table("jobs", sa.column("id"), sa.column("spec", sa.JSON()))
AT_ONCE = 500


def upgrade() -> None:
    labels = op.create_table(
        "labels",
        sa.Column("job_id", sa.String(40), nullable=False),
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "key", "value", name="pk_labels"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_labels_job_id_jobs", ondelete="CASCADE"),
    )
    op.create_index("ix_labels_key_value_job_id", "labels", ["key", "value", "job_id"])
    connection, after = op.get_bind(), ""
    members = JOBS.c.spec["metadata"]
    while True:
        some = (
            sa.select(JOBS.c.id, members.label("metadata")).where(JOBS.c.id > after).order_by(JOBS.c.id).limit(AT_ONCE)
        )
        jobs = connection.execute(some).all()
        if not jobs:
            return
        rows = [
            {"job_id": job.id, "key": key, "value": value}
            for job in jobs
            for key, value in labels_of({"metadata": job.metadata or {}})
        ]
        if rows:
            connection.execute(sa.insert(labels), rows)
        after = jobs[-1].id


def downgrade() -> None:
    op.drop_table("labels")
