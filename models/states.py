"""What may become of a job and its runs. Every change of a status is here or in `models.claims`.

    run:  queued ─claim→ running ─end→ succeeded | failed
            ↑  └─cancel→ cancelled      └─cancel→ cancelling ─end→ cancelled
            └─release, take back, retry─┘

This module has what users do; `models.claims` what workers do, and what is done when they are lost.
Each function works inside the caller's transaction. Each locks the job's row before it touches a
run of it, so that the job's events are numbered in the order of their commits, and changes the
run by one conditional UPDATE whose row count tells whether the change was still possible.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select, update
from sqlalchemy.orm import Session

from models import webhooks
from models.database import now
from models.datasets import hold
from models.deletion import clear_epochs
from models.errors import Conflict, NotFound, SpecificationError
from models.estimates import cost_of
from models.faults import fault
from models.ids import new_id
from models.labels import label
from models.resolution import resolve_more
from models.reuse import key_of
from models.search import State
from models.specification import MAX_VARIANTS, Description, Specification, Variant, begun, stored
from models.tables import FINISHED, PRUNED, TRIED_IN_VAIN, Event, Job, Run, Status
from models.webhooks import Happened


def submit(session: Session, specification: Specification, owner: str = "") -> Job:
    """Accepts a job; its runs are ordered seed by seed, so that all variants of the first are comparable early.

    Raises SpecificationError if its data set has just been deleted.
    """
    dataset_id = specification.dataset.stored
    if dataset_id is not None and not hold(session, dataset_id):
        raise SpecificationError([fault(("dataset", "id"), "unknown_dataset", "The data set has just been deleted")])
    clock = session.scalars(select(now())).one()
    job = Job(
        id=new_id("job", clock),
        owner=owner,
        name=specification.name,
        status=Status.QUEUED,
        spec=specification.model_dump(mode="json"),
        created_at=clock,
        queued_at=clock,
        last_event=0,
        deciding=specification.until is not None or specification.search is not None,
        searching=specification.search is not None,
        search=begun(specification),
        dataset_id=dataset_id,
    )
    session.add(job)
    session.flush()
    label(session, job)
    _add_runs(session, job, specification, specification.seeds, clock)
    emit(session, job, "job.queued")
    session.flush()
    return job


def describe(session: Session, job_id: str, changes: Description) -> None:
    """Changes the job's name, tags or notes, in whatever state it is; nothing that a number depends on."""
    job = _locked(session, job_id)
    told = {name: value for name, value in changes.model_dump(mode="json").items() if value is not None}
    told = {name: value for name, value in told.items() if value != job.spec.get(name, type(value)())}
    if not told:
        return
    job.spec = {name: value for name, value in {**job.spec, **told}.items() if value or name not in ("tags", "notes")}
    job.name = told.get("name", job.name)
    label(session, job)
    emit(session, job, "job.changed", data=told)
    session.flush()


def add_seeds(session: Session, job_id: str, body: Any) -> int:
    """Queues each variant of a finished job with the further seeds of a client's `{"seeds": [...]}`; how many runs.

    With `{"until": {...}}` it queues none: the next look at the job does. Raises Conflict if the job is not finished,
    SpecificationError if the body will not do.
    """
    job = _locked(session, job_id)
    if job.status not in FINISHED:
        raise Conflict(f"The job is still {job.status}; add seeds when it has finished")
    if job.searching:
        raise Conflict("The job's search has not found its finalists; retry the job")
    _check_dataset(session, job)
    whole = stored(job.spec)
    tried = select(Run.variant).where(Run.job_id == job_id, Run.trial.is_(None)).distinct()
    compared = set(session.scalars(tried))
    before = whole.model_copy(update={"variants": tuple(each for each in whole.variants if each.name in compared)})
    specification = resolve_more(body, before)
    seeds = specification.seeds[len(before.seeds) :]
    job.spec = specification.model_copy(update={"variants": whole.variants}).model_dump(mode="json")
    clock = session.scalars(select(now())).one()
    _add_runs(session, job, specification, seeds, clock)
    job.status, job.queued_at, job.finished_at = Status.QUEUED, clock, None
    job.deciding = not seeds
    runs = len(seeds) * len(specification.variants)
    emit(session, job, "job.queued", data={"runs": runs, "seeds": list(seeds)})
    session.flush()
    return runs


