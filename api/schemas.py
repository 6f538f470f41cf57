"""The objects that more than one resource answers with, and how they are made from rows."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, JsonValue

from models.tables import FINISHED, Job, Run, Status
from models.tables import Event as EventRow
from reporting.answers import Analysis, Metrics, RunMetrics, VariantMetrics


class RunError(BaseModel):
    """Why a run failed."""

    code: str = Field(examples=["diverged"])
    message: str
    retryable: bool


class RunObject(BaseModel):
    """One variant with one seed."""

    id: str
    object: Literal["run"] = "run"
    job_id: str
    variant: str
    seed: int
    status: Status
    epoch: int = Field(description="Epochs recorded so far")
    epochs: int = Field(description="Epochs to train")
    attempt: int = Field(description="How often it was begun")
    parameters: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    chosen_epoch: int | None = Field(description="The epoch whose weights the model has")
    test: dict[str, float | None] | None = Field(description="With a holdout: the test set's score at the chosen epoch")
    reused_from: str | None = Field(description="The run whose stored result it carries; null where it was trained")
    error: RunError | None
    links: dict[str, str]


class Progress(BaseModel):
    """How far a job is."""

    percent: float = Field(description="Of all epochs; of a job that failed or was cancelled, those it has done")
    epochs_done: int
    epochs_total: int
    eta_seconds: float | None = Field(description="Null until an epoch is done, and where nothing trains")


class JobObject(BaseModel):
    """An experiment."""

    id: str
    object: Literal["job"] = "job"
    name: str
    status: Status
    created_at: datetime
    queued_at: datetime = Field(description="When it was submitted, retried or given more seeds, the last time")
    started_at: datetime | None
    finished_at: datetime | None
    spec: dict[str, JsonValue] = Field(description="The resolved specification: nothing is left implicit")
    progress: Progress
    runs: list[RunObject]
    error: RunError | None
    metadata: dict[str, JsonValue]
    last_event: int = Field(description="The id of its latest event: what comes after it is news")
    links: dict[str, str]


class JobList(BaseModel):
    """A page of jobs, newest first."""

    object: Literal["list"] = "list"
    data: list[JobObject]
    has_more: bool


class Event(BaseModel):
    """What happened to a job; ids count from 1 without a gap."""

    id: int
    created_at: datetime
    type: str
    run_id: str | None
    data: dict[str, JsonValue]


class EventList(BaseModel):
    """A page of events, oldest first."""

    object: Literal["list"] = "list"
    data: list[Event]
    has_more: bool


class JobMetrics(Metrics):
    """A job's histories in brief."""

    object: Literal["metrics"] = "metrics"
    job_id: str


class RunMetricsOfJob(RunMetrics):
    """A run's final and best epoch, and its job."""

    job_id: str


class VariantMetricsOfJob(VariantMetrics):
    """A variant of a job across its seeds."""

    job_id: str


class MetricsAcross(BaseModel):
    """Histories of several jobs in brief; variants of two jobs are never thrown together."""

    object: Literal["metrics"] = "metrics"
    runs: list[RunMetricsOfJob]
    variants: list[VariantMetricsOfJob]


class JobAnalysis(Analysis):
    """Which of a job's variants overfits, when, and whether it differs from the baseline by more than luck."""

    object: Literal["analysis"] = "analysis"
    job_id: str


class VariantPreview(BaseModel):
    """A variant of a specification that is not stored."""

    name: str
    parameters: int


def event_object(row: EventRow) -> Event:
    """An event as the API shows it."""
    return Event(id=row.id, created_at=row.created_at, type=row.type, run_id=row.run_id, data=row.data)


def run_object(run: Run) -> RunObject:
    """A run as the API shows it."""
    links = {"self": f"/v1/runs/{run.id}", "job": f"/v1/jobs/{run.job_id}"}
    if run.model_size is not None:
        links["model"] = f"/v1/runs/{run.id}/model.keras"
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
        created_at=run.queued_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        chosen_epoch=run.chosen_epoch,
        test=run.test,
        reused_from=run.reused_from,
        error=RunError(**run.error) if run.error else None,
        links=links,
    )


def job_object(job: Job, clock: datetime) -> JobObject:
    """A job as the API shows it at `clock`, the database's time."""
    failed = sum(run.status == Status.FAILED for run in job.runs)
    error = None
    if failed:
        retryable = any(run.error and run.error["retryable"] for run in job.runs)
        error = RunError(code="runs_failed", message=f"{failed} of {len(job.runs)} runs failed", retryable=retryable)
    base = f"/v1/jobs/{job.id}"
    return JobObject(
        id=job.id,
        name=job.name,
        status=Status(job.status),
        created_at=job.created_at,
        queued_at=job.queued_at or job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        spec=job.spec,
        progress=progress(job, clock),
        runs=[run_object(run) for run in job.runs],
        error=error,
        metadata=job.spec["metadata"],
        last_event=job.last_event,
        links={
            "self": base,
            "events": f"{base}/events",
            "history": f"{base}/history",
            "metrics": f"{base}/metrics",
            "analysis": f"{base}/analysis",
            "plot": f"{base}/plots/val_loss.png",
            "report": f"{base}/report.html",
            "bundle": f"{base}/bundle.zip",
        },
    )


def progress(job: Job, clock: datetime) -> Progress:
    """Epochs done and to do; the pace of this round estimates the rest.

    A round begins when the job is submitted, retried or given more seeds: what was trained before, and
    what was taken over instead of trained, says nothing about its pace.

    A run that stopped early has done all of its own; one that failed or was cancelled, what it has recorded.
    """
    total = sum(run.epochs for run in job.runs)
    done = sum(run.epoch for run in job.runs)
    left = sum(run.epochs - run.epoch for run in job.runs if run.status not in FINISHED)
    eta: float | None = None
    if left == 0:
        eta = 0.0
    elif job.status == Status.RUNNING:
        begun = job.queued_at or job.created_at
        trained = [run for run in job.runs if run.started_at and run.started_at >= begun and not run.reused_from]
        paced = sum(run.epoch for run in trained)
        if paced:
            seconds = (clock - min(run.started_at for run in trained if run.started_at)).total_seconds()
            eta = round(max(0.0, seconds) / paced * left, 1)
    missing = sum(run.epochs - run.epoch for run in job.runs if run.status != Status.SUCCEEDED)
    percent = round(100 * (1 - missing / total), 1)
    return Progress(percent=percent, epochs_done=done, epochs_total=total, eta_seconds=eta)


class Preview(BaseModel):
    """What a specification would train, without training it."""

    object: Literal["preview"] = "preview"
    spec: dict[str, JsonValue]
    runs: int
    variants: list[VariantPreview]
    warnings: list[str]
