"""A worker's row in the database: what `/readyz` and the metrics know of it."""

from __future__ import annotations

import os
import socket

from sqlalchemy import delete, update

from models.database import Database, now
from models.tables import Worker


class Presence:
    """The row of the worker `id`, which renews it every few seconds: the API's sweep removes a silent one."""

    def __init__(self, id: str, concurrency: int) -> None:
        self.id, self._concurrency = id, concurrency
        self._host, self._pid = socket.gethostname(), os.getpid()

    def renew(self, database: Database, *, ready: bool) -> None:
        """Enters it, or says that it is still there. Raises SQLAlchemy's errors."""
        with database.write() as session:
            renewed = update(Worker).where(Worker.id == self.id).values(seen_at=now(), ready=ready).returning(Worker.id)
            if session.execute(renewed).one_or_none() is None:
                session.add(
                    Worker(
                        id=self.id, host=self._host, pid=self._pid, concurrency=self._concurrency,
                        started_at=now(), seen_at=now(), ready=ready,
                    )
                )  # fmt: skip

    def end(self, database: Database) -> None:
        """Removes it. Raises SQLAlchemy's errors."""
        with database.write() as session:
            session.execute(delete(Worker).where(Worker.id == self.id))
