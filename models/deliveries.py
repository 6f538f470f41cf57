"""Messages on their way to webhooks: which are due, who sends them, and how an attempt ended.

A webhook is leased before its messages are sent, so that one process at a time sends them. After a
failed attempt the webhook pauses: an address that does not answer costs one attempt a pause, however
many messages wait for it. Each function works inside the caller's transaction.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.orm import Session

from models.database import now
from models.tables import Delivery, Webhook

ATTEMPTS = 9
LONGEST_PAUSE = 10 * 3600
"""Of a message: with the first pause of 5 s: 5 s, 20 s, 80 s, 5 min, 21 min, 85 min, 6 h, 10 h, then given up."""
LONGEST_WEBHOOK_PAUSE = 300
"""Of a webhook: how much later than its address a recovery may be noticed."""
GONE = "status 410"


class Due(NamedTuple):
    """A webhook with messages to send; `rank` counts those of its owner, from 1."""

    webhook_id: str
    owner: str
    rank: int


class Leased(NamedTuple):
    """A webhook that this process alone sends to, `until` then."""

    id: str
    url: str
    secret: str
    until: datetime


def find_due(session: Session, per_owner: int, limit: int) -> list[Due]:
    """Webhooks with messages that are due and that nobody has leased: the first of each owner, then each second, ….

    Of an owner's, those whose last attempt arrived come first.
    """
    waiting = exists().where(Delivery.webhook_id == Webhook.id, Delivery.due_at <= now())
    ready = (
        or_(Webhook.leased_until.is_(None), Webhook.leased_until < now()),
        or_(Webhook.paused_until.is_(None), Webhook.paused_until <= now()),
        Webhook.disabled_at.is_(None),
    )
    order = func.coalesce(Webhook.paused_until, Webhook.created_at)
    rank = func.row_number().over(partition_by=Webhook.owner, order_by=(Webhook.failures, order, Webhook.id))
    ranked = select(Webhook.id, Webhook.owner, rank.label("rank")).where(waiting, *ready).subquery()
    query = select(ranked).where(ranked.c.rank <= per_owner).order_by(ranked.c.rank, ranked.c.id).limit(limit)
    return [Due(*row) for row in session.execute(query)]


def lease(session: Session, webhook_id: str, seconds: float) -> Leased | None:
    """Takes the webhook for this process alone; None if another has it, or it is gone."""
    free = or_(Webhook.leased_until.is_(None), Webhook.leased_until < now())
    taken = session.execute(
        update(Webhook)
        .where(Webhook.id == webhook_id, Webhook.deleted_at.is_(None), free)
        .values(leased_until=now(seconds))
        .returning(Webhook.id, Webhook.url, Webhook.secret, Webhook.leased_until)
    ).one_or_none()
    return None if taken is None or taken[3] is None else Leased(taken[0], taken[1], taken[2], taken[3])


def release(session: Session, leased: Leased) -> None:
    """Gives the webhook back, unless the lease has run out and is another's."""
    mine = (Webhook.id == leased.id, Webhook.leased_until == leased.until)
    session.execute(update(Webhook).where(*mine).values(leased_until=None))


def find_messages(session: Session, webhook_id: str, limit: int) -> Sequence[Delivery]:
    """The webhook's due messages, a job's in the order of its events, first those of the job that waits longest.

    The events' numbers decide, not the clocks of the hosts that recorded them.
    """
    due = (Delivery.webhook_id == webhook_id, Delivery.due_at <= now())
    since = func.min(Delivery.created_at).over(partition_by=Delivery.job_id)
    order = (since, Delivery.job_id, Delivery.event_id, Delivery.id)
    return session.scalars(select(Delivery).where(*due).order_by(*order).limit(limit)).all()


def note_outcome(session: Session, message: Delivery, error: str | None, first_pause: float) -> bool:
    """Notes how an attempt ended; whether the webhook may be sent its next message now.

    An address that answers 410 Gone is called no more.
    """
    attempts = message.attempts + 1
    mine = Webhook.id == message.webhook_id
    outcome: dict[str, Any] = {"attempts": attempts, "error": error, "due_at": None}
    # The webhook's row before the message's, as the database deletes them: the other way round two could deadlock.
    if error is None:
        session.execute(update(Webhook).where(mine, Webhook.failures > 0).values(failures=0, paused_until=None))
        outcome["delivered_at"] = now()
    else:
        failed = {"failures": Webhook.failures + 1, **({"disabled_at": now()} if error == GONE else {})}
        failures = session.scalar(update(Webhook).where(mine).values(failed).returning(Webhook.failures))
        if failures is None:
            return False
        first = first_pause * random.uniform(0.9, 1.1)
        if attempts < ATTEMPTS and error != GONE:
            outcome["due_at"] = now(min(LONGEST_PAUSE, first * 4 ** (attempts - 1)))
        pause = min(LONGEST_WEBHOOK_PAUSE, first * 4 ** min(failures - 1, 30))
        session.execute(update(Webhook).where(mine).values(paused_until=now(pause)))
    noted = update(Delivery).where(Delivery.id == message.id).values(outcome)
    session.execute(noted, execution_options={"synchronize_session": False})
    return error is None and session.scalar(select(Webhook.id).where(mine)) is not None
