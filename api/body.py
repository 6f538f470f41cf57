"""Reads a request's JSON strictly: bounded, UTF-8, no doubled keys, no NaN, no endless nesting."""

from __future__ import annotations

import asyncio
import json
import math
import re
import sys
from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.lanes import PARSING
from api.problems import problem
from models.errors import Malformed, OckhamError
from models.numbers import number

MAX_DEPTH = 32
MAX_VALUES = 100_000
"""Members of objects and arrays, all in all: the largest specification has about half as many."""
INLINE_BYTES = 20_000
"""A body up to this size is read at once, within a few milliseconds; a larger one in a thread."""
DRAINED_BYTES = 50_000_000
BODY_SECONDS = 60
CLOSE = {"Connection": "close"}

_LONG = re.compile(rb"[0-9]{4000}")
"""Digits of which Python would make no integer, and say so in words of its own."""
_MOST = int(sys.float_info.max)


class TooLarge(OckhamError):
    """The body is larger than `OCKHAM_MAX_BODY_BYTES`."""

    status, code, title = 413, "too_large", "The request is too large"


class TooSlow(OckhamError):
    """The body did not come in time."""

    status, code, title = 408, "too_slow", "The request took too long"


class Framed:
    """Refuses a request that tells its body's length twice: a proxy may have taken the other one (RFC 9112, 6.1)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        names = {name for name, _ in scope.get("headers", ())}
        if {b"content-length", b"transfer-encoding"} <= names:
            detail = "It has both Content-Length and Transfer-Encoding"
            answer = problem(Request(scope), 400, Malformed.code, Malformed.title, detail, CLOSE)
            await answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)


async def read_json(request: Request) -> Any:
    """The request's JSON value. Raises Malformed, TooLarge or TooSlow."""
    limit = request.app.state.settings.max_body_bytes
    body = await _read(request, limit)
    if len(body) <= INLINE_BYTES:
        return parse_json(body)
    return await PARSING.run(parse_json, body)


async def _read(request: Request, limit: int) -> bytes:
    """The body. One that is too large is read on for a while and thrown away: a client that is still sending when
    its connection is closed never sees the answer. One that waits for `100 Continue` is not told to send it at all."""
    too_large = TooLarge(f"A request's body may have at most {limit} bytes")
    told = request.headers.get("Content-Length", "")
    if told.isdecimal() and int(told) > limit and (int(told) > DRAINED_BYTES or "Expect" in request.headers):
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
        if _values(body) > MAX_VALUES and _values(_without_strings(body)) > MAX_VALUES:
            raise ValueError(f"it has more than {MAX_VALUES} values")
        if _LONG.search(body) and _LONG.search(_without_strings(body)):
            raise ValueError("a number is longer than a number can be here")
        # Integers have no hook, which would cost more than all else: they are looked at afterwards.
        value = json.loads(body.decode(), object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)
        _check(value)
        if b"\\u" in body:
            json.dumps(value, ensure_ascii=False).encode()  # lone surrogates are JSON, but no text
    except UnicodeDecodeError:
        raise Malformed("The body is not valid UTF-8") from None
    except UnicodeEncodeError:
        raise Malformed("The body holds a lone surrogate, which is not text") from None
    except RecursionError:
        raise Malformed(f"The body is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise Malformed(f"The body is not valid JSON: {error}") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("an object has the same key twice")
    return members


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _float(text: str) -> float | int:
    value = number(text)
    if math.isinf(value):
        raise ValueError(f"{text[:20]} is more than a number can be here")
    return value


def _values(body: bytes) -> int:
    return sum(map(body.count, (b",", b"[", b"{")))


def _without_strings(body: bytes) -> bytes:
    return b"".join(body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])


def _check(value: Any) -> None:
    """Refuses what is nested too deep, and numbers that few languages could read."""
    level = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for node in level:
            kind = type(node)
            if kind is dict:
                inner += node.values()
            elif kind is list:
                inner += node
            elif kind is int and not -_MOST <= node <= _MOST:
                raise ValueError(f"{str(node)[:20]} is more than a number can be here")
        if not inner:
            return
        level = inner
    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
