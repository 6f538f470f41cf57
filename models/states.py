"""What may become of a job and its runs: every change of a status, and nothing else, is here.

    run:  queued ─claim→ running ─finish→ succeeded | failed
            ↑  └─cancel→ cancelled         └─cancel→ cancelling ─finish→ cancelled
            └─release, sweep, retry─┘

Each function works inside the caller's transaction. Each locks the job's row before it touches a
run of it, so that the job's events are numbered in the order of their commits, and changes the
run by one conditional UPDATE whose row count tells whether the change was still possible.

A worker's writes name its claim: the attempt's number and a lease that has not run out. Whoever
lost its lease changes nothing any more.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased
from uuid6 import uuid7

from models.database import now
from models.errors import Conflict, Stopped
from models.specification import RunSpecification, Specification, count_parameters, stored
from models.tables import FINISHED, HELD, Epoch, Event, Job, ModelPart, Run, Status

PART_BYTES = 2**20


class LeaseLost(Stopped):
    """The run is another's by now, or cancelled: what this worker still knows of it must leave no trace."""


@dataclass(frozen=True)
class Claim:
    """A worker's hold on a run. `recorded` is the number of epochs already in the database."""

    run_id: str
    job_id: str
    attempt: int
    recorded: int
    fingerprint: dict[str, Any] | None
    specification: RunSpecification


def new_id(kind: str) -> str:
    """`kind_` and a version 7 UUID (RFC 9562): sorts by creation."""
    return f"{kind}_{uuid7().hex}"


# --- by the API --------------------------------------------------------------------------------


def submit(session: Session, specification: Specification, owner: str = "") -> Job:
    """Accepts a job; its runs are ordered seed by seed, so that all variants of the first are comparable early."""
    job = Job(
        id=new_id("job"),
        owner=owner,
        name=specification.name,
        status=Status.QUEUED,
        spec=specification.model_dump(mode="json"),
        created_at=session.scalar(select(now())),
        last_event=0,
    )
    session.add(job)
    session.flush()
    for seed in specification.seeds:
        for variant in specification.variants:
            run = specification.run(variant.name, seed)
            session.add(
                Run(
                    id=new_id("run"),
                    job_id=job.id,
                    position=len(specification.variants) * specification.seeds.index(seed)
                    + specification.variants.index(variant),
                    variant=variant.name,
                    seed=seed,
                    status=Status.QUEUED,
                    parameters=count_parameters(run.layers, run.dataset.num_words),
                    epochs=run.training.epochs,
                    queued_at=job.created_at,
                )
            )
    _emit(session, job, "job.queued")
    session.flush()
    return job


def cancel(session: Session, job_id: str) -> None:
    """Cancels what is queued at once and asks the workers for the rest. Raises Conflict on a finished job."""
    job = _lock(session, job_id)
    if job.status in FINISHED:
        raise Conflict(
            f"The job has already {job.status}" if job.status != Status.CANCELLED else "The job is already cancelled"
        )
    for run_id in _change(
        session, Run.job_id == job_id, Run.status == Status.QUEUED, status=Status.CANCELLED, finished_at=now()
    ):
        _emit(session, job, "run.cancelled", run_id)
    _change(session, Run.job_id == job_id, Run.status == Status.RUNNING, status=Status.CANCELLING)
    job.status = Status.CANCELLING
    _settle(session, job)


def retry(session: Session, job_id: str) -> int:
    """Queues the failed and cancelled runs of a finished job again, from the start; how many.

    Raises Conflict where the job is not finished or nothing of it failed.
    """
    job = _lock(session, job_id)
    if job.status not in FINISHED:
        raise Conflict(f"The job is still {job.status}; retry it when it has finished")
    again = select(Run.id).where(Run.job_id == job_id, Run.status.in_((Status.FAILED, Status.CANCELLED)))
    session.execute(delete(Epoch).where(Epoch.run_id.in_(again)))
    changed = _change(
        session,
        Run.job_id == job_id,
        Run.status.in_((Status.FAILED, Status.CANCELLED)),
        status=Status.QUEUED,
        epoch=0,
        losses=0,
        error=None,
        fingerprint=None,
        started_at=None,
        finished_at=None,
        queued_at=now(),
    )
    if not changed:
        raise Conflict("Every run of the job succeeded; there is nothing to retry")
    job.status, job.finished_at = Status.QUEUED, None
    _emit(session, job, "job.queued", data={"runs": len(changed)})
    for run_id in changed:
        _emit(session, job, "run.requeued", run_id, {"reason": "retry"})
    return len(changed)


