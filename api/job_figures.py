"""Figures of a job as a whole: its sweep, and its variants' differences from the baseline."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.access import Reader
from api.figures import RESPONSES, Look, Looks, drawing
from models.errors import NotFound
from models.specification import dataset_of
from reporting import plots
from reporting.analysis import analyse
from reporting.gathered import swept
from reporting.reading import load_histories

router = APIRouter(tags=["plots"])


@router.get("/jobs/{job_id}/plots/sweep.{format}", summary="Draw a sweep", response_class=Response, responses=RESPONSES)
def get_sweep(
    request: Request,
    access: Reader,
    job_id: str,
    format: str,
    look: Looks,
    over: Annotated[
        str | None, Query(description="One swept parameter or two, with a comma between; else the first two")
    ] = None,
    metric: Annotated[str, Query(description="Its best value over the epochs is drawn")] = "val_data_loss",
) -> Response:
    """The best value against what was swept: a line over one parameter, a heat map over two."""
    with access.database.read() as session:
        job = access.job(session, job_id)
        parameters = swept(job.spec)
        if not parameters:
            raise NotFound("The job has no sweep")
        chosen = chosen_of(look, parameters)
        histories = load_histories(session, [run for run in job.runs if run.variant in chosen])
    series = plots.prepare_sweep(
        histories,
        parameters,
        over=over.split(",") if over else (),
        metric=metric,
        band=look.band,
        dataset=dataset_of(job.spec).title,
        theme=look.theme,
    )
    return drawing(request, series, format, look)


@router.get(
    "/jobs/{job_id}/plots/differences.{format}",
    summary="Draw differences from the baseline",
    response_class=Response,
    responses=RESPONSES,
)
def get_differences(
    request: Request,
    access: Reader,
    job_id: str,
    format: str,
    look: Looks,
    metric: Annotated[str, Query(description="One that the analysis compares")] = "best_val_data_loss",
) -> Response:
    """Each variant's difference from the baseline, with its interval."""
    with access.database.read() as session:
        job = access.job(session, job_id)
        histories = load_histories(session, job.runs)
    view = "keras" if metric in ("best_val_loss", "final_val_loss") else "data"
    dataset = dataset_of(job.spec)
    analysis = analyse(histories, job.spec["baseline"], view=view, chance=dataset.task.chance)  # type: ignore[arg-type]
    if look.variants:  # chosen among what all were corrected for
        chosen = chosen_of(look, [variant["name"] for variant in job.spec["variants"]])
        compared = [each for each in analysis.comparisons if each.variant in chosen]
        analysis = analysis.model_copy(update={"comparisons": compared})
    series = plots.prepare_differences(analysis, metric, histories=histories, dataset=dataset.title, theme=look.theme)
    return drawing(request, series, format, look)


def chosen_of(look: Look, names: Collection[str]) -> Collection[str]:
    """The variants that are asked for, all where none is. Raises NotFound for one that is not among `names`."""
    chosen = look.variants.split(",") if look.variants else names
    for name in chosen:
        if name not in names:
            raise NotFound(f"There is no variant named {name!r}")
    return chosen
