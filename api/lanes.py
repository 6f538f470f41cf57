"""Threads by what they are for: what is slow waits for its own kind alone.

Plain routes run in one pool of 40 threads. What can take long, or wait long, takes none of these: a write,
which waits while another holds the database; figures, numbers and exports made from every epoch of a job; a large
body, which is read strictly.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import chain
from typing import Any, TypeVar

from anyio import CapacityLimiter, fail_after
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync
from starlette.responses import Response, StreamingResponse
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
COMPUTING = Lane("computing", 2)
EXPORTING = Lane("exporting", 4)
PREDICTING = Lane("predictions", 1, patience=30)
READING = Lane("reading a data set", 1, patience=60)
PARSING = Lane("parsing", 1)
MEASURING = Lane("measuring", 1)


class Computed(Response):
    """An answer whose body is made when it is sent, in a lane.

    What `compute` raises is answered as if the route had raised it.
    """

    def __init__(self, lane: Lane, compute: Callable[[], bytes], headers: dict[str, str], media_type: str) -> None:
        super().__init__(None, 200, headers, media_type)
        self._lane, self._compute = lane, compute

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.body = await self._lane.run(self._compute)
        self.headers["Content-Length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


class Streamed(StreamingResponse):
    """An answer in parts, each made in a lane. What is raised before the first part is an answer of its own."""

    def __init__(self, lane: Lane, parts: Iterator[bytes], headers: dict[str, str], media_type: str) -> None:
        super().__init__((), 200, headers, media_type)
        self._lane, self._parts = lane, parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = await self._lane.run(next, self._parts, b"")
        self.body_iterator = self._lane.iterate(chain((first,), self._parts))
        await super().__call__(scope, receive, send)
