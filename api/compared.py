"""The results of saved comparisons, made of whatever of them there still is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from api.access import Access, Reader
from api.comparisons import find, selected
from api.conditional import answered, cached
from api.histories import RESPONSES as EXPORTED
from api.histories import Format as HistoryFormat
from api.histories import Histories, history_of
from api.job_versions import etag_of
from api.lanes import DRAWING, Computed
from api.metrics import AnyView, Bootstrap, By, Smallest, computed, metrics_across
from api.plots import RESPONSES as PLOTTED
from api.plots import Format, Metric, Shown, plot_across
from api.problems import documented
from api.report import HEADERS
from api.routing import Route
from api.schemas import MetricsAcross
from api.selection import Select, look_up
from models.errors import Conflict
from models.kinds.metrics import VAL_DATA_LOSS
from models.tables import Comparison
from reporting import report
from reporting.across import Chosen, analyse_across, common_task, labels
from reporting.answers import Analysis
from reporting.reading import read_why
from reporting.why import Why, check_has_sides, why

router = APIRouter(tags=["comparisons"], route_class=Route)


class ComparisonHistory(Histories):
    """The epochs of all runs of a comparison."""

    comparison_id: str


class ComparisonAnalysis(Analysis):
    """The variants of all jobs of a comparison, as if they were one job's."""

    object: Literal["analysis"] = "analysis"
    comparison_id: str


class ComparisonWhy(Why):
    """By which rows the validation losses of a comparison's variants have risen."""

    object: Literal["why"] = "why"
    comparison_id: str


_RESPONSES: dict[int | str, dict[str, Any]] = {304: {"description": "Nothing has changed"}, **documented(404, 409, 422)}


@router.get(
    "/comparisons/{comparison_id}/history",
    response_model=ComparisonHistory,
    summary="Get a comparison's history",
    responses=EXPORTED,
)
def get_comparison_history(
    request: Request, access: Reader, comparison_id: str, format: HistoryFormat = None
) -> Response:
    """All metrics of every epoch of its runs, in the formats of a job's history."""
    return history_of(request, access, _select(access, comparison_id), format, comparison_id=comparison_id)


@router.get(
    "/comparisons/{comparison_id}/metrics",
    response_model=MetricsAcross,
    summary="Get a comparison's metrics",
    responses=_RESPONSES,
)
def get_comparison_metrics(request: Request, access: Reader, comparison_id: str, by: By = VAL_DATA_LOSS) -> Response:
    """The final and the best epoch of its runs, and of each job's variants across seeds."""
    return metrics_across(request, access, _select(access, comparison_id), by)


@router.get(
    "/comparisons/{comparison_id}/analysis",
    response_model=ComparisonAnalysis,
    summary="Get a comparison's analysis",
    responses=_RESPONSES,
)
def get_comparison_analysis(
    request: Request,
    access: Reader,
    comparison_id: str,
    view: AnyView = "data",
    bootstrap: Bootstrap = False,
    smallest: Smallest = None,
) -> Response:
    """An overfitting report of each variant of each job, and comparisons with the baseline, paired by seed.

    A name that variants of several jobs have is followed by its job's in brackets. A variant that was validated on
    other rows than the baseline is not compared: a warning says so.
    """
    with access.database.read() as session:
        comparison = find(access, session, comparison_id)
        selection, baseline = selected(access, session, comparison), _baseline_of(comparison)
        headers = cached(etag_of(request, selection.versions, baseline))
        if same := answered(request, headers):
            return same
        chosen = _with(baseline, selection.read(session))

    def compute() -> ComparisonAnalysis:
        found = analyse_across(access.database, chosen, baseline, view=view, bootstrap=bootstrap, smallest=smallest)
        return ComparisonAnalysis(comparison_id=comparison_id, **dict(found))

    return computed(compute, headers)


@router.get(
    "/comparisons/{comparison_id}/why",
    response_model=ComparisonWhy,
    summary="Get why a comparison's losses rise",
    responses=_RESPONSES,
)
def explain_comparison(request: Request, access: Reader, comparison_id: str) -> Response:
    """By which rows the validation losses of its runs rise, as of a job's; 422 `not_for_task` of a regression.

    A name that variants of several jobs have is followed by its job's in brackets.
    """
    known, chosen, headers = look_up(request, access, _select(access, comparison_id))
    if known:
        return known
    task = common_task(chosen)
    check_has_sides(task)

    def compute() -> ComparisonWhy:
        of_jobs = zip(chosen, labels(chosen), strict=True)
        runs = [replace(run, variant=called[run.variant]) for each, called in of_jobs for run in each.runs]
        return ComparisonWhy(comparison_id=comparison_id, **dict(why(runs, read_why(access.database, runs), task)))

    return computed(compute, headers)


@router.get(
    "/comparisons/{comparison_id}/plots/{metric}.{format}",
    summary="Plot a metric of a comparison",
    response_class=Response,
    responses=PLOTTED,
)
def get_comparison_plot(
    request: Request, access: Reader, comparison_id: str, metric: Metric, format: Format, shown: Shown
) -> Response:
    """`metric` over the epochs, a curve for each variant of each job."""
    return plot_across(request, access, _select(access, comparison_id), metric, format, shown)


@router.get(
    "/comparisons/{comparison_id}/report.html",
    summary="Get a comparison's report",
    response_class=HTMLResponse,
    responses=_RESPONSES,
)
@router.get("/comparisons/{comparison_id}/report", response_class=HTMLResponse, include_in_schema=False)
def get_comparison_report(request: Request, access: Reader, comparison_id: str) -> Response:
    """Notes, verdicts, differences from the baseline and figures on one self-contained page without scripts."""
    with access.database.read() as session:
        comparison = find(access, session, comparison_id)
        selection, baseline = selected(access, session, comparison), _baseline_of(comparison)
        name, notes = comparison.name, comparison.notes
        headers = cached(etag_of(request, selection.versions, baseline, name, notes), **HEADERS)
        if same := answered(request, headers):
            return same
        chosen = _with(baseline, selection.read(session))

    def render() -> bytes:
        return report.render_comparison(access.database, chosen, baseline, name, notes).encode()

    return Computed(DRAWING, render, headers, "text/html")


def _select(access: Access, comparison_id: str) -> Select:
    return lambda session: selected(access, session, find(access, session, comparison_id))


def _baseline_of(comparison: Comparison) -> tuple[str, str]:
    return comparison.baseline_job_id, comparison.baseline


def _with(baseline: tuple[str, str], chosen: list[Chosen]) -> list[Chosen]:
    """`chosen` itself. Raises Conflict if the baseline is not among them any more."""
    if not any(each.job_id == baseline[0] and baseline[1] in each.variants for each in chosen):
        raise Conflict("The job of the baseline has been deleted: choose another baseline (PATCH)")
    return chosen
