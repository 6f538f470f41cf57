"""A claimed run's lease, kept by a thread beside the training, which learns from it when to stop."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from types import TracebackType
from typing import TypeVar

import psutil
import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from models import states
from models.database import Database, is_storage_full
from models.errors import OutOfMemory, RunError, TimeLimitExceeded
from models.settings import Settings
from models.tables import Run, Status

log = structlog.get_logger(__name__)
T = TypeVar("T")

POLL_SECONDS = 0.25
"""How often the database is asked whether the run was cancelled."""
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

    `drain_at` gives the moment (`time.monotonic`) from which the run is to be handed back, or 0.
    """

    def __init__(
        self, database: Database, held: states.Claim, settings: Settings, drain_at: Callable[[], float]
    ) -> None:
        self.why: Why | None = None
        self.error: RunError | None = None
        self._database, self._held, self._settings, self._drain_at = database, held, settings, drain_at
        self._left = threading.Event()
        self._renewed = self._begun = time.monotonic()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        self._thread.join()

    def stopped(self) -> bool:
        """Whether training is to stop."""
        return self.why is not None

    def persist(self, write: Callable[[Session], T]) -> T:
        """`write` in a transaction of its own, tried again while the database is away and the lease may still hold.

        Raises LeaseLost, or the database's error once the lease must have run out.
        """
        pause = 0.05
        while True:
            try:
                with self._database.write() as session:
                    return write(session)
            except (OperationalError, InterfaceError) as error:
                if is_storage_full(error) or self.why == Why.LOST:
                    raise
                log.warning("database_away", error=type(error).__name__)
                time.sleep(pause)
                pause = min(2 * pause, 1.0)

    def _keep(self) -> None:
        beat_at = self._begun + self._settings.heartbeat_seconds
        stop_by = float("inf")
        process = psutil.Process()
        while not self._left.wait(POLL_SECONDS):
            clock = time.monotonic()
            try:
                if clock >= beat_at:
                    with self._database.write() as session:
                        states.renew(session, self._held, self._settings.lease_seconds)
                    self._renewed, beat_at = clock, clock + self._settings.heartbeat_seconds
                why = self._ask()
            except states.LeaseLost:
                why = Why.LOST
            except DBAPIError as error:
                log.warning("heartbeat_failed", error=type(error).__name__)
                why = Why.LOST if clock - self._renewed > self._settings.lease_seconds else None
            why = why or self._limits(clock, process)
            if why and self.why is None:
                self.why, stop_by = why, clock + STUBBORN_SECONDS
            if clock > stop_by:
                # Training is stuck where no check reaches it. Nothing is lost: the lease runs out.
                log.error("stuck_child_ends_itself", run_id=self._held.run_id)
                os._exit(70)

    def _ask(self) -> Why | None:
        with self._database.read() as session:
            row = session.execute(select(Run.status, Run.attempt).where(Run.id == self._held.run_id)).one_or_none()
        if row is None or row.attempt != self._held.attempt or row.status not in (Status.RUNNING, Status.CANCELLING):
            return Why.LOST
        return Why.CANCELLED if row.status == Status.CANCELLING else None

    def _limits(self, clock: float, process: psutil.Process) -> Why | None:
        if clock - self._begun > self._settings.run_seconds:
            self.error = TimeLimitExceeded(f"The run trained for longer than {self._settings.run_seconds:g} seconds")
        elif process.memory_info().rss > self._settings.worker_memory_mb * 2**20:
            self.error = OutOfMemory(
                f"The run needs more than the {self._settings.worker_memory_mb} MB a worker may use"
            )
        if self.error:
            return Why.LIMIT
        return Why.DRAINED if 0 < self._drain_at() <= clock else None
