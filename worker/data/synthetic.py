"""Reviews made from a seed, on which the overfitting story shows as on the real ones (docs/data.md).

Everything is drawn with integers from the raw stream of a counter-based generator (Philox; Salmon
et al., *Parallel random numbers: as easy as 1, 2, 3*, SC 2011), so every machine makes the same reviews.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.kinds.datasets.synthetic import Synthetic
from models.preprocessing import SHIFT, START, Preprocessing, of_texts
from worker.data import csr
from worker.data.store import kept

VERSION = "v1"
"""Of the reviews: another one when they change, so that old ones are not taken for new."""

VOCABULARY = 88_581
"""Words, as many as the IMDB reviews have."""

LENGTHS = np.array(
    [10, 55, 72, 89, 105, 114, 120, 124, 129, 133, 138, 143, 149, 155, 162, 169, 177,
     186, 196, 207, 220, 234, 250, 267, 290, 314, 342, 376, 421, 479, 562, 707, 1040],
    np.uint64,
)  # fmt: skip
"""Words of a review: quantiles 0, 1/32, ..., 1 of the IMDB training reviews (the last one cut to keep the mean)."""

GROUP = 3
"""Of so many pairs of neighbouring words one is a sentiment pair: a word of blame, a word of praise."""

FIRST_GROUP = 3
"""The commonest words carry no sentiment."""

CONSISTENCY = 50
"""Percent of sentiment words that are made to agree with the review; the others are left to chance."""

NOISE = 7
"""Percent of reviews with the wrong label."""

BLOCK = 4096
"""Reviews drawn at once, each block from streams of its own: a larger set begins with the smaller one's reviews."""

Drawn = NDArray[np.uint64]


def prepared(dataset: Synthetic, folder: Path, imdb_npz: Path | None = None) -> Path:
    """The directory of these reviews, made first if it is not there. Raises StorageFull."""
    seed, reviews, num_words = dataset.seed, dataset.reviews, dataset.num_words

    def build(partial: Path) -> None:
        csr.write(partial, {split: _blocks(seed, split, reviews, num_words) for split in csr.SPLITS})

    return kept(folder / f"synthetic-{VERSION}-{seed}-{reviews}-{num_words}", build)


def preprocessing(dataset: Synthetic, folder: Path, file: Path | None) -> Preprocessing:
    """How texts are encoded: a word is written as its rank, from 1."""
    return of_texts(dataset, [str(rank) for rank in range(1, dataset.num_words)])


def _blocks(seed: int, split: str, reviews: int, num_words: int) -> Iterator[csr.Rows]:
    sides = sentiment(seed)
    for block in range(0, reviews, BLOCK):
        stream = _stream(seed, 1 + csr.SPLITS.index(split), block // BLOCK)
        yield csr.narrow(_draw(stream, sides, min(BLOCK, reviews - block)), num_words)


def sentiment(seed: int) -> NDArray[np.bool_]:
    """Which words, by rank from 0, take a side: those of even rank blame, those of odd rank praise."""
    words = np.arange(VOCABULARY)
    groups = words // (2 * GROUP)
    chosen = (_stream(seed, 0).random_raw(int(groups[-1]) + 1) % GROUP).astype(np.int64)
    sides: NDArray[np.bool_] = (words // 2 % GROUP == chosen[groups]) & (groups >= FIRST_GROUP)
    return sides


def _stream(*key: int) -> np.random.Philox:
    return np.random.Philox(np.random.SeedSequence(key))


def _frequencies() -> Drawn:
    """The words' cumulative weights, by Zipf's law with Mandelbrot's shift, and falling faster among the rare words."""
    rank = np.arange(1, VOCABULARY + 1, dtype=np.uint64)
    return np.cumsum(np.uint64(2**44) // ((rank + np.uint64(1)) * (rank + np.uint64(7_000))), dtype=np.uint64)


def _draw(stream: np.random.Philox, sides: NDArray[np.bool_], count: int) -> csr.Rows:
    """`count` reviews over the whole vocabulary. `sides`: which words take one."""
    positive, noisy, size = stream.random_raw(3 * BLOCK).reshape(BLOCK, 3)[:count].T
    positive = positive >> 63
    label = positive ^ (noisy % 100 < NOISE)
    quantile, part = np.divmod(size % np.uint64(32 * 64), np.uint64(64))
    lengths = ((64 - part) * LENGTHS[quantile] + part * LENGTHS[quantile + np.uint64(1)]) // np.uint64(64)

    rows = np.repeat(np.arange(count), lengths.astype(np.int64))
    drawn = stream.random_raw(len(rows))
    cumulative = _frequencies()
    words = np.searchsorted(cumulative, (drawn >> 24) % cumulative[-1], side="right")
    takes_side = sides[words] & (drawn % 2**24 % 100 < CONSISTENCY)
    words = np.where(takes_side, words // 2 * 2 + positive.astype(np.int64)[rows], words)
    distinct_words = np.concatenate((np.full(count, START), words + 1 + SHIFT))
    lengths, indices = csr.distinct(np.concatenate((np.arange(count), rows)), distinct_words, count)
    return csr.Rows(csr.starts(lengths), indices, label.astype(np.float32))
