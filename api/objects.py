"""Jobs and runs as the API shows them, in two sizes: the card, whose runs the database counts, and the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, case, func, select
from sqlalchemy.orm import Session

from api.root_path import public_path
from api.schemas import LISTED_RUNS, JobError, JobObject, ListedJob, Progress, RunCounts, RunError, RunObject
from models.database import now
from models.errors import NotFound, UnreadableSpecification
from models.history import shown
from models.kinds.metrics import VAL_DATA_LOSS
from models.specification import dataset_of
from models.tables import FINISHED, PRUNED, TRIED_IN_VAIN, Job, Run, Status

_RUN = (
    Run.id, Run.job_id, Run.variant, Run.seed, Run.status, Run.epoch, Run.epochs, Run.attempt, Run.parameters,
    Run.created_at, Run.queued_at, Run.started_at, Run.finished_at, Run.chosen_epoch, Run.test, Run.reused_from,
    Run.error, Run.model_size, Run.trial,
)  # fmt: skip
"""What is shown of a run: not its fingerprint, which is kilobytes."""

_JOB = (
    Job.id, Job.name, Job.status, Job.created_at, Job.queued_at, Job.started_at, Job.finished_at, Job.last_event,
    Job.look, Job.search, Job.searching, Job.spec["training"]["epochs"].label("epochs"),
    Job.spec["dataset"]["name"].label("dataset"),
    *(Job.spec[name].label(name) for name in ("metadata", "tags", "notes")),
)  # fmt: skip

_fresh = and_(Run.started_at >= func.coalesce(Job.queued_at, Job.created_at), Run.reused_from.is_(None))
"""Whether a run was trained in the job's present round, which begins when it is submitted, retried or given seeds."""

_COUNTED = (
    Run.job_id,
    Run.status,
    func.count().label("runs"),
    func.sum(Run.epochs).label("epochs"),
    func.sum(Run.epoch).label("done"),
    func.sum(case((_fresh, Run.epoch), else_=0)).label("fresh"),
    func.min(case((_fresh, Run.started_at))).label("fresh_since"),
    func.max(case((Run.error["retryable"].as_boolean(), 1), else_=0)).label("retryable"),
    func.sum(case((TRIED_IN_VAIN, 1), else_=0)).label("in_vain"),
    func.sum(case((TRIED_IN_VAIN, Run.epochs - Run.epoch), else_=0)).label("spared"),
    func.sum(case((PRUNED, 1), else_=0)).label("pruned"),
    func.sum(case((and_(TRIED_IN_VAIN, Run.error["code"].as_string() == "diverged"), 1), else_=0)).label("diverged"),
)
"""Of a job's runs of one status."""


def read_job(session: Session, job_id: str, clock: datetime | None = None) -> JobObject:
    """The job with its runs, whoever owns it, as it is at `clock`: now by the database's. Raises NotFound."""
    spec = session.scalar(select(Job.spec).where(Job.id == job_id))
    cards = _cards(session, [job_id], clock)
    if spec is None or not cards:
        raise NotFound("There is no job with this id")
    try:
        task = dataset_of(spec).task.name
    except UnreadableSpecification:
        task = None
    return JobObject(**cards[0], spec=spec, task=task, runs=_runs(session, [job_id])[job_id])


def read_list(session: Session, job_ids: Sequence[str]) -> list[ListedJob]:
    """The jobs in this order, those of more than `LISTED_RUNS` runs without these and without specification."""
    cards = _cards(session, job_ids)
    few = [card["id"] for card in cards if sum(dict(card["run_counts"]).values()) <= LISTED_RUNS]
    specs = {row.id: row.spec for row in session.execute(select(Job.id, Job.spec).where(Job.id.in_(few)))}
    runs = _runs(session, few)
    return [ListedJob(**card, spec=specs.get(card["id"]), runs=runs.get(card["id"])) for card in cards]


def _cards(session: Session, job_ids: Sequence[str], clock: datetime | None = None) -> list[dict[str, Any]]:
    """The fields of `JobCard`, for each job that there is."""
    clock = clock or session.scalars(select(now())).one()
    jobs = {job.id: job for job in session.execute(select(*_JOB).where(Job.id.in_(job_ids)))}
    counted: dict[str, list[Row[Any]]] = {job_id: [] for job_id in jobs}
    for row in session.execute(
        select(*_COUNTED).join(Job).where(Run.job_id.in_(jobs)).group_by(Run.job_id, Run.status)
    ):
        counted[row.job_id].append(row)
    # Without a run it was deleted between the two questions.
    return [_card(jobs[job_id], counted[job_id], clock) for job_id in job_ids if counted.get(job_id)]


