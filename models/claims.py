"""A worker's hold on a run, from its claim to its end, and what is done when the worker is lost.

A worker's writes name its claim: the attempt's number and a lease that has not run out, by the
database's clock. Whoever lost its lease changes nothing any more. A write may be tried again after
a commit whose answer was lost: the holder finds it done, and that is all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from models import reproductions, reuse
from models.database import now, take_turn
from models.errors import Stopped, UnreadableSpecification
from models.ids import new_id
from models.specification import RunSpecification, stored
from models.states import change, emit, emit_each, end_if_done, lock
from models.tables import (
    ENDS,
    FINISHED,
    HELD,
    PREDICTED,
    WHY,
    Epoch,
    Job,
    KeptModel,
    KeptPart,
    ModelPart,
    PredictionPart,
    Run,
    Status,
)

PART_BYTES = 2**20
PARTS_AT_ONCE = 8
_others = aliased(Job)
UNHELD = {"lease_expires_at": None, "worker_id": None, "worker_pid": None}


class Contended(Exception):
    """Another took what this claim was about to take. Roll back, so that nothing stays locked, and ask again."""


class Unreadable(Exception):
    """This program cannot read the specification of the job that is next. Roll back, and `refuse` the job."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id


class LeaseLost(Stopped):
    """The run is another's by now, or has ended: what this worker still knows of it must leave no trace."""


@dataclass(frozen=True)
class Claim:
    """A worker's hold on a run.

    recorded: the number of epochs already in the database. trained: the seconds that these took. trial: its number in
    the job's search, or None.
    """

    run_id: str
    job_id: str
    attempt: int
    recorded: int
    fingerprint: dict[str, Any] | None
    specification: RunSpecification
    reuse: bool = True
    trained: float = 0.0
    trial: int | None = None


def claim(session: Session, worker_id: str, pid: int, lease: float, reuse_across_keys: bool = False) -> Claim | None:
    """Takes the next queued run for `lease` seconds, or None where none is to be had.

    Next is a run of the owner, and of that owner's jobs the one, that has waited longest to be
    served, a new job from its creation on. So the jobs take turns: one of a thousand runs delays
    another's single run by a run, and a stream of small jobs never starves a big one. A run that may
    take over a stored result is left in the queue while another worker is training the same run.
    Raises Contended and Unreadable.
    """
    if (kept := _claimed_before(session, worker_id, pid, lease)) is not None:
        return kept
    owner_served = select(func.max(_others.served_at)).where(_others.owner == Job.owner).scalar_subquery()
    free = ~reuse.awaits_twin(Job.owner, reuse_across_keys)
    waiting = exists().where(Run.job_id == Job.id, Run.status == Status.QUEUED, free)
    queue = (
        select(Job.id)
        .where(Job.status.in_((Status.QUEUED, Status.RUNNING)), waiting)
        .order_by(owner_served.asc().nulls_first(), func.coalesce(Job.served_at, Job.created_at), Job.id)
        .limit(1)
    )
    # Several workers at once take from several jobs. If others have every waiting job's lock, one waits:
    # "nothing is queued" would be untrue.
    job_id = session.scalar(queue.with_for_update(skip_locked=True, of=Job)) or session.scalar(queue)
    if job_id is None:
        return None
    if (job := lock(session, job_id)) is None:
        raise Contended  # deleted meanwhile
    free = ~reuse.awaits_twin(job.owner, reuse_across_keys)
    queued = select(Run.id, Run.key).where(Run.job_id == job_id, Run.status == Status.QUEUED, free)
    if (first := session.execute(queued.order_by(Run.position).limit(1)).first()) is None:
        raise Contended  # another worker had the last one while this one waited for the lock
    if first.key is not None:
        take_turn(session, first.key)  # of two that claim the same run at once, one sees the other
    taken = change(
        session,
        Run.id == first.id,
        Run.status == Status.QUEUED,
        free,
        status=Status.RUNNING,
        attempt=Run.attempt + 1,
        worker_id=worker_id,
        worker_pid=pid,
        lease_expires_at=now(lease),
        progress_at=now(),
        started_at=func.coalesce(Run.started_at, now()),
    )
    if not taken:
        raise Contended  # another worker began to train the same run meanwhile
    run = session.get_one(Run, taken[0], populate_existing=True)
    job.served_at = run.progress_at
    if job.status == Status.QUEUED:
        job.status = Status.RUNNING
        job.started_at = job.started_at or run.progress_at
        emit(session, job, "job.started")
    begun = {"variant": run.variant, "seed": run.seed, "attempt": run.attempt, "epochs": run.epochs}
    emit(session, job, "run.started", run.id, begun)
    return _claim(session, job, run)


