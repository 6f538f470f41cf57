"""Which addresses are told of which events: deliveries are added in the transaction of the event itself."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session
from uuid6 import uuid7

from models.database import now
from models.tables import Delivery, Event, Job, Webhook


def announce(session: Session, job: Job, event: Event) -> None:
    """Adds a delivery of `event` for each webhook of the job or its owner that asks for events of its type."""
    told = (
        select(Webhook)
        .where(
            Webhook.owner == job.owner,
            or_(Webhook.job_id.is_(None), Webhook.job_id == job.id),
            Webhook.disabled_at.is_(None),
        )
        # Until the delivery is committed nobody deletes its webhook, and one that is being deleted is told nothing.
        .with_for_update(read=True, key_share=True)
    )
    data = {"job_id": job.id, "event_id": event.id, "run_id": event.run_id, "data": event.data}
    with session.no_autoflush:
        for webhook in session.scalars(told):
            if wants(webhook.events, event.type):
                add(session, webhook, event.type, data, job_id=job.id, event_id=event.id)


def wants(patterns: list[str], kind: str) -> bool:
    """Whether one of `patterns` (`run.epoch`, `job.*`, `*`) is for events of type `kind`."""
    return any(fnmatchcase(kind, pattern) for pattern in patterns)


def add(session: Session, webhook: Webhook, kind: str, data: dict[str, Any], **event: Any) -> Delivery:
    """A delivery that is due now; of an `event`, its `job_id` and `event_id`."""
    delivery = Delivery(
        id=f"msg_{uuid7().hex}", webhook_id=webhook.id, type=kind, payload=data, created_at=now(), due_at=now(), **event
    )
    session.add(delivery)
    return delivery
