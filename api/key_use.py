"""When keys were last used: noted beside the requests, so that no read waits for a write or fails by it."""

from __future__ import annotations

from models import keys
from models.database import Database

SECONDS = 2


class KeyUse:
    """The keys used since they were last noted."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._used: set[str] = set()

    def note(self, key_id: str) -> None:
        """The key is in use; never blocks."""
        self._used.add(key_id)

    def write(self) -> None:
        """Notes the keys that were used. Raises SQLAlchemy's errors; the next use is then noted."""
        used, self._used = self._used, set()
        if not used:
            return
        with self._database.read() as session:
            unnoted = keys.unnoted(session, used)
        if unnoted:
            with self._database.write() as session:
                keys.note_use(session, unnoted)
