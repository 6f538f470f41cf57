"""The first layer's product with multi-hot rows, and its feeding, by the words that are present.

A review is a row of zeros with ones at its words, so `rows @ kernel` is, for each review, the sum
of its words' kernel rows, and the kernel's gradient is, for each word, the sum of the output
gradients of the reviews it occurs in. Both are segment sums over sorted ids: their cost follows
the words present, and no dense rows are ever made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse
import tensorflow as tf

if TYPE_CHECKING:
    from worker.data import Reviews


@dataclass(frozen=True)
class Pairs:
    """The (review, word) pairs of many batches, batch after batch, as the two segment sums want them.

    words, rows: int32, a batch's pairs by row (rows count from 0 within the batch).
    column_rows, column_words: the same pairs by word; empty where no gradient is wanted.
    offsets: int64, batch b has the pairs [offsets[b], offsets[b + 1]).
    starts: int64, batch b has the reviews [starts[b], starts[b + 1]).
    labels: float32, one a review.
    """

    words: tf.Tensor
    rows: tf.Tensor
    column_words: tf.Tensor
    column_rows: tf.Tensor
    offsets: tf.Tensor
    starts: tf.Tensor
    labels: tf.Tensor

    @property
    def batches(self) -> int:
        return int(self.starts.shape[0]) - 1


def product(kernel: tf.Tensor, words: tf.Tensor, rows: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """`multi_hot @ kernel` for a batch of `count` reviews: float32 (count, units)."""
    return tf.raw_ops.SparseSegmentSumWithNumSegments(data=kernel, indices=words, segment_ids=rows, num_segments=count)


def product_gradient(gradient: tf.Tensor, column_rows: tf.Tensor, column_words: tf.Tensor, num_words: int) -> tf.Tensor:
    """`transpose(multi_hot) @ gradient`: float32 (num_words, units), from a gradient of (count, units)."""
    return tf.raw_ops.SparseSegmentSumWithNumSegments(
        data=gradient, indices=column_rows, segment_ids=column_words, num_segments=num_words
    )


def order(seed: int, epoch: int, reviews: int) -> np.ndarray:
    """The order of the reviews in an epoch (from 1): a permutation that depends on nothing else."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(reviews)


def in_order(reviews: Reviews, num_words: int, permutation: np.ndarray, batch_size: int) -> Pairs:
    """The batches of an epoch: `reviews` in the order of `permutation`, with pairs for the gradient."""
    indices = reviews.indices
    matrix = scipy.sparse.csr_array((indices, indices, reviews.indptr), shape=(len(reviews), num_words))
    parts: list[tuple[np.ndarray, ...]] = []
    starts = _starts(len(reviews), batch_size)
    for first, last in zip(starts[:-1], starts[1:], strict=True):
        batch = matrix[permutation[first:last]]
        columns = batch.tocsc()
        rows = np.repeat(np.arange(last - first, dtype=np.int32), np.diff(batch.indptr))
        parts.append((batch.indices, rows, columns.data, columns.indices))
    words, rows, column_words, column_rows = (
        np.concatenate(arrays).astype(np.int32, copy=False) for arrays in zip(*parts, strict=True)
    )
    offsets = np.cumsum([0, *(len(part[0]) for part in parts)], dtype=np.int64)
    labels = np.asarray(reviews.labels)[permutation]
    return Pairs(*map(tf.constant, (words, rows, column_words, column_rows, offsets, starts, labels)))


def as_they_are(reviews: Reviews, batch_size: int) -> Pairs:
    """Batches for evaluation: the reviews in their own order, without pairs for the gradient."""
    starts = _starts(len(reviews), batch_size)
    lengths = np.diff(reviews.indptr)
    rows = np.repeat((np.arange(len(reviews)) % batch_size).astype(np.int32), lengths)
    none = np.zeros(0, np.int32)
    offsets = np.asarray(reviews.indptr)[starts] - reviews.indptr[0]
    return Pairs(*map(tf.constant, (reviews.indices, rows, none, none, offsets, starts, reviews.labels)))


def _starts(reviews: int, batch_size: int) -> np.ndarray:
    return np.append(np.arange(0, reviews, batch_size, dtype=np.int64), np.int64(reviews))


def spans(batches: int, width: int) -> Iterator[tuple[int, int]]:
    """`batches` cut into spans of at most `width`."""
    for first in range(0, batches, width):
        yield first, min(first + width, batches)
