"""Runs that take over another's result, and runs that are trained again to see whether it comes again.

Runs from before have no key: their results are not taken over.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("reuse", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("runs", sa.Column("key", sa.String(length=64), nullable=True))
    op.add_column("runs", sa.Column("result_key", sa.String(length=64), nullable=True))
    op.add_column("runs", sa.Column("reused_from", sa.String(length=40), nullable=True))
    op.create_index(op.f("ix_runs_key_status"), "runs", ["key", "status"], unique=False)
    op.create_index(op.f("ix_runs_result_key"), "runs", ["result_key"], unique=False)

    op.create_table(
        "reproductions",
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("original_id", sa.String(length=40), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("first_difference", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["original_id"], ["runs.id"], name=op.f("fk_reproductions_original_id_runs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_reproductions")),
    )
    op.create_index(op.f("ix_reproductions_original_id"), "reproductions", ["original_id"], unique=False)


def downgrade() -> None:
    op.drop_table("reproductions")
    op.drop_index(op.f("ix_runs_result_key"), table_name="runs")
    op.drop_index(op.f("ix_runs_key_status"), table_name="runs")
    for column in ("reused_from", "result_key", "key", "reuse"):
        op.drop_column("runs", column)
