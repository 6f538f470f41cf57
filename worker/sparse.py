"""The first layer's product with rows of numbers and words, and its feeding, by what is not 0.

A review is a row of zeros with ones at its words, so `rows @ kernel` is, for each review, the sum
of its words' kernel rows, and the kernel's gradient is, for each word, the sum of the output
gradients of the reviews it occurs in. The kernel's rows are cut into blocks. Word ids are ranks of
frequency, so the first block holds the few words that make up half of all (review, word) pairs:
as dense rows these cost less. The pairs of the other blocks stay sparse, and their cost follows
the words present. A row's numbers come before its words: they are the first block's first columns, which
is then float32 instead of bytes, and nothing else changes. If words are counted or weighted, each pair has a value,
and both products are those of TensorFlow's sparse matrices.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy.sparse
import tensorflow as tf

if TYPE_CHECKING:
    from worker.data import Dataset, Rows

FREQUENT = 0.1
"""A column that is 1 in more of the rows than this is cheaper as a dense column (docs/performance.md)."""

SHARDS = 4
"""Sparse blocks of a wide first kernel: threads work on them at once, and each is nearer to fitting a cache."""

EVALUATION_ROWS = 1024

NARROW = 32
"""Below this many units TensorFlow's scalar kernel beats its vectorized segment sums."""


class Pairs(NamedTuple):
    """One sparse block's (row, word) pairs of many batches, batch after batch.

    by_row: int32 (pairs, 2), by row within a batch; rows count from 0 within the batch, words within the block.
    by_word: the same by word within a batch; empty where no segment sum needs it.
    offsets: int64 (batches + 1), batch b has the pairs [offsets[b], offsets[b + 1]).
    values: float32 (pairs), those of `by_row`; None if all are 1.
    """

    by_row: tf.Tensor
    by_word: tf.Tensor
    offsets: tf.Tensor
    values: tf.Tensor | None

    def of(self, batch: tf.Tensor) -> Pairs:
        """Those of one batch."""
        span = slice(self.offsets[batch], self.offsets[batch + 1])
        values = None if self.values is None else self.values[span]
        return Pairs(self.by_row[span], self.by_word[span], self.offsets[batch : batch + 2], values)


class Batches(NamedTuple):
    """Rows in batches, as the graphs take them.

    head: (rows, width of the first block), dense: uint8 if all of it is 0 or 1, else float32.
    labels: float32 (rows, 1). starts: int64 (batches + 1), batch b has the rows [starts[b], starts[b + 1]).
    tails: the sparse blocks.
    """

    head: tf.Tensor
    labels: tf.Tensor
    starts: tf.Tensor
    tails: tuple[Pairs, ...]


