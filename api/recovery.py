"""Keeps jobs moving: rings the bell after a submit, and looks every few seconds for what was lost.

One thread an API process; any number of processes may do it at once, since every change is one
conditional UPDATE. It works outside of requests, so a broker that hangs delays no answer.
"""

from __future__ import annotations

import threading
import time

import structlog
from celery import Celery
from redis import Redis
from sqlalchemy import delete, func, select

from models import states
from models.database import Database, now
from models.settings import Settings
from models.tables import Run, Status, Worker
from worker.queue import broker, ring, waiting

log = structlog.get_logger(__name__)

SILENT_SECONDS = 30
"""After which a worker that says nothing counts as gone."""


class Recovery:
    """The thread; `ring` asks it for messages, `stop` ends it."""

    def __init__(self, database: Database, celery: Celery, settings: Settings) -> None:
        self._database, self._celery, self._settings = database, celery, settings
        self._broker = broker(settings)
        self._wake = threading.Condition()
        self._rings = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="recovery", daemon=True)

    def start(self) -> None:
        """Begins with a sweep: what a killed process left behind goes on now."""
        self._thread.start()

    def ring(self, times: int) -> None:
        """Wakes workers for `times` runs, soon; never blocks. The runs are committed already."""
        with self._wake:
            self._rings += times
            self._wake.notify()

    def stop(self) -> None:
        """Ends the thread after what it is doing."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(timeout=20)
        self._broker.close()

    def _run(self) -> None:
        sweep_at = 0.0
        while True:
            with self._wake:
                self._wake.wait_for(
                    lambda: self._rings or self._stopping, timeout=max(0.0, sweep_at - time.monotonic())
                )
                times, self._rings = self._rings, 0
                if self._stopping and not times:
                    return
            try:
                if times:
                    ring(self._celery, times)
                if time.monotonic() >= sweep_at:
                    sweep_at = time.monotonic() + self._settings.sweep_seconds
                    sweep(self._database, self._celery, self._broker, self._settings)
            except Exception as error:  # whatever it is, the next round tries again
                log.warning("recovery_failed", error=type(error).__name__, exc_info=not _is_outage(error))


def sweep(database: Database, celery: Celery, server: Redis, settings: Settings) -> None:
    """Takes runs back from lost workers, forgets silent workers, and rings where runs wait and no message does."""
    with database.read() as session:
        lost = states.lost_runs(session, settings.progress_seconds)
    for run_id, job_id, reason in lost:
        seen = (
            Run.progress_at < now(-settings.progress_seconds)
            if reason == "no_progress"
            else Run.lease_expires_at < now()
        )
        with database.write() as session:
            swept = states.take_back(session, run_id, job_id, reason, settings.max_attempts, seen)
        log.warning("lost_run_taken_back", run_id=run_id, reason=reason, requeued=bool(swept.requeued))
    with database.read() as session:
        silent = session.scalars(select(Worker.id).where(Worker.seen_at < now(-SILENT_SECONDS))).all()
        queued = session.scalar(select(func.count()).where(Run.status == Status.QUEUED)) or 0
        children = session.scalar(select(func.sum(Worker.concurrency))) or 1
    if silent:
        with database.write() as session:
            session.execute(delete(Worker).where(Worker.seen_at < now(-SILENT_SECONDS)))
    if queued and not waiting(server):
        ring(celery, min(queued, children))


def _is_outage(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in ("kombu", "redis", "sqlalchemy")
