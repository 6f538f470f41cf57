"""The models of the epochs that runs keep.

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_models",
        sa.Column("run_id", sa.String(40), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("content", sa.String(40), nullable=False),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "epoch", name="pk_kept_models"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_kept_models_run_id_runs", ondelete="CASCADE"),
    )
    op.create_index("ix_kept_models_digest", "kept_models", ["digest"])
    op.create_index("ix_kept_models_content", "kept_models", ["content"])
    op.create_table(
        "kept_parts",
        sa.Column("content", sa.String(40), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("content", "part", name="pk_kept_parts"),
    )


def downgrade() -> None:
    op.drop_table("kept_parts")
    op.drop_table("kept_models")
