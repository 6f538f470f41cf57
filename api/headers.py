"""What every answer carries, HEAD for whatever can be read by GET, and compression for those who take it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.negotiation import accepted

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
OF_THE_API = {
    # Nothing in an answer is to be run, an SVG opened as a page included.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
    "Cache-Control": "no-store",
}
"""Where the route has not said otherwise."""


class StandardHeaders:
    """Adds the security headers, and those that a request has collected in `request.state.headers`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope.setdefault("state", {})
        defaults = ALWAYS | OF_THE_API if scope["path"].startswith("/v1") else ALWAYS

        async def start(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in (defaults | scope["state"].get("headers", {})).items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, start)


class Head:
    """Answers HEAD as GET without the body; an endless stream ends at its headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        headers_sent = asyncio.Event()

        async def headers_only(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                headers_sent.set()

        answer = asyncio.ensure_future(self.app({**scope, "method": "GET"}, receive, headers_only))
        sent = asyncio.ensure_future(headers_sent.wait())
        await asyncio.wait({answer, sent}, return_when=asyncio.FIRST_COMPLETED)
        sent.cancel()
        answer.cancel()
        with suppress(asyncio.CancelledError):
            await answer


class Compressed(GZipMiddleware):
    """Compresses unless gzip is refused: Starlette's own looks for the word, and takes `gzip;q=0` for a yes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and accepted(Headers(scope=scope).get("Accept-Encoding", "")).get("gzip") == 0:
            unasked = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
            scope = {**scope, "headers": unasked}
        await super().__call__(scope, receive, send)
