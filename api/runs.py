"""Runs: one by one, and their models."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from api import limits
from api.access import Access, Reader, Submitter
from api.ask import all_kept, ask, find_model, find_run, model_bytes
from api.conditional import byte_range, is_known
from api.lanes import PREDICTING, attended
from api.objects import run_object
from api.problems import documented
from api.root_path import public_path
from api.routing import Route
from api.schemas import RunObject
from models import reproductions, states
from models.reproductions import Difference
from models.settings import Settings
from models.specification import MAX_EPOCHS
from models.tables import Job, Reproduction, Run, Status

router = APIRouter(tags=["runs"], route_class=Route)

MODEL_TYPE = "application/octet-stream"
_FILE = {"content": {MODEL_TYPE: {"schema": {"type": "string", "format": "binary"}}}}


class ReproductionObject(BaseModel):
    """A run trained again, and whether the same numbers came."""

    object: Literal["reproduction"] = "reproduction"
    run_id: str = Field(description="The run that trains again")
    job_id: str
    original_id: str
    requested_at: datetime
    status: Status | None = Field(description="Of the run that trains again; null where it was deleted since")
    verdict: Literal["bitwise", "within_tolerance", "diverged"] | None = Field(
        description="Null until it has succeeded"
    )
    first_difference: Difference | None
    links: dict[str, str]


class RunDetail(RunObject):
    """A run, and under what it was trained."""

    fingerprint: dict[str, Any] | None = Field(description="Within one fingerprint the same run gives the same bits")
    kept_epochs: list[int] = Field(description="Whose models can be downloaded, the chosen epoch's among them")
    reproductions: list[ReproductionObject] = Field(description="When it was trained again, oldest first")


@router.get("/runs/{run_id}", response_model=RunDetail, summary="Read a run", responses=documented(404, 422))
def get_run(access: Reader, run_id: str) -> Any:
    """The run and its fingerprint."""
    with access.database.read() as session:
        run = access.run(session, run_id)
        again = _reproductions(session, Reproduction.original_id == run.id)
        kept = all_kept(session, run)
        shown = run_object(run).model_dump()
        return RunDetail(**shown, fingerprint=run.fingerprint, kept_epochs=kept, reproductions=again)


@router.post(
    "/runs/{run_id}/cancel",
    status_code=202,
    response_model=RunObject,
    summary="Cancel a run",
    responses=documented(404, 409, 422),
)
def cancel_run(access: Submitter, run_id: str) -> Any:
    """Ends this run alone, at once if it is queued, within a second if it trains; its job's other runs go on.

    What it has recorded stays. A retry of the job queues it again.
    """
    with access.database.write() as session:
        states.cancel_runs(session, access.run(session, run_id).job_id, Run.id == run_id)
    with access.database.read() as session:
        return run_object(access.run(session, run_id))


@router.post(
    "/runs/{run_id}/resume",
    status_code=202,
    response_model=RunObject,
    summary="Take up a trial that was pruned",
    responses=documented(404, 409, 422, 429),
)
def resume_run(request: Request, access: Submitter, run_id: str) -> Any:
    """Trains a trial of a search on to its end: one that was pruned, that failed or was cancelled.

    It goes on behind its last epoch, and gets the numbers that it would have had. Possible once the search has its
    finalists, which stay what they are.
    """
    with access.database.write() as session:
        access.run(session, run_id)
        states.resume(session, run_id)
        limits.check_queue(session, access.owner, 0, request.app.state.settings)
    request.app.state.waker.soon()
    with access.database.read() as session:
        return run_object(access.run(session, run_id))


@router.post(
    "/runs/{run_id}/reproduce",
    status_code=202,
    response_model=ReproductionObject,
    summary="Reproduce a run",
    responses={
        202: {
            "description": "Queued",
            "headers": {"Location": {"description": "The run", "schema": {"type": "string"}}},
        },
        **documented(404, 409, 422),
    },
)
def reproduce_run(request: Request, access: Submitter, run_id: str) -> Response:
    """Trains a run that succeeded again, in a new job, and compares every value of every epoch.

    Read the run for the verdict: `bitwise`, `within_tolerance` or `diverged`, and the first epoch that differs.
    """
    with access.database.write() as session:
        job = reproductions.request(session, access.run(session, run_id), access.owner)
        limits.check_queue(session, access.owner, 0, request.app.state.settings)
        (shown,) = _reproductions(session, Reproduction.job_id == job.id)
    request.app.state.waker.soon()
    headers = {"Location": public_path(f"/v1/runs/{run_id}"), "Retry-After": "1"}
    return Response(shown.model_dump_json(), 202, headers, "application/json")


def _reproductions(session: Session, which: ColumnElement[bool]) -> list[ReproductionObject]:
    rows = (
        select(Reproduction, Run.status, Job.id)
        .outerjoin(Run, Run.id == Reproduction.run_id)
        .outerjoin(Job, Job.id == Run.job_id)
        .where(which)
    )
    return [
        ReproductionObject(
            run_id=row.run_id,
            job_id=row.job_id,
            original_id=row.original_id,
            requested_at=row.requested_at,
            status=None if job_id is None or status is None else Status(status),
            verdict=row.verdict,
            first_difference=None if row.first_difference is None else Difference(**row.first_difference),
            links={"run": public_path(f"/v1/runs/{row.run_id}"), "job": public_path(f"/v1/jobs/{row.job_id}")},
        )
        for row, status, job_id in session.execute(rows.order_by(Reproduction.run_id))
    ]


@router.get(
    "/runs/{run_id}/model.keras",
    summary="Download a run's model",
    response_class=Response,
    responses={
        200: {"description": "A Keras model", **_FILE},
        206: {"description": "The part of it that `Range` asks for", **_FILE},
        304: {"description": "The model the client has is the same"},
        **documented(404, 409, 416, 422),
    },
)
async def get_model(
    request: Request,
    access: Reader,
    run_id: str,
    inputs: Annotated[
        Literal["encoded", "raw"],
        Query(description="What the model takes: the inputs that it was trained on, or rows as they are written"),
    ] = "encoded",
    epoch: Annotated[
        int | None,
        Query(ge=1, le=MAX_EPOCHS, description="One that the job's `keep` names; the chosen one unless given"),
    ] = None,
) -> Response:
    """The trained network as a Keras model, which Keras 3.15 or later loads without Ockham.

    One range of bytes may be requested. With `inputs=raw` it takes a dict of columns, and makes its inputs itself.
    404 `epoch_not_kept` of an epoch whose model is not kept; any other is there as soon as the epoch is recorded.
    """
    if inputs == "raw":
        work = PREDICTING.run(_raw_model, access, request.app.state.settings, run_id, epoch, owner=access.owner)
        path, etag = await attended(request, work)
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if is_known(request, etag):
            return Response(status_code=304, headers=headers)
        return FileResponse(path, headers=headers, media_type=MODEL_TYPE, filename=f"{_named(run_id, epoch)}-raw.keras")
    return await run_in_threadpool(_model, request, access, run_id, epoch)


def _named(run_id: str, epoch: int | None) -> str:
    return run_id if epoch is None else f"{run_id}-epoch-{epoch}"


def _raw_model(access: Access, settings: Settings, run_id: str, epoch: int | None) -> tuple[str, str]:
    """The file of a run's model that takes rows as they are written, and its entity tag."""
    run, specification, model = find_run(access, run_id, epoch)
    tag = f"{_named(run.id, epoch)}-{run.attempt}"
    into = settings.data_dir.absolute() / "datasets" / f"raw-{tag}"
    path = into / "model.keras"
    if not path.is_file():
        cache = settings.dataset_cache_mb << 20
        ask("worker.raw", access, settings, specification, model, into=str(into), cache_bytes=cache)
    return str(path), f'"{tag}-{path.stat().st_mtime_ns:x}"'


def _model(request: Request, access: Access, run_id: str, epoch: int | None) -> Response:
    with access.database.read() as session:
        run = access.run(session, run_id)
        model = find_model(session, run, epoch)
    # A run's model is written once, by the attempt that succeeds.
    etag = f'"{_named(run.id, epoch)}-{run.attempt}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Accept-Ranges": "bytes"}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{_named(run_id, epoch)}.keras"'
    part = byte_range(request, model.size, etag)
    start, end = part or (0, model.size)
    headers["Content-Length"] = str(end - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{model.size}"
    return StreamingResponse(model_bytes(access, model, start, end), 206 if part else 200, headers, MODEL_TYPE)