def remove(session: Session, job_id: str) -> None:
    """Deletes a finished job and all that belongs to it. Raises Conflict on any other."""
    job = _lock(session, job_id)
    if job.status not in FINISHED:
        raise Conflict(f"The job is still {job.status}; cancel it first")
    session.execute(delete(Job).where(Job.id == job_id))


# --- by a worker -------------------------------------------------------------------------------


def claim(session: Session, worker_id: str, pid: int, lease: float) -> Claim | None:
    """Takes the next queued run for `lease` seconds, or None where none is queued.

    Next is a run of the owner, and of that owner's jobs the one, that has waited longest to be
    served: a job of a thousand runs delays another's single run by one run and no more.
    """
    others = aliased(Job)
    owner_served = select(func.max(others.served_at)).where(others.owner == Job.owner).scalar_subquery()
    waiting = exists().where(Run.job_id == Job.id, Run.status == Status.QUEUED)
    queue = (
        select(Job.id)
        .where(Job.status.in_((Status.QUEUED, Status.RUNNING)), waiting)
        .order_by(owner_served.asc().nulls_first(), Job.served_at.asc().nulls_first(), Job.id)
        .limit(1)
    )
    while (job_id := session.scalar(queue)) is not None:
        job = _lock(session, job_id)
        first = select(Run.id).where(Run.job_id == job_id, Run.status == Status.QUEUED).order_by(Run.position).limit(1)
        taken = _change(
            session,
            Run.id == first.scalar_subquery(),
            Run.status == Status.QUEUED,
            status=Status.RUNNING,
            attempt=Run.attempt + 1,
            worker_id=worker_id,
            worker_pid=pid,
            lease_expires_at=now(lease),
            progress_at=now(),
            started_at=func.coalesce(Run.started_at, now()),
        )
        if not taken:
            continue  # another worker had the last one while this one waited for the lock
        run = session.get_one(Run, taken[0], populate_existing=True)
        job.served_at = run.progress_at
        if job.status == Status.QUEUED:
            job.status = Status.RUNNING
            job.started_at = job.started_at or run.progress_at
            _emit(session, job, "job.started")
        _emit(session, job, "run.started", run.id, {"variant": run.variant, "seed": run.seed, "attempt": run.attempt})
        specification = stored(job.spec).run(run.variant, run.seed)
        return Claim(run.id, job.id, run.attempt, run.epoch, run.fingerprint, specification)
    return None


def begin(session: Session, held: Claim, fingerprint: Mapping[str, Any]) -> int:
    """Notes what the run is trained with; the number of recorded epochs that stand.

    Recorded epochs stand where they came from the same fingerprint, which promises the same bits.
    Under another they are removed, and the run is trained whole: its history has no seam.
    """
    _lock(session, held.job_id)
    same = held.fingerprint is None or held.fingerprint == fingerprint
    recorded = held.recorded if same else 0
    if not same:
        session.execute(delete(Epoch).where(Epoch.run_id == held.run_id))
    _change_held(session, held, fingerprint=dict(fingerprint), epoch=recorded)
    return recorded


def renew(session: Session, held: Claim, lease: float) -> bool:
    """Renews the lease; whether to go on (False: a user cancels). Raises LeaseLost."""
    changed = session.execute(
        update(Run).where(*_fence(held)).values(lease_expires_at=now(lease)).returning(Run.status)
    ).scalar_one_or_none()
    if changed is None:
        raise LeaseLost(f"The lease of {held.run_id} is lost")
    return changed == Status.RUNNING


