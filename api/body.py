"""Reads a request's JSON strictly: bounded, UTF-8, no doubled keys, no NaN, no endless nesting."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.lanes import PARSING
from api.problems import PHRASES, problem
from models.documents import read_json as read_json_text
from models.errors import Malformed, OckhamError

INLINE_BYTES = 20_000
"""A body up to this size is read at once, within a few milliseconds; a larger one in a thread."""
HEAD_BYTES = 65_536
"""A request's line and headers together: the 1,000 ids of runs that a request may name take 42,000 bytes."""
DRAINED_BYTES = 50_000_000
BODY_SECONDS = 60
CLOSE = {"Connection": "close"}


class TooLarge(OckhamError):
    """The body is larger than `OCKHAM_MAX_BODY_BYTES`."""

    status, code, title = 413, "too_large", "The request is too large"


class TooSlow(OckhamError):
    """The body did not come in time."""

    status, code, title = 408, "too_slow", "The request took too long"


class Framed:
    """Refuses a request that tells its body's length twice, and one with too long a head.

    Of two lengths a proxy may have taken the other one (RFC 9112, 6.1). The server bounds a head that comes in pieces;
    one that comes at once is measured here.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        names = {name for name, _ in scope.get("headers", ())}
        if {b"content-length", b"transfer-encoding"} <= names:
            detail = "It has both Content-Length and Transfer-Encoding"
            answer = problem(Request(scope), 400, Malformed.code, Malformed.title, detail, CLOSE)
            await answer(scope, receive, send)
        elif scope["type"] == "http" and _head_bytes(scope) > HEAD_BYTES:
            detail = f"A request's line and headers may have at most {HEAD_BYTES:,} bytes"
            answer = problem(Request(scope), 431, TooLarge.code, PHRASES[431], detail, CLOSE)
            await answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _head_bytes(scope: Scope) -> int:
    """The bytes of the request's line and headers, up to a few."""
    headers = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    return len(scope["raw_path"]) + len(scope["query_string"]) + headers


async def read_json(request: Request) -> Any:
    """The request's JSON value. Raises Malformed, TooLarge or TooSlow."""
    limit = request.app.state.settings.max_body_bytes
    body = await _read(request, limit)
    if len(body) <= INLINE_BYTES:
        return parse_json(body)
    return await PARSING.run(parse_json, body)


def documented_body(model: type, **shown: Any) -> dict[str, Any]:
    """OpenAPI's request body of a route that reads its own JSON; `shown`: `example` or `examples`."""
    schema = {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}, **shown}
    return {"required": True, "content": {"application/json": schema}}


def length_told(request: Request) -> int:
    """The length of the body as the request's head tells it; 0 if it does not."""
    told = request.headers.get("Content-Length", "")
    return int(told) if told.isdecimal() else 0


async def _read(request: Request, limit: int) -> bytes:
    """The body. One that is too large is read on for a while and thrown away: a client that is still sending when
    its connection is closed never sees the answer. One that waits for `100 Continue` is not told to send it at all."""
    too_large = TooLarge(f"A request's body may have at most {limit} bytes")
    told = length_told(request)
    if told > limit and (told > DRAINED_BYTES or "Expect" in request.headers):
        raise too_large
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= limit:
                    body += chunk
                elif size > DRAINED_BYTES:
                    break
    except TimeoutError:
        raise TooSlow(f"A request's body must come within {BODY_SECONDS} seconds", headers=CLOSE) from None
    if size > limit:
        raise too_large
    return bytes(body)


def parse_json(body: bytes) -> Any:
    """The value of a JSON text. Raises Malformed."""
    try:
        return read_json_text(body, "The body")
    except ValueError as error:
        raise Malformed(str(error)) from None
