"""Whether this host's worker can train: `python -m worker.health` ends with 0 if so, for a container's health check."""

from __future__ import annotations

import socket
import sys

from sqlalchemy import exists, select
from sqlalchemy.exc import SQLAlchemyError

from models.database import connected, now
from models.settings import Settings
from models.tables import Worker

SILENT_SECONDS = 20
"""A worker renews its row every five seconds."""


def healthy(settings: Settings) -> bool:
    """Whether the database knows a worker of this host that was seen lately and has a process that can train."""
    here = exists().where(Worker.host == socket.gethostname(), Worker.ready, Worker.seen_at > now(-SILENT_SECONDS))
    try:
        with connected(settings) as database, database.read() as session:
            return bool(session.scalar(select(here)))
    except SQLAlchemyError:
        return False


if __name__ == "__main__":
    sys.exit(not healthy(Settings()))
