"""Tables as large as a data set may be, generated from a seed: reviews to classify, and a wide table of numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

BLOCK = 5000
"""Rows that are made at once."""
WORDS = 300_000
LETTERS = "etaoinsr"
MEAN_LOG_LENGTH, SD_LOG_LENGTH = 5.31, 0.65
"""Of the number of words in a review: 250 on average, as films' reviews with their most frequent words."""
COLUMNS = 500


def reviews(path: Path, rows: int, seed: int = 0) -> None:
    """A CSV of `review` and `label` (`positive`, `negative`): 1.25 kB per row.

    Words are as frequent as Zipf's law has it, with Mandelbrot's shift, and fall faster for rare words. One word of
    three belongs to a pair of a negative and a positive word, and is often the one that agrees with the label.
    """
    random = np.random.default_rng(seed)
    words = np.array([_word(rank) for rank in range(WORDS)], object)
    ranks = np.arange(WORDS)
    cumulated = np.cumsum(1 / (ranks + 2) / (ranks + 7000))
    schema = pa.schema([("review", pa.string()), ("label", pa.string())])
    with csv.CSVWriter(path, schema) as to:
        for first in range(0, rows, BLOCK):
            count = min(BLOCK, rows - first)
            lengths = np.exp(random.normal(MEAN_LOG_LENGTH, SD_LOG_LENGTH, count)).astype(np.int64).clip(5, 3000)
            labels = random.integers(0, 2, count)
            drawn = np.searchsorted(cumulated, random.random(lengths.sum()) * cumulated[-1])
            agreeing = (drawn // 2 % 3 == 0) & (random.random(len(drawn)) < 0.3)
            drawn = np.where(agreeing, drawn - drawn % 2 + np.repeat(labels, lengths), drawn)
            texts = [" ".join(each) for each in np.split(words[drawn], np.cumsum(lengths)[:-1])]
            named = ["positive" if label else "negative" for label in labels]
            to.write_table(pa.table({"review": texts, "label": named}, schema=schema))


def _word(rank: int) -> str:
    """The word of this rank: the more frequent, the shorter."""
    letters = "bcdfghlmpu"[rank % 10]
    rest = rank + 1
    while rest:
        letters += LETTERS[rest % 8]
        rest //= 8
    return letters


def numbers(path: Path, rows: int, columns: int = COLUMNS, seed: int = 0) -> None:
    """A CSV of numbers with one decimal, `x1`, `x2` and so on, and a `label` of two classes: 4.5 bytes per number."""
    random = np.random.default_rng(seed)
    effects = random.normal(0, 1 / np.sqrt(columns), columns)
    names = [f"x{place}" for place in range(1, columns + 1)]
    schema = pa.schema([*((name, pa.float64()) for name in names), ("label", pa.string())])
    with csv.CSVWriter(path, schema) as to:
        for first in range(0, rows, BLOCK):
            count = min(BLOCK, rows - first)
            values: NDArray[np.float64] = random.normal(size=(count, columns)).round(1) + 0.0  # no -0
            labels = values @ effects + random.normal(0, 0.5, count) > 0
            table = dict(zip(names, values.T, strict=True))
            named = ["high" if label else "low" for label in labels]
            to.write_table(pa.table({**{n: pa.array(v) for n, v in table.items()}, "label": named}, schema=schema))
