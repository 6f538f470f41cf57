"""A job's events: as a list, and as a live stream that can be resumed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from api.jobs import find_job
from api.problems import documented
from api.schemas import Event, EventList
from models.database import Database
from models.tables import FINISHED, Job
from models.tables import Event as EventRow

router = APIRouter(tags=["events"])

MAX_PAGE = 1000
POLL_SECONDS = 0.1
KEEPALIVE_SECONDS = 15


def _page(database: Database, job_id: str, after: int, limit: int) -> tuple[list[Event], bool]:
    """The events after `after`, and whether the job has none beyond them and will have no more."""
    with database.read() as session:
        job = session.execute(select(Job.status, Job.last_event).where(Job.id == job_id)).one_or_none()
        if job is None:
            return [], True
        rows: Sequence[EventRow] = ()
        if job.last_event > after:
            query = select(EventRow).where(EventRow.job_id == job_id, EventRow.id > after)
            rows = session.scalars(query.order_by(EventRow.id).limit(limit)).all()
    events = [Event(id=r.id, created_at=r.created_at, type=r.type, run_id=r.run_id, data=r.data) for r in rows]
    last = events[-1].id if events else after
    return events, job.status in FINISHED and last >= job.last_event


@router.get(
    "/jobs/{job_id}/events",
    response_model=EventList,
    summary="What happened to a job",
    responses={
        200: {
            "description": "A page, or with `Accept: text/event-stream` a live stream",
            "content": {"text/event-stream": {}},
        },
        **documented(404, 422, 503),
    },
)
async def get_events(
    request: Request,
    job_id: str,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="The last id seen")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    last_event_id: Annotated[str | None, Header(description="Sent by a browser that resumes")] = None,
) -> Any:
    """Oldest first. As a stream it follows the job, and ends after the job's last event."""
    database: Database = request.app.state.database

    def found() -> None:
        with database.read() as session:
            find_job(session, job_id)

    await run_in_threadpool(found)
    if "text/event-stream" in request.headers.get("accept", ""):
        seen = int(last_event_id) if last_event_id and last_event_id.isdecimal() and len(last_event_id) < 10 else after
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_stream(request, database, job_id, seen), 200, headers, "text/event-stream")
    events, _ = await run_in_threadpool(_page, database, job_id, after, limit + 1)
    return EventList(data=events[:limit], has_more=len(events) > limit)


async def _stream(request: Request, database: Database, job_id: str, seen: int) -> AsyncIterator[str]:
    """Server-sent events (WHATWG HTML, 9.2) from the one after `seen`."""
    yield "retry: 1000\n\n"
    quiet = 0.0
    while not await request.is_disconnected():
        events, over = await run_in_threadpool(_page, database, job_id, seen, MAX_PAGE)
        for event in events:
            seen = event.id
            yield f"id: {event.id}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n"
        if over:
            return
        quiet = 0.0 if events else quiet + POLL_SECONDS
        if quiet >= KEEPALIVE_SECONDS:
            quiet = 0.0
            yield ": still here\n\n"
        if not events:
            await asyncio.sleep(POLL_SECONDS)
