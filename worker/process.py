"""A worker: a Celery process with a pool of children that train.

The parent never trains and starts no thread: it may fork a new child at any time, and a fork must
not find another thread within a library's lock. What it does with the database it does from
Celery's own loop, on connections that it closes at once.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil
import structlog
from billiard import current_process
from celery import Celery, bootsteps, signals
from celery.worker import state
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from models import claims, logs, states
from models.database import Database, now, reason
from models.settings import Settings
from models.tables import HELD, Run
from models.tables import Worker as WorkerRow
from worker.lease import STUBBORN_SECONDS
from worker.queue import TRAIN, broker, make_celery, ring, waiting
from worker.tasks import Child, tidy

log = structlog.get_logger(__name__)

WATCH_SECONDS = 1
"""How often a worker looks after its children."""
SEEN_SECONDS = 5
"""How often a worker says that it is there."""
TIDY_SECONDS = 60
"""How often checkpoints that nobody needs are removed."""
LISTEN_SECONDS = 5
"""How often an idle worker looks whether bells sound that it does not hear."""


def run_worker(settings: Settings, concurrency: int = 1) -> int:
    """Works until it is told to end (SIGTERM or SIGINT: a drain); the exit code."""
    logs.configure(settings)
    app = make_celery(settings)
    parent = Parent(settings, concurrency, app)
    app.task(name=TRAIN, ignore_result=True)(parent.train_next)
    app.steps["worker"].add(_step(parent))
    signals.worker_process_init.connect(parent.child_begins, weak=False)
    signals.worker_shutting_down.connect(parent.drain, weak=False)
    worker = app.Worker(
        concurrency=concurrency, pool="prefork", hostname=f"{parent.id}@%h", loglevel="INFO", without_gossip=True,
        without_mingle=True, without_heartbeat=True, quiet=True,
    )  # fmt: skip
    worker.start()
    parent.leave()
    return int(worker.exitcode or 0)


class Parent:
    """The worker's own process, and what its children have from it by the fork."""

    def __init__(self, settings: Settings, concurrency: int, app: Celery) -> None:
        self.id = states.new_id("worker")
        self._settings, self._concurrency, self._app = settings, concurrency, app
        # Shared with the children. A place each: its process, and when its lease last beat, 0 where it has none.
        self._drain_at = multiprocessing.Value("d", 0.0, lock=False)
        self._ready = multiprocessing.Value("b", 0, lock=False)
        self._pids = multiprocessing.Array("l", concurrency, lock=False)
        self._beats = multiprocessing.Array("d", concurrency, lock=False)
        self._seen: set[int] = set()
        self._heard, self._unheard = 0, False
        self._child: Child | None = None

    # --- in a child

    def child_begins(self, **_: Any) -> None:
        place = current_process().index
        self._beats[place], self._pids[place] = 0.0, os.getpid()

        def alive(beats: bool) -> None:
            self._beats[place] = time.monotonic() if beats else 0.0

        try:
            self._child = Child(self._settings, self.id, lambda: self._drain_at.value, alive)
        except Exception:
            log.exception("child_cannot_begin")
            os._exit(1)  # Celery would go on with a child that cannot train
        self._ready.value = 1
        with suppress(SQLAlchemyError), self._child.database.write() as session:
            session.execute(update(WorkerRow).where(WorkerRow.id == self.id).values(ready=True))

    def train_next(self) -> None:
        assert self._child is not None
        if twins := self._child.train_next():
            with suppress(OperationalError):  # the sweep rings again
                ring(self._app, twins)

    # --- in the parent

    def arrive(self) -> None:
        """Enters the worker among those that are up, or renews it there."""

        def write(database: Database) -> None:
            with database.write() as session:
                ready = bool(self._ready.value)
                seen = session.execute(
                    update(WorkerRow)
                    .where(WorkerRow.id == self.id)
                    .values(seen_at=now(), ready=ready)
                    .returning(WorkerRow.id)
                )
                if seen.one_or_none() is None:
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

    def tidy(self) -> None:
        self._briefly(lambda database: tidy(database, self._settings))

    def drain(self, **_: Any) -> None:
        """Told to end: runs that end soon may, the others are handed back."""
        self._drain_at.value = time.monotonic() + self._settings.drain_seconds
        log.info("draining", seconds=self._settings.drain_seconds)

    def watch(self) -> None:
        """Ends a child that has frozen, and takes back what a dead one held: no need to wait for its lease's end."""
        deadline = time.monotonic() - self._settings.lease_seconds - STUBBORN_SECONDS
        for place, pid in enumerate(self._pids):
            if 0 < self._beats[place] < deadline and _lives(pid):
                log.error("frozen_child_killed", pid=pid)
                os.kill(pid, signal.SIGKILL)
        self._seen |= {pid for pid in self._pids if pid}
        if dead := {pid for pid in self._seen if not _lives(pid)}:
            self._briefly(lambda database: self._take_back(database, dead))

    def listen(self) -> None:
        """Ends the connection to the broker where this worker has gone deaf: Celery then makes a new one.

        kombu counts a message as taken until it is acknowledged, and where the broker goes away just then, for
        ever; with as many such messages as it may take at once, a worker waits beside a full queue.
        """
        heard = sum(state.total_count.values())
        idle = heard == self._heard and not state.reserved_requests and not self._drain_at.value
        self._heard = heard
        unheard = False
        if idle:
            with suppress(RedisError), broker(self._settings) as server:
                unheard = waiting(server) > 0
        deaf, self._unheard = unheard and self._unheard, unheard
        if deaf:
            self._unheard = False
            log.warning("deaf_worker_connects_anew")
            raise ConnectionError("Messages wait, and this idle worker is given none")

    def _take_back(self, database: Database, dead: set[int]) -> None:
        held_by_dead = (Run.status.in_(HELD), Run.worker_id == self.id, Run.worker_pid.in_(dead))
        with database.read() as session:
            rows = session.execute(select(Run.id, Run.job_id).where(*held_by_dead)).all()
        for run_id, job_id in rows:
            with database.write() as session:
                status = claims.take_back(
                    session, run_id, job_id, "worker_lost", self._settings.max_attempts, *held_by_dead
                )
            log.error("child_lost", run_id=run_id, job_id=job_id, status=status)
        self._seen -= dead
        for place, pid in enumerate(self._pids):
            if pid in dead:
                self._pids[place], self._beats[place] = 0, 0.0

    def _briefly(self, use: Callable[[Database], None]) -> None:
        """Uses the database and closes it: a child that is forked later inherits no connection."""
        database = Database(self._settings)
        try:
            use(database)
        except SQLAlchemyError as error:
            log.warning("parent_could_not_write", error=reason(error))  # the next time, or the sweep
        finally:
            database.dispose()


def _lives(pid: int) -> bool:
    """Whether the child runs: a dead one is a zombie until its parent has looked."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _step(parent: Parent) -> type[bootsteps.StartStopStep]:
    class Presence(bootsteps.StartStopStep):  # type: ignore[misc]
        requires = frozenset({"celery.worker.components:Timer", "celery.worker.components:Pool"})

        def start(self, worker: Any) -> None:
            parent.arrive()
            repeated = (
                (SEEN_SECONDS, parent.arrive),
                (WATCH_SECONDS, parent.watch),
                (TIDY_SECONDS, parent.tidy),
                (LISTEN_SECONDS, parent.listen),
            )
            self.timers = [worker.timer.call_repeatedly(seconds, do) for seconds, do in repeated]

        def stop(self, worker: Any) -> None:
            for timer in self.timers:
                timer.cancel()

    return Presence
