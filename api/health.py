"""Alive, and fit to serve."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import State

from migrations.run import current, newest
from models.database import Database, now
from models.settings import Settings
from models.tables import Worker
from worker.queue import broker, check_writable

router = APIRouter(tags=["operations"])

SEEN_SECONDS = 15
CHECK_SECONDS = 5
SILENT = f"does not answer within {CHECK_SECONDS} seconds"


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
async def readyz(request: Request) -> Any:
    """Whether the database answers at the expected schema, the broker takes messages, and a worker can train.

    A part that does not answer within 5 seconds is unavailable too: a server that is frozen closes no connection.
    """
    state = request.app.state
    of_database, of_broker = await asyncio.gather(
        _within(state, "database", partial(_check_database, state.database)),
        _within(state, "broker", partial(_check_broker, state.settings)),
    )
    parts = {"database": SILENT, "migrations": "unknown", "workers": "unknown"} if of_database is None else of_database
    parts |= {"broker": SILENT} if of_broker is None else of_broker
    ok = all(part == "ok" for part in parts.values())
    body = Ready(status="ok" if ok else "unavailable", **parts)
    return body if ok else JSONResponse(body.model_dump(), 503, {"Retry-After": "5"})


async def _within(state: State, name: str, check: Callable[[], dict[str, str]]) -> dict[str, str] | None:
    """What `check` finds, if it ends within `CHECK_SECONDS`; requests that come meanwhile share one thread."""
    checks: dict[str, asyncio.Future[dict[str, str]]] = state.checks
    running = checks.get(name)
    if running is None or running.done():
        running = checks[name] = asyncio.ensure_future(asyncio.to_thread(check))
    await asyncio.wait({running}, timeout=CHECK_SECONDS)
    return running.result() if running.done() else None


def _check_database(database: Database) -> dict[str, str]:
    parts = {"database": "ok", "migrations": "ok", "workers": "ok"}
    try:
        with database.read() as session:
            at, expected = current(session.connection()), newest()
            if at != expected:
                parts["migrations"] = f"at {at or 'none'}, {expected} expected: run `ockham migrate`"
                parts["workers"] = "unknown"
            elif not session.scalar(select(func.count()).where(Worker.ready, Worker.seen_at > now(-SEEN_SECONDS))):
                parts["workers"] = "none is ready"
    except SQLAlchemyError:
        return {"database": "cannot be reached", "migrations": "unknown", "workers": "unknown"}
    return parts


def _check_broker(settings: Settings) -> dict[str, str]:
    try:
        with broker(settings) as server:
            check_writable(server)
    except ResponseError as error:
        return {"broker": f"takes no writes ({type(error).__name__})"}
    except (RedisError, OSError):
        return {"broker": "cannot be reached"}
    return {"broker": "ok"}
