"""Keeps other web pages from acting through their reader's browser, which reaches what only this machine may.

A browser sends a simple POST to any address without asking first, and only hides the answer from the page.
It also says where a request comes from: `Sec-Fetch-Site`, which no page can change, and `Origin`.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import problem

SAFE = ("GET", "HEAD", "OPTIONS")


class SameOrigin:
    """Refuses what would change something and comes from a page that is neither the service's own nor `allowed`."""

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self.app, self.allowed = app, allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE or self.allows(request := Request(scope)):
            await self.app(scope, receive, send)
            return
        answer = problem(
            request,
            403,
            "cross_origin",
            "Another site's page may not do this",
            "Only the service's own pages may, and those of the origins in OCKHAM_CORS_ORIGINS",
        )
        await answer(scope, receive, send)

    def allows(self, request: Request) -> bool:
        """Whether no page sent the request (curl names no origin), or one that may."""
        origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
        if origin is not None and ("*" in self.allowed or origin in self.allowed):
            return True
        if site in ("cross-site", "same-site"):
            return False
        # The schemes may differ: a proxy ends TLS.
        return origin is None or site == "same-origin" or origin.partition("://")[2] == request.headers.get("Host")
