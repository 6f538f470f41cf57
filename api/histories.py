"""Histories: every epoch of every run, of one job or across jobs, in the format asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel

from api.access import Access, Reader
from api.lanes import EXPORTING, Streamed
from api.negotiation import preferred
from api.problems import documented
from api.routing import Route
from api.selection import JobIds, RunIds, Select, choose, look_up, of_job
from models.specification import recorded_by
from reporting.across import Chosen
from reporting.formats import DEFAULT, FORMATS, Export
from reporting.reading import read_parts
from reporting.summary import NonFinite

router = APIRouter(tags=["results"], route_class=Route)


def _known(name: str) -> str:
    if name not in FORMATS:
        raise ValueError(f"the formats are: {', '.join(FORMATS)}")
    return name


class RunEpochs(BaseModel):
    """A run's epochs so far; each metric has one value per epoch."""

    run_id: str
    job_id: str
    variant: str
    seed: int
    status: str
    epochs: list[int]
    metrics: dict[str, list[float | None]]
    nonfinite: list[NonFinite]


class Histories(BaseModel):
    """The chosen runs' epochs, never sampled."""

    object: Literal["history"] = "history"
    runs: list[RunEpochs]


class History(Histories):
    """Every run's epochs, never sampled."""

    job_id: str


Format = Annotated[
    str | None,
    AfterValidator(_known),
    Query(description="Before `Accept`; json if neither says", json_schema_extra={"enum": list(FORMATS)}),
]
_OTHERS: dict[str, Any] = {format.media_type: {} for name, format in FORMATS.items() if name != DEFAULT}
_OFFERS = {media: format.name for format in FORMATS.values() for media in (format.media_type, *format.also)}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The epochs; as a table one row each, as a ZIP for TensorBoard", "content": _OTHERS},
    304: {"description": "Nothing has changed"},
    **documented(404, 409, 422),
}


@router.get("/jobs/{job_id}/history", response_model=History, summary="Get a job's history", responses=RESPONSES)
def get_history(request: Request, access: Reader, job_id: str, format: Format = None) -> Response:
    """All metrics of every epoch of every run, including runs that still train."""
    return history_of(request, access, lambda session: of_job(access, session, job_id), format, job_id=job_id)


@router.get("/history", response_model=Histories, summary="Get the history of several jobs", responses=RESPONSES)
def get_histories(
    request: Request, access: Reader, job: JobIds = None, run: RunIds = None, format: Format = None
) -> Response:
    """The same of chosen jobs and runs, in one answer."""
    return history_of(request, access, lambda session: choose(access, session, job, run), format)


def history_of(request: Request, access: Access, select: Select, format: str | None, **head: Any) -> Response:
    """The answer about these runs; as JSON it begins with the fields of `head`."""
    known, chosen, headers = look_up(request, access, select, Vary="Accept")
    return known or _exported(request, access, chosen, format, {"object": "history", **head}, headers)


def _exported(
    request: Request,
    access: Access,
    chosen: Sequence[Chosen],
    format: str | None,
    head: dict[str, Any],
    headers: dict[str, str],
) -> Response:
    wanted = FORMATS[format or preferred(request, _OFFERS, DEFAULT)]
    if wanted.name != DEFAULT:
        name = chosen[0].job_id if len(chosen) == 1 else "histories"
        headers["Content-Disposition"] = f'attachment; filename="{name}.{wanted.ending}"'
    runs = [run for each in chosen for run in each.runs]
    export = Export(
        runs=runs,
        chunks=read_parts(access.database, runs, times=wanted.times),
        recorded={each.job_id: recorded_by(each.spec) for each in chosen},
        head=head,
    )
    return Streamed(EXPORTING, wanted.write(export), headers, wanted.media_type)