def is_waiting(session: Session) -> bool:
    """Whether a run is queued, for whomever."""
    return bool(session.scalar(select(exists().where(Run.status == Status.QUEUED))))


def _claimed_before(session: Session, worker_id: str, pid: int, lease: float) -> Claim | None:
    """The run that this process holds already: it claimed it, and the commit's answer was lost."""
    mine = (Run.worker_id == worker_id, Run.worker_pid == pid, Run.status.in_(HELD), Run.lease_expires_at >= now())
    found = session.execute(select(Run.id, Run.job_id).where(*mine)).first()
    if found is None or (job := lock(session, found.job_id)) is None:
        return None
    if not change(session, Run.id == found.id, *mine, lease_expires_at=now(lease), progress_at=now()):
        return None
    return _claim(session, job, session.get_one(Run, found.id, populate_existing=True))


def _claim(session: Session, job: Job, run: Run) -> Claim:
    try:
        specification = stored(job.spec).run(run.variant, run.seed)
    except (UnreadableSpecification, LookupError) as error:
        raise Unreadable(job.id) from error
    trained = session.scalar(select(func.sum(Epoch.seconds)).where(Epoch.run_id == run.id)) if run.epoch else 0.0
    return Claim(
        run.id, job.id, run.attempt, run.epoch, run.fingerprint, specification, run.reuse, trained or 0.0, run.trial
    )


def refuse(session: Session, job_id: str, error: Mapping[str, Any]) -> int:
    """Ends the queued runs of a job that is `Unreadable` with `error`, so that others have their turn; how many."""
    if (job := lock(session, job_id)) is None:
        return 0
    queued = (Run.job_id == job_id, Run.status == Status.QUEUED)
    refused = change(session, *queued, status=Status.FAILED, error=dict(error), finished_at=now())
    emit_each(session, job, "run.failed", [(run_id, {"error": error}) for run_id in refused])
    end_if_done(session, job)
    return len(refused)


def begin(session: Session, held: Claim, fingerprint: Mapping[str, Any]) -> int:
    """Notes what the run is trained with; the number of recorded epochs that stand. Raises LeaseLost.

    Recorded epochs stand where they came from the same fingerprint, which promises the same bits.
    Under another they are removed, which `run.restarted` tells, and the run is trained whole: its history has no seam.
    """
    job = _lock_held(session, held)
    same = held.fingerprint is None or held.fingerprint == fingerprint
    recorded = held.recorded if same else 0
    if not same:
        session.execute(delete(KeptModel).where(KeptModel.run_id == held.run_id))
        removed = session.scalars(delete(Epoch).where(Epoch.run_id == held.run_id).returning(Epoch.epoch)).all()
        if removed:
            emit(session, job, "run.restarted", held.run_id, {"removed": len(removed), "reason": "fingerprint"})
    result_key = reuse.result_key_of(reuse.key_of(held.specification), fingerprint)
    _change_held(session, held, fingerprint=dict(fingerprint), result_key=result_key, epoch=recorded)
    return recorded


def take_over(session: Session, held: Claim, reuse_across_keys: bool = False) -> Status | None:
    """Ends a run that was begun with the stored result of the same run, where there is one; how. Raises LeaseLost.

    It is told like a trained one: an event an epoch, and `reused_from` in the last.
    """
    job = _lock_held(session, held)
    recorded = session.scalar(select(Run.epoch).where(*_fence(held), Run.status == Status.RUNNING))
    if recorded is None:
        return _left_before(session, held, *FINISHED)  # whatever else it is, training finds out
    if (source := reuse.find(session, held.run_id, job.owner, reuse_across_keys)) is None:
        return None
    copied = reuse.copy(session, source, held.run_id, recorded)
    emit_each(session, job, "run.epoch", [(held.run_id, data) for data in copied])
    results = {
        name: getattr(source, name) for name in ("epoch", "chosen_epoch", "test", "model_size")
    } | {"reused_from": source.id}  # fmt: skip
    told = {"chosen_epoch": source.chosen_epoch, "reused_from": source.id}
    return _end(session, held, Status.SUCCEEDED, told, **results)[0]


