"""Threads by what they are for: what is slow waits for its own kind alone.

Plain routes run in one pool of 40 threads. What can take long, or wait long, takes none of these: a write,
which waits while another holds the database, a figure, which takes its turn, a large body, which is read strictly.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

from anyio import CapacityLimiter, fail_after
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from models.errors import Unavailable

T = TypeVar("T")


class Lane:
    """So many threads, in each event loop. Nobody waits for one for longer than `patience` seconds."""

    def __init__(self, name: str, threads: int, patience: float | None = None) -> None:
        self._threads, self._patience = threads, patience
        self._name, self._limiter = name, RunVar[CapacityLimiter](name)

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """What the function returns or raises, once a thread was free for it. Raises Unavailable if none was."""
        try:
            limiter = self._limiter.get()
        except LookupError:
            limiter = CapacityLimiter(self._threads)
            self._limiter.set(limiter)
        this = object()
        try:
            with fail_after(self._patience):
                await limiter.acquire_on_behalf_of(this)
        except TimeoutError:
            raise Unavailable(f"Too many requests wait for {self._name}; ask again") from None
        try:
            return await run_sync(function, *args, limiter=CapacityLimiter(1))
        finally:
            limiter.release_on_behalf_of(this)

    async def iterate(self, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
        """The parts, each made in a thread; between them others have their turn."""
        while (part := await self.run(next, parts, None)) is not None:
            yield part


WRITING = Lane("writing", 8, patience=10)
DRAWING = Lane("drawing", 2)
PARSING = Lane("parsing", 1)
MEASURING = Lane("measuring", 1)


class Drawn(Response):
    """An answer whose body is made when it is sent, in the lane for drawing."""

    def __init__(self, draw: Callable[[], bytes], headers: dict[str, str], media_type: str) -> None:
        super().__init__(None, 200, headers, media_type)
        self._draw = draw

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.body = await DRAWING.run(self._draw)
        self.headers["Content-Length"] = str(len(self.body))
        await super().__call__(scope, receive, send)
