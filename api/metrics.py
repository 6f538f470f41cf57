"""What histories say in brief: metrics of runs and variants, and the analysis of overfitting."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel

from api.access import Access, Reader
from api.lanes import COMPUTING, Computed
from api.problems import documented
from api.routing import Route
from api.schemas import JobAnalysis, JobMetrics, JobWhy, MetricsAcross, RunMetricsOfJob, VariantMetricsOfJob
from api.selection import JobIds, RunIds, Select, choose, look_up, of_job
from models.kinds.kind import among
from models.kinds.metric import Of
from models.kinds.metrics import METRICS, VAL_DATA_LOSS, check_offered
from models.specification import dataset_of
from reporting.across import Chosen
from reporting.overfitting import View
from reporting.reading import read_histories, read_why
from reporting.results import analyses_of
from reporting.summary import Metrics, summarize
from reporting.why import check_has_sides, why

router = APIRouter(tags=["results"], route_class=Route)

_CHOOSING = [name for name, metric in METRICS.items() if metric.of == Of.VALIDATION]

By = Annotated[
    str,
    AfterValidator(among(_CHOOSING, "the metrics to choose by")),
    Query(description="What the best epoch is chosen by", json_schema_extra={"enum": _CHOOSING}),
]
AnyView = Annotated[View, Query(description="The loss of the data alone, or Keras's losses, penalties included")]
Bootstrap = Annotated[bool, Query(description="A bootstrap interval of each comparison too")]
Smallest = Annotated[
    float | None,
    Query(gt=0, allow_inf_nan=False, description="The smallest difference that matters, in each metric's own unit"),
]
_RESPONSES: dict[int | str, dict[str, Any]] = {304: {"description": "Nothing has changed"}, **documented(404, 409, 422)}


@router.get("/jobs/{job_id}/metrics", response_model=JobMetrics, summary="Get a job's metrics", responses=_RESPONSES)
def get_metrics(request: Request, access: Reader, job_id: str, by: By = VAL_DATA_LOSS) -> Response:
    """The final and the best epoch of each run, and across seeds mean, standard deviation and interval.

    With a holdout also the test set's score, at the epoch that training chose.
    """
    known, found, headers = look_up(request, access, partial(of_job, access, job_id=job_id))
    if known:
        return known
    (chosen,) = found
    return computed(lambda: JobMetrics(job_id=job_id, **dict(_summarized(access, chosen, by))), headers)


@router.get("/metrics", response_model=MetricsAcross, summary="Get the metrics of several jobs", responses=_RESPONSES)
def get_metrics_across(
    request: Request, access: Reader, job: JobIds = None, run: RunIds = None, by: By = VAL_DATA_LOSS
) -> Response:
    """The same of chosen jobs and runs. Variants of two jobs are never thrown together, whatever their names."""
    return metrics_across(request, access, lambda session: choose(access, session, job, run), by)


def metrics_across(request: Request, access: Access, select: Select, by: str) -> Response:
    """The answer about runs of several jobs."""
    known, chosen, headers = look_up(request, access, select)
    if known:
        return known

    def compute() -> MetricsAcross:
        of_jobs = [(each.job_id, _summarized(access, each, by)) for each in chosen]
        return MetricsAcross(
            runs=[RunMetricsOfJob(job_id=id, **dict(run)) for id, found in of_jobs for run in found.runs],
            variants=[VariantMetricsOfJob(job_id=id, **dict(each)) for id, found in of_jobs for each in found.variants],
        )

    return computed(compute, headers)


@router.get("/jobs/{job_id}/analysis", response_model=JobAnalysis, summary="Get a job's analysis", responses=_RESPONSES)
def get_analysis(
    request: Request,
    access: Reader,
    job_id: str,
    view: AnyView = "data",
    bootstrap: Bootstrap = False,
    smallest: Smallest = None,
) -> Response:
    """An overfitting report of each variant, and comparisons with the baseline, paired by seed."""
    known, found, headers = look_up(request, access, partial(of_job, access, job_id=job_id))
    if known:
        return known
    (chosen,) = found

    def compute() -> JobAnalysis:
        (analysis,) = analyses_of(
            access.database,
            chosen.spec,
            chosen.runs,
            chosen.trials,
            views=[view],
            bootstrap=bootstrap,
            smallest=smallest,
        )
        return JobAnalysis(job_id=job_id, **dict(analysis))

    return computed(compute, headers)


@router.get("/jobs/{job_id}/why", response_model=JobWhy, summary="Get why a job's losses rise", responses=_RESPONSES)
def explain_rises(request: Request, access: Reader, job_id: str) -> Response:
    """By which rows the validation loss is above its least, in a sentence per variant and in numbers per epoch.

    Of the runs that have succeeded and whose predictions are kept. 422 `not_for_task` of a regression.
    """
    known, found, headers = look_up(request, access, partial(of_job, access, job_id=job_id))
    if known:
        return known
    (chosen,) = found
    task = dataset_of(chosen.spec).task
    check_has_sides(task)
    kept = partial(read_why, access.database)
    return computed(lambda: JobWhy(job_id=job_id, **dict(why(chosen.runs, kept(chosen.runs), task))), headers)


def _summarized(access: Access, chosen: Chosen, by: str) -> Metrics:
    scores = {run.id: run.test for run in chosen.runs}
    task = dataset_of(chosen.spec).task
    check_offered(by, task)
    return summarize(read_histories(access.database, chosen.runs), by, scores, task)


def computed(compute: Callable[[], BaseModel], headers: dict[str, str]) -> Response:
    """The answer that is computed when it is sent."""
    # Written as JSON here, in the lane's thread: FastAPI would do it on the event loop.
    return Computed(COMPUTING, lambda: compute().model_dump_json().encode(), headers, "application/json")
