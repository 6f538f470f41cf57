"""What runs recorded, epoch by epoch, and what that says in brief: history, metrics, analysis."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.jobs import find_job
from api.problems import documented
from api.summary import finite, nonfinite, summarize
from models.history import EVALUATED, METRICS, RunHistory
from models.tables import Epoch, Run

router = APIRouter(tags=["results"])


class NonFinite(BaseModel):
    """A value that JSON shows as null."""

    epoch: int
    metric: str
    kind: Literal["nan", "inf", "-inf"]


class RunEpochs(BaseModel):
    """A run's epochs so far; each metric has one value an epoch."""

    run_id: str
    variant: str
    seed: int
    status: str
    epochs: list[int]
    metrics: dict[str, list[float | None]]
    nonfinite: list[NonFinite]


class History(BaseModel):
    """Every run's epochs, never sampled."""

    object: Literal["history"] = "history"
    job_id: str
    runs: list[RunEpochs]


def load_histories(session: Session, runs: Iterable[Run]) -> list[RunHistory]:
    """The runs' histories, in their order."""
    runs = list(runs)
    recorded: dict[str, list[Epoch]] = {run.id: [] for run in runs}
    if runs:
        query = select(Epoch).where(Epoch.run_id.in_(recorded)).order_by(Epoch.run_id, Epoch.epoch)
        for epoch in session.scalars(query):
            recorded[epoch.run_id].append(epoch)
    return [_history(run, recorded[run.id]) for run in runs]


def _history(run: Run, epochs: list[Epoch]) -> RunHistory:
    metrics = {}
    for name in (*METRICS, *EVALUATED):
        values = tuple(_value(epoch, name) for epoch in epochs)
        if not all(value is None for value in values):
            metrics[name] = tuple(math.nan if value is None else value for value in values)
        elif name in METRICS:
            metrics[name] = ()
    return RunHistory(run.id, run.variant, run.seed, run.status, tuple(e.epoch for e in epochs), metrics)


def _value(epoch: Epoch, metric: str) -> float | None:
    kind = (epoch.nonfinite or {}).get(metric)
    return float(kind) if kind else getattr(epoch, metric)  # type: ignore[no-any-return]


@router.get("/jobs/{job_id}/history", response_model=History, summary="Every epoch", responses=documented(404, 503))
def get_history(request: Request, job_id: str) -> Any:
    """Losses and accuracies of every epoch of every run."""
    with request.app.state.database.read() as session:
        histories = load_histories(session, find_job(session, job_id).runs)
    return History(job_id=job_id, runs=[_epochs(history) for history in histories])


def _epochs(history: RunHistory) -> RunEpochs:
    return RunEpochs(
        run_id=history.run_id,
        variant=history.variant,
        seed=history.seed,
        status=history.status,
        epochs=list(history.epochs),
        metrics={name: finite(values) for name, values in history.metrics.items()},
        nonfinite=[NonFinite(**each) for each in nonfinite(history)],
    )


By = Annotated[Literal["val_loss", "val_data_loss", "val_acc"], Query(description="What the best epoch is chosen by")]


@router.get("/jobs/{job_id}/metrics", summary="A summary a run and a variant", responses=documented(404, 422, 503))
def get_metrics(request: Request, job_id: str, by: By = "val_loss") -> dict[str, Any]:
    """The final and the best epoch of each run, and across seeds mean, standard deviation and interval."""
    with request.app.state.database.read() as session:
        histories = load_histories(session, find_job(session, job_id).runs)
    return {"object": "metrics", "job_id": job_id, **summarize(histories, by=by)}