def record(session: Session, held: Claim, epoch: int, metrics: Mapping[str, float], seconds: float) -> None:
    """Records the epoch after the last recorded one. Raises LeaseLost."""
    job = _lock(session, held.job_id)
    _change_held(session, held, Run.epoch == epoch - 1, Run.status == Status.RUNNING, epoch=epoch, progress_at=now())
    values = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
    nonfinite = {name: str(value) for name, value in metrics.items() if not math.isfinite(value)}
    session.add(
        Epoch(
            run_id=held.run_id, epoch=epoch, nonfinite=nonfinite or None, seconds=seconds, recorded_at=now(), **values
        )
    )
    data = {"epoch": epoch, "metrics": values, **({"nonfinite": nonfinite} if nonfinite else {})}
    _emit(session, job, "run.epoch", held.run_id, data)


def succeed(
    session: Session, held: Claim, *, chosen_epoch: int, test: Mapping[str, float] | None, model: bytes
) -> None:
    """Ends a run with its results; as cancelled where a user asked for that meanwhile. Raises LeaseLost."""
    job = _lock(session, held.job_id)
    results = {"chosen_epoch": chosen_epoch, "test": None if test is None else dict(test), "model_size": len(model)}
    status = _end(session, job, held, Status.SUCCEEDED, **results)
    if status == Status.SUCCEEDED:
        for part, start in enumerate(range(0, len(model), PART_BYTES)):
            session.add(ModelPart(run_id=held.run_id, part=part, data=model[start : start + PART_BYTES]))


def fail(session: Session, held: Claim, error: Mapping[str, Any]) -> None:
    """Ends a run with `error` (`{code, message, retryable}`), its epochs kept. Raises LeaseLost."""
    job = _lock(session, held.job_id)
    _end(session, job, held, Status.FAILED, error=dict(error))


def release(session: Session, held: Claim, reason: str) -> None:
    """Hands a run back to the queue, to be resumed elsewhere; ends it where it is being cancelled. Raises LeaseLost."""
    job = _lock(session, held.job_id)
    if not _requeue(session, job, held.run_id, _fence(held), reason):
        raise LeaseLost(f"The lease of {held.run_id} is lost")


# --- by the sweep ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Swept:
    """What a sweep did, by run id."""

    requeued: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()


def lost_runs(
    session: Session, progress: float, worker_id: str = "", alive: Collection[int] = ()
) -> list[tuple[str, str, str]]:
    """Runs whose worker is gone, as (run, job, reason): its lease ran out; it recorded nothing for `progress`
    seconds; or it was a child of `worker_id`, which knows that only those with pids in `alive` still live."""
    expired = Run.lease_expires_at < now()
    hung = Run.progress_at < now(-progress)
    died = and_(Run.worker_id == worker_id, Run.worker_pid.not_in(list(alive)))
    rows = session.execute(
        select(Run.id, Run.job_id, hung.label("hung"))
        .where(Run.status.in_(HELD), or_(expired, hung, died))
        .order_by(Run.id)
    )
    return [(run_id, job_id, "no_progress" if is_hung else "worker_lost") for run_id, job_id, is_hung in rows]


def take_back(
    session: Session, run_id: str, job_id: str, reason: str, max_attempts: int, *seen: ColumnElement[bool]
) -> Swept:
    """Takes a lost run from its worker: queued again, or failed at the `max_attempts`th loss, or cancelled if so asked.

    `seen` are the conditions under which it was found lost; where they hold no more, nothing changes.
    """
    job = _lock(session, job_id)
    conditions = (Run.id == run_id, Run.status.in_(HELD), *seen)
    losses = session.scalar(select(Run.losses).where(*conditions))
    if losses is None:
        return Swept()
    if losses + 1 >= max_attempts:
        what = "recorded no epoch for too long" if reason == "no_progress" else "was lost"
        error = {
            "code": reason,
            "message": f"The run's worker {what}, {max_attempts} times over: the run may need more memory or time than a worker has",
            "retryable": True,
        }
        if _change(
            session, *conditions, Run.status == Status.RUNNING, status=Status.FAILED, error=error, finished_at=now(), **_UNHELD,
            losses=losses + 1,
        ):  # fmt: skip
            _emit(session, job, "run.failed", run_id, {"error": error})
            _settle(session, job)
            return Swept(failed=(run_id,))
    status = _requeue(session, job, run_id, conditions, reason, losses=Run.losses + 1)
    return Swept(requeued=(run_id,)) if status == Status.QUEUED else Swept(cancelled=(run_id,)) if status else Swept()