@dataclass(frozen=True)
class Blocks:
    """Rows cut into blocks of columns, made once per data set."""

    head: np.ndarray
    tails: tuple[Any, ...]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(cls, rows: Rows, cuts: tuple[int, ...]) -> Blocks:
        """`rows` cut at `cuts`."""
        indices, indptr = np.asarray(rows.indices), np.asarray(rows.indptr)
        indptr = indptr - indptr[0]
        row_of = np.repeat(np.arange(len(rows), dtype=np.int32), np.diff(indptr))
        frequent = indices < cuts[0]
        ones = rows.values is None
        head = np.zeros((len(rows), cuts[0]), np.uint8 if ones and rows.numbers is None else np.float32)
        head[row_of[frequent], indices[frequent]] = 1 if rows.values is None else rows.values[frequent]
        if rows.numbers is not None:
            head[:, : rows.numbers.shape[1]] = rows.numbers
        tails = []
        for first, last in itertools.pairwise(cuts):
            inside = (indices >= first) & (indices < last)
            ends = np.concatenate([[0], np.cumsum(inside)])[indptr].astype(np.int32)
            words = indices[inside] - np.int32(first)
            values = np.ones(len(words), np.int8) if rows.values is None else rows.values[inside]
            tails.append(scipy.sparse.csr_array((values, words, ends), shape=(len(rows), last - first)))
        labels = np.asarray(rows.labels, np.float32)
        return cls(head, tuple(tails), labels.reshape(len(labels), -1))

    def batches(self, size: int, permutation: np.ndarray | None = None, by_word: bool = False) -> Batches:
        """Batches of `size` rows (the last may be smaller), in the order of `permutation` or in their own."""
        chosen = slice(None) if permutation is None else permutation
        starts = np.append(np.arange(0, len(self), size, dtype=np.int64), np.int64(len(self)))
        tails = tuple(_pairs(tail if permutation is None else tail[chosen], starts, by_word) for tail in self.tails)
        return Batches(tf.constant(self.head[chosen]), tf.constant(self.labels[chosen]), tf.constant(starts), tails)

    @cached_property
    def in_order(self) -> Batches:
        """Batches for evaluation, in the rows' own order."""
        return self.batches(EVALUATION_ROWS)


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
    """Where the kernel's blocks end: the first, then `shards` sparse ones with about as many pairs each."""
    counts = np.bincount(rows.indices, minlength=inputs)
    numbers = 0 if rows.numbers is None else rows.numbers.shape[1]
    frequent = numbers + int((counts > FREQUENT * len(rows)).sum())
    head = min(inputs, max(16, -(-frequent // 16) * 16))
    if head == inputs:
        return (head,)
    cumulated = np.cumsum(counts[head:])
    inner = np.searchsorted(cumulated, cumulated[-1] * np.arange(1, shards) / shards) + head + 1
    return (head, *sorted({min(int(cut), inputs - 1) for cut in inner} - {head}), inputs)


def _pairs(tail: Any, starts: np.ndarray, by_word: bool) -> Pairs:
    lengths = np.diff(tail.indptr)
    batch_rows = np.concatenate([np.arange(last - first, dtype=np.int32) for first, last in itertools.pairwise(starts)])
    pairs = np.empty((tail.nnz, 2), np.int32)
    pairs[:, 0] = np.repeat(batch_rows, lengths)
    pairs[:, 1] = tail.indices
    offsets = tail.indptr[starts].astype(np.int64)
    valued = tail.dtype == np.float32
    columns = np.empty((tail.nnz if by_word and not valued else 0, 2), np.int32)
    if len(columns):
        for (first, last), (begin, end) in zip(itertools.pairwise(starts), itertools.pairwise(offsets), strict=True):
            shape = (last - first, tail.shape[1])
            words = pairs[begin:end, 1]
            batch = scipy.sparse.csr_array(
                (words, words, tail.indptr[first : last + 1] - tail.indptr[first]), shape=shape
            )
            batch = batch.tocsc()
            columns[begin:end, 0], columns[begin:end, 1] = batch.indices, batch.data
    values = tf.constant(tail.data) if valued else None
    return Pairs(tf.constant(pairs), tf.constant(columns), tf.constant(offsets), values)


def product(block: Any, pairs: Pairs, count: tf.Tensor) -> Any:
    """`rows @ block` for a batch's `pairs` of `count` rows: float32 (count, units)."""
    words, units = block.shape
    if units < NARROW or pairs.values is not None:
        return tf.raw_ops.SparseTensorDenseMatMul(**_matrix(pairs, count, words), b=block)
    return tf.raw_ops.SparseSegmentSumWithNumSegments(
        data=block, indices=pairs.by_row[:, 1], segment_ids=pairs.by_row[:, 0], num_segments=count
    )


def product_gradient(block: Any, pairs: Pairs, count: tf.Tensor, gradient: tf.Tensor) -> Any:
    """The gradient of the block, `transpose(rows) @ gradient`, from that of its product (count, units)."""
    words, units = block.shape
    if units < NARROW or pairs.values is not None:
        return tf.raw_ops.SparseTensorDenseMatMul(**_matrix(pairs, count, words), b=gradient, adjoint_a=True)
    return tf.raw_ops.SparseSegmentSumWithNumSegments(
        data=gradient, indices=pairs.by_word[:, 0], segment_ids=pairs.by_word[:, 1], num_segments=words
    )


def densified(head: tf.Tensor, tails: Sequence[tuple[Pairs, int]], count: tf.Tensor) -> tf.Tensor:
    """A batch's rows as one dense array, float32 (count, inputs).

    head: those of the first block, dense. tails: of each sparse block the batch's pairs, and its width.
    """
    blocks = [tf.scatter_nd(pairs.by_row, _values(pairs), tf.stack([count, width])) for pairs, width in tails]
    return tf.concat([head, *blocks], 1)


def _matrix(pairs: Pairs, count: tf.Tensor, words: int) -> dict[str, tf.Tensor]:
    shape = tf.stack([tf.cast(count, tf.int64), tf.constant(words, tf.int64)])
    return {"a_indices": pairs.by_row, "a_values": _values(pairs), "a_shape": shape}


def _values(pairs: Pairs) -> tf.Tensor:
    return tf.ones(tf.shape(pairs.by_row)[0]) if pairs.values is None else pairs.values


def order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order of the rows in an epoch (from 1): a permutation that depends on nothing else."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(count)
