"""The same run is not trained twice: which runs are the same, and how one takes over another's result.

Two runs are the same where everything their numbers depend on is: the specification with its seed
(`key`, known when a job is submitted) and what it is trained under (the fingerprint: versions,
training code, processor, threads, the data set's hash; known to the worker that holds the run).
Under one fingerprint the same specification gives the same bits, so nothing is taken over that
training would not have given. docs/reuse.md has the rules for users.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, insert, literal, select
from sqlalchemy.orm import Session, aliased

from models.database import now
from models.history import in_order, shown
from models.specification import RunSpecification
from models.tables import Epoch, Job, KeptModel, ModelPart, PredictionPart, Run, Status

# Made once: an alias costs milliseconds, and the condition below is part of every claim.
_twin, _stored = aliased(Run), aliased(Run)
_twin_job, _stored_job = aliased(Job), aliased(Job)


def key_of(run: RunSpecification) -> str:
    """The same for runs that are to be trained the same: the SHA-256 of the resolved specification and seed."""
    return hashlib.sha256(run.model_dump_json().encode()).hexdigest()


def result_key_of(key: str, fingerprint: Mapping[str, Any]) -> str:
    """The same for runs whose results are the same, bit by bit."""
    return hashlib.sha256((key + json.dumps(fingerprint, sort_keys=True)).encode()).hexdigest()


def awaits_twin(owner: Any, across_keys: bool) -> ColumnElement[bool]:
    """A condition on `Run`, of a job of `owner`: a worker is training the same run, and its result may be had.

    If the result that it will have is stored already, there is nothing to wait for. One of another
    fingerprint (from before an upgrade, say) is another result.
    """

    def within_reach(runs: Select[Any], run: Any, job: Any) -> Select[Any]:
        return runs if across_keys else runs.join(job, job.id == run.job_id).where(job.owner == owner)

    has_result = within_reach(
        select(_stored.id).where(_stored.result_key == _twin.result_key, _stored.status == Status.SUCCEEDED),
        _stored,
        _stored_job,
    )
    same = (_twin.key == Run.key, _twin.id != Run.id, _twin.status == Status.RUNNING)
    trains = within_reach(select(_twin.id).where(*same, ~exists(has_result.correlate(_twin, Job))), _twin, _twin_job)
    return and_(Run.reuse, exists(trains.correlate(Run, Job)))


def find(session: Session, run_id: str, owner: str, across_keys: bool) -> Run | None:
    """A run that succeeded with the result that `run_id` would have; it stays until the transaction ends."""
    result_key = select(Run.result_key).where(Run.id == run_id).scalar_subquery()
    stored = select(Run).join(Job).where(Run.result_key == result_key, Run.id != run_id, Run.status == Status.SUCCEEDED)
    if not across_keys:
        stored = stored.where(Job.owner == owner)
    return session.scalar(stored.order_by(Run.id).limit(1).with_for_update(read=True, of=Run))


def copy(session: Session, source: Run, run_id: str, after: int) -> Iterator[dict[str, Any]]:
    """Gives the run the source's models, predictions, and epochs after `after`; each epoch as its event has it."""
    columns = ("epoch", "metrics", "seconds")
    theirs = select(literal(run_id), now(), *(getattr(Epoch, name) for name in columns)).where(
        Epoch.run_id == source.id, Epoch.epoch > after
    )
    session.execute(insert(Epoch).from_select(["run_id", "recorded_at", *columns], theirs))
    carried = (
        (ModelPart, ("part", "data")),
        (PredictionPart, ("split", "part", "data")),
        (KeptModel, ("epoch", "digest", "content", "size")),
    )
    for table, names in carried:
        session.execute(delete(table).where(table.run_id == run_id))  # what an attempt before this left behind
        parts = select(literal(run_id), *(getattr(table, name) for name in names)).where(table.run_id == source.id)
        session.execute(insert(table).from_select(["run_id", *names], parts))
    mine = select(Epoch).where(Epoch.run_id == run_id, Epoch.epoch > after).order_by(Epoch.epoch)
    for epoch in session.scalars(mine):
        yield event_data(epoch.epoch, epoch.metrics, epoch.seconds)


def event_data(epoch: int, metrics: Mapping[str, float], seconds: float) -> dict[str, Any]:
    """What the event of a recorded epoch tells."""
    values, odd = shown(in_order(metrics))
    return {"epoch": epoch, "metrics": values, "seconds": seconds, **({"nonfinite": odd} if odd else {})}
