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

from models import claims, states
from models.database import Database, now, reason
from models.settings import Settings
from models.tables import Run, Status, Worker
from worker.queue import broker, ring, waiting

log = structlog.get_logger(__name__)

SILENT_SECONDS = 30
"""After which a worker that says nothing counts as gone."""
PRUNE_SECONDS = 60
"""How often jobs past their retention are looked for."""


class Recovery:
    """The thread; `ring` asks it for messages, `stop` ends it. `sweeps` and `failures` count."""

    def __init__(self, database: Database, celery: Celery, settings: Settings) -> None:
        self.sweeps = self.failures = 0
        self._database, self._celery, self._settings = database, celery, settings
        self._broker = broker(settings)
        self._wake = threading.Condition()
        self._rings = 0
        self._stopping = False
        self._prune_at = 0.0
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
                    self._sweep()
            except Exception as error:  # whatever it is, the next round tries again
                self.failures += 1
                log.warning("recovery_failed", error=reason(error), exc_info=not _is_outage(error))

    def _sweep(self) -> None:
        take_back_lost(self._database, self._settings)
        forget_silent(self._database)
        if self._settings.retention_days is not None and time.monotonic() >= self._prune_at:
            with self._database.write() as session:
                pruned = states.prune(session, self._settings.retention_days * 86400)
            if pruned:
                log.info("jobs_pruned", jobs=pruned)  # and the next sweep looks for more
            else:
                self._prune_at = time.monotonic() + PRUNE_SECONDS
        # The broker last: the database's part must not wait for a broker that is away.
        ring_for_waiting(self._database, self._celery, self._broker)
        self.sweeps += 1


def take_back_lost(database: Database, settings: Settings) -> None:
    """Takes runs back from workers that are gone or hang."""
    with database.read() as session:
        lost = claims.lost_runs(session, settings.progress_seconds)
    for run_id, job_id, code in lost:
        seen = claims.expired() if code == "worker_lost" else claims.hung(settings.progress_seconds)
        with database.write() as session:
            status = claims.take_back(session, run_id, job_id, code, settings.max_attempts, seen)
        if status:
            log.warning("lost_run_taken_back", run_id=run_id, job_id=job_id, reason=code, status=status)


def forget_silent(database: Database) -> None:
    """Forgets workers that went without a word."""
    silent = Worker.seen_at < now(-SILENT_SECONDS)
    with database.read() as session:
        if session.scalar(select(func.count()).where(silent)) == 0:
            return
    with database.write() as session:
        session.execute(delete(Worker).where(silent))


def ring_for_waiting(database: Database, celery: Celery, server: Redis) -> None:
    """Rings where runs wait and no message does: it was lost, or there never was one."""
    with database.read() as session:
        queued = session.scalar(select(func.count()).where(Run.status == Status.QUEUED)) or 0
        children = session.scalar(select(func.sum(Worker.concurrency))) or 1
    if queued and not waiting(server):
        ring(celery, min(queued, children))


def _is_outage(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in ("kombu", "redis", "sqlalchemy")
