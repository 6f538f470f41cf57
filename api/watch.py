"""Waiting for jobs to change, however many clients wait for however many jobs: one query at a time asks for all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence, Set
from contextlib import suppress
from typing import NamedTuple

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from api.job_versions import JobVersion, read_versions
from api.schemas import Event, event_object
from models import keys
from models.database import Database
from models.tables import Event as EventRow

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.1
PAGE = 1000


def read_events(database: Database, job_id: str, after: int, limit: int = PAGE) -> list[Event]:
    """A job's events after `after`, oldest first."""
    query = select(EventRow).where(EventRow.job_id == job_id, EventRow.id > after).order_by(EventRow.id).limit(limit)
    with database.read() as session:
        return [event_object(row) for row in session.scalars(query)]


class Waiting(NamedTuple):
    """Who waits: the version that it has seen, and the id of its key, empty without one."""

    seen: JobVersion | None
    key: str


class Watch:
    """Belongs to one event loop. `start` and `stop` begin and end it, `close` ends every wait."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, dict[asyncio.Future[JobVersion | None], Waiting]] = {}
        self._pages: dict[tuple[str, int], asyncio.Task[tuple[int, str]]] = {}
        self._wake = asyncio.Event()
        self.closing = False

    def start(self) -> None:
        """Begins to ask."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="watch")

    def close(self) -> None:
        """Ends every wait at once: a service that is told to end shall not wait for its listeners."""
        self.closing = True
        for futures in self._waiting.values():
            for future, waiting in futures.items():
                if not future.done():
                    future.set_result(waiting.seen)
        self._wake.set()

    async def stop(self) -> None:
        """Ends the task."""
        self.close()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def change(self, job_id: str, seen: JobVersion | None, seconds: float, key: str = "") -> JobVersion | None:
        """The job's version as soon as it is not `seen`; `seen` itself after `seconds`.

        None as soon as the job is gone, or the API key with the id `key` is valid no more.
        """
        if self.closing:
            return seen
        future: asyncio.Future[JobVersion | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job_id, {})[future] = Waiting(seen, key)
        self._wake.set()
        try:
            return await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return seen
        finally:
            del self._waiting[job_id][future]
            if not self._waiting[job_id]:
                del self._waiting[job_id]

    async def finish(self, job_id: str, seen: JobVersion | None, seconds: float, key: str = "") -> JobVersion | None:
        """The job's version as soon as it has finished, or after `seconds`; None as `change` has it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while seen and not seen.finished and not self.closing and (left := deadline - loop.time()) > 0:
            seen = await self.change(job_id, seen, left, key)
        return seen

    async def frames(self, job_id: str, after: int) -> tuple[int, str]:
        """The events after `after` as server-sent events, and the last one's id.

        Those who follow the same job ask at the same moment: they share one query.
        """
        key = (job_id, after)
        if (page := self._pages.get(key)) is None:
            page = self._pages[key] = asyncio.get_running_loop().create_task(self._read(job_id, after))
            page.add_done_callback(lambda _: self._pages.pop(key))
        return await asyncio.shield(page)

    async def _read(self, job_id: str, after: int) -> tuple[int, str]:
        events = await run_in_threadpool(read_events, self._database, job_id, after)
        return events[-1].id if events else after, "".join(map(_frame, events))

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            if not self._waiting:
                await self._wake.wait()
            # Only those who wait by now: what others have seen may be newer than what is read here.
            asked = {job_id: list(futures.items()) for job_id, futures in self._waiting.items()}
            used = {waiting.key for futures in asked.values() for _, waiting in futures}
            try:
                versions, ended = await run_in_threadpool(self._read_versions, list(asked), used)
            except Exception as error:  # whatever it is, whoever waits goes on waiting, and the next round asks again
                outage = isinstance(error, SQLAlchemyError)
                log.warning("watch_failed", error=type(error).__name__, exc_info=not outage)
            else:
                for job_id, futures in asked.items():
                    for future, waiting in futures:
                        version = None if waiting.key in ended else versions.get(job_id)
                        if not future.done() and version != waiting.seen:
                            future.set_result(version)
            await asyncio.sleep(POLL_SECONDS)

    def _read_versions(self, job_ids: Sequence[str], used: Set[str]) -> tuple[dict[str, JobVersion], set[str]]:
        with self._database.read() as session:
            return read_versions(session, job_ids), keys.ended(session, used)


def _frame(event: Event) -> str:
    """One server-sent event (WHATWG HTML, 9.2)."""
    return f"id: {event.id}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n"
