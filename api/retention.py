"""Retention: what is kept for a time only is deleted when that is over."""

from __future__ import annotations

import structlog
from sqlalchemy import delete

from api import idempotency
from models import states
from models.database import Database, now
from models.settings import Settings
from models.tables import Delivery

log = structlog.get_logger(__name__)

SECONDS = 60
"""How often it is looked for."""
DELIVERIES_KEPT_SECONDS = 7 * 86400


def tidy(database: Database, settings: Settings) -> None:
    """Forgets answers to idempotency keys, old messages to webhooks, and jobs past `OCKHAM_RETENTION_DAYS`.

    Raises SQLAlchemy's errors.
    """
    with database.write() as session:
        idempotency.forget_expired(session)
        session.execute(delete(Delivery).where(Delivery.created_at < now(-DELIVERIES_KEPT_SECONDS)))
    while settings.retention_days is not None:
        with database.write() as session:
            pruned = states.prune(session, settings.retention_days * 86400)
        if not pruned:
            return
        log.info("jobs_pruned", jobs=pruned)