def undecided(session: Session) -> list[tuple[str, int]]:
    """The jobs that wait for a look, since all their runs have ended, each with the id of its latest event.

    Of a job whose search goes on all its trials have: other runs of it may train meanwhile.
    """
    awaited = or_(~Job.searching, Run.trial.is_not(None))
    unfinished = exists().where(Run.job_id == Job.id, Run.status.not_in(FINISHED), awaited)
    found = session.execute(select(Job.id, Job.last_event).where(Job.deciding, ~unfinished).order_by(Job.id))
    return [(row.id, row.last_event) for row in found]


def go_on(
    session: Session, job_id: str, last_event: int, look: Mapping[str, Any], seeds: int, variants: Collection[str]
) -> bool:
    """Gives the job so many further seeds, of these variants, or lets it end if there are none to give.

    `look` is what was seen when its latest event was `last_event`. Nothing is done, and False returned, if anything
    has happened to the job since: another process was faster, or somebody cancelled it.
    """
    job = lock(session, job_id)
    if job is None or not job.deciding or job.last_event != last_event:
        return False
    job.look = dict(look)
    emit(session, job, "job.looked", data=look)
    if seeds == 0:
        job.deciding = False
        end_if_done(session, job)
        return True
    before = stored(job.spec)
    of_trials = {before.search.seed} if before.search else set()
    unused = (seed for seed in itertools.count() if seed not in {*before.seeds, *of_trials})
    more = tuple(itertools.islice(unused, seeds))
    specification = before.model_copy(update={"seeds": (*before.seeds, *more)})
    job.spec = specification.model_dump(mode="json")
    _add_runs(session, job, specification, more, session.scalars(select(now())).one(), variants)
    session.flush()
    return True


def search_on(session: Session, job_id: str, state: State, trials: Sequence[Variant]) -> bool:
    """Gives the job these further trials or, if there are none, its finalists: their runs with the job's seeds.

    `state` is what was seen when all trials had ended. Nothing is done, and False returned, if that is no longer so:
    another process was faster, or somebody cancelled or retried the job.
    """
    job = lock(session, job_id)
    if job is None or not job.searching or not job.deciding:
        return False
    of_trials = session.scalars(select(Run.status).where(Run.job_id == job_id, Run.trial.is_not(None))).all()
    if len(of_trials) != state.ended or any(status not in FINISHED for status in of_trials):
        return False
    job.search = state.model_dump(mode="json")
    emit(session, job, "job.searched", data=job.search)
    specification, clock = stored(job.spec), session.scalars(select(now())).one()
    if trials:
        specification = specification.model_copy(update={"variants": (*specification.variants, *trials)})
        job.spec = specification.model_dump(mode="json")
        assert specification.search is not None
        for variant in trials:
            assert variant.trial is not None
            _add_run(session, job, specification, variant, specification.search.seed, clock, variant.trial.number)
    else:
        job.searching, job.deciding = False, specification.until is not None
        if state.finalists:
            _add_runs(session, job, specification, specification.seeds, clock, state.finalists)
        end_if_done(session, job)
    session.flush()
    return True


def end_undecided(session: Session, job_id: str) -> None:
    """Lets a job that waits for a look end without one."""
    if (job := lock(session, job_id)) is not None and job.deciding:
        job.deciding = False
        end_if_done(session, job)


def _add_runs(
    session: Session,
    job: Job,
    specification: Specification,
    seeds: Sequence[int],
    created_at: datetime,
    variants: Collection[str] | None = None,
) -> None:
    """Adds a queued run per seed of `seeds`, which are the specification's last, and variant: of all, or of these."""
    first = len(specification.seeds) - len(seeds)
    for place, seed in enumerate(seeds, first):
        for i, variant in enumerate(specification.variants):
            if variants is not None and variant.name not in variants:
                continue
            position = len(specification.variants) * place + i
            _add_run(session, job, specification, variant, seed, created_at, position=position)


