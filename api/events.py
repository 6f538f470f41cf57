"""A job's events: as a list, and as a live stream that can be resumed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from api.access import Access, Reader
from api.job_versions import JobVersion, find_version
from api.negotiation import accepted
from api.problems import documented
from api.routing import Route
from api.schemas import EventList
from api.watch import Watch, read_events

router = APIRouter(tags=["events"], route_class=Route)

MAX_PAGE = 1000
KEEPALIVE_SECONDS = 15


@router.get(
    "/jobs/{job_id}/events",
    response_model=EventList,
    summary="List or stream a job's events",
    responses={
        200: {
            "description": "A page, or with `Accept: text/event-stream` a live stream",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        204: {"description": "A stream resumed after the job's last event: nothing follows"},
        **documented(404, 422),
    },
)
async def get_events(
    request: Request,
    access: Reader,
    job_id: str,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="The last id seen")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    last_event_id: Annotated[str | None, Header(description="Sent by a browser that resumes")] = None,
) -> Any:
    """Oldest first. As a stream it follows the job, and ends after the job's last event."""
    version = await run_in_threadpool(_version, access, job_id)
    weights = accepted(request.headers.get("Accept", ""))
    streamed = weights.get("text/event-stream", 0)
    if not streamed or streamed < weights.get("application/json", 0):
        events = await run_in_threadpool(read_events, access.database, job_id, after, limit + 1)
        return EventList(data=events[:limit], has_more=len(events) > limit)
    seen = after
    if last_event_id is not None and last_event_id.isdecimal() and len(last_event_id) < 10:
        seen = int(last_event_id)
        if seen > version.last_event:
            seen = 0  # the database was restored to an earlier state: what comes now has these numbers again
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if seen and version.finished and seen >= version.last_event:
        return Response(status_code=204, headers=headers)  # what tells an EventSource not to come back
    stream = _stream(request.app.state.watch, job_id, version, seen, access.key)
    return StreamingResponse(stream, 200, headers, "text/event-stream")


def _version(access: Access, job_id: str) -> JobVersion:
    with access.database.read() as session:
        return find_version(access, session, job_id)


async def _stream(watch: Watch, job_id: str, version: JobVersion, seen: int, key: str) -> AsyncIterator[str]:
    """Server-sent events from the one after `seen`, for as long as the key is valid."""
    yield "retry: 1000\n\n"
    while True:
        while seen < version.last_event:
            last, frames = await watch.frames(job_id, seen)
            if last == seen:
                return  # deleted meanwhile
            seen = last
            yield frames
        if version.finished or watch.closing:
            return
        changed = await watch.change(job_id, version, KEEPALIVE_SECONDS, key)
        if changed is None:
            return
        if changed == version:
            yield ": still here\n\n"
        version = changed
