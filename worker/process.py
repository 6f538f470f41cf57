"""A worker: a Celery process with a pool of children that train.

The parent imports TensorFlow, so that its children share those pages and can train as soon as they are forked. It
never computes and starts no thread: TensorFlow that has computed cannot be forked, and a fork must not find another
thread within a library's lock. What it does with the database it does from Celery's own loop, on connections that it
closes at once.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import multiprocessing
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from billiard import current_process
from celery import Celery, bootsteps, signals
from sqlalchemy.exc import SQLAlchemyError

from models import ids, logs
from models.database import connected, reason
from models.settings import Settings
from worker.children import Children
from worker.consumer import Consumer
from worker.keras_import import import_keras
from worker.presence import Presence
from worker.queue import TRAIN, Waker, make_celery
from worker.tasks import Child, tidy

log = structlog.get_logger(__name__)

M_ARENA_MAX = -8
"""glibc's name for how many heaps the threads of a process share. With one, what a thread has freed serves the next."""
WATCH_SECONDS = 1
"""How often a worker looks after its children."""
SEEN_SECONDS = 5
"""How often a worker says that it is there."""
TIDY_SECONDS = 60
"""How often checkpoints that nobody needs are removed."""
CONSUMER_SECONDS = 5
"""How often a worker looks whether its consumer still gets messages."""


def run_worker(settings: Settings, concurrency: int = 1) -> int:
    """Works until it is told to end (SIGTERM or SIGINT: a drain); the exit code."""
    logs.configure(settings)
    _prepare_children()
    app = make_celery(settings)
    parent = Parent(settings, concurrency, app)
    app.task(name=TRAIN, ignore_result=True)(parent.train)
    app.steps["worker"].add(_timers(parent))
    signals.worker_process_init.connect(parent.child_begins, weak=False)
    signals.worker_shutting_down.connect(parent.drain, weak=False)
    worker = app.Worker(
        concurrency=concurrency, pool="prefork", hostname=f"{parent.id}@%h", loglevel="INFO", without_gossip=True,
        without_mingle=True, without_heartbeat=True, quiet=True,
    )  # fmt: skip
    worker.start()
    parent.leave()
    return int(worker.exitcode or 0)


def _prepare_children() -> None:
    """What every child has from its parent by the fork."""
    with suppress(OSError, AttributeError):  # glibc only
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
    gc.disable()  # what is imported stays: each collection would look at all of it and find next to nothing
    import_keras()
    importlib.import_module("worker.training")
    gc.enable()
    gc.collect()
    gc.freeze()  # a child's collector would write to each of these objects, and so copy all pages


class Parent:
    """The worker's own process, and what its children have from it by the fork."""

    def __init__(self, settings: Settings, concurrency: int, app: Celery) -> None:
        self.id = ids.new_id("worker")
        self._settings, self._app = settings, app
        self._drain_at = multiprocessing.Value("d", 0.0, lock=False)
        """Shared with the children: from when on runs are handed back, 0 while the worker is not told to end."""
        self._children = Children(settings, self.id, concurrency)
        self._presence = Presence(self.id, concurrency)
        self._consumer = Consumer(settings)
        self._child: Child | None = None

    # --- in a child

    def child_begins(self, **_: Any) -> None:
        """Makes this process one that trains. It ends itself if that cannot be."""
        place = current_process().index
        self._children.enter(place)
        try:
            self._child = Child(
                self._settings, self.id, lambda: self._drain_at.value,
                lambda beats: self._children.beat(place, beats), Waker(self._app, self._settings),
            )  # fmt: skip
        except Exception:
            log.exception("child_cannot_begin")
            os._exit(1)  # Celery would go on with a child that cannot train
        self._children.is_ready(place)
        try:
            self._presence.renew(self._child.database, ready=True)
        except SQLAlchemyError as error:
            log.warning("presence_not_renewed", error=reason(error))  # the parent does, within seconds

    def train(self) -> None:
        """What a message asks for."""
        assert self._child is not None
        self._child.train_all()

    # --- in the parent, from Celery's loop

    def arrive(self) -> None:
        """Enters the worker among those that are up, or renews it there."""
        with connected(self._settings) as database:
            self._presence.renew(database, ready=self._children.any_ready())

    def leave(self) -> None:
        """Takes the worker away from those that are up."""
        try:
            with connected(self._settings) as database:
                self._presence.end(database)
        except SQLAlchemyError as error:
            log.warning("leave_failed", error=reason(error))  # the API's sweep removes what is silent

    def watch(self) -> None:
        """Ends a child that has frozen, and takes back what a dead one held: no need to wait for its lease's end."""
        self._children.kill_frozen()
        if dead := self._children.dead():
            with connected(self._settings) as database:
                self._children.take_back(database, dead)
                self._presence.renew(database, ready=self._children.any_ready())

    def tidy(self) -> None:
        """Removes checkpoints that nobody needs."""
        with connected(self._settings) as database:
            tidy(database, self._settings)

    def check_consumer(self) -> None:
        """Raises ConnectionError if the consumer gets no messages any more: Celery then connects anew."""
        if not self._drain_at.value:
            self._consumer.check()

    def drain(self, **_: Any) -> None:
        """Told to end: runs that end soon may, the others are handed back."""
        self._drain_at.value = time.monotonic() + self._settings.drain_seconds
        log.info("draining", seconds=self._settings.drain_seconds)


def _timers(parent: Parent) -> type[bootsteps.StartStopStep]:
    def surviving(do: Callable[[], None]) -> Callable[[], None]:
        """Without the database's errors: the next time, or the API's sweep, does it."""

        def survive() -> None:
            try:
                do()
            except SQLAlchemyError as error:
                log.warning("worker_cannot_reach_database", doing=do.__name__, error=reason(error))

        return survive

    class Timers(bootsteps.StartStopStep):  # type: ignore[misc]
        requires = frozenset({"celery.worker.components:Timer", "celery.worker.components:Pool"})

        def start(self, worker: Any) -> None:
            surviving(parent.arrive)()
            repeated = (
                (SEEN_SECONDS, parent.arrive),
                (WATCH_SECONDS, parent.watch),
                (TIDY_SECONDS, parent.tidy),
                (CONSUMER_SECONDS, parent.check_consumer),
            )
            self.timers = [worker.timer.call_repeatedly(seconds, surviving(do)) for seconds, do in repeated]

        def stop(self, worker: Any) -> None:
            for timer in self.timers:
                timer.cancel()

    return Timers
