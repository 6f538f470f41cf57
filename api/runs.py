"""Runs: one by one, and their models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import Field
from sqlalchemy import select

from api.problems import documented
from api.schemas import RunObject, run_object
from models.database import Database
from models.errors import NotFound
from models.tables import ModelPart, Run

router = APIRouter(tags=["runs"])


class RunDetail(RunObject):
    """A run, and under what it was trained."""

    fingerprint: dict[str, Any] | None = Field(description="Within one fingerprint the same run gives the same bits")


@router.get("/runs/{run_id}", response_model=RunDetail, summary="Read a run", responses=documented(404, 503))
def get_run(request: Request, run_id: str) -> Any:
    """The run and its fingerprint."""
    with request.app.state.database.read() as session:
        run = session.get(Run, run_id)
        if run is None:
            raise NotFound("There is no run with this id")
        return RunDetail(**run_object(run).model_dump(), fingerprint=run.fingerprint)


@router.get(
    "/runs/{run_id}/model.keras",
    summary="A run's model",
    response_class=StreamingResponse,
    responses={
        200: {"description": "A Keras model", "content": {"application/octet-stream": {}}},
        **documented(404, 503),
    },
)
def get_model(request: Request, run_id: str) -> StreamingResponse:
    """The trained network as a plain Keras model, which Keras alone loads."""
    with request.app.state.database.read() as session:
        size = session.scalar(select(Run.model_size).where(Run.id == run_id))
    if size is None:
        raise NotFound("There is no such run, or it has no model yet")
    headers = {"Content-Length": str(size), "Content-Disposition": f'attachment; filename="{run_id}.keras"'}
    return StreamingResponse(_parts(request.app.state.database, run_id), 200, headers, "application/octet-stream")


def _parts(database: Database, run_id: str) -> Iterator[bytes]:
    part = 0
    while True:
        with database.read() as session:
            data = session.scalar(select(ModelPart.data).where(ModelPart.run_id == run_id, ModelPart.part == part))
        if data is None:
            return
        yield data
        part += 1
