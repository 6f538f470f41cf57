"""A worker's children as their parent sees them: which live, which can train, and what the dead ones held."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

import psutil
import structlog
from sqlalchemy import select

from models import claims
from models.database import Database
from models.settings import Settings
from models.tables import HELD, Run
from worker.lease import STUBBORN_SECONDS

log = structlog.get_logger(__name__)


class Children:
    """A place for each child, in memory that they share with the parent. Moments are `time.monotonic`'s."""

    def __init__(self, settings: Settings, worker_id: str, concurrency: int) -> None:
        self._settings, self._worker_id = settings, worker_id
        self._pids = multiprocessing.Array("l", concurrency, lock=False)
        self._ready = multiprocessing.Array("b", concurrency, lock=False)
        self._beats = multiprocessing.Array("d", concurrency, lock=False)
        """When its lease last beat, 0 while it holds none."""
        self._seen: set[int] = set()

    # --- in a child

    def enter(self, place: int) -> None:
        """This process is the place's child, and cannot train yet."""
        self._ready[place], self._beats[place], self._pids[place] = 0, 0.0, os.getpid()

    def is_ready(self, place: int) -> None:
        """It can."""
        self._ready[place] = 1

    def beat(self, place: int, beats: bool) -> None:
        """Its lease's thread lives; or, with False, it holds no lease any more."""
        self._beats[place] = time.monotonic() if beats else 0.0

    # --- in the parent

    def any_ready(self) -> bool:
        """Whether a child lives that can train."""
        return any(ready and _lives(pid) for ready, pid in zip(self._ready, self._pids, strict=True))

    def kill_frozen(self) -> None:
        """Kills children whose lease's thread has been silent for longer than a stubborn run may take to end."""
        deadline = time.monotonic() - self._settings.lease_seconds - STUBBORN_SECONDS
        for beat, pid in zip(self._beats, self._pids, strict=True):
            if 0 < beat < deadline and _lives(pid):
                log.error("frozen_child_killed", pid=pid)
                os.kill(pid, signal.SIGKILL)

    def dead(self) -> set[int]:
        """The pids of children that have ended and whose runs were not taken back yet."""
        self._seen |= {pid for pid in self._pids if pid}
        return {pid for pid in self._seen if not _lives(pid)}

    def take_back(self, database: Database, dead: set[int]) -> None:
        """Takes back what they held. Raises SQLAlchemy's errors."""
        held_by_dead = (Run.status.in_(HELD), Run.worker_id == self._worker_id, Run.worker_pid.in_(dead))
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
                self._pids[place], self._ready[place], self._beats[place] = 0, 0, 0.0


def _lives(pid: int) -> bool:
    """Whether the child runs: a dead one is a zombie until its parent has looked."""
    try:
        return pid > 0 and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
