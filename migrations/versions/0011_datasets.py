"""Tables that users send, and which job trains on which.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.database import UTCDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("owner", sa.String(40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("task", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("deleted_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
        sa.UniqueConstraint("owner", "digest", name="uq_datasets_owner_digest"),
    )
    op.create_index("ix_datasets_owner_id", "datasets", ["owner", "id"])
    op.create_index("ix_datasets_name", "datasets", ["name"])
    op.create_index("ix_datasets_deleted_at", "datasets", ["deleted_at"])
    op.create_table(
        "dataset_parts",
        sa.Column("dataset_id", sa.String(40), nullable=False),
        sa.Column("split", sa.String(5), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("dataset_id", "split", "part", name="pk_dataset_parts"),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_dataset_parts_dataset_id_datasets", ondelete="CASCADE"
        ),
    )
    op.add_column("jobs", sa.Column("dataset_id", sa.String(40), nullable=True))
    op.create_index("ix_jobs_dataset_id", "jobs", ["dataset_id"])


def downgrade() -> None:
    op.drop_index("ix_jobs_dataset_id", table_name="jobs")
    op.drop_column("jobs", "dataset_id")
    op.drop_table("dataset_parts")
    op.drop_table("datasets")
