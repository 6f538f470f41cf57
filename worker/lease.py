"""A claimed run's lease, kept by a thread beside the training, which learns from it when to stop."""

from __future__ import annotations

import contextvars
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from types import TracebackType
from typing import TypeVar

import psutil
import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models import claims
from models.database import AWAY, Database, is_storage_full, reason
from models.errors import BookkeepingFailed, OutOfMemory, RunError, TimeLimitExceeded
from models.settings import Settings
from models.tables import HELD, Run, Status

log = structlog.get_logger(__name__)
T = TypeVar("T")

POLL_SECONDS = 0.25
"""How often the database is asked whether the run was cancelled."""
CANCEL_SECONDS = 0.4
"""How long a cancelled run may take to stop; then it counts as cancelled, though a huge batch is still computed."""
STUBBORN_SECONDS = 20
"""How long training may go on after it was told to stop; then the process ends itself."""


class Why(StrEnum):
    """Why training is to stop."""

    CANCELLED = "cancelled"
    LOST = "lost"
    DRAINED = "drained"
    LIMIT = "limit"


class Lease:
    """Renews a claim until left, and tells `stopped` when to stop and `why`.

    `drain_at` gives the moment from which the run is to be handed back, or 0; `alive` is called at
    every beat, and with False at the end. Moments are `time.monotonic`'s.
    """

    def __init__(
        self,
        database: Database,
        held: claims.Claim,
        settings: Settings,
        drain_at: Callable[[], float],
        alive: Callable[[bool], None],
    ) -> None:
        self.why: Why | None = None
        self.error: RunError | None = None
        self._database, self._held, self._settings = database, held, settings
        self._drain_at, self._alive = drain_at, alive
        self._left = threading.Event()
        self._begun = time.monotonic()
        self._holds_until = self._begun + settings.lease_seconds  # at the latest: the database's began a little later
        context = contextvars.copy_context()  # the run's id belongs into this thread's log lines too
        self._thread = threading.Thread(target=context.run, args=(self._keep,), name="lease", daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        self._thread.join()
        self._alive(False)

    def stopped(self) -> bool:
        """Whether training is to stop."""
        return self.why is not None

    def persist(self, write: Callable[[Session], T], *, despite_full_storage: bool = False) -> T:
        """`write` in a transaction of its own, tried again after any error while the lease may still hold.

        It may be called again after its commit succeeded unheard. What the database refuses although it
        is there (a row that another transaction has just deleted) is tried again for as long as a lease
        lasts. Raises LeaseLost, BookkeepingFailed, or the database's error if storage is full, unless that
        is to be waited for too.
        """
        pause, refused_until = 0.05, time.monotonic() + self._settings.lease_seconds
        while True:
            try:
                with self._database.write() as session:
                    return write(session)
            except claims.LeaseLost:
                raise
            except Exception as error:  # whatever it is, training has no part in it
                if is_storage_full(error) and not despite_full_storage:
                    raise
                if (clock := time.monotonic()) > self._holds_until:
                    raise claims.LeaseLost("The database took nothing for longer than the lease") from error
                if not isinstance(error, AWAY) and clock > refused_until:
                    raise BookkeepingFailed(
                        f"What the run was to record could not be stored ({type(error).__name__}); retry it"
                    ) from error
                log.warning("write_repeated", error=reason(error))
                time.sleep(pause)
                pause = min(2 * pause, 1.0)

    def _keep(self) -> None:
        beat_at = self._begun + self._settings.heartbeat_seconds
        give_up_at = stop_by = float("inf")
        process = psutil.Process()
        while not self._left.wait(POLL_SECONDS):
            clock = time.monotonic()
            self._alive(True)
            why = None
            try:
                if clock >= beat_at:
                    with self._database.write() as session:
                        claims.renew(session, self._held, self._settings.lease_seconds)
                    self._holds_until = clock + self._settings.lease_seconds
                    beat_at = clock + self._settings.heartbeat_seconds
                why = self._ask()
            except claims.LeaseLost:
                why = Why.LOST
            except SQLAlchemyError as error:
                log.warning("heartbeat_failed", error=reason(error))
                if clock > self._holds_until:
                    why = Why.LOST
            if self.why is None and (why := why or self._limits(clock, process)):
                self.why, stop_by = why, clock + STUBBORN_SECONDS
                if why == Why.CANCELLED:
                    give_up_at = clock + CANCEL_SECONDS
            if clock > give_up_at:
                self._give_up()
                give_up_at = float("inf")
            if clock > stop_by:
                self._end_process()

    def _ask(self) -> Why | None:
        with self._database.read() as session:
            row = session.execute(select(Run.status, Run.attempt).where(Run.id == self._held.run_id)).one_or_none()
        if row is None or row.attempt != self._held.attempt or row.status not in HELD:
            return Why.LOST
        return Why.CANCELLED if row.status == Status.CANCELLING else None

    def _limits(self, clock: float, process: psutil.Process) -> Why | None:
        if self._held.trained + clock - self._begun > self._settings.run_seconds:
            self.error = TimeLimitExceeded(f"The run trained for longer than {self._settings.run_seconds:g} seconds")
        elif process.memory_info().rss > self._settings.worker_memory_mb * 2**20:
            self.error = OutOfMemory(
                f"The run needs more than the {self._settings.worker_memory_mb} MB a worker may use"
            )
        if self.error:
            return Why.LIMIT
        return Why.DRAINED if 0 < self._drain_at() <= clock else None

    def _give_up(self) -> None:
        """Says in the database how the run is left, where it can; what training does after that leaves no trace."""
        with suppress(claims.LeaseLost, SQLAlchemyError), self._database.write() as session:
            if self.error:
                claims.fail(session, self._held, self.error.as_json())
            elif self.why in (Why.CANCELLED, Why.DRAINED):
                claims.release(session, self._held)

    def _end_process(self) -> None:
        """Training is stuck where no check reaches it: ends the process around it."""
        log.error("stuck_child_ends_itself", why=self.why)
        self._give_up()
        os._exit(70)
