"""Whether the difference between two variants is decided, and what it would take to decide it.

A decision may be read after every seed, and training may stop as soon as there is one: with `comparisons` of them in
a family, the probability that any of them is wrong is at most `alpha`, if the differences are about symmetric
(docs/analysis.md has what happens if they are not).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reporting.anytime import Array, half_widths, intervals, p_of_mean, ratio_of_signs, sign_ratios

ALPHA = 0.05
MOST_SEEDS = 10_000
"""Of more than so many seeds it is not said that they would decide: nobody will train them."""

Verdict = Literal["better", "worse", "equivalent", "undecided"]


@dataclass(frozen=True)
class Decision:
    """What differences (variant minus baseline, one per seed, in the order they were trained) say so far.

    - `ci`: of the mean difference, valid at every look and for all comparisons of the family at once; None if it
      has no bound yet.
    - `p`: of the same kind: at most `alpha` if and only if `ci` leaves 0 outside, times the comparisons of the family.
    - `probability_better`: the share of seeds in which the variant did better, ties half (Agarwal et al. 2021, "Deep
      reinforcement learning at the edge of the statistical precipice").
    - `seeds_needed`: how many seeds in all would decide it if the differences go on with the mean, the spread and
      the signs seen so far; None if that cannot be said or is above `MOST_SEEDS`.
    """

    verdict: Verdict
    ci: tuple[float, float] | None
    p: float | None
    probability_better: float | None
    seeds_needed: int | None


def decide(
    differences: Sequence[float],
    *,
    lower_is_better: bool,
    smallest: float | None = None,
    comparisons: int = 1,
    alpha: float = ALPHA,
) -> Decision:
    """`equivalent` if the interval lies within ± `smallest`, else `better` or `worse` if mean and sign both say so.

    That the sign has to agree guards against differences that are far from normal: a few seeds of two clusters, or
    of a long tail, may lie so close together that an interval of the mean is too short.
    """
    x = np.asarray([d for d in differences if math.isfinite(d)], dtype=float)
    n = len(x)
    if n == 0:
        return Decision("undecided", None, None, None, None)
    level = alpha / max(1, comparisons)
    outcome = int(outcomes(x, level, smallest)[-1])
    better_is = NEGATIVE if lower_is_better else POSITIVE
    verdict: Verdict = "undecided"
    if outcome == EQUIVALENT:
        verdict = "equivalent"
    elif outcome != UNDECIDED:
        verdict = "better" if outcome == better_is else "worse"
    low, high = (float(bounds[-1]) for bounds in intervals(x, level))
    better = float(np.mean((x < 0) + 0.5 * (x == 0)))
    return Decision(
        verdict=verdict,
        ci=(low, high) if math.isfinite(low) and math.isfinite(high) and low <= high else None,
        p=min(1.0, p_of_mean(x.tolist()) * max(1, comparisons)) if n > 1 else None,
        probability_better=better if lower_is_better else 1 - better,
        seeds_needed=n if outcome else _seeds_needed(x, level, smallest),
    )


UNDECIDED, NEGATIVE, POSITIVE, EQUIVALENT = range(4)


def outcomes(differences: ArrayLike, level: float, smallest: float | None) -> NDArray[np.int8]:
    """What is decided after each difference, of shape (..., n): what was decided first stays."""
    x = np.asarray(differences, dtype=float)
    low, high = intervals(x, level)
    ratio, negative = sign_ratios(x)
    sure = ratio >= 1 / level
    found = np.full(x.shape, UNDECIDED, np.int8)
    found[sure & (high < 0) & (negative > 0.5)] = NEGATIVE
    found[sure & (low > 0) & (negative < 0.5)] = POSITIVE
    if smallest is not None:
        found[(low >= -smallest) & (high <= smallest)] = EQUIVALENT
    first = (found != UNDECIDED).argmax(axis=-1)[..., np.newaxis]
    after = np.arange(x.shape[-1]) >= first
    return np.where(after, np.take_along_axis(found, first, axis=-1), found)


def _seeds_needed(x: Array, level: float, smallest: float | None) -> int | None:
    if len(x) < 2 or (sd := float(np.std(x, ddof=1))) <= 1e-12 * max(1.0, float(np.abs(x).max())):
        return None
    mean = abs(float(np.mean(x)))
    counts = np.arange(len(x) + 1, MOST_SEEDS + 1)
    half = half_widths(counts, level) * sd
    negative = np.asarray(counts * np.mean((x < 0) + 0.5 * (x == 0)), dtype=float)
    decided = (half < mean) & (ratio_of_signs(negative, counts) >= 1 / level)
    if smallest is not None:
        decided |= half + mean <= smallest
    return int(counts[decided.argmax()]) if decided.any() else None
