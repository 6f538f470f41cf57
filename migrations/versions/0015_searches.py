"""Jobs that search values within a budget, and their trials.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("searching", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("jobs", sa.Column("search", sa.JSON(), nullable=True))
    op.add_column("runs", sa.Column("trial", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "trial")
    op.drop_column("jobs", "search")
    op.drop_column("jobs", "searching")
