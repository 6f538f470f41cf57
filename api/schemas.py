"""The objects that more than one resource answers with."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, JsonValue

from models.kinds.tasks import TASKS
from models.search import State
from models.tables import Event as EventRow
from models.tables import Status
from reporting.answers import Analysis, Warned
from reporting.looks import Look
from reporting.summary import Metrics, RunMetrics, VariantMetrics
from reporting.why import Why

LISTED_RUNS = 20
"""A job of more runs is listed without them: a page of a hundred jobs may have a hundred thousand runs."""


class RunError(BaseModel):
    """Why a run failed."""

    code: str = Field(examples=["diverged"])
    message: str
    retryable: bool


class JobError(BaseModel):
    """Why a job failed: some of its runs did, or a search has no finalists."""

    code: Literal["runs_failed", "search_failed"]
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
    queued_at: datetime = Field(
        description="When it was last queued: after a retry, or when its worker was lost, again"
    )
    started_at: datetime | None
    finished_at: datetime | None
    chosen_epoch: int | None = Field(description="The epoch whose weights the model has")
    test: dict[str, float | None] | None = Field(description="With a holdout: the test set's score at the chosen epoch")
    trial: int | None = Field(description="Its number among the trials of the job's search; null if it is none of them")
    reused_from: str | None = Field(description="The run whose stored result it carries; null where it was trained")
    error: RunError | None
    links: dict[str, str]


class Progress(BaseModel):
    """How far a job is."""

    percent: float = Field(description="Of all epochs; of a job that failed or was cancelled, those it has done")
    epochs_done: int
    epochs_total: int
    eta_seconds: float | None = Field(description="Null until an epoch is done, and where nothing trains")


class RunCounts(BaseModel):
    """How many of a job's runs are where."""

    queued: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelling: int = 0
    cancelled: int = 0


class JobCard(BaseModel):
    """An experiment, but for what is as long as it has runs."""

    id: str
    object: Literal["job"] = "job"
    name: str
    dataset: str = Field(description="The name of its data set", examples=["imdb"])
    status: Status
    created_at: datetime
    queued_at: datetime = Field(description="When it was submitted, retried or given seeds by a client, the last time")
    started_at: datetime | None
    finished_at: datetime | None
    progress: Progress
    run_counts: RunCounts
    error: JobError | None
    look: Look | None = Field(description="With `until`: what was decided at the last look, and what is open")
    search: State | None = Field(description="With `search`: how far it is, and the best trials so far")
    metadata: dict[str, JsonValue]
    tags: list[str]
    notes: str
    last_event: int = Field(description="The id of its latest event: what comes after it is news")
    links: dict[str, str]


class JobObject(JobCard):
    """An experiment."""

    spec: dict[str, JsonValue] = Field(description="The resolved specification: nothing is left implicit")
    task: str | None = Field(
        description="The task that its data set sets; null if another version of the service knows that data set",
        examples=list(TASKS),
    )
    runs: list[RunObject]


class ListedJob(JobCard):
    """An experiment in a list."""

    spec: dict[str, JsonValue] | None = Field(
        description=f"Null if the job has more than {LISTED_RUNS} runs: read the job for it"
    )
    runs: list[RunObject] | None = Field(
        description=f"Null if there are more than {LISTED_RUNS}: `run_counts` counts them, the job has them"
    )


class JobList(BaseModel):
    """A page of jobs, newest first."""

    object: Literal["list"] = "list"
    data: list[ListedJob]
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


class JobWhy(Why):
    """By which rows the validation losses of a job's variants have risen."""

    object: Literal["why"] = "why"
    job_id: str


class VariantPreview(BaseModel):
    """A variant of a specification that is not stored."""

    name: str
    parameters: int
    models_bytes: int = Field(description="That the models of one run take, at most: the chosen epoch's and those kept")


def event_object(row: EventRow) -> Event:
    """An event as the API shows it."""
    return Event(id=row.id, created_at=row.created_at, type=row.type, run_id=row.run_id, data=row.data)


class Preview(BaseModel):
    """What a specification would train, without training it."""

    object: Literal["preview"] = "preview"
    spec: dict[str, JsonValue]
    runs: int
    max_runs: int = Field(description="As `runs`, or with `until` or `search` how many there may become")
    variants: list[VariantPreview]
    warnings: list[Warned]
