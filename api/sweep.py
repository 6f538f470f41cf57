"""The sweep: takes runs back from lost workers, and wakes workers for what waits.

Every API process sweeps; they do not disturb each other, since every change is one conditional UPDATE.
The first sweep is at the start: what a killed process left behind goes on at once.
"""

from __future__ import annotations

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from models import claims
from models.database import AWAY, Database, now
from models.settings import Settings
from models.tables import Worker
from worker.queue import Waker

log = structlog.get_logger(__name__)

SILENT_SECONDS = 30
"""After which a worker that says nothing counts as gone."""


def sweep(database: Database, settings: Settings, waker: Waker) -> None:
    """One round. Raises SQLAlchemy's errors."""
    try:
        take_back_lost(database, settings)
    finally:
        forget_silent(database)
        with database.read() as session:
            waits = claims.is_waiting(session)
        if waits:
            waker.soon()  # the message was lost, or never sent; if one waits already, none is added


def take_back_lost(database: Database, settings: Settings) -> None:
    """Takes runs back from workers that are gone or hang. Raises, at the end, what the database refused of one."""
    with database.read() as session:
        lost = claims.lost_runs(session, settings.progress_seconds)
    refused = None
    for run_id, job_id, code in lost:
        seen = claims.expired() if code == "worker_lost" else claims.hung(settings.progress_seconds)
        try:
            with database.write() as session:
                status = claims.take_back(session, run_id, job_id, code, settings.max_attempts, seen)
        except AWAY:
            raise
        except SQLAlchemyError as error:  # of this run: the others are taken back all the same
            refused = error
            continue
        if status:
            log.warning("lost_run_taken_back", run_id=run_id, job_id=job_id, reason=code, status=status)
    if refused:
        raise refused


def forget_silent(database: Database) -> None:
    """Forgets workers that went without a word."""
    silent = Worker.seen_at < now(-SILENT_SECONDS)
    with database.read() as session:
        if session.scalar(select(func.count()).where(silent)) == 0:
            return
    with database.write() as session:
        session.execute(delete(Worker).where(silent))
