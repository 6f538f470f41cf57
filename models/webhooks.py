"""Which webhooks are told of which events: messages are added in the transaction of the events themselves."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from sqlalchemy import insert, or_, select
from sqlalchemy.orm import Session
from uuid6 import uuid7

from models.database import now
from models.tables import Delivery, Job, Webhook


class Happened(NamedTuple):
    """An event of a job: its number, and what it tells."""

    id: int
    type: str
    run_id: str | None
    data: dict[str, Any]


def announce(session: Session, job: Job, events: Sequence[Happened]) -> None:
    """Adds a message of each event for each webhook of the job or its owner that asks for events of its type."""
    messages = []
    for hook_id, patterns in _listening(session, job):
        for event in events:
            if wants(patterns, event.type):
                data = {"job_id": job.id, "event_id": event.id, "run_id": event.run_id, "data": event.data}
                messages.append(message(hook_id, event.type, data, job_id=job.id, event_id=event.id))
    add(session, messages)


def _listening(session: Session, job: Job) -> list[tuple[str, list[str]]]:
    """The webhooks of the job and its owner with the types that they ask for, read once in a transaction.

    They stay until it ends: a webhook that is being deleted is waited for and then told nothing.
    """
    known: dict[str, list[tuple[str, list[str]]]] = session.info.setdefault("webhooks", {})
    if job.id not in known:
        told = select(Webhook.id, Webhook.events).where(
            Webhook.owner == job.owner,
            or_(Webhook.job_id.is_(None), Webhook.job_id == job.id),
            Webhook.disabled_at.is_(None),
        )
        rows = session.execute(told.order_by(Webhook.id).with_for_update(read=True, key_share=True))
        known[job.id] = [(hook_id, patterns) for hook_id, patterns in rows]
    return known[job.id]


def wants(patterns: list[str], kind: str) -> bool:
    """Whether one of `patterns` (`run.epoch`, `job.*`, `*`) is for events of type `kind`."""
    return any(fnmatchcase(kind, pattern) for pattern in patterns)


def message(hook_id: str, kind: str, data: dict[str, Any], *, job_id: str = "", event_id: int = 0) -> dict[str, Any]:
    """A message to a webhook, of an event or none."""
    return {
        "id": f"msg_{uuid7().hex}",
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
