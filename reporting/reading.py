"""Histories and predictions as the database has them; read in parts, so that no connection is held meanwhile."""

from __future__ import annotations

import json
import math
import sqlite3
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import JSON, ColumnElement, String, func, literal, select
from sqlalchemy.orm import Session

from models.database import Database
from models.errors import NotFound
from models.history import RunHistory
from models.kinds.metrics import METRICS
from models.kinds.task import Task
from models.predictions import Predictions, unpack
from models.tables import PREDICTED, WHY, Epoch, Job, PredictionPart, Run
from models.why import Explained
from reporting.rows import RunRows, of_predictions

T = TypeVar("T")

EPOCHS_AT_ONCE = 10_000
"""Rows of one query: some milliseconds of work, so that other requests have their turn in between."""
RUNS_AT_ONCE = 500
MOST_ROWS = 5_000_000
"""Of all runs together, whose rows are compared: 16 bytes each."""

TAKES_OUT = sqlite3.sqlite_version_info >= (3, 38)
"""Whether SQLite takes a value out of a JSON document as it is written there."""


@dataclass(frozen=True)
class RunRow:
    """A run, as far as history and cost need it; `test` is the test set's score, `trial` its number in a search."""

    id: str
    job_id: str
    variant: str
    seed: int
    status: str
    epoch: int
    test: dict[str, float] | None
    parameters: int
    created_at: datetime
    chosen_epoch: int | None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    reused_from: str | None = None
    trial: int | None = None
    error: dict[str, Any] | None = None


def read_runs(session: Session, which: ColumnElement[bool]) -> list[RunRow]:
    """The runs, in their jobs' order."""
    columns: list[Any] = [getattr(Run, field.name) for field in fields(RunRow)]
    return [RunRow(*row) for row in session.execute(select(*columns).where(which).order_by(Run.job_id, Run.position))]


def read_histories(
    database: Database, runs: Iterable[RunRow | Run], metrics: Collection[str] | None = None
) -> Iterator[RunHistory]:
    """The runs' histories one after another; see `read_parts`."""
    return chain.from_iterable(read_parts(database, runs, metrics))


def read_parts(
    database: Database, runs: Iterable[RunRow | Run], metrics: Collection[str] | None = None, times: bool = False
) -> Iterator[Sequence[RunHistory]]:
    """The runs' histories in their order, some at once; see `load_histories`. Each part has a session of its own.

    Raises NotFound after the last if a job was deleted meanwhile: they may lack some of its epochs.
    """
    jobs: set[str] = set()
    for part in in_parts(runs, lambda run: run.epoch):
        jobs.update(run.job_id for run in part)
        with database.read() as session:
            histories = load_histories(session, part, metrics, times)
        yield histories
    with database.read() as session:
        if (session.scalar(select(func.count()).select_from(Job).where(Job.id.in_(jobs))) or 0) < len(jobs):
            raise NotFound("A job was deleted while its histories were read")


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
    sqlite = session.get_bind().dialect.name == "sqlite"
    few = metrics is not None and (TAKES_OUT or not sqlite)
    # Columns and no objects: a job may have a million epochs.
    columns = [_value(name, sqlite) for name in metrics or ()] if few else [Epoch.metrics]
    columns = [Epoch.run_id, Epoch.epoch, *([Epoch.recorded_at] if times else []), *columns]
    recorded: dict[str, list[Any]] = {run.id: [] for run in runs}
    for row in session.execute(select(*columns).where(Epoch.run_id.in_(recorded)).order_by(Epoch.run_id, Epoch.epoch)):
        recorded[row[0]].append(row)
    return [_history(run, recorded[run.id], metrics, few, times) for run in runs]


def _value(metric: str, sqlite: bool) -> Any:
    """One metric's value as it is stored, taken out of the document by the database."""
    # By its path, quoted: SQLite takes the point in a layer's metric, named alone, for a step further inside.
    where = f'$."{metric}"' if sqlite else metric
    # Not SQLAlchemy's own Epoch.metrics[metric]: that makes SQLite read the number and write it again, in fewer digits.
    return Epoch.metrics.op("->", return_type=JSON())(literal(where, String, literal_execute=True))


def _history(
    run: RunRow | Run, rows: Sequence[Any], wanted: Collection[str] | None, few: bool, times: bool
) -> RunHistory:
    """A run's history of rows with a column per wanted metric (`few`), or with one document."""
    _, epochs, *columns = zip(*rows, strict=True) if rows else [()] * (2 + times)
    recorded_at = columns.pop(0) if times and rows else ()
    found: dict[str, Sequence[Any]]
    if few:
        found = dict(zip(wanted or (), columns, strict=False))
    else:
        documents = columns[0] if rows else ()
        names = dict.fromkeys(name for values in documents for name in values)
        found = {name: [values.get(name) for values in documents] for name in names}
    metrics = {}
    for name in dict.fromkeys((*METRICS, *found)):
        values = found.get(name, ())
        if any(value is not None for value in values) and (wanted is None or name in wanted):
            metrics[name] = array("d", [math.nan if value is None else float(value) for value in values])
    return RunHistory(run.id, run.variant, run.seed, run.status, array("i", epochs), metrics, recorded_at)


def read_predictions(session: Session, run_id: str, split: str, task: Task) -> Predictions | None:
    """What the run predicts of this one of `PREDICTED` or `ENDS`; None if that is not kept."""
    parts = select(PredictionPart.data).where(PredictionPart.run_id == run_id, PredictionPart.split == split)
    stored = b"".join(session.scalars(parts.order_by(PredictionPart.part)))
    return unpack(task, stored) if stored else None


def read_end(session: Session, run: RunRow | Run, end: str, since: int, task: Task) -> Predictions | None:
    """What the run predicts of the validation rows at its `chosen`, `least` or `last` epoch; None if it is not kept.

    since: the epoch of its least validation loss.
    """
    if end != "chosen":
        if (kept := read_predictions(session, run.id, end, task)) is not None:
            return kept
        if (since if end == "least" else run.epoch) != run.chosen_epoch:
            return None
    return read_predictions(session, run.id, PREDICTED[0], task)


def read_why(database: Database, runs: Sequence[RunRow | Run]) -> dict[str, list[Explained]]:
    """By a run's id what is said of each of its epochs, of those of which that is kept."""
    parts: dict[str, list[bytes]] = {}
    for some in in_parts(runs, lambda run: run.epoch):
        kept = select(PredictionPart.run_id, PredictionPart.data).where(
            PredictionPart.run_id.in_([run.id for run in some]), PredictionPart.split == WHY
        )
        with database.read() as session:
            for run_id, data in session.execute(kept.order_by(PredictionPart.run_id, PredictionPart.part)):
                parts.setdefault(run_id, []).append(data)
    return {run_id: json.loads(b"".join(of_run)) for run_id, of_run in parts.items()}


def read_rows(database: Database, runs: Sequence[RunRow | Run], task: Task) -> dict[str, RunRows]:
    """By a run's id what it scores of each validation row at its chosen epoch, of those whose predictions are kept.

    Of more than `MOST_ROWS` in all, none: they are held in memory at once.
    """
    found: dict[str, RunRows] = {}
    total = 0
    for run in runs:
        if run.chosen_epoch is None:
            continue
        with database.read() as session:
            kept = read_predictions(session, run.id, PREDICTED[0], task)
        if kept is not None:
            total += len(kept.rows)
            if total > MOST_ROWS:
                return {}
            found[run.id] = of_predictions(kept, run.chosen_epoch)
    return found
