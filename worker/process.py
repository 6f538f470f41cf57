"""A worker: a Celery process with a pool of children that train.

The parent never trains and starts no thread: it may fork a new child at any time, and a fork must
not find another thread within a library's lock. What it does with the database it does from
Celery's own loop, on connections that it closes at once.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import psutil
import structlog
from celery import Celery, bootsteps, signals
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from models import logs, states
from models.database import Database, now
from models.settings import Settings
from models.tables import HELD, Run
from models.tables import Worker as WorkerRow
from worker.queue import TRAIN, make_celery, ring
from worker.tasks import Child

log = structlog.get_logger(__name__)

SEEN_SECONDS = 5
"""How often a worker says that it is there."""


def run_worker(settings: Settings, concurrency: int = 1) -> int:
    """Works until it is told to end (SIGTERM or SIGINT: a drain); the exit code."""
    logs.configure(settings)
    app = make_celery(settings)
    parent = Parent(app, settings, concurrency)
    app.task(name=TRAIN, ignore_result=True)(parent.train_next)
    app.steps["worker"].add(_step(parent))
    signals.worker_process_init.connect(parent.child_begins, weak=False)
    signals.worker_shutting_down.connect(parent.drain, weak=False)
    signals.task_failure.connect(parent.child_failed, weak=False)
    worker = app.Worker(
        concurrency=concurrency, pool="prefork", hostname=f"{parent.id}@%h", loglevel="INFO", without_gossip=True,
        without_mingle=True, without_heartbeat=True, quiet=True,
    )  # fmt: skip
    worker.start()
    parent.leave()
    return int(worker.exitcode or 0)


class Parent:
    """The worker's own process, and what its children have from it by the fork."""

    def __init__(self, app: Celery, settings: Settings, concurrency: int) -> None:
        self.id = states.new_id("worker")
        self._app, self._settings, self._concurrency = app, settings, concurrency
        self._drain_at = multiprocessing.Value("d", 0.0, lock=False)  # shared with the children
        self._ready = multiprocessing.Value("b", 0, lock=False)
        self._child: Child | None = None

    # --- in a child

    def child_begins(self, **_: Any) -> None:
        self._child = Child(self._settings, self.id, lambda: self._drain_at.value)
        self._ready.value = 1
        with self._child.database.write() as session:
            session.execute(update(WorkerRow).where(WorkerRow.id == self.id).values(ready=True))

    def train_next(self) -> None:
        assert self._child is not None
        self._child.train_next()

    # --- in the parent

    def arrive(self) -> None:
        """Enters the worker among those that are up, or renews it there."""

        def write(database: Database) -> None:
            with database.write() as session:
                ready = bool(self._ready.value)
                seen = session.execute(
                    update(WorkerRow).where(WorkerRow.id == self.id).values(seen_at=now(), ready=ready)
                )
                if not seen.rowcount:  # type: ignore[attr-defined]
                    session.add(
                        WorkerRow(
                            id=self.id, host=socket.gethostname(), pid=os.getpid(), concurrency=self._concurrency,
                            started_at=now(), seen_at=now(), ready=ready,
                        )
                    )  # fmt: skip

        self._briefly(write)

    def leave(self) -> None:
        def write(database: Database) -> None:
            with database.write() as session:
                if row := session.get(WorkerRow, self.id):
                    session.delete(row)

        self._briefly(write)

    def drain(self, **_: Any) -> None:
        """Told to end: runs that end soon may, the others are handed back."""
        self._drain_at.value = time.monotonic() + self._settings.drain_seconds
        log.info("draining", seconds=self._settings.drain_seconds)

    def child_failed(self, exception: BaseException | None = None, **_: Any) -> None:
        """A child is gone: its run need not wait for its lease to run out."""
        log.error("child_lost", error=type(exception).__name__)

        def write(database: Database) -> None:
            with database.read() as session:
                held = session.execute(
                    select(Run.id, Run.job_id, Run.worker_pid).where(Run.status.in_(HELD), Run.worker_id == self.id)
                )
                dead = [(run_id, job_id, pid) for run_id, job_id, pid in held if not _lives(pid)]
            for run_id, job_id, pid in dead:
                mine = (Run.worker_id == self.id, Run.worker_pid == pid)
                with database.write() as session:
                    swept = states.take_back(session, run_id, job_id, "worker_lost", self._settings.max_attempts, *mine)
                if swept.requeued:
                    ring(self._app)

        self._briefly(write)

    def _briefly(self, use: Callable[[Database], None]) -> None:
        """Uses the database and closes it: a child that is forked later inherits no connection."""
        database = Database(self._settings)
        try:
            use(database)
        except (SQLAlchemyError, self._app.connection_for_write().connection_errors, OSError) as error:
            log.warning("parent_could_not_write", error=type(error).__name__)  # the sweep does it later
        finally:
            database.dispose()


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _step(parent: Parent) -> type[bootsteps.StartStopStep]:
    class Presence(bootsteps.StartStopStep):  # type: ignore[misc]
        requires = frozenset({"celery.worker.components:Timer", "celery.worker.components:Pool"})

        def start(self, worker: Any) -> None:
            parent.arrive()
            self.timer = worker.timer.call_repeatedly(SEEN_SECONDS, parent.arrive)

        def stop(self, worker: Any) -> None:
            self.timer.cancel()

    return Presence
