"""The path below which the service is reached (`OCKHAM_ROOT_PATH`): taken off each request, put before each address.

Inside there is no such path. A proxy may pass it on or take it off: either is understood.
"""

from __future__ import annotations

from contextvars import ContextVar

from starlette.types import ASGIApp, Receive, Scope, Send

_root: ContextVar[str] = ContextVar("root", default="")


def public_path(path: str) -> str:
    """The address of one of the service's own paths, as a client of this request reaches it."""
    return _root.get() + path


class RootPath:
    """Lets the application be reached below `root`."""

    def __init__(self, app: ASGIApp, root: str) -> None:
        self.app, self.root = app, root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _root.set(self.root)
        if scope["type"] == "http" and f"{scope['path']}/".startswith(f"{self.root}/"):
            path = scope["path"].removeprefix(self.root) or "/"
            scope = {**scope, "path": path, "raw_path": scope["raw_path"].removeprefix(self.root.encode()) or b"/"}
        await self.app(scope, receive, send)
