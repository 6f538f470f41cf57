"""What a worker's child does when a message comes: it claims run after run, trains each and records its epochs."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models import claims, pruning
from models.database import Database, is_storage_full, reason
from models.errors import (
    BookkeepingFailed,
    OutOfMemory,
    Pruned,
    RunError,
    SpecificationUnreadable,
    Stopped,
    StorageFull,
)
from models.estimates import PROCESS, cost_of
from models.settings import Settings
from models.tables import FINISHED, PRUNED, WHY, Run, Status
from worker.lease import Lease, Why
from worker.queue import Waker, may_keep

if TYPE_CHECKING:
    from worker.training import Epoch, Model

log = structlog.get_logger(__name__)

PRUNED_BYTES = 2**30
"""Of checkpoints of trials that were pruned, on this host."""


class Child:
    """One process that trains, made after the fork: it alone computes, and starts threads.

    `drain_at` and `alive` are as `worker.lease.Lease` has them.
    """

    def __init__(
        self,
        settings: Settings,
        worker_id: str,
        drain_at: Callable[[], float],
        alive: Callable[[bool], None],
        waker: Waker,
    ) -> None:
        with suppress(OSError):  # Linux only: where memory runs out, the child goes and not the service
            Path("/proc/self/oom_score_adj").write_text("500")
        from worker import training

        self.settings, self.worker_id, self.drain_at, self.alive = settings, worker_id, drain_at, alive
        self.waker = waker
        self.database = Database(settings)
        self._process, self._trained = psutil.Process(), 0
        self._outgrown = False
        training.configure(threads=settings.threads)
        training.warm_up()

    def train_all(self) -> None:
        """Trains until no queued run is to be had, the worker is about to end, or this process has grown too big.

        Whoever takes a run while others wait wakes one process more, and so all that there is work for.
        """
        self._outgrown = False
        while not self.drain_at():
            if self._outgrown or not self._has_room():
                self.waker.soon()  # Celery replaces this process: others, or its successor, take what waits
                return
            if (held := self._claim()) is None:
                return
            with structlog.contextvars.bound_contextvars(job_id=held.job_id, run_id=held.run_id, attempt=held.attempt):
                log.info("run_started", recorded=held.recorded)
                with Lease(self.database, held, self.settings, self.drain_at, self.alive) as lease:
                    self._train(held, lease)
            self._trained += 1

    def _claim(self) -> claims.Claim | None:
        settings, mine = self.settings, (self.worker_id, os.getpid())
        while True:
            try:
                with self.database.write() as session:
                    held = claims.claim(session, *mine, settings.lease_seconds, settings.reuse_across_keys)
                    more = held is not None and claims.is_waiting(session)
            except claims.Contended:
                continue
            except claims.Unreadable as unreadable:
                if self._refuse(unreadable.job_id):
                    continue
                return None
            except SQLAlchemyError as error:
                log.warning("claim_failed", error=reason(error))
                return None  # the API's sweep sends a message
            if more:
                self.waker.soon()
            return held

    def _refuse(self, job_id: str) -> bool:
        """Fails the runs of a job whose specification cannot be read, else nothing behind it would ever be trained."""
        log.error("specification_unreadable", job_id=job_id, exc_info=True)
        error = SpecificationUnreadable(
            "This worker cannot read the job's specification: it may name what only another version of Ockham has. "
            "Retry the job when workers of that version run"
        )
        try:
            with self.database.write() as session:
                return claims.refuse(session, job_id, error.as_json()) > 0
        except SQLAlchemyError as refused:
            log.warning("claim_failed", error=reason(refused))
            return False

    def _has_room(self) -> bool:
        """Whether this process keeps no more than it may between two runs; what it keeps ready goes first."""
        if self._trained and self._process.memory_info().rss > may_keep(self.settings):
            self._forget()
            return self._process.memory_info().rss <= may_keep(self.settings)
        return True

    def _forget(self) -> None:
        from worker import training

        training.forget()
        with suppress(OSError, AttributeError):  # glibc only: what is free goes back to the system
            ctypes.CDLL(None).malloc_trim(0)

    def _train(self, held: claims.Claim, lease: Lease) -> None:
        """Trains a claimed run and records how it ended, unless it is another's by then."""
        try:
            try:
                status = self._train_and_record(held, lease)
            except claims.LeaseLost:
                raise
            except Pruned as pruned:
                log.info("run_pruned", why=str(pruned))
                return  # it has ended, and its checkpoint stays: it may be taken up again
            except Stopped:
                if lease.why == Why.LOST:
                    raise
                if lease.error:
                    raise lease.error from None
                log.info("run_stopped", why=lease.why)
                status = lease.persist(lambda session: claims.release(session, held))
        except Stopped:
            log.warning("lease_lost")
            return
        except Exception as error:
            failure = _as_run_error(error)
            log.warning("run_failed", code=failure.code, exc_info=not isinstance(error, RunError))
            # A process that has trained others before keeps some of their memory: a new one may have room.
            self._outgrown = isinstance(failure, OutOfMemory) and self._trained > 0

            def end(session: Session) -> Status:
                if self._outgrown:
                    return claims.give_up(session, held, failure.as_json(), self.settings.max_attempts)
                return claims.fail(session, held, failure.as_json())

            try:
                status = lease.persist(end, despite_full_storage=True)
            except claims.LeaseLost:
                log.warning("lease_lost")
                return
            except BookkeepingFailed:
                log.exception("end_not_recorded")
                return  # this process holds the run still: its next claim begins with it
        log.info("run_left", status=status)
        if status in FINISHED:
            for file in checkpoints(self.settings).glob(f"{held.run_id}.*"):
                file.unlink(missing_ok=True)

    def _train_and_record(self, held: claims.Claim, lease: Lease) -> str:
        from worker import training
        from worker.data import load
        from worker.data.store import trim
        from worker.fingerprint import fingerprint
        from worker.stored import fetch

        run = held.specification
        used = self._process.memory_info().rss if self._trained else 0
        if used + cost_of(run).memory - PROCESS > self.settings.worker_memory_mb * 2**20:
            self._forget()
        directory = self.settings.data_dir.absolute()
        file = fetch(run.dataset, directory, self.database) or self.settings.npz(run.dataset.name)
        data = load(run.dataset, directory, file, run.draws)
        trim(directory / "datasets", self.settings.dataset_cache_mb << 20)
        under = fingerprint(data.sha256)
        recorded = lease.persist(lambda session: claims.begin(session, held, under))
        if held.reuse:
            across = self.settings.reuse_across_keys
            if status := lease.persist(lambda session: claims.take_over(session, held, across)):
                return status

        with self.database.read() as session:
            pruner = None if held.trial is None else pruning.pruner_of(session, held.job_id, held.trial)
            kept = claims.kept_epochs(session, held.run_id)

        def on_epoch(epoch: Epoch) -> None:
            pruned = pruner.see(epoch.number, epoch.metrics) if pruner else None
            told = pruned.as_json() if pruned else None
            record = partial(claims.record, held=held, epoch=epoch.number, metrics=epoch.metrics)
            lease.persist(lambda session: record(session, seconds=epoch.seconds, pruned=told))
            if pruned:
                raise pruned

        def on_model(epoch: int, make: Callable[[], Model]) -> None:
            model, stored = make(), 0
            while stored < claims.count_parts(model.content):
                keep = partial(claims.keep, held=held, epoch=epoch, digest=model.digest, content=model.content)
                stored = lease.persist(partial(keep, stored=stored))

        checkpoint = checkpoints(self.settings) / f"{held.run_id}.{_digest(under)}.npz"
        checkpoint.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        result = training.train(
            run,
            data,
            on_epoch=on_epoch,
            should_stop=lease.stopped,
            checkpoint=checkpoint,
            recorded=recorded,
            keep=self.settings.max_predictions_bytes,
            on_model=on_model,
            kept=kept,
        )

        def store_ahead(content: bytes, split: str | None = None) -> int:
            """Stores what is too much for the run's last transaction; how many parts."""
            stored = 0
            while claims.count_parts(content) - stored > claims.PARTS_AT_ONCE:
                stored = lease.persist(partial(claims.store, held=held, content=content, stored=stored, split=split))
            return stored

        stored = store_ahead(result.model)
        by_row = {**result.predictions, **({} if result.why is None else {WHY: result.why})}
        predictions = {split: (content, store_ahead(content, split)) for split, content in by_row.items()}
        return lease.persist(
            lambda session: claims.succeed(
                session,
                held,
                chosen_epoch=result.chosen_epoch,
                test=result.test,
                model=result.model,
                stored=stored,
                predictions=predictions,
            )
        )


