"""What the API does by itself, every few seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from models.database import reason

log = structlog.get_logger(__name__)

OUTAGES = ("kombu", "redis", "sqlalchemy")
"""Packages whose errors mean that a server is away: a line in the log says enough."""


class Periodic:
    """A thread that does `work` at once and then every so many seconds, whatever it raises.

    Outside of requests, so that it delays no answer. Several API processes may do the same at once.
    `rounds` counts those that succeeded, `failures` the others.
    """

    def __init__(self, name: str, seconds: float, work: Callable[[], None]) -> None:
        self.rounds = self.failures = 0
        self._name, self._seconds, self._work = name, seconds, work
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self, seconds: float = 5) -> None:
        """Ends the thread after what it is doing; waits at most so long."""
        self._stopping.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            try:
                self._work()
                self.rounds += 1
            except Exception as error:  # the next round tries again
                self.failures += 1
                is_outage = type(error).__module__.partition(".")[0] in OUTAGES
                log.warning(f"{self._name}_failed", error=reason(error), exc_info=not is_outage)
            if self._stopping.wait(self._seconds):
                return
