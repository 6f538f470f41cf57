"""When a request is sent again, and after how long."""

from __future__ import annotations

import random
import time
from email.utils import parsedate_to_datetime

import httpx

from ockham_client.effects import Attempts, Plan, Request, Sleep
from ockham_client.errors import OckhamAPIError, OckhamConnectionError

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0

NOT_DONE = frozenset({429, 503})
"""The service turned the request away undone."""

UNCLEAR = frozenset({502, 504})
"""A proxy gave up: the request may have been done."""

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def send(request: Request) -> Plan[httpx.Response]:
    """The answer to `request`, of a status below 400.

    Tries again where that can help and does no harm, honouring Retry-After. Raises `OckhamAPIError`
    and `OckhamConnectionError`.
    """
    attempts: int = yield Attempts()
    for attempt in range(1, attempts + 1):
        start = request.into.tell() if request.into else 0
        pause = backoff(attempt)
        try:
            response: httpx.Response = yield request
        except httpx.TransportError as error:
            again = request.repeatable or isinstance(error, NEVER_SENT)
            if not again or attempt == attempts:
                raise OckhamConnectionError(
                    f"The service could not be reached: {error or type(error).__name__}"
                ) from error
            if request.into:
                request.into.seek(start)
                request.into.truncate()
        else:
            if response.status_code < 400:
                return response
            again = response.status_code in NOT_DONE or (response.status_code in UNCLEAR and request.repeatable)
            if not again or attempt == attempts:
                raise OckhamAPIError.of(response)
            pause = retry_after(response) or pause
        yield Sleep(pause)
    raise AssertionError("every attempt returns, raises or is followed by another")


def backoff(attempt: int) -> float:
    """Seconds to wait after the `attempt`th failure, from 1: doubling, and spread so that not all come back at once."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)


def retry_after(response: httpx.Response) -> float | None:
    """What the Retry-After header asks for, in seconds from now; it may be a number or a date (RFC 9110)."""
    value = response.headers.get("Retry-After", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return max(0.0, seconds)
