"""What a format is, and what it is given to write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from models.history import RunHistory, in_order
from models.tables import Run
from reporting.reading import RunRow

KEYS = ("job_id", "run_id", "variant", "seed", "epoch")
"""The first columns of a table in long form, one row per epoch; one column per metric follows."""


@dataclass(frozen=True)
class Export:
    """Histories on their way into a file.

    `runs` are all of them, in order, and `chunks` their histories, read as they are written. `recorded` has the
    metrics that the runs of each job record, by the job's id, whether recorded yet or not. `head` is what a JSON
    answer says before its runs.
    """

    runs: Sequence[RunRow] | Sequence[Run]
    chunks: Iterable[Sequence[RunHistory]]
    recorded: Mapping[str, Sequence[str]]
    head: dict[str, Any]

    @cached_property
    def metrics(self) -> list[str]:
        """The columns of a table."""
        names = {name: None for of_job in self.recorded.values() for name in of_job}
        return list(in_order(names))

    @cached_property
    def jobs(self) -> dict[str, str]:
        """The job of each run, by their ids."""
        return {run.id: run.job_id for run in self.runs}

    def rows(self, chunk: Sequence[RunHistory]) -> Iterator[tuple[Any, ...]]:
        """The histories in long form: `KEYS`, then a value per metric, None if it was not recorded."""
        for history in chunk:
            nothing = (None,) * len(history.epochs)
            values = [history.metrics.get(name, nothing) for name in self.metrics]
            job_id = self.jobs[history.run_id]
            for epoch, *numbers in zip(history.epochs, *values, strict=True):
                yield job_id, history.run_id, history.variant, history.seed, epoch, *numbers


@dataclass(frozen=True)
class Format:
    """A file format of histories.

    `write` gives the file piece by piece, never all of it in memory. `times`: whether the histories need the
    time of each epoch. `text`: whether a person can read it. `compressed`: whether it would become no smaller.
    """

    name: str
    media_type: str
    ending: str
    write: Callable[[Export], Iterator[bytes]]
    also: tuple[str, ...] = ()
    """Other media types that ask for it."""
    times: bool = False
    text: bool = False
    compressed: bool = False
