"""Limits, each with an answer that says what to do: requests per minute, queued runs, work and memory per run."""

from __future__ import annotations

import math
import threading
import time

from fastapi import Request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.database import take_turn
from models.errors import OckhamError, SpecificationError
from models.estimates import cost_of
from models.faults import fault
from models.resolution import narrowest, probed
from models.settings import Settings
from models.specification import Specification
from models.tables import Job, Run, Status

MOST_CALLERS = 10_000
"""Above so many, those are forgotten whose requests are all free again."""


class TooMany(OckhamError):
    """More than a key may ask for now."""

    status, code, title = 429, "too_many_requests", "Too much at once"


class TooManyQueued(TooMany):
    """The key has as many runs queued as it may."""

    code = "too_many_queued_runs"


class RequestRate:
    """Counts requests in this process's memory: a limit that costs no query.

    So many may come at once, and as many come free again within each minute, evenly. Of each caller one number is kept,
    when all of its requests will be free again: the generic cell rate algorithm (ITU-T I.371).
    """

    def __init__(self, a_minute: int) -> None:
        self._a_minute, self._each = a_minute, 60 / a_minute
        self._free_again: dict[str, float] = {}
        self._lock = threading.Lock()

    def count(self, who: str) -> dict[str, str]:
        """Counts a request of `who`; the RateLimit headers of its answer. Raises TooMany."""
        with self._lock:
            now = time.monotonic()
            if len(self._free_again) > MOST_CALLERS:
                self._free_again = {caller: at for caller, at in self._free_again.items() if at > now}
            after = max(self._free_again.get(who, now), now) + self._each
            wait = after - now - 60
            if allowed := wait < 1e-6:
                self._free_again[who] = after
            else:
                after -= self._each
        headers = {
            "RateLimit-Limit": str(self._a_minute),
            "RateLimit-Remaining": str(math.floor((60 - (after - now)) / self._each + 1e-6)),
            "RateLimit-Reset": str(max(1, math.ceil(after - now))),
        }
        if not allowed:
            detail = f"{self._a_minute} requests per minute are allowed"
            raise TooMany(detail, headers={**headers, "Retry-After": str(max(1, math.ceil(wait)))})
        return headers


def count_request(request: Request, who: str) -> None:
    """Counts a request of a key or an address; its answer gets the RateLimit headers. Raises TooMany."""
    request.state.headers = request.app.state.rate.count(who)


def check_size(specification: Specification, settings: Settings) -> None:
    """Raises SpecificationError with each variant, or end of a search, whose runs ask for too much work or memory, and
    if the models of all runs that are kept take too much room."""
    errors, models = [], 0
    memory = settings.worker_memory_mb << 20
    given = [(("variants", i), variant) for i, variant in enumerate(specification.variants)]
    for place, variant in (*given, *probed(specification)):
        run = specification.run_of(variant, specification.seeds[0])
        cost = cost_of(run)
        models = max(models, cost.models)
        if cost.memory > memory:
            detail = (
                f"Training it would take about {cost.memory >> 20} MB of memory, and a worker may use {memory >> 20} MB"
            )
            errors.append(fault(place, "too_much_memory", detail))
        if cost.work > settings.max_run_work:
            detail = (
                f"Its parameters times training {run.dataset.rows} times epochs are {cost.work:.1e}, "
                f"and at most {settings.max_run_work:.1e} are allowed"
            )
            errors.append(fault(place, "too_much_work", detail))
    kept = models * specification.runs
    if specification.keep != "chosen" and kept > settings.max_kept_bytes:
        detail = (
            f"The models of its runs would take up to {kept >> 20} MB, and those of a job that keeps more than "
            f"the chosen ones may take {settings.max_kept_bytes >> 20} MB"
        )
        errors.append(fault(("keep",), "too_much_kept", detail))
    if errors:
        raise SpecificationError(narrowest(errors))


def check_queue(session: Session, owner: str, more: int, settings: Settings) -> None:
    """Raises TooManyQueued where `more` runs would be too many for `owner`.

    Until the transaction ends no other counts the owner's runs: several at once would each find room for itself.
    """
    take_turn(session, f"queue of {owner}")
    queued = session.scalar(
        select(func.count()).select_from(Run).join(Job).where(Run.status == Status.QUEUED, Job.owner == owner)
    )
    if (queued or 0) + more > settings.max_queued_runs:
        detail = f"It would make {(queued or 0) + more} queued runs, and {settings.max_queued_runs} may be queued"
        raise TooManyQueued(detail, headers={"Retry-After": "30"})
