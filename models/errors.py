"""Errors of the domain: each carries the HTTP status and the stable code it is answered with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar


class OckhamError(Exception):
    """An error a user can act on.

    `status` is the HTTP status, `code` a stable word for programs, `title` a stable phrase for
    people; the message is the detail of this one case and names no path and no SQL.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, *, headers: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = headers or {}
        self.extra = extra


MOST_ERRORS = 100
"""So many are told at once; the others are counted."""


class Malformed(OckhamError):
    status, code, title = 400, "malformed", "The request could not be read"


class NotFound(OckhamError):
    status, code, title = 404, "not_found", "There is no such thing"


class Conflict(OckhamError):
    status, code, title = 409, "conflict", "Not possible in the present state"


class NotSucceeded(Conflict):
    """A run that has no results: it has not ended, or not well."""

    code, title = "not_succeeded", "The run has no such result"


class PredictionsNotKept(NotFound):
    """A run that succeeded without its predictions being kept."""

    code, title = "predictions_not_kept", "The run's predictions are not kept"


class EpochNotKept(NotFound):
    """An epoch whose model a run has not kept; `kept_epochs` are those that it has."""

    code, title = "epoch_not_kept", "The model of this epoch is not kept"


class InUse(Conflict):
    """A data set on which an unfinished job trains."""

    code, title = "in_use", "It is in use"


class UnreadableSpecification(Conflict):
    """A stored specification that another version of the service, or one with more kinds, has accepted."""

    code, title = "specification_unreadable", "The specification is of another version"


class InvalidBody(OckhamError):
    """A body with faults; `errors` lists every one at once, `more` were counted besides."""

    status = 422
    what: ClassVar[str]

    def __init__(self, errors: Sequence[dict[str, str]], more: int = 0) -> None:
        count = len(errors) + more
        detail = f"{count} error{'s' if count != 1 else ''} in the {self.what}"
        if count > MOST_ERRORS:
            detail += f": the first {MOST_ERRORS}, and {count - MOST_ERRORS:,} more"
        super().__init__(detail, errors=list(errors)[:MOST_ERRORS], error_count=count)
        self.errors = list(errors)


class SpecificationError(InvalidBody):
    """A specification that cannot be trained."""

    code, title, what = "invalid_specification", "The specification is not valid", "specification"


class WebhookError(InvalidBody):
    """A webhook that cannot be created."""

    code, title, what = "invalid_webhook", "The webhook is not valid", "webhook"


class ComparisonError(InvalidBody):
    """A comparison that cannot be stored."""

    code, title, what = "invalid_comparison", "The comparison is not valid", "comparison"


class NotForTask(OckhamError):
    status, code, title = 422, "not_for_task", "The data set's task has no such metric"


class DifferentTasks(OckhamError):
    status, code, title = 422, "different_tasks", "These jobs' numbers cannot be compared"


class Unavailable(OckhamError):
    status, code, title = 503, "unavailable", "The service cannot answer now"

    def __init__(self, detail: str, retry_after: int = 5) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class RunError(Exception):
    """Why a run failed, as stored with it: `{code, message, retryable}`."""

    code: ClassVar[str] = "training_failed"
    retryable: ClassVar[bool] = False

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "message": str(self), "retryable": self.retryable}


class DatasetUnavailable(RunError):
    """The data set cannot be had on this machine (no copy, no network)."""

    code = "dataset_unavailable"
    retryable = True


class DatasetInvalid(RunError):
    """The data set's file is truncated, of another shape, or holds what it must not."""

    code = "dataset_invalid"


class Diverged(RunError):
    """A loss is no longer finite."""

    code = "diverged"


class StorageFull(RunError):
    """No space is left for the database, a checkpoint or a model."""

    code = "storage_full"
    retryable = True


class BookkeepingFailed(RunError):
    """What the run was to record could not be stored, again and again, although the database was there."""

    code = "bookkeeping_failed"
    retryable = True


class SpecificationUnreadable(RunError):
    """The worker cannot read the job's specification: another version of Ockham accepted it."""

    code = "specification_unreadable"
    retryable = True


class Pruned(RunError):
    """A trial that the search's pruner has ended early: cancelled by nobody, and no failure."""

    code = "pruned"


class OutOfMemory(RunError):
    """The run needs more memory than a worker may use."""

    code = "out_of_memory"


class TimeLimitExceeded(RunError):
    """The run took longer than one may."""

    code = "time_limit_exceeded"


class Stopped(Exception):
    """Training was asked to stop between two batches: cancelled, handed back, or its lease lost.

    Not a failure of the run: whoever asked knows what becomes of it.
    """
