"""Comparison plots of jobs: PNG, SVG and PDF, drawn from whatever epochs there are."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel

from api.access import Reader
from api.conditional import is_known
from api.problems import documented
from api.selection import Chosen, JobIds, RunIds, choose
from models.errors import NotFound
from models.history import RunHistory
from models.specification import dataset_of
from reporting import plots
from reporting.reading import load_histories

router = APIRouter(tags=["plots"])

# The document names them all; what is not among them is not found.
Metric = Annotated[str, Path(json_schema_extra={"enum": list(plots.PLOTTED)})]
Format = Annotated[str, Path(json_schema_extra={"enum": list(plots.FORMATS)})]
Pixels = Annotated[int | None, Query(ge=plots.MIN_PIXELS, le=plots.MAX_PIXELS, description="Pixels")]


class Look(BaseModel):
    """What a plot shows of the runs, and how."""

    variants: str | None
    style: Literal["lines", "notebook"]
    band: Literal["ci95", "sd", "minmax", "none"]
    theme: Literal["light", "dark"]
    width: int
    height: int | None
    dpi: int | None


def _look(
    variants: Annotated[str | None, Query(description="Names, with commas between; all where left out")] = None,
    style: Annotated[Literal["lines", "notebook"], Query(description="The notebook's own marks, or lines")] = "lines",
    band: Annotated[Literal["ci95", "sd", "minmax", "none"], Query(description="Drawn around a mean")] = "ci95",
    theme: Annotated[Literal["light", "dark"], Query()] = "light",
    width: Annotated[int, Query(ge=plots.MIN_PIXELS, le=plots.MAX_PIXELS, description="Pixels")] = 800,
    height: Pixels = None,
    dpi: Annotated[int | None, Query(ge=plots.MIN_DPI, le=plots.MAX_DPI, description="Pixels an inch")] = None,
) -> Look:
    return Look(variants=variants, style=style, band=band, theme=theme, width=width, height=height, dpi=dpi)


Looks = Annotated[Look, Depends(_look)]
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The figure",
        "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in plots.FORMATS.values()},
    },
    304: {"description": "The figure the client has is the same"},
    **documented(404, 422),
}


@router.get(
    "/jobs/{job_id}/plots/{metric}.{format}", summary="Draw a metric", response_class=Response, responses=RESPONSES
)
def get_plot(
    request: Request,
    access: Reader,
    job_id: str,
    metric: Metric,
    format: Format,
    look: Looks,
    difference: Annotated[bool, Query(description="Draw the difference from the baseline, seed by seed")] = False,
) -> Response:
    """`metric` over the epochs, a curve a variant: the mean of its seeds and a band around it."""
    with access.database.read() as session:
        job = access.job(session, job_id)
        histories = load_histories(session, job.runs)
    dataset = dataset_of(job.spec).title
    return _answer(request, histories, metric, format, look, dataset, job.spec["baseline"], difference)


@router.get(
    "/plots/{metric}.{format}", summary="Draw a metric across jobs", response_class=Response, responses=RESPONSES
)
def get_plot_across(
    request: Request,
    access: Reader,
    metric: Metric,
    format: Format,
    look: Looks,
    job: JobIds = None,
    run: RunIds = None,
) -> Response:
    """The same of chosen jobs and runs. The job's name or id tells variants of one name apart."""
    with access.database.read() as session:
        chosen = choose(access, session, job, run)
        histories = [
            replace(history, variant=label)
            for each, label_of in zip(chosen, _labels(chosen), strict=True)
            for history in load_histories(session, each.runs)
            for label in [label_of[history.variant]]
        ]
    datasets = {dataset_of(each.job.spec).title for each in chosen}
    return _answer(request, histories, metric, format, look, ", ".join(sorted(datasets)))


def _labels(chosen: Sequence[Chosen]) -> list[dict[str, str]]:
    """For each job, what each of its variants is called beside those of the others."""
    variants = [sorted({run.variant for run in each.runs}) for each in chosen]
    shared = {name for name, jobs in Counter(name for names in variants for name in names).items() if jobs > 1}
    named = Counter(each.job.name for each in chosen)
    jobs = [each.job.name if named[each.job.name] == 1 else f"…{each.job.id[-6:]}" for each in chosen]
    return [
        {name: f"{name} ({job.replace(',', ' ')})" if name in shared else name for name in names}
        for names, job in zip(variants, jobs, strict=True)
    ]


def _answer(
    request: Request,
    histories: Sequence[RunHistory],
    metric: str,
    format: str,
    look: Look,
    dataset: str,
    baseline: str | None = None,
    difference: bool = False,
) -> Response:
    series = plots.prepare(
        histories,
        metric,
        variants=look.variants.split(",") if look.variants else None,
        style=look.style,
        band=look.band,
        baseline=baseline,
        difference=difference,
        dataset=dataset,
        theme=look.theme,
    )
    return drawing(request, series, format, look)


def drawing(request: Request, series: plots.Drawable, format: str, look: Look) -> Response:
    """What was prepared, drawn; or 304 where the client has it: what was prepared tells without drawing."""
    if format not in plots.FORMATS:
        raise NotFound(f"Plots come as {', '.join(plots.FORMATS)}")
    size = (look.width, look.height, look.dpi)
    headers = {
        "ETag": f'"{hashlib.sha256(repr((series, format, size)).encode()).hexdigest()[:32]}"',
        "Cache-Control": "private, no-cache",
    }
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(plots.draw(series, format, *size), 200, headers, plots.FORMATS[format])
