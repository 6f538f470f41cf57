"""Notices a Celery consumer that gets no messages any more."""

from __future__ import annotations

from contextlib import suppress

import structlog
from celery.worker import state
from redis.exceptions import RedisError

from models.settings import Settings
from worker.queue import broker, waiting

log = structlog.get_logger(__name__)


class Consumer:
    """Whether messages wait while this worker is idle and is given none.

    kombu counts a message as taken until it is acknowledged, and if the broker goes away just then, for
    ever; with as many such messages as it may take at once, a worker waits beside a full queue.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._received, self._suspected = 0, False

    def check(self) -> None:
        """Raises ConnectionError at the second look in a row at which that is so, and Celery connects anew."""
        received = sum(state.total_count.values())
        idle = received == self._received and not state.reserved_requests
        self._received = received
        ignored = False
        if idle:
            with suppress(RedisError), broker(self._settings) as server:
                ignored = waiting(server) > 0
        confirmed, self._suspected = ignored and self._suspected, ignored
        if confirmed:
            self._suspected = False
            log.warning("consumer_connects_anew")
            raise ConnectionError("Messages wait, and this idle worker is given none")
