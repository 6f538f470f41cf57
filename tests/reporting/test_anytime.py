"""Intervals that hold at every look: against a direct integral, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from reporting.anytime import PRIOR, half_widths, intervals, p_of_mean, sign_ratios


def likelihood_ratio(t: float, n: int) -> float:
    """Of a t statistic, by integrating over the prior on the standardised effect."""

    def weighted(effect: float) -> float:
        return float(stats.nct.pdf(t, n - 1, effect * math.sqrt(n)) * stats.norm.pdf(effect, scale=math.sqrt(PRIOR)))

    total, _ = integrate.quad(weighted, -12, 12, limit=400, points=[t / math.sqrt(n)])
    return float(total / stats.t.pdf(t, n - 1))


@pytest.mark.parametrize(("n", "t"), [(3, 1.0), (5, 2.5), (10, -3.0), (20, 0.2)])
def test_the_closed_form_is_the_integral(n: int, t: float) -> None:
    freedom, r = n - 1, 1 + n * PRIOR
    closed = r**-0.5 * ((1 + t * t / freedom) / (1 + t * t / (r * freedom))) ** (n / 2)
    assert closed == pytest.approx(likelihood_ratio(t, n), rel=1e-4)


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.0025])
def test_the_interval_ends_where_the_likelihood_ratio_reaches_its_bound(alpha: float) -> None:
    for n in (6, 8, 12, 30):
        half = float(half_widths(n, alpha))
        if math.isinf(half):
            continue
        t = half * math.sqrt(n)
        assert likelihood_ratio(t, n) == pytest.approx(1 / alpha, rel=1e-3)


def test_few_seeds_have_no_bound_and_many_narrow_it() -> None:
    widths = half_widths(np.arange(1, 200), 0.05)
    assert math.isinf(widths[0])
    assert math.isinf(widths[1])
    finite = widths[np.isfinite(widths)]
    assert (np.diff(finite) < 0).all()
    assert widths[49] > stats.t.ppf(0.975, 49) / math.sqrt(50)  # the price of looking as often as one likes


def test_p_and_interval_agree_at_every_look() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        x = rng.normal(rng.normal(), 1, size=12)
        for n in range(2, 13):
            low, high = (bounds[-1] for bounds in intervals(x[:n], 0.05))
            p = p_of_mean(x[:n].tolist())
            if abs(p - 0.05) > 1e-9:
                assert (p <= 0.05) == (not low <= 0 <= high)


def test_equal_differences_say_nothing_of_their_spread() -> None:
    low, high = intervals([0.25] * 9, 0.05)
    assert np.isneginf(low).all()
    assert np.isposinf(high).all()
    assert p_of_mean([0.25] * 9) == 1.0


def test_the_sign_needs_eight_seeds_that_agree() -> None:
    ratio, share = sign_ratios([-1.0] * 8)
    assert share[-1] == 1.0
    assert ratio[6] < 20 <= ratio[7]
    assert ratio[7] == pytest.approx(2**8 / 9)


def test_looking_after_every_seed_is_wrong_in_at_most_one_of_twenty() -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((4000, 50))
    low, high = intervals(x, 0.05)
    ever = ((low > 0) | (high < 0)).any(axis=1).mean()
    assert ever <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4000)
    n = np.arange(1, 51)
    sd = np.array([x[:, :k].std(axis=1, ddof=1) for k in range(3, 51)]).T
    t = np.abs(np.cumsum(x, axis=1)[:, 2:] / n[2:]) / (sd / np.sqrt(n[2:]))
    peeking = (t > stats.t.ppf(0.975, n[2:] - 1)).any(axis=1).mean()
    assert peeking > 0.2  # what a fixed-n test does if one looks after every seed from the third on
