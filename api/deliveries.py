"""Delivers webhooks: from the database, signed, again and again with growing pauses until they arrive.

A task for each webhook that has something to send, so an address that is slow or dead delays itself
alone. Several API processes share the work by leases. A process that dies sends the last message again.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta
from typing import TypeVar

import httpx
import structlog
from anyio import CapacityLimiter, to_thread
from sqlalchemy import select
from sqlalchemy.orm import Session
from standardwebhooks import Webhook as Signer

from api.addresses import CALL_SECONDS, Caller, Refused
from models.database import Database, now, reason
from models.deliveries import Leased, find_due, find_messages, lease, note_outcome, release
from models.settings import Settings
from models.tables import Delivery

log = structlog.get_logger(__name__)
T = TypeVar("T")

POLL_SECONDS = 1.0
TURN_SECONDS = 20.0
"""How long one webhook's messages are sent before it waits in line again."""
LEASE_SECONDS = 60.0
"""Longer than a turn and the call that it ends with, on a database that is slow."""
BATCH = 100
"""Messages that are read at once."""
AT_ONCE, PER_OWNER = 256, 64
"""Webhooks that are served at the same time: in all, and of one owner."""
STOP_SECONDS = 3.0


class Deliveries:
    """Belongs to one event loop. `start` and `stop` begin and end it; `wake` when there is something new."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._caller = Caller(settings.webhook_private)
        self._turns: dict[asyncio.Task[None], str] = {}
        # Threads of its own: requests and deliveries do not wait for each other's.
        self._threads = CapacityLimiter(4)

    def start(self) -> None:
        """Begins with what was left over."""
        self._task = self._loop.create_task(self._run(), name="deliveries")

    def wake(self) -> None:
        """Looks at once; called from any thread."""
        self._loop.call_soon_threadsafe(self._woken.set)

    async def stop(self) -> None:
        """Ends the calls under way: whoever starts next makes them again."""
        tasks = {self._task, *self._turns}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=STOP_SECONDS)
        await self._caller.close()

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self._begin_turns()
            except Exception as error:  # whatever it is, the next round tries again
                log.warning("deliveries_failed", error=reason(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()

    async def _begin_turns(self) -> None:
        """Serves webhooks that are due, of the owner first who has the fewest served now."""
        free = AT_ONCE - len(self._turns)
        if free <= 0:
            return
        due = await self._do(self._database.read, lambda session: find_due(session, PER_OWNER, AT_ONCE))
        served = Counter(self._turns.values())
        in_turn = sorted(due, key=lambda each: served[each.owner] + each.rank)
        for each in [each for each in in_turn if served[each.owner] + each.rank <= PER_OWNER][:free]:
            turn = self._loop.create_task(self._turn(each.webhook_id), name=f"deliver to {each.webhook_id}")
            self._turns[turn] = each.owner
            turn.add_done_callback(self._ended)

    def _ended(self, turn: asyncio.Task[None]) -> None:
        del self._turns[turn]
        if turn.cancelled():
            return
        if error := turn.exception():  # the database's: the lease runs out, and the message is sent again
            log.warning("delivery_failed", error=reason(error))
        else:
            self._woken.set()

    async def _turn(self, webhook_id: str) -> None:
        """Sends a webhook's due messages, one after the other, until one fails or others shall have their turn."""
        leased = await self._do(self._database.write, lambda session: lease(session, webhook_id, LEASE_SECONDS))
        if leased is None:
            return
        until = self._loop.time() + TURN_SECONDS
        try:
            while True:
                clock, messages = await self._do(self._database.read, lambda session: _read(session, webhook_id))
                read_at = self._loop.time()
                for message in messages:
                    sent_at = clock + timedelta(seconds=self._loop.time() - read_at)
                    if not await self._deliver(leased, message, sent_at) or self._loop.time() > until:
                        return
                if not messages:
                    return
        finally:
            await self._do(self._database.write, lambda session: release(session, leased))

    async def _deliver(self, leased: Leased, message: Delivery, sent_at: datetime) -> bool:
        """Sends one message and notes what came of it; whether the next may be sent."""
        error = await self._send(leased, message, sent_at)
        pause = self._settings.webhook_retry_seconds
        return await self._do(self._database.write, lambda session: note_outcome(session, message, error, pause))

    async def _send(self, leased: Leased, message: Delivery, sent_at: datetime) -> str | None:
        """Sends one message, signed by the Standard Webhooks rules; why it did not arrive."""
        timestamp = message.created_at.isoformat().replace("+00:00", "Z")
        body = json.dumps({"type": message.type, "timestamp": timestamp, "data": message.payload})
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "ockham",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": Signer(leased.secret).sign(message.id, sent_at, body),
        }
        try:
            status = await self._caller.post(leased.url, body.encode(), headers)
        except Refused as refused:
            return str(refused)
        except TimeoutError:
            return f"no complete answer within {CALL_SECONDS:g} seconds"
        except httpx.HTTPError as failure:
            return type(failure).__name__
        return None if 200 <= status < 300 else f"status {status}"

    async def _do(self, transaction: Callable[[], AbstractContextManager[Session]], work: Callable[[Session], T]) -> T:
        """`work` in a transaction, in a thread; whoever is cancelled meanwhile does not wait for it."""

        def run() -> T:
            with transaction() as session:
                return work(session)

        return await to_thread.run_sync(run, limiter=self._threads, abandon_on_cancel=True)


def _read(session: Session, webhook_id: str) -> tuple[datetime, Sequence[Delivery]]:
    """The database's clock and the next messages: verifiers refuse a signature by a host whose clock is wrong."""
    messages = find_messages(session, webhook_id, BATCH)
    return session.scalars(select(now())).one(), messages
