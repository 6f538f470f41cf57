"""Histories as the database has them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.history import EVALUATED, METRICS, RunHistory
from models.tables import Epoch, Run

_COLUMNS = (Epoch.run_id, Epoch.epoch, Epoch.nonfinite, *(getattr(Epoch, name) for name in (*METRICS, *EVALUATED)))


def load_histories(session: Session, runs: Iterable[Run], times: bool = False) -> list[RunHistory]:
    """The runs' histories, in their order; with `times`, when each epoch was recorded too."""
    runs = list(runs)
    recorded: dict[str, list[tuple[object, ...]]] = {run.id: [] for run in runs}
    if runs:
        # Columns and no objects: a job may have a million epochs.
        columns = (*_COLUMNS, Epoch.recorded_at) if times else _COLUMNS
        query = select(*columns).where(Epoch.run_id.in_(recorded)).order_by(Epoch.run_id, Epoch.epoch)
        for row in session.execute(query):
            recorded[row[0]].append(tuple(row))
    return [_history(run, recorded[run.id], times) for run in runs]


def _history(run: Run, rows: Sequence[tuple[object, ...]], times: bool) -> RunHistory:
    _, epochs, kinds, *columns = zip(*rows, strict=True) if rows else [()] * (len(_COLUMNS) + times)
    recorded_at = columns.pop() if times else ()
    metrics = {}
    for name, values in zip((*METRICS, *EVALUATED), columns, strict=True):
        if any(kinds):
            values = tuple(
                float(kind[name]) if kind and name in kind else value for value, kind in zip(values, kinds, strict=True)
            )
        if any(value is None for value in values):
            if name in EVALUATED and all(value is None for value in values):
                continue
            values = tuple(math.nan if value is None else value for value in values)
        if values or name in METRICS:
            metrics[name] = values
    return RunHistory(run.id, run.variant, run.seed, run.status, epochs, metrics, recorded_at)
