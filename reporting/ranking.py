"""Which of many variants: an interval of ranks for each, right for all of them at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from reporting.anytime import Array, intervals, sign_ratios
from reporting.decisions import ALPHA
from reporting.statistics import holm


@dataclass(frozen=True)
class Rank:
    """A variant's ranks from `low` to `high`, 1 being the best; `best` if no other is surely better."""

    variant: str
    low: int
    high: int
    best: bool


def rank(
    values: Mapping[str, Mapping[int, float]], *, lower_is_better: bool, sequential: bool = True, alpha: float = ALPHA
) -> list[Rank]:
    """The ranks of variants, each with its value per seed; by their means over the seeds they have, the best first.

    A variant's least rank is one more than the variants that are surely better, its greatest the number of
    variants minus those that are surely worse. That is sure of so many pairs that all ranks hold at once with
    probability 1 − `alpha` (Klein, Wright and Wieczorek 2020, "A joint confidence region for an overall ranking of
    populations"). If the number of seeds was not fixed before (`sequential`), the mean and the sign of a pair's
    differences have to agree (`reporting.decisions`), at `alpha` divided by the number of pairs; else it is Student's
    paired t, corrected by Holm's method over the pairs.
    """
    names = list(values)
    seeds = list(dict.fromkeys(seed for of in values.values() for seed in of))
    table = np.array([[values[name].get(seed, math.nan) for seed in seeds] for name in names], dtype=float)
    table = np.where(np.isfinite(table), table, math.nan).reshape(len(names), len(seeds))
    sides = (_sequential if sequential else _fixed)(table, alpha)
    better = sides if lower_is_better else -sides
    surely_better, surely_worse = (better > 0).sum(axis=0), (better > 0).sum(axis=1)

    def mean(i: int) -> float:
        known = table[i][np.isfinite(table[i])]
        return (math.fsum(known) / len(known)) * (1 if lower_is_better else -1) if len(known) else math.inf

    return [
        Rank(names[i], 1 + int(surely_better[i]), len(names) - int(surely_worse[i]), not surely_better[i])
        for i in sorted(range(len(names)), key=mean)
    ]


def _sequential(table: Array, alpha: float) -> NDArray[np.int8]:
    """Of each pair of rows 1 if the first is surely less, -1 if it is surely more, else 0; at every look."""
    found = np.zeros((len(table), len(table)), np.int8)
    level = alpha / max(1, len(table) * (len(table) - 1) // 2)
    for i in range(len(table)):
        for j in range(i + 1, len(table)):
            differences = table[i] - table[j]
            differences = differences[np.isfinite(differences)]
            n = len(differences)
            if 2.0**n / (n + 1) < 1 / level:  # even if all of them had one sign, that would not be sure
                continue
            low, high = (bounds[-1] for bounds in intervals(differences, level))
            ratio, negative = sign_ratios(differences)
            if ratio[-1] < 1 / level or low <= 0 <= high or low > high:
                continue
            side = 1 if high < 0 and negative[-1] > 0.5 else -1 if low > 0 and negative[-1] < 0.5 else 0
            found[i, j], found[j, i] = side, -side
    return found


def _fixed(table: Array, alpha: float) -> NDArray[np.int8]:
    """The same of a number of seeds that was fixed before."""
    pairs, p, signs = [], [], []
    for i in range(len(table) - 1):
        differences = table[i] - table[i + 1 :]
        n = np.isfinite(differences).sum(axis=1)
        mean = np.nansum(differences, axis=1) / np.maximum(n, 1)
        square = np.nansum(np.square(differences - mean[:, np.newaxis]), axis=1)
        error = np.sqrt(square / np.maximum(n - 1, 1) / np.maximum(n, 1))
        known = (n > 1) & (error > 1e-12 * np.maximum(1.0, np.abs(mean)))  # equal differences show no spread
        t = np.divide(np.abs(mean), error, out=np.zeros_like(mean), where=known)
        p += np.where(known, 2 * stats.t.sf(t, np.maximum(n - 1, 1)), 1.0).tolist()
        signs += np.sign(-mean).astype(int).tolist()
        pairs += [(i, j) for j in range(i + 1, len(table))]
    found = np.zeros((len(table), len(table)), np.int8)
    for (i, j), sign, corrected in zip(pairs, signs, holm(p), strict=True):
        if corrected is not None and corrected < alpha:
            found[i, j], found[j, i] = sign, -sign
    return found