# --- within a transaction that holds the job's lock -------------------------------------------

_UNHELD = {"lease_expires_at": None, "worker_id": None, "worker_pid": None}


def _lock(session: Session, job_id: str) -> Job:
    """The job, its row locked until the transaction ends. Raises LeaseLost where it was deleted."""
    job = session.get(Job, job_id, with_for_update=True, populate_existing=True)
    if job is None:
        raise LeaseLost("The job was deleted")
    return job


def _fence(held: Claim) -> tuple[ColumnElement[bool], ...]:
    return Run.id == held.run_id, Run.attempt == held.attempt, Run.status.in_(HELD), Run.lease_expires_at >= now()


def _change(session: Session, *conditions: ColumnElement[bool], **values: Any) -> list[str]:
    """One conditional UPDATE of runs; the ids it changed, in their order."""
    changed = session.execute(
        update(Run).where(*conditions).values(values).returning(Run.id, Run.position),
        execution_options={"synchronize_session": False},
    )
    return [run_id for run_id, _ in sorted(changed, key=lambda row: row.position)]


def _change_held(session: Session, held: Claim, *conditions: ColumnElement[bool], **values: Any) -> None:
    if not _change(session, *_fence(held), *conditions, **values):
        raise LeaseLost(f"The lease of {held.run_id} is lost")


def _end(session: Session, job: Job, held: Claim, status: Status, **values: Any) -> Status:
    """Ends a held run as `status`, or as cancelled where it is being cancelled."""
    if _change(
        session, *_fence(held), Run.status == Status.RUNNING, status=status, finished_at=now(), **_UNHELD, **values
    ):
        data = {"error": values["error"]} if "error" in values else {"chosen_epoch": values["chosen_epoch"]}
        _emit(session, job, f"run.{status}", held.run_id, data)
    else:
        status = Status.CANCELLED
        _change_held(session, held, status=status, finished_at=now(), **_UNHELD)
        _emit(session, job, "run.cancelled", held.run_id)
    _settle(session, job)
    return status


def _requeue(
    session: Session, job: Job, run_id: str, conditions: tuple[ColumnElement[bool], ...], reason: str, **values: Any
) -> Status | None:
    """Queues a held run again, or ends it where it is being cancelled; None where the conditions do not hold."""
    if _change(
        session, *conditions, Run.status == Status.RUNNING, status=Status.QUEUED, queued_at=now(), **_UNHELD, **values
    ):
        _emit(session, job, "run.requeued", run_id, {"reason": reason})
        return Status.QUEUED
    if _change(
        session, *conditions, Run.status == Status.CANCELLING, status=Status.CANCELLED, finished_at=now(), **_UNHELD
    ):
        _emit(session, job, "run.cancelled", run_id)
        _settle(session, job)
        return Status.CANCELLED
    return None


def _settle(session: Session, job: Job) -> None:
    """Ends the job where all its runs have ended."""
    session.flush()
    rows = session.execute(select(Run.status, func.count()).where(Run.job_id == job.id).group_by(Run.status))
    counts = {status: count for status, count in rows}
    if any(counts.get(status) for status in Status if status not in FINISHED):
        return
    ended = next((s for s in (Status.FAILED, Status.CANCELLED) if counts.get(s)), Status.SUCCEEDED)
    job.status, job.finished_at = ended, session.scalar(select(now()))
    _emit(session, job, f"job.{ended}", data={"runs": counts})


def _emit(
    session: Session, job: Job, kind: str, run_id: str | None = None, data: Mapping[str, Any] | None = None
) -> None:
    job.last_event += 1
    session.add(
        Event(job_id=job.id, id=job.last_event, created_at=now(), type=kind, run_id=run_id, data=dict(data or {}))
    )
