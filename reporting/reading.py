"""Histories as the database has them, read in parts: no connection is held while one is worked on."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.database import Database
from models.history import EVALUATED, METRICS, RunHistory
from models.tables import Epoch, Run

T = TypeVar("T")

EPOCHS_AT_ONCE = 10_000
"""Rows of one query: some milliseconds of work, so that other requests have their turn in between."""
RUNS_AT_ONCE = 500


@dataclass(frozen=True)
class RunRow:
    """A run, as far as its history needs it; `test` is the test set's score."""

    id: str
    job_id: str
    variant: str
    seed: int
    status: str
    epoch: int
    test: dict[str, float | None] | None


def read_runs(session: Session, which: ColumnElement[bool]) -> list[RunRow]:
    """The runs, in their jobs' order."""
    columns = (Run.id, Run.job_id, Run.variant, Run.seed, Run.status, Run.epoch, Run.test)
    return [RunRow(*row) for row in session.execute(select(*columns).where(which).order_by(Run.job_id, Run.position))]


def read_histories(
    database: Database, runs: Iterable[RunRow | Run], metrics: Collection[str] | None = None
) -> Iterator[RunHistory]:
    """The runs' histories one after another; see `read_parts`."""
    return chain.from_iterable(read_parts(database, runs, metrics))


def read_parts(
    database: Database, runs: Iterable[RunRow | Run], metrics: Collection[str] | None = None, times: bool = False
) -> Iterator[Sequence[RunHistory]]:
    """The runs' histories in their order, some at once; see `load_histories`. Each part has a session of its own."""
    for part in in_parts(runs, lambda run: run.epoch):
        with database.read() as session:
            histories = load_histories(session, part, metrics, times)
        yield histories


def in_parts(items: Iterable[T], epochs: Callable[[T], int]) -> Iterator[Sequence[T]]:
    """`items`, as many at once as have some thousand epochs."""
    part: list[T] = []
    count = 0
    for item in items:
        if part and (count + epochs(item) > EPOCHS_AT_ONCE or len(part) == RUNS_AT_ONCE):
            yield part
            part, count = [], 0
        part.append(item)
        count += epochs(item)
    if part:
        yield part


def load_histories(
    session: Session, runs: Sequence[RunRow | Run], metrics: Collection[str] | None = None, times: bool = False
) -> list[RunHistory]:
    """The runs' histories, in their order: of `metrics`, or of all; with `times`, when each epoch was recorded too."""
    names = [name for name in (*METRICS, *EVALUATED) if metrics is None or name in metrics]
    # Columns and no objects: a job may have a million epochs.
    columns = [Epoch.run_id, Epoch.epoch, Epoch.nonfinite, *(getattr(Epoch, name) for name in names)]
    columns += [Epoch.recorded_at] if times else []
    recorded: dict[str, list[Any]] = {run.id: [] for run in runs}
    for row in session.execute(select(*columns).where(Epoch.run_id.in_(recorded)).order_by(Epoch.run_id, Epoch.epoch)):
        recorded[row[0]].append(row)
    return [_history(run, recorded[run.id], names, times) for run in runs]


def _history(run: RunRow | Run, rows: Sequence[Any], names: Sequence[str], times: bool) -> RunHistory:
    _, epochs, kinds, *columns = zip(*rows, strict=True) if rows else [()] * (3 + len(names) + times)
    recorded_at = columns.pop() if times else ()
    metrics = {}
    for name, values in zip(names, columns, strict=True):
        if any(kinds):
            values = tuple(float(k[name]) if k and name in k else v for v, k in zip(values, kinds, strict=True))
        if None not in values:
            metrics[name] = array("d", values)
        elif name in METRICS or any(value is not None for value in values):
            metrics[name] = array("d", (math.nan if value is None else value for value in values))
    return RunHistory(run.id, run.variant, run.seed, run.status, array("i", epochs), metrics, recorded_at)
