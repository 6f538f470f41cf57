"""Whether a run gives the same numbers when it is trained again.

A reproduction is a run of its own, in a job of its own. When it has succeeded its history is compared
with the original's, and the verdict is stored with the original.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import states
from models.database import now
from models.errors import Conflict, NotFound
from models.history import in_order, kind
from models.specification import Specification, stored
from models.tables import Epoch, Job, Reproduction, Run, Status

TOLERANCE = 0.05
"""How far two values may be apart, as a fraction of the greater: other processors add in another order."""

FLOOR = 0.01
"""Values this close count as within tolerance, however small they are."""

Values = dict[str, float]
"""An epoch's metrics; not finite ones as they are, those not recorded absent."""


@dataclass(frozen=True)
class Difference:
    """The first epoch that differs (from 1), and the first metric there with both values.

    A value that is not finite is `nan`, `inf` or `-inf`; it is null if one of the
    histories lacks the epoch or the metric.
    """

    epoch: int
    metric: str
    original: float | str | None
    again: float | str | None


@dataclass(frozen=True)
class Comparison:
    """Two histories compared."""

    verdict: Literal["bitwise", "within_tolerance", "diverged"]
    first_difference: Difference | None


def compare(original: Sequence[Values], again: Sequence[Values]) -> Comparison:
    """`bitwise` where every value of every epoch has the same bits, `within_tolerance` where none is further apart
    than `TOLERANCE` of the greater or `FLOOR`, else `diverged`; and the first epoch that differs at all.

    Two NaN are the same.
    """
    first, close = None, len(original) == len(again)
    for number in range(1, max(len(original), len(again)) + 1):
        one = original[number - 1] if number <= len(original) else {}
        other = again[number - 1] if number <= len(again) else {}
        for metric in dict.fromkeys((*one, *other)):
            a, b = one.get(metric), other.get(metric)
            if a is not None and b is not None and (a == b or (math.isnan(a) and math.isnan(b))):
                continue
            first = first or Difference(number, metric, _shown(a), _shown(b))
            close = close and a is not None and b is not None
            close = close and math.isclose(a or 0, b or 0, rel_tol=TOLERANCE, abs_tol=FLOOR)
    return Comparison("bitwise" if first is None else "within_tolerance" if close else "diverged", first)


def _shown(value: float | None) -> float | str | None:
    return kind(value) if value is not None and not math.isfinite(value) else value


def request(session: Session, run: Run, owner: str) -> Job:
    """A job that trains `run` again, whatever is stored.

    Raises Conflict if the run has not succeeded, and NotFound if it is deleted at this moment.
    """
    # The original stays until this transaction ends.
    if session.scalar(select(Job.id).where(Job.id == run.job_id).with_for_update(read=True)) is None:
        raise NotFound("There is no run with this id")
    if run.status != Status.SUCCEEDED:
        raise Conflict(f"The run has {run.status}; what succeeded can be reproduced" if run.finished_at else
                       f"The run is still {run.status}; it can be reproduced when it has succeeded")  # fmt: skip
    specification = stored(run.job.spec)
    variant = next(each for each in specification.variants if each.name == run.variant)
    again = Specification(
        name=f"Reproduction of {run.id}",
        dataset=specification.dataset,
        training=specification.training,
        variants=(variant,),
        baseline=run.variant,
        seeds=(run.seed,),
        vary=specification.vary,
        reuse="never",
        metadata={"reproduces": run.id},
    )
    job = states.submit(session, again, owner)
    trained = session.scalars(select(Run.id).where(Run.job_id == job.id)).one()
    session.add(Reproduction(run_id=trained, job_id=job.id, original_id=run.id, requested_at=now()))
    session.flush()
    return job


def judge(session: Session, run_id: str) -> None:
    """Stores the verdict, where the run that has succeeded is a reproduction."""
    # Locked: with the original's job, which may be deleted at this moment, its reproductions go.
    if (asked := session.get(Reproduction, run_id, with_for_update=True)) is None:
        return
    found = compare(_values(session, asked.original_id), _values(session, run_id))
    asked.verdict = found.verdict
    asked.first_difference = None if found.first_difference is None else asdict(found.first_difference)


def _values(session: Session, run_id: str) -> list[Values]:
    stored = session.scalars(select(Epoch.metrics).where(Epoch.run_id == run_id).order_by(Epoch.epoch))
    return [in_order(metrics) for metrics in stored]
