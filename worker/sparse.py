"""The first layer's product with rows of numbers and words, and its feeding, by what is not 0.

A review is a row of zeros with ones at its words, so `rows @ kernel` is, for each review, the sum
of its words' kernel rows, and the kernel's gradient is, for each word, the sum of the output
gradients of the reviews it occurs in. Both are computed by `worker.compiled`, and their cost follows
the words present. The kernel's rows are cut into blocks: first those of a row's numbers, which are dense and
go through an ordinary matrix product, then those of the words. Rows are never copied: an epoch is an order of them.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from worker import compiled

if TYPE_CHECKING:
    from worker.data import Dataset, Rows

SHARDS = 2
"""Sparse blocks of a wide first kernel: as many threads work on them at once."""

EVALUATION_ROWS = 1024

NARROW = 32
"""Below this many units a kernel's gradient stays in the processor's cache while it is added to in any order."""


class Words(NamedTuple):
    """All rows' words in one block, counted from its first: see `worker.compiled`.

    starts: int64 (rows + 1). indices: int32 (pairs). values: float32 (pairs), or none if all are 1.
    """

    starts: tf.Tensor
    indices: tf.Tensor
    values: tf.Tensor


class Batches(NamedTuple):
    """Rows in batches, as the graphs take them.

    numbers: float32 (rows, width of the first block), without columns if rows have none. labels: float32 (rows, 1).
    words: those of the sparse blocks. All of them are in the rows' own order.
    order: int64 (rows), the row at each place. starts: int64 (batches + 1), batch b has the places
    [starts[b], starts[b + 1]).
    """

    numbers: tf.Tensor
    labels: tf.Tensor
    words: tuple[Words, ...]
    order: tf.Tensor
    starts: tf.Tensor

    def rows(self, batch: tf.Tensor) -> tf.Tensor:
        """The rows of one batch."""
        return self.order[self.starts[batch] : self.starts[batch + 1]]


@dataclass(frozen=True)
class Blocks:
    """Rows cut into blocks of columns, made once per data set."""

    numbers: tf.Tensor
    words: tuple[Words, ...]
    labels: tf.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(cls, rows: Rows, cuts: tuple[int, ...]) -> Blocks:
        """`rows` cut at `cuts`. Raises ValueError if their words are not below the last of them."""
        indices, indptr = np.asarray(rows.indices), np.asarray(rows.indptr, np.int64)
        indptr = indptr - indptr[0]
        if np.diff(indptr).min(initial=0) < 0 or indptr[-1] != len(indices):
            raise ValueError("The rows' starts are not in rising order, or do not end where their words end")
        if len(indices) and not cuts[0] <= indices.min() <= indices.max() < cuts[-1]:
            raise ValueError(f"The rows' words are not from {cuts[0]} up to {cuts[-1]}")
        words = []
        for first, last in itertools.pairwise(cuts):
            inside: Any = slice(None)
            ends = indptr
            if (first, last) != (cuts[0], cuts[-1]):
                inside = (indices >= first) & (indices < last)
                ends = np.concatenate([[0], np.cumsum(inside)])[indptr]
            values = np.zeros(0, np.float32) if rows.values is None else rows.values[inside]
            words.append(Words(*map(tf.constant, (ends, indices[inside] - np.int32(first), values))))
        numbers = np.zeros((len(rows), 0), np.float32) if rows.numbers is None else rows.numbers
        labels = np.asarray(rows.labels, np.float32)
        return cls(tf.constant(numbers), tuple(words), tf.constant(labels.reshape(len(labels), -1)))

    def batches(self, size: int, order: np.ndarray) -> Batches:
        """Batches of `size` rows (the last may be smaller), in this order."""
        starts = np.append(np.arange(0, len(order), size, dtype=np.int64), np.int64(len(order)))
        return Batches(self.numbers, self.labels, self.words, tf.constant(order), tf.constant(starts))

    @cached_property
    def in_order(self) -> Batches:
        """Batches for evaluation, in the rows' own order."""
        return self.batches(EVALUATION_ROWS, np.arange(len(self)))


@dataclass(frozen=True)
class Prepared:
    """A data set cut into blocks that end at `cuts`."""

    cuts: tuple[int, ...]
    train: Blocks
    validation: Blocks


_prepared: OrderedDict[tuple[Any, ...], Prepared] = OrderedDict()


def prepare(data: Dataset, units: int) -> Prepared:
    """`data` as a first layer of `units` wants it; the last two are kept."""
    shards = 1 if units < NARROW else SHARDS
    own_validation = data.validation is not data.test
    key = (data.sha256, data.inputs, len(data.train), len(data.validation), own_validation, shards)
    if key not in _prepared:
        while len(_prepared) >= 2:  # before the new one is made: three at once are not kept
            _prepared.popitem(last=False)
        cuts = cuts_of(data.train if data.whole is None else data.whole, data.inputs, shards)
        _prepared[key] = Prepared(cuts, Blocks.of(data.train, cuts), Blocks.of(data.validation, cuts))
    _prepared.move_to_end(key)
    return _prepared[key]


def forget() -> None:
    """Drops what `prepare` keeps."""
    _prepared.clear()


def cuts_of(rows: Rows, inputs: int, shards: int) -> tuple[int, ...]:
    """Where the kernel's blocks end: that of the numbers, and `shards` of words with about as many pairs each."""
    numbers = 0 if rows.numbers is None else rows.numbers.shape[1]
    if numbers == inputs:
        return (numbers,)
    cumulated = np.cumsum(np.bincount(rows.indices, minlength=inputs)[numbers:])
    inner = np.searchsorted(cumulated, cumulated[-1] * np.arange(1, shards) / shards) + numbers + 1
    return (numbers, *sorted({min(int(cut), inputs - 1) for cut in inner} - {numbers}), inputs)


def product(block: Any, words: Words, rows: tf.Tensor) -> Any:
    """The rows `rows` times `block`: float32 (rows, units)."""
    return _computed(compiled.product, block.shape[1], block, *words, rows)


def product_gradient(block: Any, words: Words, rows: tf.Tensor, gradient: tf.Tensor) -> Any:
    """The gradient of the block, `transpose(rows) @ gradient`, from that of its product (rows, units)."""
    columns, units = block.shape
    function = compiled.gradient_by_row if units < NARROW else compiled.gradient_by_column
    made = _computed(function, units, gradient, *words, rows, tf.constant(columns))
    made.set_shape(block.shape)
    return made


def densified(words: Words, rows: tf.Tensor, width: int) -> Any:
    """The rows `rows` of a block as one dense array, float32 (rows, width)."""
    return _computed(compiled.dense, width, *words, rows, tf.constant(width))


def _computed(function: Any, width: int, *arguments: tf.Tensor) -> Any:
    # Without state, so that blocks are computed at once if there are threads.
    made = tf.numpy_function(function, arguments, tf.float32, stateful=False)
    made.set_shape((None, width))
    return made


def order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order of the rows in an epoch (from 1): a permutation that depends on nothing else."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(count)
