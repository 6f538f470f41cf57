"""Which rows a run holds out and trains on, drawn by chance from seeds.

The functions are in a job's archive too, as they stand here: they use NumPy alone, by the name `np`.
"""

from __future__ import annotations

import numpy as np

SPLIT, SAMPLE = 1, 2
"""What is drawn: each has a stream of random numbers of its own, also if both have the same seed."""


def stream(*key: int) -> np.random.Generator:
    """Random numbers of their own for each `key`. A 0 at its end makes no other key, so the last one is above 0."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


def split(
    draw: np.random.Generator, strata: np.ndarray, wanted: int, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The rows that are held out and the other ones, both in an order drawn by chance.

    strata: (rows,), of each row its class, the same for all if there are none; as many of each are held out as its
    share of all rows. groups: (rows,), of each row its group: whole ones are held out, until there are `wanted` rows,
    whatever the strata.
    """
    shuffled = draw.permutation(len(strata))
    if not wanted:
        return shuffled[:0], shuffled
    if groups is not None:
        _, group_of = np.unique(groups, return_inverse=True)
        sizes = np.bincount(group_of)
        drawn = draw.permutation(len(sizes))
        enough = int(np.searchsorted(np.cumsum(sizes[drawn]), wanted)) + 1
        out = np.isin(group_of, drawn[:enough])
    else:
        out = np.zeros(len(strata), bool)
        kinds, counts = np.unique(strata, return_counts=True)
        shares = counts * wanted / len(strata)
        quota = np.floor(shares).astype(int)
        quota[np.argsort(quota - shares, kind="stable")[: wanted - quota.sum()]] += 1
        for stratum, count in zip(kinds, quota):  # noqa: B905
            out[shuffled[strata[shuffled] == stratum][:count]] = True
    return shuffled[out[shuffled]], shuffled[~out[shuffled]]


def resample(draw: np.random.Generator, rows: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """A bootstrap sample of `rows`: as many, drawn with replacement.

    groups: (rows,), of each of these rows its group: as many groups as there are, drawn with replacement, each with all
    its rows (Davison and Hinkley 1997, "Bootstrap methods and their application", 3.8).
    """
    places: np.ndarray = np.arange(len(rows))
    if groups is None:
        places = draw.integers(0, len(rows), len(rows))
    else:
        _, group_of = np.unique(groups, return_inverse=True)
        members = np.split(np.argsort(group_of, kind="stable"), np.cumsum(np.bincount(group_of))[:-1])
        places = np.concatenate([members[group] for group in draw.integers(0, len(members), len(members))])
    return np.take(rows, places)


def rows_drawn(
    strata: np.ndarray,
    held_out: int,
    trained_on: int,
    split_from: int | None,
    sample_from: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers, from 0, of the rows that a run holds out and of those that it trains on.

    split_from: the seed of the split; None holds out the first rows and trains on the first of the others. sample_from:
    the seed of the bootstrap sample; None trains on each row once.
    """
    if split_from is None:
        held, others = np.arange(held_out), np.arange(held_out, len(strata))
    else:
        held, others = split(stream(0, split_from, SPLIT), strata, held_out)
    trained = others[:trained_on]
    return held, trained if sample_from is None else resample(stream(0, sample_from, SAMPLE), trained)
