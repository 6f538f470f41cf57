"""Plots: PNG, SVG and PDF, drawn from whatever epochs there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel

from api.access import Access, Reader
from api.lanes import DRAWING, Computed
from api.problems import documented
from api.routing import Route
from api.selection import JobIds, RunIds, Select, choose, look_up, of_job
from models.errors import NotFound
from models.kinds.metrics import check_offered, metric_of
from models.kinds.task import Task
from models.kinds.weights import WEIGHTS
from models.predictions import Predictions
from models.specification import dataset_of, recorded_by
from models.tables import Run
from reporting import plots
from reporting.across import Chosen, common_task, data_sets, read_labelled
from reporting.answers import Analysis
from reporting.overfitting import View
from reporting.plots.kind import JobPlot
from reporting.reading import RunRow, read_histories, read_predictions, read_why
from reporting.results import analyses_of

router = APIRouter(tags=["plots"], route_class=Route)

# The document names them all; what is not among them is not found.
Metric = Annotated[
    str,
    Path(
        json_schema_extra={
            "anyOf": [
                {"enum": list(plots.PLOTTED)},
                {"pattern": rf"^({'|'.join(WEIGHTS)})\.[a-z_]+(_[0-9]+)?$", "description": "Of a layer's weights"},
            ]
        }
    ),
]


def _check_offered(metric: str, task: Task, chosen: Sequence[Chosen]) -> None:
    """Raises NotForTask if no job of this task has the metric, NotFound if none of these measures this layer."""
    check_offered(metric, task)
    found = metric_of(metric)
    if found and found.layer:
        recorded = dict.fromkeys(name for each in chosen for name in recorded_by(each.spec))
        if metric not in recorded:
            there = [name for name in recorded if (of := metric_of(name)) and of.layer]
            why = f"there are: {', '.join(there)}" if there else "`training.weights` was not asked for"
            raise NotFound(f"There is no metric named {metric!r} of these runs' weights; {why}")


def _format(format: Annotated[str, Path(json_schema_extra={"enum": list(plots.FORMATS)})]) -> str:
    if format not in plots.FORMATS:
        raise NotFound(f"Plots come as {', '.join(plots.FORMATS)}")
    return format


Format = Annotated[str, Depends(_format)]
Pixels = Annotated[int | None, Query(ge=plots.MIN_PIXELS, le=plots.MAX_PIXELS, description="Pixels")]


class Appearance(BaseModel):
    """What a plot shows of the runs, and how."""

    variants: str | None
    style: Literal["lines", "notebook"]
    band: Literal["ci95", "sd", "minmax", "none"]
    theme: Literal["light", "dark"]
    width: int
    height: int | None
    dpi: int | None


def _appearance(
    variants: Annotated[str | None, Query(description="Names, with commas between; all if left out")] = None,
    style: Annotated[Literal["lines", "notebook"], Query(description="The notebook's own marks, or lines")] = "lines",
    band: Annotated[Literal["ci95", "sd", "minmax", "none"], Query(description="Drawn around a mean")] = "ci95",
    theme: Annotated[Literal["light", "dark"], Query()] = "light",
    width: Annotated[int, Query(ge=plots.MIN_PIXELS, le=plots.MAX_PIXELS, description="Pixels")] = 800,
    height: Pixels = None,
    dpi: Annotated[int | None, Query(ge=plots.MIN_DPI, le=plots.MAX_DPI, description="Pixels an inch")] = None,
) -> Appearance:
    return Appearance(variants=variants, style=style, band=band, theme=theme, width=width, height=height, dpi=dpi)


Shown = Annotated[Appearance, Depends(_appearance)]
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The plot",
        "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in plots.FORMATS.values()},
    },
    304: {"description": "The plot that the client has is the same"},
    **documented(404, 409, 422),
}


def _route_of(plot: JobPlot) -> Callable[..., Response]:
    """The route of a plot that has a name of its own; the fields of its options are query parameters."""

    def get(request: Request, access: Reader, job_id: str, format: Format, shown: Shown, **options: Any) -> Response:
        known, found, headers = look_up(request, access, partial(of_job, access, job_id=job_id))
        if known:
            return known
        (chosen,) = found
        read = partial(read_histories, access.database)

        def analysis(view: View) -> Analysis:
            (seen,) = analyses_of(access.database, chosen.spec, chosen.runs, chosen.trials, views=[view])
            return seen

        def predictions(run: RunRow | Run, task: Task) -> Predictions | None:
            with access.database.read() as session:
                return read_predictions(session, run.id, "validation", task)

        source = plots.Source(
            chosen.spec,
            chosen.runs,
            read,
            analysis,
            shown.variants.split(",") if shown.variants else None,
            shown.band,
            shown.theme,
            predictions,
            lambda runs: read_why(access.database, runs),
        )
        return _drawn(lambda: plot.prepare(source, plot.options(**options)), format, shown, headers)

    fixed = [each for each in signature(get, eval_str=True).parameters.values() if each.name != "options"]
    own = [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=Annotated[field.annotation, Query(description=field.description)],
        )
        for name, field in plot.options.model_fields.items()
    ]
    get.__signature__ = Signature([*fixed, *own])  # type: ignore[attr-defined]
    get.__doc__ = plot.description
    return get


# Before the plot whose name is a metric: of the paths that fit, the first has the request.
for _plot in plots.JOB_PLOTS.values():
    router.add_api_route(
        f"/jobs/{{job_id}}/plots/{_plot.name}.{{format}}",
        _route_of(_plot),
        name=f"get_{_plot.name}",
        summary=_plot.summary,
        response_class=Response,
        responses=RESPONSES,
    )


@router.get(
    "/jobs/{job_id}/plots/{metric}.{format}", summary="Plot a metric", response_class=Response, responses=RESPONSES
)
def get_plot(
    request: Request,
    access: Reader,
    job_id: str,
    metric: Metric,
    format: Format,
    shown: Shown,
    difference: Annotated[bool, Query(description="Draw the difference from the baseline, seed by seed")] = False,
) -> Response:
    """`metric` over the epochs, a curve for each variant: the mean of its seeds and a band around it."""
    known, found, headers = look_up(request, access, partial(of_job, access, job_id=job_id))
    if known:
        return known
    (chosen,) = found
    dataset, needed = dataset_of(chosen.spec), plots.reads(metric)
    _check_offered(metric, dataset.task, [chosen])

    def prepare() -> plots.Drawable:
        return plots.prepare(
            list(read_histories(access.database, chosen.runs, needed)),
            metric,
            variants=shown.variants.split(",") if shown.variants else None,
            style=shown.style,
            band=shown.band,
            baseline=chosen.spec["baseline"],
            difference=difference,
            dataset=dataset.called,
            task=dataset.task,
            theme=shown.theme,
        )

    return _drawn(prepare, format, shown, headers)


@router.get(
    "/plots/{metric}.{format}", summary="Plot a metric of several jobs", response_class=Response, responses=RESPONSES
)
def get_plot_across(
    request: Request,
    access: Reader,
    metric: Metric,
    format: Format,
    shown: Shown,
    job: JobIds = None,
    run: RunIds = None,
) -> Response:
    """The same of chosen jobs and runs. The job's name or id tells variants of one name apart."""
    return plot_across(request, access, lambda session: choose(access, session, job, run), metric, format, shown)


def plot_across(
    request: Request, access: Access, select: Select, metric: str, format: str, shown: Appearance
) -> Response:
    """The plot of runs of several jobs."""
    known, chosen, headers = look_up(request, access, select)
    if known:
        return known
    task, needed = common_task(chosen), plots.reads(metric)
    _check_offered(metric, task, chosen)

    def prepare() -> plots.Drawable:
        return plots.prepare(
            list(read_labelled(access.database, chosen, needed)),
            metric,
            variants=shown.variants.split(",") if shown.variants else None,
            style=shown.style,
            band=shown.band,
            dataset=data_sets(chosen),
            task=task,
            theme=shown.theme,
        )

    return _drawn(prepare, format, shown, headers)


def _drawn(prepare: Callable[[], plots.Drawable], format: str, shown: Appearance, headers: dict[str, str]) -> Response:
    def draw() -> bytes:
        return plots.draw(prepare(), format, shown.width, shown.height, shown.dpi)

    return Computed(DRAWING, draw, headers, plots.FORMATS[format])