def renew(session: Session, held: Claim, lease: float) -> None:
    """Renews the lease. Raises LeaseLost."""
    renewed = session.execute(update(Run).where(*_fence(held)).values(lease_expires_at=now(lease)).returning(Run.id))
    if renewed.one_or_none() is None:
        raise _lost(held)


def record(
    session: Session,
    held: Claim,
    epoch: int,
    metrics: Mapping[str, float],
    seconds: float,
    pruned: Mapping[str, Any] | None = None,
) -> None:
    """Records the epoch after the last recorded one, once. Raises LeaseLost.

    With `pruned`, the error that says why, the run ends with this epoch: both are stored, or neither.
    """
    job = _lock_held(session, held)
    at = session.scalar(select(Run.epoch).where(*_fence(held)))
    if at == epoch or (at is None and pruned and _left_before(session, held, Status.CANCELLED)):
        return  # committed before, the answer lost
    _change_held(session, held, Run.epoch == epoch - 1, epoch=epoch, progress_at=now(), losses=0)
    session.add(Epoch(run_id=held.run_id, epoch=epoch, metrics=dict(metrics), seconds=seconds, recorded_at=now()))
    emit(session, job, "run.epoch", held.run_id, reuse.event_data(epoch, metrics, seconds))
    if pruned:
        session.flush()
        _end(session, held, Status.CANCELLED, {"error": dict(pruned)}, error=dict(pruned))


