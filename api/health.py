"""Alive, and fit to serve."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from migrations.run import current, newest
from models.database import now
from models.tables import Worker
from worker.queue import broker, check_writable

router = APIRouter(tags=["operations"])

SEEN_SECONDS = 15


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Each part that serving needs: "ok", or what is wrong with it."""

    status: Literal["ok", "unavailable"]
    database: str
    migrations: str
    broker: str
    workers: str


@router.get("/healthz", summary="Liveness check")
async def healthz() -> Alive:
    """Answers while the process runs, also if the database or the broker is down. It needs no thread."""
    return Alive()


@router.get(
    "/readyz",
    response_model=Ready,
    summary="Readiness check",
    responses={503: {"model": Ready, "description": "A part is missing"}},
)
def readyz(request: Request) -> Any:
    """Whether the database answers at the expected schema, the broker takes messages, and a worker can train."""
    parts = {"database": "ok", "migrations": "ok", "broker": "ok", "workers": "ok"}
    state = request.app.state
    try:
        with state.database.read() as session:
            at, expected = current(session.connection()), newest()
            if at != expected:
                parts["migrations"] = f"at {at or 'none'}, {expected} expected: run `ockham migrate`"
                parts["workers"] = "unknown"
            elif not session.scalar(select(func.count()).where(Worker.ready, Worker.seen_at > now(-SEEN_SECONDS))):
                parts["workers"] = "none is ready"
    except SQLAlchemyError:
        parts.update(database="cannot be reached", migrations="unknown", workers="unknown")
    try:
        with broker(state.settings) as server:
            check_writable(server)
    except ResponseError as error:
        parts["broker"] = f"takes no writes ({type(error).__name__})"
    except (RedisError, OSError):
        parts["broker"] = "cannot be reached"
    ok = all(part == "ok" for part in parts.values())
    body = Ready(status="ok" if ok else "unavailable", **parts)
    return body if ok else JSONResponse(body.model_dump(), 503, {"Retry-After": "5"})
