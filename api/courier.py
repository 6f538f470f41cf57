"""Delivers webhooks: from the database, signed, again and again with growing pauses until they arrive.

One thread an API process. A webhook is leased before its messages are sent, so that one process at a
time sends them, in the order of the events; a process that dies in between sends the last one again.
"""

from __future__ import annotations

import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import structlog
from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.orm import Session
from standardwebhooks import Webhook as Signer

from api import idempotency
from api.addresses import Refused, post
from models.database import Database, now
from models.settings import Settings
from models.tables import Delivery, Webhook

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
LEASE_SECONDS = 60.0
TURN_SECONDS = 20.0
"""How long one webhook's messages are sent before others have their turn; a call takes at most 15 s more."""
AT_ONCE = 8
ATTEMPTS = 9
LONGEST_PAUSE = 10 * 3600
"""With the first pause of 5 s: 5 s, 20 s, 80 s, 5 min, 21 min, 85 min, 6 h, 10 h, then given up."""
KEPT_SECONDS = 7 * 86400
TIDY_SECONDS = 600


class Courier:
    """The thread; `wake` when there is something new, `stop` ends it."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._woken = threading.Event()
        self._stopping = False
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook")
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begins with what was left over."""
        self._thread.start()

    def wake(self) -> None:
        """Looks at once."""
        self._woken.set()

    def stop(self) -> None:
        """Ends the thread after the calls under way."""
        self._stopping = True
        self._woken.set()
        self._thread.join(timeout=20)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        tidy_at = 0.0
        while not self._stopping:
            self._woken.clear()
            try:
                with self._database.read() as session:
                    due = due_webhooks(session)
                if due:
                    for turn in [self._pool.submit(self._turn, webhook_id) for webhook_id in due]:
                        turn.result()
                    continue
                if time.monotonic() >= tidy_at:
                    tidy_at = time.monotonic() + TIDY_SECONDS
                    with self._database.write() as session:
                        idempotency.forget_expired(session)
                        session.execute(delete(Delivery).where(Delivery.created_at < now(-KEPT_SECONDS)))
            except Exception as error:  # whatever it is, the next round tries again
                log.warning("courier_failed", error=type(error).__name__)
            self._woken.wait(POLL_SECONDS)

    def _turn(self, webhook_id: str) -> None:
        """Sends a webhook's due messages, the oldest first."""
        with self._database.write() as session:
            if not lease(session, webhook_id):
                return
        until = time.monotonic() + TURN_SECONDS
        try:
            while not self._stopping and time.monotonic() < until and self._send_next(webhook_id):
                pass
        finally:
            with self._database.write() as session:
                session.execute(update(Webhook).where(Webhook.id == webhook_id).values(leased_until=None))

    def _send_next(self, webhook_id: str) -> bool:
        """Whether there was a message, and it arrived."""
        with self._database.read() as session:
            message = session.scalar(
                select(Delivery)
                .where(Delivery.webhook_id == webhook_id, Delivery.due_at <= now())
                .order_by(Delivery.id)
                .limit(1)
            )
            webhook = session.get(Webhook, webhook_id)
        if message is None or webhook is None:
            return False
        error = self._call(webhook, message)
        with self._database.write() as session:
            settle(session, message, error, self._settings.webhook_retry_seconds)
        return error is None

    def _call(self, webhook: Webhook, message: Delivery) -> str | None:
        """Sends one message, signed by the Standard Webhooks rules; why it did not arrive."""
        timestamp = message.created_at.isoformat().replace("+00:00", "Z")
        body = json.dumps({"type": message.type, "timestamp": timestamp, "data": message.payload})
        sent_at = datetime.now(UTC)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "ockham",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": Signer(webhook.secret).sign(message.id, sent_at, body),
        }
        try:
            status = post(webhook.url, body.encode(), headers, self._settings.webhook_private)
        except Refused as refused:
            return str(refused)
        except httpx.HTTPError as failure:
            return type(failure).__name__
        return None if 200 <= status < 300 else f"status {status}"


def due_webhooks(session: Session) -> list[str]:
    """Webhooks with messages that are due, and that nobody has leased."""
    due = exists().where(Delivery.webhook_id == Webhook.id, Delivery.due_at <= now())
    free = or_(Webhook.leased_until.is_(None), Webhook.leased_until < now())
    return list(session.scalars(select(Webhook.id).where(due, free).limit(AT_ONCE)))


def lease(session: Session, webhook_id: str) -> bool:
    """Takes the webhook for this process alone; whether that was possible."""
    free = or_(Webhook.leased_until.is_(None), Webhook.leased_until < now())
    taken = session.execute(
        update(Webhook)
        .where(Webhook.id == webhook_id, free)
        .values(leased_until=now(LEASE_SECONDS))
        .returning(Webhook.id)
    )
    return taken.one_or_none() is not None


def settle(session: Session, message: Delivery, error: str | None, first_pause: float) -> None:
    """Notes how an attempt ended, and when the next one is. An address that says 410 Gone is called no more."""
    attempts = message.attempts + 1
    if error is None:
        outcome: dict[str, Any] = {"delivered_at": now(), "due_at": None, "error": None}
    elif error == "status 410" or attempts >= ATTEMPTS:
        outcome = {"due_at": None, "error": error}
    else:
        pause = min(LONGEST_PAUSE, first_pause * 4 ** (attempts - 1)) * random.uniform(0.9, 1.1)
        outcome = {"due_at": now(pause), "error": error}
    session.execute(update(Delivery).where(Delivery.id == message.id).values(attempts=attempts, **outcome))
    if error == "status 410":
        session.execute(update(Webhook).where(Webhook.id == message.webhook_id).values(disabled_at=now()))
        waiting = (Delivery.webhook_id == message.webhook_id, Delivery.due_at.is_not(None))
        session.execute(update(Delivery).where(*waiting).values(due_at=None, error="the webhook was disabled"))
