"""Histories: every epoch of every run, of one job or across jobs, in the format asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, BaseModel

from api.access import Access, Reader
from api.conditional import is_known
from api.negotiation import preferred
from api.problems import documented
from api.selection import Chosen, JobIds, RunIds, choose, etag_of
from models.history import EVALUATED, METRICS, RunHistory
from reporting.answers import NonFinite
from reporting.formats import DEFAULT, FORMATS, Export, Exported
from reporting.reading import load_histories

router = APIRouter(tags=["results"])

CHUNK = 50
"""Runs that are read at once: a slow reader holds no database connection between two chunks."""


def _known(name: str) -> str:
    if name not in FORMATS:
        raise ValueError(f"the formats are: {', '.join(FORMATS)}")
    return name


class RunEpochs(BaseModel):
    """A run's epochs so far; each metric has one value an epoch."""

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
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The epochs; as a table one row each, as a ZIP for TensorBoard", "content": _OTHERS},
    304: {"description": "Nothing has changed"},
    **documented(404, 422),
}


@router.get("/jobs/{job_id}/history", response_model=History, summary="Every epoch", responses=_RESPONSES)
def get_history(request: Request, access: Reader, job_id: str, format: Format = None) -> Response:
    """Losses and accuracies of every epoch of every run, those that still train included."""
    with access.database.read() as session:
        job = access.job(session, job_id)
    return _answer(request, access, [Chosen(job, job.runs)], format, {"object": "history", "job_id": job_id})


@router.get("/history", response_model=Histories, summary="Epochs across jobs", responses=_RESPONSES)
def get_histories(
    request: Request, access: Reader, job: JobIds = None, run: RunIds = None, format: Format = None
) -> Response:
    """The same of chosen jobs and runs, in one answer."""
    with access.database.read() as session:
        chosen = choose(access, session, job, run)
    return _answer(request, access, chosen, format, {"object": "history"})


def _answer(
    request: Request, access: Access, chosen: Sequence[Chosen], format: str | None, head: dict[str, Any]
) -> Response:
    wanted = FORMATS[format or preferred(request, _OFFERS, DEFAULT)]
    headers = {"ETag": etag_of(request, chosen), "Cache-Control": "private, no-cache", "Vary": "Accept"}
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if wanted.name != DEFAULT:
        name = chosen[0].job.id if len(chosen) == 1 else "histories"
        headers["Content-Disposition"] = f'attachment; filename="{name}.{wanted.ending}"'
    export = Export(
        runs=[Exported(run.id, run.job_id, run.variant, run.seed) for each in chosen for run in each.runs],
        chunks=_chunks(access, chosen, wanted.times),
        # The columns depend on what was asked to be recorded, not on what has been recorded yet.
        metrics=METRICS + EVALUATED if any(_evaluates(each.job.spec) for each in chosen) else METRICS,
        head=head,
    )
    return StreamingResponse(wanted.write(export), 200, headers, wanted.media_type)


def _evaluates(spec: dict[str, Any]) -> bool:
    trainings = [spec["training"], *(variant["training"] for variant in spec["variants"] if variant["training"])]
    return any(training["evaluate_train"] for training in trainings)


def _chunks(access: Access, chosen: Sequence[Chosen], times: bool) -> Iterator[list[tuple[str, RunHistory]]]:
    runs = [run for each in chosen for run in each.runs]
    for start in range(0, len(runs), CHUNK):
        some = runs[start : start + CHUNK]
        with access.database.read() as session:
            histories = load_histories(session, some, times)
        yield [(run.job_id, history) for run, history in zip(some, histories, strict=True)]
