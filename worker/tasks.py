"""What a worker's child does when the bell rings: claim a run, train it, record every epoch, end it."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from models import states
from models.database import Database, is_storage_full
from models.errors import OutOfMemory, RunError, Stopped, StorageFull
from models.settings import Settings
from models.specification import Imdb, Synthetic
from worker.lease import Lease, Why

if TYPE_CHECKING:
    from worker.data import Dataset
    from worker.training import Epoch

log = structlog.get_logger(__name__)

DATASETS_KEPT = 4
"""Data sets a child keeps open; they are memory-mapped, so this bounds address space more than memory."""


class Child:
    """One process that trains: made after the fork, it alone imports TensorFlow."""

    def __init__(self, settings: Settings, worker_id: str, drain_at: Callable[[], float]) -> None:
        from worker import training  # not before the fork: TensorFlow that has computed cannot be forked

        self.settings, self.worker_id, self.drain_at = settings, worker_id, drain_at
        self.database = Database(settings)
        self._datasets: OrderedDict[str, Dataset] = OrderedDict()
        training.configure(threads=settings.threads)

    def train_next(self) -> None:
        """Trains the next queued run, if there is one and this worker is not about to end."""
        if self.drain_at():
            return
        with self.database.write() as session:
            held = states.claim(session, self.worker_id, os.getpid(), self.settings.lease_seconds)
        if held is None:
            return
        checkpoint = self.settings.data_dir.absolute() / "checkpoints" / f"{held.run_id}.npz"
        with structlog.contextvars.bound_contextvars(job_id=held.job_id, run_id=held.run_id, attempt=held.attempt):
            log.info("run_started", recorded=held.recorded)
            with Lease(self.database, held, self.settings, self.drain_at) as lease:
                ended = self._train(held, lease, checkpoint)
            if ended:
                checkpoint.unlink(missing_ok=True)

    def _train(self, held: states.Claim, lease: Lease, checkpoint: Path) -> bool:
        """Trains a claimed run and records how it ended; False where it is another's now or again in the queue."""
        try:
            self._train_and_record(held, lease, checkpoint)
            log.info("run_succeeded")
        except states.LeaseLost:
            log.warning("lease_lost")
            return False
        except Stopped:
            return self._stop(held, lease)
        except Exception as error:
            failure = _as_run_error(error)
            log.warning("run_failed", code=failure.code, exc_info=not isinstance(error, RunError))
            return self._fail(held, lease, failure)
        return True

    def _train_and_record(self, held: states.Claim, lease: Lease, checkpoint: Path) -> None:
        from worker import training
        from worker.fingerprint import fingerprint

        run = held.specification
        data = self._dataset(run.dataset)
        under = fingerprint(data.sha256)
        recorded = lease.persist(lambda session: states.begin(session, held, under))

        def on_epoch(epoch: Epoch) -> None:
            lease.persist(lambda session: states.record(session, held, epoch.number, epoch.metrics, epoch.seconds))

        checkpoint.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        result = training.train(
            run, data, on_epoch=on_epoch, should_stop=lease.stopped, checkpoint=checkpoint, recorded=recorded
        )
        lease.persist(
            lambda session: states.succeed(
                session, held, chosen_epoch=result.chosen_epoch, test=result.test, model=result.model
            )
        )

    def _stop(self, held: states.Claim, lease: Lease) -> bool:
        if lease.error:
            log.warning("run_failed", code=lease.error.code)
            return self._fail(held, lease, lease.error)
        if lease.why == Why.LOST:
            log.warning("lease_lost")
            return False
        log.info("run_stopped", why=lease.why)
        try:
            lease.persist(lambda session: states.release(session, held, "drained"))
        except states.LeaseLost:
            return False
        return lease.why == Why.CANCELLED

    def _fail(self, held: states.Claim, lease: Lease, error: RunError) -> bool:
        try:
            lease.persist(lambda session: states.fail(session, held, error.as_json()))
        except states.LeaseLost:
            return False
        return True

    def _dataset(self, specification: Imdb | Synthetic) -> Dataset:
        from worker import data

        key = specification.model_dump_json()
        if key not in self._datasets:
            self._datasets[key] = data.load(specification, self.settings.data_dir.absolute(), self.settings.imdb_npz)
            while len(self._datasets) > DATASETS_KEPT:
                self._datasets.popitem(last=False)
        self._datasets.move_to_end(key)
        return self._datasets[key]


def _as_run_error(error: Exception) -> RunError:
    """What a user is told of an exception; everything else is the log's alone."""
    if isinstance(error, RunError):
        return error
    if is_storage_full(error):
        return StorageFull("No space is left where the service keeps its data; free some and retry")
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return OutOfMemory("The run needs more memory than there is")
    return RunError(f"Training failed with {type(error).__name__}; the worker's log has the details")
