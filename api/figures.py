"""Comparison plots of jobs: PNG, SVG and PDF, drawn from whatever epochs there are."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api import plots
from api.histories import load_histories
from api.jobs import find_job
from api.problems import documented
from models.errors import NotFound

router = APIRouter(tags=["plots"])

DATASETS = {"imdb": "IMDB reviews", "synthetic": "synthetic reviews"}


@router.get(
    "/jobs/{job_id}/plots/{metric}.{format}",
    summary="Draw a metric",
    response_class=Response,
    responses={
        200: {"description": "The figure", "content": {media: {} for media in plots.FORMATS.values()}},
        304: {"description": "The figure the client has is the same"},
        **documented(404, 422, 503),
    },
)
def get_plot(
    request: Request,
    job_id: str,
    metric: str,
    format: str,
    variants: Annotated[str | None, Query(description="Names, with commas between; all where left out")] = None,
    style: Annotated[Literal["lines", "notebook"], Query(description="The notebook's own marks, or lines")] = "lines",
    band: Annotated[Literal["ci95", "sd", "minmax", "none"], Query(description="Drawn around a mean")] = "ci95",
    difference: Annotated[bool, Query(description="Draw the difference from the baseline, seed by seed")] = False,
    theme: Annotated[Literal["light", "dark"], Query()] = "light",
    width: Annotated[int, Query(ge=plots.MIN_PIXELS, le=plots.MAX_PIXELS, description="Pixels")] = 800,
    height: Annotated[int | None, Query(ge=plots.MIN_PIXELS, le=plots.MAX_PIXELS, description="Pixels")] = None,
    dpi: Annotated[int | None, Query(ge=plots.MIN_DPI, le=plots.MAX_DPI, description="Pixels an inch")] = None,
) -> Response:
    """`metric` over the epochs, a curve a variant: the mean of its seeds and a band around it."""
    if format not in plots.FORMATS:
        raise NotFound(f"Plots come as {', '.join(plots.FORMATS)}")
    with request.app.state.database.read() as session:
        job = find_job(session, job_id)
        histories = load_histories(session, job.runs)
        spec = job.spec
    series = plots.prepare(
        histories,
        metric,
        variants=variants.split(",") if variants else None,
        style=style,
        band=band,
        baseline=spec["baseline"],
        difference=difference,
        dataset=DATASETS[spec["dataset"]["name"]],
        theme=theme,
    )
    return _answer(request, series, format, width, height, dpi)


def _answer(
    request: Request, series: plots.Series, format: str, width: int, height: int | None, dpi: int | None
) -> Response:
    """The drawing, or 304 where the client has it. The series tells without drawing: the same one gives the same bytes."""
    digest = hashlib.sha256(repr((series, format, width, height, dpi)).encode()).hexdigest()[:32]
    headers: dict[str, Any] = {"ETag": f'"{digest}"', "Cache-Control": "private, no-cache"}
    if f'"{digest}"' in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    return Response(plots.draw(series, format, width, height, dpi), 200, headers, plots.FORMATS[format])
