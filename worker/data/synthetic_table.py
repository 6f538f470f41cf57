"""A table made from a seed, on which networks overfit (docs/data.md).

Drawn with integers from the raw stream of a counter-based generator, as the synthetic reviews are, and labelled by sums
of integers: every machine makes the same rows. A label that is a number is such a sum in its standard deviations, which
IEEE 754's division and square root, each rounded exactly, make the same everywhere too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.kinds.datasets.synthetic_table import SyntheticTable
from worker.data import csr
from worker.data.store import kept

VERSION = "v1"
"""Of the rows: another one when they change, so that old ones are not taken for new."""

BLOCK = 4096
"""Rows drawn at once, each block from streams of its own: a larger set begins with the smaller one's rows."""

WEIGHT = 8
"""The greatest weight of a column in a class's score, and the weight of its noise."""


def prepared(dataset: SyntheticTable, folder: Path, file: Path | None = None) -> Path:
    """The directory of these rows, made first if it is not there. Raises StorageFull."""

    def build(partial: Path) -> None:
        csr.write(partial, {split: _blocks(dataset, split) for split in csr.SPLITS})

    parts = (VERSION, dataset.seed, dataset.samples, dataset.columns, dataset.classes)
    return kept(folder / f"synthetic_table-{'-'.join(map(str, parts))}", build)


def _blocks(dataset: SyntheticTable, split: str) -> Iterator[csr.Rows]:
    weights = _weights(dataset)
    for block in range(0, dataset.samples, BLOCK):
        stream = _stream(dataset.seed, 1 + csr.SPLITS.index(split), block // BLOCK)
        count = min(BLOCK, dataset.samples - block)
        bells = _bells(stream.random_raw(BLOCK * (dataset.columns + weights.shape[1])).reshape(BLOCK, -1)[:count])
        inputs, noise = bells[:, : dataset.columns], bells[:, dataset.columns :]
        scores = inputs @ weights + WEIGHT * noise
        labels = scores[:, 0] / _deviation(weights) if dataset.classes is None else scores.argmax(axis=1)
        # Exact: an integer below 2**17 divided by a power of two.
        numbers = (inputs / 2**15).astype(np.float32)
        yield csr.Rows.of_numbers(numbers, labels.astype(np.float32))


def _weights(dataset: SyntheticTable) -> NDArray[np.int64]:
    """How much each column counts in each class's score, or in the label: the second half of the columns says nothing.

    int64 (columns, classes), or (columns, 1) for a label that is a number.
    """
    drawn = _stream(dataset.seed, 0).random_raw(dataset.columns * (dataset.classes or 1)) % (2 * WEIGHT + 1)
    weights = drawn.astype(np.int64).reshape(dataset.columns, -1) - WEIGHT
    weights[max(1, dataset.columns // 2) :] = 0
    return weights


def _deviation(weights: NDArray[np.int64]) -> float:
    """The standard deviation of a score, noise included; that of a bell is the root of (2**32 - 1) / 3."""
    return math.sqrt((int((weights**2).sum()) + WEIGHT**2) * (2**32 - 1) / 3)


def _bells(drawn: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Of each 64 bits the sum of four 16-bit numbers around 0, which is bell-shaped."""
    parts = sum((drawn >> np.uint64(16 * part)) & np.uint64(0xFFFF) for part in range(4))
    return np.asarray(parts).astype(np.int64) - 2 * 0xFFFF


def _stream(*key: int) -> np.random.Philox:
    return np.random.Philox(np.random.SeedSequence(key))
