"""Retention: finished jobs are deleted after `OCKHAM_RETENTION_DAYS`."""

from __future__ import annotations

import structlog

from models import states
from models.database import Database

log = structlog.get_logger(__name__)

SECONDS = 60
"""How often jobs past their retention are looked for."""


def prune(database: Database, days: float) -> None:
    """Deletes them all, some in each transaction. Raises SQLAlchemy's errors."""
    while True:
        with database.write() as session:
            pruned = states.prune(session, days * 86400)
        if not pruned:
            return
        log.info("jobs_pruned", jobs=pruned)
