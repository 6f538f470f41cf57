"""A job's events, one by one, through whatever happens to the connection."""

from __future__ import annotations

import json
import time
from urllib.parse import quote

import httpx

from ockham_client.effects import Emit, NextLine, Plan, Request, Sleep, Stream
from ockham_client.errors import OckhamAPIError
from ockham_client.objects import Event, Job
from ockham_client.retries import NOT_DONE, SILENCE_SECONDS, UNCLEAR, json_of, left, send_until

POLL_SECONDS = 1.0


def deadline_in(timeout: float | None) -> float | None:
    """The moment, on the monotonic clock, that is `timeout` seconds from now."""
    return None if timeout is None else time.monotonic() + timeout


def follow(job_id: str, after: int | None, deadline: float | None) -> Plan[None]:
    """Emits every event after `after` as it happens, each once, until the job's last.

    Reads the event stream, and opens it again after the last event seen (`Last-Event-ID`) where it breaks.
    Where a stream brings nothing it reads on from the list of events; where streams do not come through at
    all, it goes on asking for that. While the service cannot be reached at all it waits for it, until `deadline`
    or for good; raises `JobTimeout` then, and `OckhamAPIError` as soon as the service refuses.
    """
    job = _path(job_id)
    streams, etag = True, ""
    while True:
        if streams:
            before = after
            try:
                ended, after = yield from _stream(f"{job}/events", after, deadline)
            except _NoStream:
                streams = False
            else:
                if ended:
                    return
                if after != before:
                    continue
        finished, after, etag = yield from _catch_up(job, after, etag, deadline)
        if finished:
            return
        yield Sleep(min(POLL_SECONDS, left(deadline)))


def outcome(job_id: str, deadline: float | None) -> Plan[Job]:
    """The job as it is; waits for the service as `follow` does."""
    response: httpx.Response = yield from send_until(deadline, Request("GET", _path(job_id)))
    return Job.of(json_of(response))


def _path(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"


class _NoStream(Exception):
    """What is between here and the service does not let streams through."""


def _stream(path: str, after: int | None, deadline: float | None) -> Plan[tuple[bool, int | None]]:
    """Emits what one stream brings; whether its last event was the job's, and that event's id."""
    headers = {"Accept": "text/event-stream"}
    if after is not None:
        headers["Last-Event-ID"] = str(after)
    ended, data = False, []
    try:
        silence = min(SILENCE_SECONDS, left(deadline))
        response: httpx.Response = yield Stream(Request("GET", path, headers=headers, timeout=silence))
        if response.status_code >= 400:
            if response.status_code in NOT_DONE | UNCLEAR:
                return False, after
            raise OckhamAPIError.of(response)
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            raise _NoStream
        while (line := (yield NextLine())) is not None:
            left(deadline)
            if line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
            elif not line and data:
                try:
                    event = Event.of(json.loads("\n".join(data)))
                except (ValueError, KeyError):
                    raise _NoStream from None
                ended, after, data = event.last, event.id, []
                yield Emit(event)
    except httpx.RequestError:
        return False, after
    return ended, after


def _catch_up(job: str, after: int | None, etag: str, deadline: float | None) -> Plan[tuple[bool, int | None, str]]:
    """Emits what the list has after `after`; whether the job has finished, the last event's id, and the job's ETag.

    A job that is as it was at the `etag` before has no news, and is not sent again.
    """
    # In this order: the events of a job that has finished are all there.
    headers = {"If-None-Match": etag} if etag else {}
    response: httpx.Response = yield from send_until(deadline, Request("GET", job, headers=headers))
    if response.status_code == 304:
        return False, after, etag
    etag = response.headers.get("ETag", "")
    known = Job.of(json_of(response))
    if after is not None and known.last_event is not None and after > known.last_event:
        after = 0  # the database was restored to an earlier state: what comes now has these numbers again
    more = True
    while more:
        request = Request("GET", f"{job}/events", {"after": after, "limit": 200})
        response = yield from send_until(deadline, request)
        page = json_of(response)
        for raw in page["data"]:
            event = Event.of(raw)
            after = event.id
            yield Emit(event)
        more = page["has_more"]
    return known.finished, after, etag