def _add_run(
    session: Session,
    job: Job,
    specification: Specification,
    variant: Variant,
    seed: int,
    created_at: datetime,
    trial: int | None = None,
    position: int = 0,
) -> None:
    """Adds a queued run. Trials come before all other runs, since what is next depends on them."""
    run = specification.run_of(variant, seed)
    session.add(
        Run(
            id=new_id("run", created_at),
            job_id=job.id,
            position=position if trial is None else trial - MAX_VARIANTS,
            variant=variant.name,
            seed=seed,
            status=Status.QUEUED,
            trial=trial,
            parameters=cost_of(run).parameters,
            epochs=run.training.epochs,
            created_at=created_at,
            queued_at=created_at,
            reuse=specification.reuse == "allow",
            key=key_of(run),
        )
    )


def cancel(session: Session, job_id: str) -> None:
    """Cancels what is queued at once and asks the workers for the rest. Raises Conflict on a finished job."""
    job = _locked(session, job_id)
    if job.status in FINISHED:
        raise Conflict(
            f"The job has already {job.status}" if job.status != Status.CANCELLED else "The job is already cancelled"
        )
    _cancel(session, job, Run.job_id == job_id)
    job.status, job.deciding = Status.CANCELLING, False
    end_if_done(session, job)


def cancel_runs(session: Session, job_id: str, which: ColumnElement[bool]) -> None:
    """Cancels some of a job's runs like `cancel`; the others go on, and the job ends as its runs did.

    Raises Conflict if all of these have finished, NotFound if there are none.
    """
    job = _locked(session, job_id)
    found = select(Run.status).where(Run.job_id == job_id, which).distinct()
    statuses = set(session.scalars(found))
    if not statuses:
        raise NotFound("The job has no such run")
    if statuses <= set(FINISHED):
        raise Conflict(f"Nothing is left to cancel: {' and '.join(sorted(statuses))} already")
    for run_id in _cancel(session, job, and_(Run.job_id == job_id, which)):
        emit(session, job, "run.cancelling", run_id)
    end_if_done(session, job)


def _cancel(session: Session, job: Job, which: ColumnElement[bool]) -> list[str]:
    """Cancels the queued of these runs of the locked job, and asks for the end of the running ones: those."""
    cancelled = change(session, which, Run.status == Status.QUEUED, status=Status.CANCELLED, finished_at=now())
    emit_each(session, job, "run.cancelled", [(run_id, {}) for run_id in cancelled])
    return change(session, which, Run.status == Status.RUNNING, status=Status.CANCELLING)


def _check_dataset(session: Session, job: Job) -> None:
    """Raises Conflict if the data set of a job has been deleted: nothing of it can be trained any more."""
    if job.dataset_id is not None and not hold(session, job.dataset_id):
        raise Conflict("The data set that the job trains on has been deleted")


def retry(session: Session, job_id: str) -> tuple[int, bool]:
    """Queues the failed and cancelled runs of a finished job again, from the start: how many, and whether it is done.

    A search that had not found its finalists goes on; what its pruner ended stays so.

    If it is not done, then some of what they had recorded was removed and nothing else: commit, so that
    others have their turn, and call it again. Raises Conflict if the job is not finished or nothing of it failed.
    """
    job = _locked(session, job_id)
    if job.status not in FINISHED:
        raise Conflict(f"The job is still {job.status}; retry it when it has finished")
    _check_dataset(session, job)
    again = [Run.job_id == job_id, Run.status.in_((Status.FAILED, Status.CANCELLED)), ~PRUNED]
    if not job.searching:
        again.append(Run.trial.is_(None))  # the finalists are found: a trial more would change nothing
    runs = session.scalar(select(func.count()).where(*again)) or 0
    if runs == 0 and not job.searching:
        raise Conflict("Every run of the job succeeded; there is nothing to retry")
    if not clear_epochs(session, and_(*again)):
        return runs, False
    changed = change(
        session,
        *again,
        status=Status.QUEUED,
        epoch=0,
        losses=0,
        error=None,
        fingerprint=None,
        result_key=None,
        started_at=None,
        finished_at=None,
        queued_at=now(),
    )
    job.status, job.queued_at, job.finished_at = Status.QUEUED, session.scalars(select(now())).one(), None
    job.deciding = job.searching or "until" in job.spec
    emit(session, job, "job.queued", data={"runs": len(changed)})
    emit_each(session, job, "run.requeued", [(run_id, {"reason": "retry"}) for run_id in changed])
    return len(changed), True