def count_parts(content: bytes) -> int:
    """How many parts it is stored in."""
    return -(-len(content) // PART_BYTES)


def store(session: Session, held: Claim, content: bytes, stored: int, split: str | None = None) -> int:
    """Stores up to PARTS_AT_ONCE parts of a held run's model, or of what it predicts of `split`; how many then are.

    `stored` are there already. What is big so takes many short transactions. Nobody reads it before the run has
    succeeded. Raises LeaseLost.
    """
    if session.scalar(select(Run.id).where(*_fence(held)).with_for_update()) is None:
        raise _lost(held)
    end = min(stored + PARTS_AT_ONCE, count_parts(content))
    _write_parts(session, held, content, range(stored, end), split, last=False)
    return end


def keep(session: Session, held: Claim, epoch: int, digest: str, content: bytes, stored: int) -> int:
    """Stores up to PARTS_AT_ONCE parts of the model of an epoch that a held run keeps; how many then are stored.

    `stored` are there already. All of them are if a run keeps the same model, told by `digest`: it is stored once.
    Raises LeaseLost.
    """
    if session.scalar(select(Run.id).where(*_fence(held)).with_for_update()) is None:
        raise _lost(held)
    parts = count_parts(content)
    mine = session.get(KeptModel, (held.run_id, epoch))
    if mine is None:
        # Locked: until this transaction ends it is not the last one that is this file.
        same = select(KeptModel).where(KeptModel.digest == digest, KeptModel.size.is_not(None)).limit(1)
        other = session.scalar(same.with_for_update(read=True))
        file, size = (other.content, other.size) if other else (new_id("mod"), None)
        mine = KeptModel(run_id=held.run_id, epoch=epoch, digest=digest, content=file, size=size)
        session.add(mine)
    if mine.size is not None:
        return parts
    end = min(stored + PARTS_AT_ONCE, parts)
    _replace_parts(session, KeptPart, {"content": mine.content}, content, range(stored, end), last=end == parts)
    if end == parts:
        mine.digest, mine.size = digest, len(content)
    return end


def kept_epochs(session: Session, run_id: str) -> list[int]:
    """The epochs whose models are stored beside that of the chosen one, rising."""
    stored = (KeptModel.run_id == run_id, KeptModel.size.is_not(None))
    return list(session.scalars(select(KeptModel.epoch).where(*stored).order_by(KeptModel.epoch)))


def _write_parts(
    session: Session, held: Claim, content: bytes, parts: range, split: str | None = None, last: bool = True
) -> None:
    if split is None:
        _replace_parts(session, ModelPart, {"run_id": held.run_id}, content, parts, last)
    else:
        _replace_parts(session, PredictionPart, {"run_id": held.run_id, "split": split}, content, parts, last)


def _replace_parts(
    session: Session,
    table: type[ModelPart | PredictionPart | KeptPart],
    key: dict[str, Any],
    content: bytes,
    parts: range,
    last: bool,
) -> None:
    """Writes these parts in place of what an attempt before this left behind there, and behind the `last` ones."""
    replaced = delete(table).filter_by(**key).where(table.part >= parts.start)
    session.execute(replaced if last else replaced.where(table.part < parts.stop))
    for part in parts:
        session.add(table(part=part, data=content[part * PART_BYTES : (part + 1) * PART_BYTES], **key))


def succeed(
    session: Session,
    held: Claim,
    *,
    chosen_epoch: int,
    test: Mapping[str, float] | None,
    model: bytes,
    stored: int = 0,
    predictions: Mapping[str, tuple[bytes, int]] | None = None,
) -> Status:
    """Ends a run with its results, or as cancelled where a user asked for that meanwhile; how. Raises LeaseLost.

    Of the model's parts `stored` are there (`store`); the rest is stored now. predictions: of each of `PREDICTED`, of
    `ENDS` and of `WHY`, that is kept, its bytes, and how many of its parts are there.
    """
    results = {"chosen_epoch": chosen_epoch, "test": None if test is None else dict(test), "model_size": len(model)}
    status, now_ended = _end(session, held, Status.SUCCEEDED, {"chosen_epoch": chosen_epoch}, **results)
    if now_ended and status == Status.SUCCEEDED:
        _write_parts(session, held, model, range(stored, count_parts(model)))
        for split in (*PREDICTED, *ENDS, WHY):
            content, there = (predictions or {}).get(split, (b"", 0))
            _write_parts(session, held, content, range(there, count_parts(content)), split)
        chosen = (KeptModel.run_id == held.run_id, KeptModel.epoch == chosen_epoch)
        session.execute(delete(KeptModel).where(*chosen))  # it is the run's model, which is stored
        reproductions.judge(session, held.run_id)
    return status


def fail(session: Session, held: Claim, error: Mapping[str, Any]) -> Status:
    """Ends a run with `error` (`{code, message, retryable}`), or as cancelled; its epochs stay. Raises LeaseLost."""
    return _end(session, held, Status.FAILED, {"error": dict(error)}, error=dict(error))[0]


def release(session: Session, held: Claim) -> Status:
    """Puts a run back into the queue because its worker stops, or ends it if it is being cancelled.

    Returns its status then. Raises LeaseLost.
    """
    job = _lock_held(session, held)
    if status := _requeue(session, job, held.run_id, _fence(held), "drained"):
        return status
    if (left := _left_before(session, held, Status.QUEUED, *FINISHED)) is None:
        raise _lost(held)
    return left


def give_up(session: Session, held: Claim, error: Mapping[str, Any], max_attempts: int) -> Status:
    """Hands a run back that this process could not train but another may; what it is now. Raises LeaseLost.

    It counts as lost: at the `max_attempts`th time without a new epoch in between the run ends with `error`.
    """
    job = _lock_held(session, held)
    losses = session.scalar(select(Run.losses + 1).where(*_fence(held)))
    if losses is not None and losses >= max_attempts:
        return fail(session, held, error)
    if status := _requeue(session, job, held.run_id, _fence(held), error["code"], losses=losses):
        return status
    if (left := _left_before(session, held, Status.QUEUED, *FINISHED)) is None:
        raise _lost(held)
    return left


# --- where a worker is lost ---------------------------------------------------------------------


def expired() -> ColumnElement[bool]:
    """A lease has run out."""
    return Run.lease_expires_at < now()


def hung(progress: float) -> ColumnElement[bool]:
    """No epoch was recorded for `progress` seconds: a heartbeat hides that."""
    return Run.progress_at < now(-progress)


def lost_runs(session: Session, progress: float) -> list[tuple[str, str, str]]:
    """Held runs that are `expired` or `hung`, as (run, job, the error's code)."""
    rows = session.execute(
        select(Run.id, Run.job_id, expired()).where(Run.status.in_(HELD), or_(expired(), hung(progress)))
    )
    return [(run_id, job_id, "worker_lost" if is_expired else "no_progress") for run_id, job_id, is_expired in rows]


def take_back(
    session: Session, run_id: str, job_id: str, reason: str, max_attempts: int, *seen: ColumnElement[bool]
) -> Status | None:
    """Takes a lost run from its worker; what it is now.

    It is queued again, or cancelled if so asked, or failed at its `max_attempts`th loss without a
    new epoch in between. `seen` are the conditions under which it was found lost: where they hold no
    more, nothing changes and None is the answer.
    """
    if (job := lock(session, job_id)) is None:
        return None
    conditions = (Run.id == run_id, Run.status.in_(HELD), *seen)
    losses = session.scalar(select(Run.losses + 1).where(*conditions))
    if losses is None:
        return None
    if losses >= max_attempts:
        what = "recorded no epoch for too long" if reason == "no_progress" else "was lost"
        message = f"The run's worker {what}, {losses} times in a row: it may need more memory or time than a worker has"
        error = {"code": reason, "message": message, "retryable": True}
        values = {"status": Status.FAILED, "error": error, "finished_at": now(), "losses": losses, **UNHELD}
        if change(session, *conditions, Run.status == Status.RUNNING, **values):
            emit(session, job, "run.failed", run_id, {"error": error})
            end_if_done(session, job)
            return Status.FAILED
    return _requeue(session, job, run_id, conditions, reason, losses=losses)


# --- within a transaction -----------------------------------------------------------------------


def _lost(held: Claim) -> LeaseLost:
    return LeaseLost(f"The lease of {held.run_id} is lost")


def _lock_held(session: Session, held: Claim) -> Job:
    if (job := lock(session, held.job_id)) is None:
        raise _lost(held)  # the job was deleted
    return job


def _fence(held: Claim) -> tuple[ColumnElement[bool], ...]:
    return Run.id == held.run_id, Run.attempt == held.attempt, Run.status.in_(HELD), Run.lease_expires_at >= now()


def _change_held(session: Session, held: Claim, *conditions: ColumnElement[bool], **values: Any) -> None:
    if not change(session, *_fence(held), *conditions, **values):
        raise _lost(held)


def _left_before(session: Session, held: Claim, *statuses: Status) -> Status | None:
    """The run's status where this attempt left it so already: a commit whose answer was lost."""
    left = select(Run.status).where(Run.id == held.run_id, Run.attempt == held.attempt, Run.status.in_(statuses))
    return None if (status := session.scalar(left)) is None else Status(status)


def _end(session: Session, held: Claim, status: Status, data: Mapping[str, Any], **values: Any) -> tuple[Status, bool]:
    """Ends a held run as `status`, or as cancelled where it is being cancelled: how, and whether that was only now."""
    job = _lock_held(session, held)
    ended = {"finished_at": now(), **UNHELD}
    if change(session, *_fence(held), Run.status == Status.RUNNING, status=status, **ended, **values):
        emit(session, job, f"run.{status}", held.run_id, data)
    elif change(session, *_fence(held), Run.status == Status.CANCELLING, status=Status.CANCELLED, **ended):
        status = Status.CANCELLED
        emit(session, job, "run.cancelled", held.run_id)
    elif (left := _left_before(session, held, *FINISHED)) is not None:
        return left, False
    else:
        raise _lost(held)
    end_if_done(session, job)
    return status, True


def _requeue(
    session: Session, job: Job, run_id: str, conditions: tuple[ColumnElement[bool], ...], reason: str, **values: Any
) -> Status | None:
    """Queues a held run again, or ends it where it is being cancelled; None where the conditions do not hold."""
    queued = {"status": Status.QUEUED, "queued_at": now(), **UNHELD, **values}
    if change(session, *conditions, Run.status == Status.RUNNING, **queued):
        emit(session, job, "run.requeued", run_id, {"reason": reason})
        return Status.QUEUED
    cancelled = {"status": Status.CANCELLED, "finished_at": now(), **UNHELD}
    if change(session, *conditions, Run.status == Status.CANCELLING, **cancelled):
        emit(session, job, "run.cancelled", run_id)
        end_if_done(session, job)
        return Status.CANCELLED
    return None
