"""Ids that sort by creation, by the database's clock."""

from __future__ import annotations

import secrets
import threading
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK_BITS = 12
"""Of a version 7 UUID, behind its 48 bits of milliseconds: fractions of a millisecond (RFC 9562, 6.2, method 3)."""

_lock = threading.Lock()
_last = 0


def new_id(kind: str, at: datetime | None = None) -> str:
    """`kind_` and a version 7 UUID of the moment `at`.

    `at` is the database's clock (`models.database.now`) wherever ids are listed in their order, since
    hosts' clocks differ; without it the host's. Ids that this process makes for one moment ascend.
    """
    global _last
    microseconds = ((at or datetime.now(UTC)) - EPOCH) // timedelta(microseconds=1)
    milliseconds, rest = divmod(microseconds, 1000)
    tick = (milliseconds << TICK_BITS) + (rest << TICK_BITS) // 1000
    with _lock:
        # Ahead by less than a second: the same moment again. By more: another database, or its clock was set back.
        if 0 <= _last - tick < 1000 << TICK_BITS:
            tick = _last + 1
        _last = tick
    high, low = divmod(tick, 1 << TICK_BITS)
    uuid = (high << 80) | (0x7 << 76) | (low << 64) | (0b10 << 62) | secrets.randbits(62)
    return f"{kind}_{uuid:032x}"