def _runs(session: Session, job_ids: Sequence[str]) -> dict[str, list[RunObject]]:
    found: dict[str, list[RunObject]] = {job_id: [] for job_id in job_ids}
    for run in session.execute(select(*_RUN).where(Run.job_id.in_(job_ids)).order_by(Run.job_id, Run.position)):
        found[run.job_id].append(run_object(run))
    return found


def _card(job: Row[Any], counted: Iterable[Row[Any]], clock: datetime) -> dict[str, Any]:
    by_status = {row.status: row for row in counted}
    base = public_path(f"/v1/jobs/{job.id}")
    return {
        "id": job.id,
        "name": job.name,
        "dataset": job.dataset,
        "status": Status(job.status),
        "created_at": job.created_at,
        "queued_at": job.queued_at or job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "progress": _progress(job, by_status.values(), clock),
        "run_counts": RunCounts(**{status: row.runs for status, row in by_status.items()}),
        "error": _error(job, by_status),
        "look": job.look,
        "search": job.search,
        "metadata": job.metadata,
        "tags": job.tags or [],
        "notes": job.notes or "",
        "last_event": job.last_event,
        "links": {
            "self": base,
            "events": f"{base}/events",
            "history": f"{base}/history",
            "metrics": f"{base}/metrics",
            "analysis": f"{base}/analysis",
            "plot": f"{base}/plots/{VAL_DATA_LOSS}.png",
            "report": f"{base}/report.html",
            "bundle": f"{base}/bundle.zip",
        },
    }


def _error(job: Row[Any], by_status: Mapping[str, Row[Any]]) -> JobError | None:
    """Why the job failed, or is going to; None if it did not. A search without finalists comes before all else."""
    failed = by_status.get(Status.FAILED)
    others = failed.runs - failed.in_vain if failed else 0
    if failed and job.status == Status.FAILED and job.search and not (job.searching or job.search["finalists"]):
        trials = f"All {failed.in_vain} trials" if failed.in_vain > 1 else "The only trial"
        pruned = " that were not pruned" if any(row.pruned for row in by_status.values()) else ""
        what = "diverged" if failed.diverged == failed.in_vain else "failed"
        beside = f"; {others} of the other runs failed too" if others else ""
        message = f"{trials} of the search{pruned} {what}: there are no finalists to train{beside}"
        return JobError(code="search_failed", message=message, retryable=False)
    if failed and others:
        total = sum(row.runs for row in by_status.values())
        message = f"{failed.runs} of {total} runs failed"
        return JobError(code="runs_failed", message=message, retryable=bool(failed.retryable))
    if job.status == Status.FAILED:
        message = "The search could not be continued: the service's log has the details"
        return JobError(code="search_failed", message=message, retryable=True)
    return None


def _progress(job: Row[Any], counted: Iterable[Row[Any]], clock: datetime) -> Progress:
    """Epochs done and to do, those of runs that a search is to add included; the pace of this round estimates the rest.

    What was trained before it, and what was taken over instead of trained, says nothing about its pace.

    A run that stopped early has done all of its own, and so has a trial of a search whose values made it fail, or that
    was pruned; any other run that failed or was cancelled, what it has recorded.
    """
    counted = list(counted)
    coming = (job.search or {}).get("coming", 0) * job.epochs if job.status not in FINISHED else 0
    total, done = coming + sum(row.epochs for row in counted), sum(row.done for row in counted)
    left = coming + sum(row.epochs - row.done for row in counted if row.status not in FINISHED)
    missing = coming + sum(row.epochs - row.done - row.spared for row in counted if row.status != Status.SUCCEEDED)
    eta: float | None = None
    if left == 0:
        eta = 0.0
    elif job.status == Status.RUNNING and (fresh := sum(row.fresh for row in counted)):
        since = min(row.fresh_since for row in counted if row.fresh_since)
        eta = round(max(0.0, (clock - since).total_seconds()) / fresh * left, 1)
    percent = round(100 * (1 - missing / total), 1)
    return Progress(percent=percent, epochs_done=done, epochs_total=total, eta_seconds=eta)


def run_object(run: Run | Row[Any]) -> RunObject:
    """A run as the API shows it."""
    links = {"self": public_path(f"/v1/runs/{run.id}"), "job": public_path(f"/v1/jobs/{run.job_id}")}
    if run.model_size is not None:
        links["model"] = public_path(f"/v1/runs/{run.id}/model.keras")
    return RunObject(
        id=run.id,
        job_id=run.job_id,
        variant=run.variant,
        seed=run.seed,
        status=Status(run.status),
        epoch=run.epoch,
        epochs=run.epochs,
        attempt=run.attempt,
        parameters=run.parameters,
        created_at=run.created_at,
        queued_at=run.queued_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        chosen_epoch=run.chosen_epoch,
        trial=run.trial,
        test=None if run.test is None else shown(run.test)[0],
        reused_from=run.reused_from,
        error=RunError(**run.error) if run.error else None,
        links=links,
    )
