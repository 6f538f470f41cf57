"""Alembic's environment: migrates the database named by the settings, on the connection `migrations.run` hands over."""

from __future__ import annotations

from alembic import context

from models.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
