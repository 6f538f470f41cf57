"""Jobs that get further seeds until their comparisons are decided.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("deciding", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("jobs", sa.Column("look", sa.JSON(), nullable=True))
    only = sa.text("deciding")
    op.create_index("ix_jobs_deciding", "jobs", ["deciding"], postgresql_where=only, sqlite_where=only)


def downgrade() -> None:
    op.drop_index("ix_jobs_deciding", table_name="jobs")
    op.drop_column("jobs", "look")
    op.drop_column("jobs", "deciding")
