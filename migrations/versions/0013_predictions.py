"""What finished runs predict at their chosen epochs.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prediction_parts",
        sa.Column("run_id", sa.String(40), nullable=False),
        sa.Column("split", sa.String(10), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "split", "part", name="pk_prediction_parts"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_prediction_parts_run_id_runs", ondelete="CASCADE"),
    )


def downgrade() -> None:
    op.drop_table("prediction_parts")
