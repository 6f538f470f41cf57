"""Intervals and p values that hold however often one looks, and may stop looking, at differences that come one by one.

A fixed-n paired t test is wrong more often than it says if seeds are added until it is significant. What is here
stays right: the probability that an interval ever leaves the true mean outside, at any number of seeds, is at
most `alpha`.

Two test martingales, each of which exceeds 1 / alpha with probability at most alpha (Ville 1939) if there is no
difference:

- of the mean, for normal differences of unknown spread: the likelihood ratio of Student's t under a normal prior
  on the standardised effect, N(0, `PRIOR`), against no effect. Closed form: Gönen et al. 2005, "The Bayesian
  two-sample t test"; that it may be stopped at any time: Hendriksen, de Heide and Grünwald 2021, "Optional stopping
  with Bayes factors"; inverted into a confidence sequence: Wang and Ramdas 2023, "Anytime-valid t-tests and
  confidence sequences for Gaussian means with unknown variance" (arXiv 2310.03722), theorem 4.9.
- of the sign, for any law: how often the difference is negative, against one half, under a uniform prior on the
  probability (Robbins 1970, "Statistical methods related to the law of the iterated logarithm").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln

Array = NDArray[np.float64]

PRIOR = 3.0
"""The variance of the prior on the standardised effect: it makes the interval about narrowest at 6 to 10 seeds."""


def half_widths(counts: ArrayLike, alpha: float) -> Array:
    """Half the interval's width after `counts` seeds, in sample standard deviations; infinite if it has no bound.

    From t² / (n − 1) < (K − 1) / (1 − K/r) with r = 1 + n · PRIOR and K = (r / alpha²)^(1/n): the values of t at which
    the likelihood ratio is below 1 / alpha.
    """
    n = np.asarray(counts, dtype=float)
    r = 1 + n * PRIOR
    k = (r / alpha**2) ** (1 / n)
    bounded = (k < r) & (n > 1)
    square = np.divide(k - 1, 1 - k / r, out=np.full_like(n, np.inf), where=bounded)
    return np.asarray(np.sqrt(square * np.maximum(n - 1, 1) / n))


def intervals(differences: ArrayLike, alpha: float) -> tuple[Array, Array]:
    """Low and high of the mean after each difference: of shape (..., n), the last axis being the order they came in.

    Each is the intersection of all up to it, which is as valid. If they come to contradict each other (the
    differences are not of one law), low is above high.
    """
    x = np.asarray(differences, dtype=float)
    n = np.arange(1, x.shape[-1] + 1)
    mean = np.cumsum(x, axis=-1) / n
    half = half_widths(n, alpha) * spreads(x)
    return np.maximum.accumulate(mean - half, axis=-1), np.minimum.accumulate(mean + half, axis=-1)


def spreads(differences: Array) -> Array:
    """The sample standard deviation of the differences so far; infinite after the first, and if none differs yet.

    Differences that are all the same say nothing of their spread.
    """
    n = np.arange(1, differences.shape[-1] + 1)
    centred = differences - differences[..., :1]  # less rounding if all are far from 0
    total = np.cumsum(centred, axis=-1)
    square = np.cumsum(centred * centred, axis=-1) - total * total / n
    scale = 1e-12 * np.maximum(1.0, np.abs(differences).max(axis=-1, keepdims=True))
    known = square > scale * scale * n
    variance = np.divide(square, n - 1, out=np.full_like(centred, np.inf), where=known & (n > 1))
    return np.asarray(np.sqrt(variance))


def p_of_mean(differences: Sequence[float]) -> float:
    """How surprising the differences are if their mean is 0: the least 1 / likelihood ratio at any look, at most 1."""
    x = np.asarray(differences, dtype=float)
    if len(x) < 2:
        return 1.0
    n = np.arange(1, len(x) + 1)
    freedom = np.maximum(n - 1, 1)
    sd = spreads(x)
    t_square = np.where(np.isfinite(sd), n * np.square(np.cumsum(x) / n) / np.square(sd), 0.0)
    r = 1 + n * PRIOR
    log = -0.5 * np.log(r) + 0.5 * n * (np.log1p(t_square / freedom) - np.log1p(t_square / (r * freedom)))
    log[0] = 0.0
    return float(min(1.0, np.exp(-log.max())))


def sign_ratios(differences: ArrayLike) -> tuple[Array, Array]:
    """After each difference: the likelihood ratio of the sign against one half, and the share of negative ones.

    A difference of 0 counts half to each side, which keeps the ratio below what it would be.
    """
    x = np.asarray(differences, dtype=float)
    n = np.arange(1, x.shape[-1] + 1)
    negative = np.cumsum((x < 0) + 0.5 * (x == 0), axis=-1)
    return np.maximum.accumulate(ratio_of_signs(negative, n), axis=-1), negative / n


def ratio_of_signs(negative: Array, n: NDArray[np.int64]) -> Array:
    """A uniform prior's marginal likelihood of `negative` of `n` differences over that of one half, at most 1e300."""
    return np.asarray(np.exp(np.minimum(betaln(negative + 1, n - negative + 1) + n * np.log(2), np.log(1e300))))
