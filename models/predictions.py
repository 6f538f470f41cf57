"""What a finished run predicts of each row at its chosen epoch: how it is stored, and how it is read again.

Stored are the network's outputs before their activation, such as the log-odds of two classes, as 16-bit floats: near 0
and near 1 a probability as such would have lost the digits that its loss is made of. Of a regression, 32-bit floats.
Rows and labels take the smallest integers that hold them; all of it is one compressed NumPy archive.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.kinds.task import Task


@dataclass(frozen=True)
class Predictions:
    """Of each row of a set.

    rows: int64 (n,), rising: the row's number in its file, from 1. labels: float64 (n, 1), the number of the class, or
    the number to predict; (n, units) if a row has several. outputs: float64 (n, units), before the activation.
    """

    task: Task
    rows: NDArray[np.int64]
    labels: NDArray[np.float64]
    outputs: NDArray[np.float64]

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """What the network answers: (n, units)."""
        return self.task.activated(self.outputs)

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """The data's loss of each row: (n,)."""
        return self.task.losses(self.labels, self.outputs)


def size_of(task: Task, rows: int) -> int:
    """How many bytes the outputs of so many rows take, before they are compressed."""
    return rows * task.units * np.dtype(task.kept).itemsize


def pack(
    task: Task,
    rows: NDArray[np.int64] | None,
    labels: NDArray[np.float32],
    outputs: NDArray[np.float32],
) -> bytes:
    """What is stored of these rows. `rows`: their numbers, in any order; None: 1, 2, …"""
    if rows is not None:
        order = np.argsort(rows, kind="stable")
        rows, labels, outputs = rows[order], labels[order], outputs[order]
    range_of = np.finfo(task.kept)
    kept = np.clip(task.centred(outputs), range_of.min, range_of.max).astype(task.kept)
    arrays: dict[str, NDArray[np.generic]] = {"labels": _small(labels), "outputs": kept}
    if rows is not None:
        arrays["gaps"] = _small(np.diff(rows, prepend=0))
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def unpack(task: Task, stored: bytes) -> Predictions:
    """What `pack` was given, with as many digits as are kept."""
    with np.load(io.BytesIO(stored), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    labels = arrays["labels"].astype(np.float64)
    gaps = arrays.get("gaps", np.ones(len(labels), np.int64))
    return Predictions(
        task, rows=np.cumsum(gaps, dtype=np.int64), labels=labels, outputs=arrays["outputs"].astype(np.float64)
    )


def _small(values: NDArray[np.float32] | NDArray[np.int64]) -> NDArray[np.generic]:
    """The same in the smallest unsigned integers that hold it, or as it is."""
    largest = values.max(initial=0)
    if values.min(initial=0) >= 0 and largest < 2**32:
        small = values.astype(np.min_scalar_type(int(largest)))
        if np.array_equal(small, values):
            return small
    return values
