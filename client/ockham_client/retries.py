"""When a request is sent again, and after how long."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from itertools import count
from typing import Any

import httpx

from ockham_client.effects import Attempts, Plan, Request, Sleep
from ockham_client.errors import JobTimeout, OckhamAPIError, OckhamConnectionError

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0

LONGEST_RETRY_AFTER = 60.0
"""However long a service or a proxy asks to be left alone, it is asked again after so many seconds."""

LONGEST_PAUSE_WAITING = 10.0
"""Whoever waits for a job wants to know soon that the service is back."""

SILENCE_SECONDS = 45.0
"""The service says something at least every 15 s; a stream that is silent for longer has been cut off."""

NOT_DONE = frozenset({429, 503})
"""The service turned the request away undone."""

UNCLEAR = frozenset({502, 504})
"""A proxy gave up: the request may have been done."""

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True)
class Failure:
    """A try that brought no answer of a status below 400; `again` says that another may help and does no harm."""

    error: OckhamAPIError | OckhamConnectionError
    cause: httpx.RequestError | None
    again: bool
    pause: float | None


def send(request: Request) -> Plan[httpx.Response]:
    """The answer to `request`, of a status below 400.

    Tries again where that can help and does no harm, honouring Retry-After. Raises `OckhamAPIError`
    and `OckhamConnectionError`.
    """
    attempts: int = yield Attempts()
    for attempt in range(1, attempts + 1):
        tried = yield from _try(request)
        if isinstance(tried, httpx.Response):
            return tried
        if not tried.again or attempt == attempts:
            raise tried.error from tried.cause
        yield Sleep(tried.pause or backoff(attempt))
    raise AssertionError("every attempt returns, raises or is followed by another")


def send_until(deadline: float | None, request: Request) -> Plan[httpx.Response]:
    """As `send`, through an outage of any length: tries until `deadline`, or for good where that is None.

    Raises `JobTimeout` at the deadline, and `OckhamAPIError` at once where trying again cannot help.
    """
    error = None
    for attempt in count(1):
        seconds = left(deadline, error)
        # The client's own timeout holds, unless the deadline comes before it could.
        tried = yield from _try(replace(request, timeout=seconds) if seconds < SILENCE_SECONDS else request)
        if isinstance(tried, httpx.Response):
            return tried
        if not tried.again:
            raise tried.error from tried.cause
        error = tried.error
        yield Sleep(min(tried.pause or backoff(attempt, LONGEST_PAUSE_WAITING), left(deadline, error)))
    raise AssertionError("it counts for ever")


def left(deadline: float | None, error: Exception | None = None) -> float:
    """Seconds until `deadline`. Raises `JobTimeout` when there are none; `error` is what the waiting was for."""
    if deadline is None:
        return float("inf")
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        why = f" ({error})" if error else ""
        raise JobTimeout(f"The job had not finished when the time to wait for it was over{why}") from error
    return seconds


def _try(request: Request) -> Plan[httpx.Response | Failure]:
    """Sends `request` once."""
    start = request.into.tell() if request.into else 0
    try:
        response: httpx.Response = yield request
    except httpx.RequestError as error:
        if request.into:
            request.into.seek(start)
            request.into.truncate()
        told = OckhamConnectionError(f"The service could not be reached: {error or type(error).__name__}")
        return Failure(told, error, request.repeatable or isinstance(error, NEVER_SENT), None)
    if response.status_code < 400:
        return response
    again = response.status_code in NOT_DONE or (response.status_code in UNCLEAR and request.repeatable)
    return Failure(OckhamAPIError.of(response), None, again, retry_after(response))


def backoff(attempt: int, longest: float = LONGEST_PAUSE) -> float:
    """Seconds to wait after the `attempt`th failure, from 1: doubling, and spread so that not all come back at once."""
    return min(longest, FIRST_PAUSE * 2.0 ** min(attempt - 1, 30)) * random.uniform(0.5, 1.0)


def retry_after(response: httpx.Response) -> float | None:
    """What the Retry-After header asks for, in seconds from now, up to LONGEST_RETRY_AFTER; None if it is not valid.

    It may be a number or a date (RFC 9110).
    """
    value = response.headers.get("Retry-After", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return min(LONGEST_RETRY_AFTER, max(0.0, seconds)) if math.isfinite(seconds) else None


def json_of(response: httpx.Response) -> dict[str, Any]:
    """The object that a successful answer holds. Raises `OckhamAPIError` if it is none: a proxy's page, perhaps."""
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        kind = response.headers.get("Content-Type", "no type")
        raise OckhamAPIError(
            response.status_code,
            {
                "code": "not_json",
                "title": f"The answer to {response.request.method} {response.request.url} is not a JSON object",
                "detail": f"It is {kind}; is something else than the service at this address?",
            },
        )
    return answer
