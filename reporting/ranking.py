"""Which of many variants: an interval of ranks for each, right for all of them at once and at every look."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reporting.anytime import intervals, sign_ratios
from reporting.decisions import ALPHA


@dataclass(frozen=True)
class Rank:
    """A variant's ranks from `low` to `high`, 1 being the best; `best` if no other is surely better."""

    variant: str
    low: int
    high: int
    best: bool


def rank(values: Mapping[str, Mapping[int, float]], *, lower_is_better: bool, alpha: float = ALPHA) -> list[Rank]:
    """The ranks of variants, each with its value per seed; by their means over the seeds they have, the best first.

    A variant's least rank is one more than the variants that are surely better, its greatest the number of
    variants minus those that are surely worse. Surely: the mean and the sign of the paired differences agree
    (`reporting.decisions`), each at `alpha` divided by the number of pairs, so that all ranks hold at once with
    probability 1 − `alpha` (all pairwise comparisons: Klein, Wright and Wieczorek 2020, "A joint confidence region
    for an overall ranking of populations", with Bonferroni's bounds).
    """
    names = list(values)
    pairs = len(names) * (len(names) - 1) // 2
    level = alpha / max(1, pairs)
    surely_better = dict.fromkeys(names, 0)
    surely_worse = dict.fromkeys(names, 0)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            seeds = [seed for seed in values[one] if seed in values[other]]
            differences = np.array([values[one][seed] - values[other][seed] for seed in seeds])
            differences = differences[np.isfinite(differences)]
            n = len(differences)
            if 2.0**n / (n + 1) < 1 / level:  # even if all of them had one sign, that would not be sure
                continue
            low, high = (bounds[-1] for bounds in intervals(differences, level))
            ratio, negative = sign_ratios(differences)
            if ratio[-1] < 1 / level or low <= 0 <= high or low > high:
                continue
            first_is_less = high < 0 and negative[-1] > 0.5
            if not first_is_less and not (low > 0 and negative[-1] < 0.5):
                continue
            better, worse = (one, other) if first_is_less == lower_is_better else (other, one)
            surely_better[worse] += 1
            surely_worse[better] += 1

    def mean(name: str) -> float:
        known = [v for v in values[name].values() if math.isfinite(v)]
        return (math.fsum(known) / len(known)) * (1 if lower_is_better else -1) if known else math.inf

    return [
        Rank(name, 1 + surely_better[name], len(names) - surely_worse[name], surely_better[name] == 0)
        for name in sorted(names, key=mean)
    ]