def resume(session: Session, run_id: str) -> None:
    """Queues a trial that was pruned, or otherwise not trained to its end, to go on where it ended.

    Its epochs stay, and the next ones are those that it would have had. Raises NotFound if there is no such run,
    Conflict if it is none, or if the search goes on: what that tries next must not depend on it.
    """
    job_id = session.scalar(select(Run.job_id).where(Run.id == run_id))
    if job_id is None:
        raise NotFound("There is no run with this id")
    job = _locked(session, job_id)
    if job.searching:
        raise Conflict("The search of its job goes on; take it up when the finalists are found")
    _check_dataset(session, job)
    ended = (Run.id == run_id, Run.trial.is_not(None), Run.status.in_((Status.FAILED, Status.CANCELLED)))
    values = {"error": None, "losses": 0, "started_at": None, "finished_at": None, "queued_at": now()}
    if not change(session, *ended, status=Status.QUEUED, **values):
        raise Conflict("It is no trial that ended before all its epochs were trained")
    if job.status in FINISHED:
        job.status, job.queued_at, job.finished_at = Status.QUEUED, session.scalars(select(now())).one(), None
        emit(session, job, "job.queued", data={"runs": 1})
    emit(session, job, "run.requeued", run_id, {"reason": "resume"})


# --- within a transaction -----------------------------------------------------------------------


def lock(session: Session, job_id: str) -> Job | None:
    """The job, its row locked until the transaction ends; None where there is none."""
    return session.get(Job, job_id, with_for_update=True, populate_existing=True)


def _locked(session: Session, job_id: str) -> Job:
    if (job := lock(session, job_id)) is None:
        raise NotFound("There is no job with this id")
    return job


def change(session: Session, *conditions: ColumnElement[bool], **values: Any) -> list[str]:
    """One conditional UPDATE of runs; the ids it changed, in their order."""
    changed = session.execute(
        update(Run).where(*conditions).values(values).returning(Run.id, Run.position),
        execution_options={"synchronize_session": False},
    )
    return [run_id for run_id, _ in sorted(changed, key=lambda row: row.position)]


def end_if_done(session: Session, job: Job) -> None:
    """Ends the locked job if all its runs have ended, and no look is to decide whether it gets more of them.

    A run that failed ends the job without a look, for its comparison lacks a seed that a retry may give; unless it
    diverged: that is a result. So is whatever makes a trial fail each time. A job whose trials have all failed fails.
    """
    session.flush()
    rows = session.execute(select(Run.status, func.count()).where(Run.job_id == job.id).group_by(Run.status))
    counts: dict[str, int] = dict(rows.all())
    if any(counts.get(status) for status in Status if status not in FINISHED):
        return
    if job.deciding:
        broken = or_(Run.error.is_(None), Run.error["code"].as_string() != "diverged")
        unwell = (Run.job_id == job.id, Run.status != Status.SUCCEEDED, broken, ~TRIED_IN_VAIN)
        if not session.scalar(select(exists().where(*unwell))):
            return
        job.deciding = False
    counting = set(session.scalars(select(Run.status).where(Run.job_id == job.id, ~TRIED_IN_VAIN).distinct()))
    ended = next((s for s in (Status.FAILED, Status.CANCELLED) if s in counting), Status.SUCCEEDED)
    if ended == Status.SUCCEEDED and job.searching:
        ended = Status.CANCELLED if job.status == Status.CANCELLING else Status.FAILED
    elif ended == Status.SUCCEEDED and job.search is not None and not job.search["finalists"]:
        ended = Status.FAILED
    job.status, job.finished_at = ended, session.scalar(select(now()))
    emit(session, job, f"job.{ended}", data={"runs": counts})


def emit(
    session: Session, job: Job, kind: str, run_id: str | None = None, data: Mapping[str, Any] | None = None
) -> None:
    """Adds an event to the locked job."""
    emit_each(session, job, kind, [(run_id, data or {})])


def emit_each(session: Session, job: Job, kind: str, told: Sequence[tuple[str | None, Mapping[str, Any]]]) -> None:
    """Adds events of one type to the locked job, in one statement: of which run, and what is told, in their order."""
    if not told:
        return
    events = [Happened(job.last_event + n, kind, run_id, dict(data)) for n, (run_id, data) in enumerate(told, 1)]
    job.last_event += len(events)
    session.execute(insert(Event).values(job_id=job.id, created_at=now()), [event._asdict() for event in events])
    webhooks.announce(session, job, events)
