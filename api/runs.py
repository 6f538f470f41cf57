"""Runs: one by one, and their models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from sqlalchemy import select

from api.access import Access, Reader
from api.conditional import byte_range, is_known
from api.problems import documented
from api.schemas import RunObject, run_object
from models.claims import PART_BYTES
from models.errors import NotFound
from models.tables import ModelPart

router = APIRouter(tags=["runs"])

MODEL_TYPE = "application/octet-stream"
_FILE = {"content": {MODEL_TYPE: {"schema": {"type": "string", "format": "binary"}}}}


class RunDetail(RunObject):
    """A run, and under what it was trained."""

    fingerprint: dict[str, Any] | None = Field(description="Within one fingerprint the same run gives the same bits")


@router.get("/runs/{run_id}", response_model=RunDetail, summary="Read a run", responses=documented(404, 422))
def get_run(access: Reader, run_id: str) -> Any:
    """The run and its fingerprint."""
    with access.database.read() as session:
        run = access.run(session, run_id)
        return RunDetail(**run_object(run).model_dump(), fingerprint=run.fingerprint)


@router.get(
    "/runs/{run_id}/model.keras",
    summary="A run's model",
    response_class=Response,
    responses={
        200: {"description": "A Keras model", **_FILE},
        206: {"description": "The part of it that `Range` asks for", **_FILE},
        304: {"description": "The model the client has is the same"},
        **documented(404, 416, 422),
    },
)
def get_model(request: Request, access: Reader, run_id: str) -> Response:
    """The trained network as a plain Keras model, which Keras alone loads. One range of bytes may be asked for."""
    with access.database.read() as session:
        run = access.run(session, run_id)
    if run.model_size is None:
        raise NotFound("The run has no model: it has not succeeded")
    # A run's model is written once, by the attempt that succeeds.
    etag = f'"{run.id}-{run.attempt}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Accept-Ranges": "bytes"}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{run_id}.keras"'
    part = byte_range(request, run.model_size, etag)
    start, end = part or (0, run.model_size)
    headers["Content-Length"] = str(end - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{run.model_size}"
    return StreamingResponse(_bytes(access, run_id, start, end), 206 if part else 200, headers, MODEL_TYPE)


def _bytes(access: Access, run_id: str, start: int, end: int) -> Iterator[bytes]:
    """The model's bytes from `start` to before `end`."""
    for number in range(start // PART_BYTES, -(-end // PART_BYTES)):
        offset = number * PART_BYTES
        with access.database.read() as session:
            data = session.scalar(select(ModelPart.data).where(ModelPart.run_id == run_id, ModelPart.part == number))
        if data is None:
            return  # deleted meanwhile: the answer ends short of its Content-Length
        yield data[max(0, start - offset) : end - offset]
