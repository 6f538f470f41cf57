"""Jobs' names as they are searched: without differences of letter case and composition.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.names import folded

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

JOBS = sa.table("jobs", sa.column("id"), sa.column("name"), sa.column("folded_name"))


def upgrade() -> None:
    op.add_column("jobs", sa.Column("folded_name", sa.Text(), nullable=False, server_default=sa.text("''")))
    connection = op.get_bind()
    of: sa.BindParameter[str] = sa.bindparam("of")
    names = connection.execute(sa.select(JOBS.c.id, JOBS.c.name)).all()
    if names:
        connection.execute(
            sa.update(JOBS).where(JOBS.c.id == of).values(folded_name=sa.bindparam("folded_name")),
            [{"of": job_id, "folded_name": folded(name)} for job_id, name in names],
        )


def downgrade() -> None:
    op.drop_column("jobs", "folded_name")
