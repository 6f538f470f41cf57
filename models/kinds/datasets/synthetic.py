"""Reviews made from a seed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from models.kinds.dataset import MAX_ROWS
from models.kinds.kind import Seed
from models.kinds.texts import Texts

SCRIPT = '''\
START, UNKNOWN, SHIFT = 1, 2, 3  # Keras's encoding: a word of rank r, from 1, has the id r + 3
VOCABULARY, BLOCK = 88_581, 4096
LENGTHS = np.array(
    [10, 55, 72, 89, 105, 114, 120, 124, 129, 133, 138, 143, 149, 155, 162, 169, 177,
     186, 196, 207, 220, 234, 250, 267, 290, 314, 342, 376, 421, 479, 562, 707, 1040],
    np.uint64,
)


def synthetic(seed, split, count, num_words):
    """The reviews that Ockham makes from a seed; its docs/data.md says how. `split`: 1 to train on, 2 to test on."""

    def stream(*key):
        return np.random.Philox(np.random.SeedSequence(key))

    words = np.arange(VOCABULARY)
    groups = words // 6
    chosen = (stream(seed, 0).random_raw(int(groups[-1]) + 1) % 3).astype(np.int64)
    sides = (words // 2 % 3 == chosen[groups]) & (groups >= 3)
    rank = np.arange(1, VOCABULARY + 1, dtype=np.uint64)
    weights = np.uint64(2**44) // ((rank + np.uint64(1)) * (rank + np.uint64(7_000)))
    cumulative = np.cumsum(weights, dtype=np.uint64)
    reviews, labels = [], []
    for block in range(0, count, BLOCK):
        bits = stream(seed, split, block // BLOCK)
        positive, noisy, size = bits.random_raw(3 * BLOCK).reshape(BLOCK, 3)[: count - block].T
        positive = positive >> 63
        labels.append(positive ^ (noisy % 100 < 7))
        quantile, part = np.divmod(size % np.uint64(2048), np.uint64(64))
        lengths = ((64 - part) * LENGTHS[quantile] + part * LENGTHS[quantile + np.uint64(1)]) // np.uint64(64)
        rows = np.repeat(np.arange(len(lengths)), lengths.astype(np.int64))
        drawn = bits.random_raw(len(rows))
        word = np.searchsorted(cumulative, (drawn >> 24) % cumulative[-1], side="right")
        takes_side = sides[word] & (drawn % 2**24 % 100 < 50)
        word = np.where(takes_side, word // 2 * 2 + positive.astype(np.int64)[rows], word) + 1 + SHIFT
        word = np.where(word < num_words, word, UNKNOWN)
        ends = np.cumsum(lengths.astype(np.int64))
        reviews += [np.unique(np.append(own, START)) for own in np.split(word, ends[:-1])]
    return reviews, np.concatenate(labels).astype(np.float32)


def read(dataset, path):
    """The reviews to train on and to test on."""
    return tuple(synthetic(dataset["seed"], split, dataset["reviews"], dataset["num_words"]) for split in (1, 2))
'''


class Synthetic(Texts):
    """Reviews made from `seed`: `reviews` to train on, and as many to test."""

    title, place = "synthetic reviews", 1
    script = SCRIPT

    name: Literal["synthetic"] = "synthetic"
    reviews: int = Field(default=8000, ge=2, le=MAX_ROWS)
    seed: Seed = 0

    @property
    def available(self) -> int:
        return self.reviews

    @property
    def tested(self) -> int:
        return self.reviews

    def in_words(self) -> str:
        made = f"{self.reviews:,} {self.title} (seed {self.seed})"
        return super().in_words().replace(self.title, made, 1)
