"""A job's events, one by one, through whatever happens to the connection."""

from __future__ import annotations

import json
import time
from urllib.parse import quote

import httpx

from ockham_client.effects import Emit, NextLine, Plan, Request, Sleep, Stream
from ockham_client.errors import JobTimeout, OckhamAPIError
from ockham_client.objects import Event, Job
from ockham_client.retries import NOT_DONE, UNCLEAR, send

POLL_SECONDS = 1.0
SILENCE_SECONDS = 45.0
"""The service says something at least every 15 s; a stream that is silent for longer has been cut off."""


def follow(job_id: str, after: int | None = None, timeout: float | None = None) -> Plan[None]:
    """Emits every event after `after` as it happens, each once, until the job's last.

    Reads the event stream, and opens it again after the last event seen (`Last-Event-ID`) where it breaks.
    Where a stream brings nothing it reads on from the list of events; where streams do not come through at
    all, it goes on asking for that. `timeout` is in seconds; raises `JobTimeout`.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    job = f"/v1/jobs/{quote(job_id, safe='')}"
    streams = True
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
        finished, after = yield from _catch_up(job, after)
        if finished:
            return
        _left(deadline)
        yield Sleep(POLL_SECONDS)


class _NoStream(Exception):
    """What is between here and the service does not let streams through."""


def _stream(path: str, after: int | None, deadline: float | None) -> Plan[tuple[bool, int | None]]:
    """Emits what one stream brings; whether its last event was the job's, and that event's id."""
    headers = {"Accept": "text/event-stream"}
    if after is not None:
        headers["Last-Event-ID"] = str(after)
    ended, data = False, []
    try:
        silence = min(SILENCE_SECONDS, _left(deadline))
        response: httpx.Response = yield Stream(Request("GET", path, headers=headers, timeout=silence))
        if response.status_code >= 400:
            if response.status_code in NOT_DONE | UNCLEAR:
                return False, after
            raise OckhamAPIError.of(response)
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            raise _NoStream
        while (line := (yield NextLine())) is not None:
            _left(deadline)
            if line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
            elif not line and data:
                event = Event.of(json.loads("\n".join(data)))
                ended, after, data = event.last, event.id, []
                yield Emit(event)
    except httpx.TransportError:
        return False, after
    return ended, after


def _catch_up(job: str, after: int | None) -> Plan[tuple[bool, int | None]]:
    """Emits what the list has after `after`; whether the job has finished, and the last event's id."""
    # In this order: the events of a job that has finished are all there.
    response: httpx.Response = yield from send(Request("GET", job))
    finished = Job.of(response.json()).finished
    more = True
    while more:
        response = yield from send(Request("GET", f"{job}/events", {"after": after, "limit": 200}))
        page = response.json()
        for raw in page["data"]:
            event = Event.of(raw)
            after = event.id
            yield Emit(event)
        more = page["has_more"]
    return finished, after


def _left(deadline: float | None) -> float:
    """Seconds until `deadline`. Raises `JobTimeout` when there are none."""
    if deadline is None:
        return float("inf")
    left = deadline - time.monotonic()
    if left <= 0:
        raise JobTimeout("The job had not finished when the time to wait for it was over")
    return left
