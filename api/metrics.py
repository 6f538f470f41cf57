"""What histories say in brief: metrics of runs and variants, and the analysis of overfitting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from api.access import Access, Reader
from api.conditional import is_known
from api.problems import documented
from api.schemas import JobAnalysis, JobMetrics, MetricsAcross, RunMetricsOfJob, VariantMetricsOfJob
from api.selection import Chosen, JobIds, RunIds, choose, etag_of
from models.history import RunHistory
from models.specification import dataset_of
from models.tables import Job
from reporting.analysis import analyse
from reporting.overfitting import View
from reporting.reading import load_histories
from reporting.summary import Scores, summarize

router = APIRouter(tags=["results"])

By = Annotated[Literal["val_loss", "val_data_loss", "val_acc"], Query(description="What the best epoch is chosen by")]
_RESPONSES: dict[int | str, dict[str, Any]] = {304: {"description": "Nothing has changed"}, **documented(404, 422)}


@router.get("/jobs/{job_id}/metrics", response_model=JobMetrics, summary="Metrics in brief", responses=_RESPONSES)
def get_metrics(request: Request, access: Reader, job_id: str, by: By = "val_loss") -> Response:
    """The final and the best epoch of each run, and across seeds mean, standard deviation and interval.

    With a holdout also the test set's score, at the epoch that training chose.
    """
    with access.database.read() as session:
        job = access.job(session, job_id)
    return _answer(
        request, access, [Chosen(job, job.runs)],
        lambda histories: JobMetrics(job_id=job_id, **dict(summarize(histories[0], by, _scores(job)))),
    )  # fmt: skip


@router.get("/metrics", response_model=MetricsAcross, summary="Metrics across jobs", responses=_RESPONSES)
def get_metrics_across(
    request: Request, access: Reader, job: JobIds = None, run: RunIds = None, by: By = "val_loss"
) -> Response:
    """The same of chosen jobs and runs. Variants of two jobs are never thrown together, whatever their names."""
    with access.database.read() as session:
        chosen = choose(access, session, job, run)

    def across(histories: Sequence[Sequence[RunHistory]]) -> MetricsAcross:
        of_jobs = [
            (each.job.id, summarize(of_job, by, _scores(each.job)))
            for each, of_job in zip(chosen, histories, strict=True)
        ]
        return MetricsAcross(
            runs=[RunMetricsOfJob(job_id=id, **dict(run)) for id, found in of_jobs for run in found.runs],
            variants=[VariantMetricsOfJob(job_id=id, **dict(each)) for id, found in of_jobs for each in found.variants],
        )

    return _answer(request, access, chosen, across)


@router.get(
    "/jobs/{job_id}/analysis", response_model=JobAnalysis, summary="Which variant overfits", responses=_RESPONSES
)
def get_analysis(
    request: Request,
    access: Reader,
    job_id: str,
    view: Annotated[View, Query(description="The cross-entropy alone, or Keras's losses, penalties included")] = "data",
    bootstrap: Annotated[bool, Query(description="A bootstrap interval of each comparison too")] = False,
) -> Response:
    """An overfitting report of each variant, and comparisons with the baseline, paired by seed."""
    with access.database.read() as session:
        job = access.job(session, job_id)
    spec = job.spec
    dataset = dataset_of(spec)

    def analysis(histories: Sequence[Sequence[RunHistory]]) -> JobAnalysis:
        found = analyse(
            histories[0],
            spec["baseline"],
            view=view,
            bootstrap=bootstrap,
            validated_on_test=not dataset.held_out,
            chance=dataset.task.chance,
        )
        return JobAnalysis(job_id=job_id, **dict(found))

    return _answer(request, access, [Chosen(job, job.runs)], analysis)


def _scores(job: Job) -> Scores:
    return {run.id: run.test for run in job.runs}


def _answer(
    request: Request,
    access: Access,
    chosen: Sequence[Chosen],
    make: Callable[[Sequence[Sequence[RunHistory]]], BaseModel],
) -> Response:
    """What `make` makes of each job's histories, or 304."""
    headers = {"ETag": etag_of(request, chosen), "Cache-Control": "private, no-cache"}
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    with access.database.read() as session:
        histories = [load_histories(session, each.runs) for each in chosen]
    # Written as JSON here, in the request's thread: FastAPI would do it on the event loop.
    return Response(make(histories).model_dump_json(), 200, headers, "application/json")
