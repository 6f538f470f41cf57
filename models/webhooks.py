"""Which webhooks are told of which events: messages are added in the transaction of the events themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from sqlalchemy import Row, insert, or_, select
from sqlalchemy.orm import Session

from models.database import now
from models.ids import new_id
from models.tables import Delivery, Job, Webhook

TYPES = (
    "job.queued", "job.started", "job.looked", "job.searched", "job.changed", "job.succeeded", "job.failed",
    "job.cancelled",
    "run.started", "run.epoch", "run.requeued", "run.restarted", "run.cancelling",
    "run.succeeded", "run.failed", "run.cancelled",
)  # fmt: skip
"""The types of events."""


class Happened(NamedTuple):
    """An event of a job: its number, and what it tells."""

    id: int
    type: str
    run_id: str | None
    data: dict[str, Any]


def announce(session: Session, job: Job, events: Sequence[Happened]) -> None:
    """Adds a message of each event for each webhook of the job or its owner that asks for events of its type."""
    messages = []
    for hook_id, patterns, clock in _listening(session, job):
        for event in events:
            if wants(patterns, event.type):
                data = {"job_id": job.id, "event_id": event.id, "run_id": event.run_id, "data": event.data}
                messages.append(message(hook_id, event.type, data, clock, job_id=job.id, event_id=event.id))
    add(session, messages)


def _listening(session: Session, job: Job) -> Sequence[Row[str, list[str], datetime]]:
    """The webhooks of the job and its owner, the types that they ask for, and the time; read once in a transaction.

    They stay until it ends: a webhook that is being deleted is waited for and then told nothing.
    """
    known: dict[str, Sequence[Row[str, list[str], datetime]]] = session.info.setdefault("webhooks", {})
    if job.id not in known:
        told = select(Webhook.id, Webhook.events, now()).where(
            Webhook.owner == job.owner,
            or_(Webhook.job_id.is_(None), Webhook.job_id == job.id),
            Webhook.disabled_at.is_(None),
        )
        known[job.id] = session.execute(told.order_by(Webhook.id).with_for_update(read=True, key_share=True)).all()
    return known[job.id]


def wants(patterns: list[str], kind: str) -> bool:
    """Whether one of `patterns` (`run.epoch`, `job.*`, `*`) is for events of type `kind`."""
    return any(fnmatchcase(kind, pattern) for pattern in patterns)


def message(
    hook_id: str, kind: str, data: dict[str, Any], clock: datetime, *, job_id: str = "", event_id: int = 0
) -> dict[str, Any]:
    """A message to a webhook, made at `clock`, the database's time; of an event or none."""
    return {
        "id": new_id("msg", clock),
        "webhook_id": hook_id,
        "job_id": job_id,
        "event_id": event_id,
        "type": kind,
        "payload": data,
    }


def add(session: Session, messages: Sequence[dict[str, Any]]) -> None:
    """Adds messages that are due now, in one statement."""
    if messages:
        session.execute(insert(Delivery).values(created_at=now(), due_at=now()), messages)
