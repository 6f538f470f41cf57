"""Retention: what is kept for a time only is deleted when that is over; and what was deleted is removed."""

from __future__ import annotations

import structlog

from api import idempotency, uploads
from models import deletion
from models.database import Database
from models.settings import Settings

log = structlog.get_logger(__name__)

SECONDS = 60
"""How often what has expired is looked for."""
REMOVAL_SECONDS = 2
"""How often rows of what was deleted are looked for."""
ROUND_SECONDS = 4
"""For how long a round removes rows: an API process that is told to end waits for it."""


def tidy(database: Database, settings: Settings) -> None:
    """Forgets answers to idempotency keys, old messages to webhooks, and jobs past `OCKHAM_RETENTION_DAYS`.

    Also removes what processes that were killed have left of data sets, and models of epochs that no run keeps any
    more. Raises SQLAlchemy's errors.
    """
    uploads.tidy()
    with database.write() as session:
        idempotency.forget_expired(session)
    deletion.forget_deliveries(database, ROUND_SECONDS)
    deletion.forget_models(database, ROUND_SECONDS)
    if settings.retention_days is not None and (
        pruned := deletion.delete_expired(database, settings.retention_days * 86400, ROUND_SECONDS)
    ):
        log.info("jobs_pruned", jobs=pruned)


def remove(database: Database) -> None:
    """Removes rows of deleted jobs and webhooks. Raises SQLAlchemy's errors."""
    deletion.remove_deleted(database, ROUND_SECONDS)