def checkpoints(settings: Settings) -> Path:
    """Where this host's checkpoints are, named `RUN.FINGERPRINT.npz`: one is resumed only under its own fingerprint."""
    return settings.data_dir.absolute() / "checkpoints"


def tidy(database: Database, settings: Settings) -> None:
    """Removes the checkpoints of runs that ended elsewhere or were deleted.

    Those of trials that were pruned stay, the newest, in `PRUNED_BYTES`: such a trial may be taken up again, and
    without its checkpoint it is trained from the start.
    """
    files = [(file, file.name.partition(".")[0]) for file in checkpoints(settings).glob("run_*")]
    if not files:
        return
    with database.read() as session:
        there = Run.id.in_({run_id for _, run_id in files})
        kept = set(session.scalars(select(Run.id).where(there, Run.status.not_in(FINISHED))))
        pruned = set(session.scalars(select(Run.id).where(there, PRUNED)))
    room = PRUNED_BYTES
    for _, size, file, run_id in sorted(_stats(files), reverse=True):
        room -= size if run_id in pruned else 0
        if run_id not in kept and (run_id not in pruned or room < 0):
            file.unlink(missing_ok=True)


def _stats(files: Iterable[tuple[Path, str]]) -> Iterator[tuple[float, int, Path, str]]:
    """When each file was written, its bytes, and it itself; without those that are gone."""
    for file, run_id in files:
        with suppress(FileNotFoundError):
            stat = file.stat()
            yield stat.st_mtime, stat.st_size, file, run_id


def _digest(fingerprint: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()[:16]


def _as_run_error(error: Exception) -> RunError:
    """What a user is told of an exception; everything else is the log's alone."""
    if isinstance(error, RunError):
        return error
    if is_storage_full(error):
        return StorageFull("No space is left where the service keeps its data; free some and retry")
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return OutOfMemory("The run needs more memory than there is")
    return RunError(f"Training failed with {type(error).__name__}; the worker's log has the details")
