"""Threads by what they are for: what is slow waits for its own kind alone.

Plain routes run in one pool of 40 threads. What can take long, or wait long, takes none of these: a write,
which waits while another holds the database; figures, numbers and exports made from every epoch of a job; a large
body, which is read strictly; a data set.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable, Iterator
from itertools import chain
from typing import Any, TypeVar

from anyio import CancelScope, CapacityLimiter, Event, fail_after
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.conditional import Bodies
from models.errors import Unavailable

T = TypeVar("T")


class _Turns:
    """So many at a time. Owners take turns: who sends much waits for himself."""

    def __init__(self, free: int) -> None:
        self._free, self._waiting = free, dict[Hashable, deque[Event]]()

    async def take(self, owner: Hashable) -> None:
        if self._free:
            self._free -= 1
            return
        turn = Event()
        self._waiting.setdefault(owner, deque()).append(turn)
        try:
            await turn.wait()
        except BaseException:
            if turn.is_set():  # and given up in the same moment
                self.give()
            else:
                self._waiting[owner].remove(turn)
                if not self._waiting[owner]:
                    del self._waiting[owner]
            raise

    def give(self) -> None:
        if not self._waiting:
            self._free += 1
            return
        owner = next(iter(self._waiting))
        turns = self._waiting.pop(owner)
        turns.popleft().set()
        if turns:
            self._waiting[owner] = turns  # behind all others


class Lane:
    """So many threads, in each event loop. Nobody waits for one for longer than `patience` seconds.

    `yielding`: a thread is free again only after as long a time as it was used, which is everybody else's.
    """

    def __init__(self, name: str, threads: int, patience: float | None = None, yielding: bool = False) -> None:
        self._threads, self._patience, self._yielding = threads, patience, yielding
        self._name, self._turns = name, RunVar[_Turns](name)

    async def run(self, function: Callable[..., T], *args: Any, owner: Hashable = None) -> T:
        """What the function returns or raises, once a thread was free for it. Raises Unavailable if none was.

        Those who wait take turns by their `owner`, and come in their order otherwise.
        """
        try:
            turns = self._turns.get()
        except LookupError:
            turns = _Turns(self._threads)
            self._turns.set(turns)
        try:
            with fail_after(self._patience):
                await turns.take(owner)
        except TimeoutError:
            raise Unavailable(f"Too many requests wait for {self._name}; ask again") from None
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            return await run_sync(function, *args, limiter=CapacityLimiter(1))
        finally:
            if self._yielding:
                loop.call_later(loop.time() - began, turns.give)
            else:
                turns.give()

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
READING_SMALL = Lane("reading a small data set", 1, patience=60)
PARSING = Lane("parsing", 1, yielding=True)
"""Reading a JSON text does not let other threads run before it ends."""
MEASURING = Lane("measuring", 1)
TELLING = Lane("telling", 1)


async def attended(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What the work returns or raises. It is cancelled, and ClientDisconnect raised, as soon as the client has gone.

    The request's body has been read before. Work that runs in a thread by then ends if it looks
    (`anyio.from_thread.check_cancelled`), and is waited for.
    """
    with CancelScope() as scope:

        async def watch() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            scope.cancel()

        watching = asyncio.create_task(watch())
        try:
            return await work
        finally:
            watching.cancel()
    raise ClientDisconnect


class Computed(Response):
    """An answer whose body is made when it is sent, in a lane, and kept for those who ask for the same.

    Its headers have an ETag. What `compute` raises is answered as if the route had raised it.
    """

    def __init__(self, lane: Lane, compute: Callable[[], bytes], headers: dict[str, str], media_type: str) -> None:
        super().__init__(None, 200, headers, media_type)
        self._lane, self._compute = lane, compute

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        bodies: Bodies = scope["app"].state.bodies
        etag = self.headers["ETag"]

        def body() -> bytes:
            known = bodies.find(etag)  # another may have made it while this one waited
            return self._compute() if known is None else known[0]

        self.body = await self._lane.run(body)
        bodies.keep(etag, self.body, str(self.media_type))
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
