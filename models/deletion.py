"""Deletes what may be big: marked at once, and then removed in many short transactions.

What is marked is gone for everybody: no query of the ORM finds it (`models.tables.Deletable`). Its
rows are removed step by step by any process, whenever; a process that dies in between leaves the rest
to the next. So nobody waits for longer than a step, however much there is to delete.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import ColumnElement, Select, delete, exists, inspect, select, tuple_, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from models.database import Database, now
from models.errors import Conflict, InUse, NotFound
from models.tables import (
    FINISHED,
    SHOW_DELETED,
    Base,
    DatasetPart,
    Delivery,
    Epoch,
    Event,
    Job,
    KeptModel,
    KeptPart,
    Label,
    ModelPart,
    PredictionPart,
    Reproduction,
    Run,
    StoredDataset,
    Webhook,
)  # fmt: skip

ROWS = 2000
"""Rows that one transaction removes."""
PARTS = 8
"""Of a model or of predictions, whose rows have a megabyte each."""
DELIVERIES_KEPT_SECONDS = 7 * 86400
UNSYNCHRONIZED = {"synchronize_session": False}


# --- marking: at once ---------------------------------------------------------------------------


def delete_job(session: Session, job_id: str) -> None:
    """Deletes a finished job with all that belongs to it. Raises Conflict on any other, NotFound if there is none."""
    job = session.get(Job, job_id, with_for_update=True, populate_existing=True)
    if job is None:
        raise NotFound("There is no job with this id")
    if job.status not in FINISHED:
        raise Conflict(f"The job is still {job.status}; cancel it first")
    _mark(session, job_id)


def delete_next_expired(session: Session, age: float) -> bool:
    """Deletes a job that finished more than `age` seconds ago; whether there was one."""
    old = (Job.status.in_(FINISHED), Job.finished_at < now(-age))
    query = select(Job.id).where(*old).order_by(Job.finished_at).limit(1).with_for_update(skip_locked=True)
    if (job_id := session.scalar(query)) is None:
        return False
    _mark(session, job_id)
    return True


def delete_webhook(session: Session, webhook_id: str) -> None:
    """Deletes a webhook with its messages."""
    _mark_webhooks(session, Webhook.id == webhook_id)


def delete_dataset(session: Session, dataset_id: str) -> None:
    """Deletes a data set that no unfinished job trains on. Raises InUse on any other, NotFound if there is none."""
    if session.get(StoredDataset, dataset_id, with_for_update=True, populate_existing=True) is None:
        raise NotFound("There is no data set with this id")
    used = select(Job.id).where(Job.dataset_id == dataset_id, Job.status.not_in(FINISHED)).limit(1)
    if (job_id := session.scalar(used)) is not None:
        raise InUse(f"{job_id} trains on it and is not finished; cancel it first")
    session.execute(update(StoredDataset).where(StoredDataset.id == dataset_id).values(deleted_at=now(), digest=None))


def _mark(session: Session, job_id: str) -> None:
    session.execute(update(Job).where(Job.id == job_id).values(deleted_at=now()))
    # Whoever takes over a result or judges a reproduction has locked these rows, and is waited for here.
    session.execute(update(Run).where(Run.job_id == job_id).values(key=None, result_key=None))
    session.execute(delete(Reproduction).where(Reproduction.original_id.in_(_runs_of(job_id))))
    _mark_webhooks(session, Webhook.job_id == job_id)


def _mark_webhooks(session: Session, which: ColumnElement[bool]) -> None:
    session.execute(update(Webhook).where(which, Webhook.deleted_at.is_(None)).values(deleted_at=now()))


def _runs_of(job_id: str) -> Select[str]:
    return select(Run.id).where(Run.job_id == job_id)


# --- removing: step by step ---------------------------------------------------------------------


def delete_expired(database: Database, age: float, seconds: float) -> int:
    """Deletes jobs that finished more than `age` seconds ago, for about so many seconds; how many."""
    return in_steps(database, lambda session: int(delete_next_expired(session, age)), seconds)


def remove_deleted(database: Database, seconds: float) -> int:
    """Removes rows of what was deleted for about so many seconds; how many. 0 means that nothing is left."""
    return in_steps(database, _remove_some, seconds)


def forget_deliveries(database: Database, seconds: float) -> int:
    """Removes messages to webhooks that are older than they are kept, for about so many seconds; how many."""
    old = Delivery.created_at < now(-DELIVERIES_KEPT_SECONDS)
    return in_steps(database, lambda session: _remove(session, Delivery, old), seconds)


def forget_models(database: Database, seconds: float) -> int:
    """Removes parts of files that are no kept model any more, for about so many seconds; how many."""
    unused = ~exists().where(KeptModel.content == KeptPart.content)
    return in_steps(database, lambda session: _remove(session, KeptPart, unused, PARTS), seconds)


def in_steps(database: Database, step: Callable[[Session], int], seconds: float) -> int:
    """Does `step` in a transaction of its own, again and again, until it gives 0 or the time is over; the sum.

    Between two steps others have as long as the step took: writers to SQLite look for their turn, and
    do not stand in line.
    """
    total, until = 0, time.monotonic() + seconds
    while True:
        begun = time.monotonic()
        with database.write() as session:
            done = step(session)
        total += done
        if not done or time.monotonic() > until:
            return total
        time.sleep(max(0.01, time.monotonic() - begun))


def _remove_some(session: Session) -> int:
    """Removes some rows of what was deleted first, the last step what was marked itself; how many rows.

    The marked row is locked, so that no other process removes the same rows at the same time.
    """
    if (webhook_id := _next(session, Webhook)) is not None:
        messages = _remove(session, Delivery, Delivery.webhook_id == webhook_id)
        return messages or _remove(session, Webhook, Webhook.id == webhook_id)
    if (dataset_id := _next(session, StoredDataset)) is not None:
        parts = _remove(session, DatasetPart, DatasetPart.dataset_id == dataset_id, PARTS)
        return parts or _remove(session, StoredDataset, StoredDataset.id == dataset_id)
    if (job_id := _next(session, Job)) is None:
        return 0
    runs = _runs_of(job_id)
    return (
        _remove(session, ModelPart, ModelPart.run_id.in_(runs), PARTS)
        or _remove(session, PredictionPart, PredictionPart.run_id.in_(runs), PARTS)
        or _remove(session, KeptModel, KeptModel.run_id.in_(runs))
        or _remove(session, Epoch, Epoch.run_id.in_(runs))
        or _remove(session, Event, Event.job_id == job_id)
        or _remove(session, Run, Run.job_id == job_id)
        or _remove(session, Label, Label.job_id == job_id)
        or _remove(session, Job, Job.id == job_id)
    )


def _next(session: Session, table: type[Job | Webhook | StoredDataset]) -> str | None:
    """What was marked first; what is marked for later, because it is still being stored, is not meant."""
    marked = select(table.id).where(table.deleted_at <= now()).order_by(table.deleted_at).limit(1)
    return session.scalar(marked.with_for_update(skip_locked=True), execution_options=SHOW_DELETED)


def _remove(session: Session, table: type[Base], which: ColumnElement[bool], rows: int = ROWS) -> int:
    """Deletes up to so many rows of the table; how many."""
    key = inspect(table).primary_key
    some = select(*key).where(which).limit(rows)
    removed = session.execute(delete(table).where(tuple_(*key).in_(some)), execution_options=UNSYNCHRONIZED)
    assert isinstance(removed, CursorResult)
    return removed.rowcount


def clear_epochs(session: Session, which: ColumnElement[bool]) -> bool:
    """Removes up to ROWS epochs of the runs that `which` names, and their models; whether none is left."""
    runs = select(Run.id).where(which)
    return all(_remove(session, table, table.run_id.in_(runs)) < ROWS for table in (KeptModel, Epoch))
