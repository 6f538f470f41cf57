"""`Idempotency-Key`: a request that is sent twice is done once, and answered twice with the first answer.

The answer is stored in the transaction that does the work. Of requests that come at once the first to
insert the key does the work; the database makes the others wait for its commit, and they replay it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from fastapi import Header
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.database import now
from models.errors import OckhamError
from models.tables import Idempotency

KEPT_SECONDS = 24 * 3600
REPLAYED = {"Idempotency-Replayed": "true"}
"""What the stored first answer has beside its own headers."""
DOCUMENTED = {
    "Idempotency-Replayed": {"description": "`true` if this is the stored first answer", "schema": {"type": "string"}}
}

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="Any text of one's own: sent again with the same body within 24 hours, it is done once",
    ),
]


class KeyReused(OckhamError):
    """The key belongs to a request with another body."""

    status, code, title = 422, "idempotency_key_reused", "The Idempotency-Key belongs to another request"


def claim(session: Session, owner: str, key: str | None, body: Any) -> str | None:
    """The stored answer to this request; None if it is the first or has no key: then `keep` must have its answer.

    Raises KeyReused.
    """
    if key is None:
        return None
    # The same JSON value is the same request, however it is spaced and ordered.
    request = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()
    mine = (Idempotency.owner == owner, Idempotency.key == key)
    session.execute(delete(Idempotency).where(*mine, Idempotency.created_at < now(-KEPT_SECONDS)))
    try:
        with session.begin_nested():
            session.add(Idempotency(owner=owner, key=key, request=request, answer="", created_at=now()))
    except IntegrityError:
        first = session.scalars(select(Idempotency).where(*mine)).one()
        if first.request != request:
            raise KeyReused("Another body was sent with this Idempotency-Key; send a new key with a new body") from None
        return first.answer
    return None


def keep(session: Session, owner: str, key: str | None, answer: str) -> None:
    """Stores the first answer of a request that has a key."""
    if key is not None:
        session.get_one(Idempotency, (owner, key)).answer = answer


def forget_expired(session: Session) -> None:
    """Removes answers that are older than they are kept."""
    session.execute(delete(Idempotency).where(Idempotency.created_at < now(-KEPT_SECONDS)))
