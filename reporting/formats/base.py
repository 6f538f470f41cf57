"""What a format is, and what it is given to write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from models.history import RunHistory

KEYS = ("job_id", "run_id", "variant", "seed", "epoch")
"""The first columns of a table in long form, one row per epoch; one column per metric follows."""

Chunk = Sequence[tuple[str, RunHistory]]
"""Some histories, each with its job's id."""


@dataclass(frozen=True)
class Exported:
    """A run whose history is exported."""

    id: str
    job_id: str
    variant: str
    seed: int


@dataclass(frozen=True)
class Export:
    """Histories on their way into a file.

    `runs` are all of them, in order, and `chunks` their histories, read as they are written. `metrics` are the
    columns of a table, whether recorded yet or not. `head` is what a JSON answer says before its runs.
    """

    runs: Sequence[Exported]
    chunks: Iterable[Chunk]
    metrics: Sequence[str]
    head: dict[str, Any]


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


def rows(chunk: Chunk, metrics: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """The histories in long form: `KEYS`, then a value per metric, None where it was not recorded."""
    for job_id, history in chunk:
        nothing = (None,) * len(history.epochs)
        values = [history.metrics.get(name, nothing) for name in metrics]
        for epoch, *numbers in zip(history.epochs, *values, strict=True):
            yield job_id, history.run_id, history.variant, history.seed, epoch, *numbers
