from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from reporting.statistics import (
    Estimate,
    bootstrap_interval,
    estimate,
    holm,
    interquartile,
    paired,
    small_sample_correction,
)

numbers = st.floats(-1e3, 1e3).map(lambda x: round(x, 6))


def test_the_interval_of_a_known_sample() -> None:
    # Mean 3, sd sqrt(2.5), t(0.975, 4) = 2.776445.
    over = estimate([1, 2, 3, 4, 5])
    assert over.mean == 3
    assert over.sd == pytest.approx(math.sqrt(2.5))
    assert over.ci95 == pytest.approx((3 - 2.776445 * math.sqrt(0.5), 3 + 2.776445 * math.sqrt(0.5)), rel=1e-6)


@given(st.lists(numbers, min_size=2, max_size=20))
@settings(max_examples=50)
def test_the_interval_is_that_of_statsmodels(sample: list[float]) -> None:
    assume(np.ptp(sample) > 1e-3)
    assert estimate(sample).ci95 == pytest.approx(DescrStatsW(sample).tconfint_mean(0.05), rel=1e-6, abs=1e-6)


def test_what_cannot_be_estimated_is_none() -> None:
    assert estimate([]) == estimate([math.nan, math.inf])
    assert estimate([]).mean is None
    one = estimate([0.5, math.nan])
    assert (one.n, one.mean, one.sd, one.ci95) == (1, 0.5, None, None)


pairs = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=15)


@given(pairs)
@settings(max_examples=50)
def test_a_paired_comparison_is_scipys(sample: list[tuple[float, float]]) -> None:
    a, b = (np.array(side) for side in zip(*sample, strict=True))
    assume(np.ptp(a - b) > 1e-3)
    found, expected = paired(a.tolist(), b.tolist()), stats.ttest_rel(a, b)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    assert found.ci95 == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-6, abs=1e-6)
    assert found.difference == pytest.approx(np.mean(a - b), abs=1e-9)
    assert found.dz == pytest.approx(expected.statistic / math.sqrt(len(a)), rel=1e-6, abs=1e-9)


def test_a_paired_comparison_is_rs() -> None:
    """`t.test(extra ~ group, data = sleep, paired = TRUE)`: R's own data `sleep` (Student 1908), of ten patients the
    hours of sleep gained with each of two drugs, and what R prints of them."""
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    found = paired(first, second)
    assert found.difference == pytest.approx(-1.58)
    assert found.ci95 == pytest.approx((-2.4598858, -0.7001142), abs=1e-7)
    assert found.p == pytest.approx(0.002833, abs=5e-7)


@given(pairs)
@settings(max_examples=50)
def test_swapping_the_variants_turns_the_signs(sample: list[tuple[float, float]]) -> None:
    a, b = (list(side) for side in zip(*sample, strict=True))
    one, other = paired(a, b), paired(b, a)
    assert one.difference == pytest.approx(-(other.difference or 0.0))
    assert one.p == other.p
    assert one.variance_ratio == other.variance_ratio


def test_pairing_helps_where_seeds_move_both_variants() -> None:
    found = paired([1.1, 2.0, 3.1, 4.0], [1.0, 2.1, 3.0, 4.1])
    assert found.correlation == pytest.approx(stats.pearsonr([1.1, 2.0, 3.1, 4.0], [1.0, 2.1, 3.0, 4.1]).statistic)
    assert found.variance_ratio is not None
    assert found.variance_ratio < 0.01


def test_pairing_hurts_where_they_move_against_each_other() -> None:
    # Perfectly against: the differences' variance is twice the sum of the two.
    assert paired([1, 2, 3], [3, 2, 1]).variance_ratio == pytest.approx(2)


def test_equal_differences_and_single_seeds_have_no_test() -> None:
    for found, n, difference in ((paired([1.0], [3.0]), 1, -2), (paired([1, 2, 3], [3, 4, 5]), 3, -2)):
        assert (found.n, found.difference) == (n, difference)
        assert [found.ci95, found.p, found.dz, found.hedges_g, found.correlation] == [None] * 5
    assert paired([], []).difference is None


def test_equal_differences_have_no_spread_not_even_roundings() -> None:
    # In binary, .1 - .4, .2 - .5 and .3 - .6 are not all the same number.
    assert paired([0.1, 0.2, 0.3], [0.4, 0.5, 0.6]).sd == 0


def test_pairing_with_what_never_varies_neither_helps_nor_hurts() -> None:
    found = paired([0.3, 0.3, 0.3], [0.1, 0.2, 0.35])
    assert (found.correlation, found.variance_ratio) == (None, 1)
    assert found.p == pytest.approx(stats.ttest_1samp([0.2, 0.1, -0.05], 0).pvalue)


def test_two_seeds_have_an_interval_but_no_correlation() -> None:
    found = paired([1.0, 2.0], [1.0, 1.5])
    assert found.ci95 is not None
    assert (found.correlation, found.variance_ratio) == (None, None)


def test_values_that_are_not_finite_drop_out_in_pairs() -> None:
    assert paired([1, math.nan, 2, 4], [0, 1, math.inf, 1]) == paired([1, 4], [0, 1])


def test_as_many_of_one_as_of_the_other() -> None:
    with pytest.raises(ValueError):
        paired([1], [1, 2])


def test_hedges_correction() -> None:
    # Hedges (1981), table 1; the approximation 1 - 3 / (4 m - 1) is good from there on.
    assert small_sample_correction(2) == pytest.approx(0.5642, abs=1e-4)
    assert small_sample_correction(10) == pytest.approx(0.9228, abs=1e-4)
    assert small_sample_correction(50) == pytest.approx(1 - 3 / 199, abs=1e-4)
    assert small_sample_correction(1) == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(max_examples=8)
def test_holm_is_that_of_statsmodels(p: list[float]) -> None:
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1].tolist())


def test_holm_leaves_out_what_has_no_p() -> None:
    assert holm([0.01, None, 0.04]) == [0.02, None, 0.04]
    assert holm([None]) == [None]


def test_the_bootstrap_is_the_same_each_time_and_near_students() -> None:
    sample = np.random.default_rng(1).normal(0.3, 0.1, 40).tolist()
    interval, student = bootstrap_interval(sample), estimate(sample).ci95
    assert interval == bootstrap_interval(sample)
    assert interval is not None
    assert student is not None
    assert interval == pytest.approx(student, abs=0.01)


def test_the_bootstrap_of_few_seeds_stays_within_what_they_had() -> None:
    assert bootstrap_interval([1, 1, 2]) == (1, 2)
    assert bootstrap_interval([1, -1, 1, -1]) == (-1, 1)


def test_the_bootstrap_says_nothing_of_too_little() -> None:
    assert bootstrap_interval([0.1, 0.2]) is None
    assert bootstrap_interval([0.1, 0.1, 0.1]) is None


def test_the_middle_half_has_the_interval_of_yuens_trimmed_t() -> None:
    rng = np.random.default_rng(4)
    for n in (3, 4, 5, 9, 20):
        sample = rng.exponential(1.0, n)
        found = interquartile(sample.tolist())
        # Against a constant: scipy's t is the mean over its standard error, and so are its degrees of freedom.
        oracle = stats.ttest_ind(sample, np.zeros(100), equal_var=False, trim=0.25)
        assert found.n == n
        assert found.mean == pytest.approx(stats.trim_mean(sample, 0.25))
        assert found.ci95 is not None
        half = found.mean / oracle.statistic * stats.t.ppf(0.975, n - 2 * (n // 4) - 1)
        assert found.ci95 == pytest.approx((found.mean - half, found.mean + half))


def test_a_run_that_never_learned_does_not_move_the_middle_half() -> None:
    sample = [0.28, 0.281, 0.282, 0.283, 0.279, 0.28, 0.281, 0.6931]
    middle, whole = interquartile(sample), estimate(sample)
    assert middle.mean == pytest.approx(0.281, abs=0.001)
    assert middle.ci95 is not None
    assert whole.ci95 is not None
    assert whole.ci95[1] - whole.ci95[0] > 50 * (middle.ci95[1] - middle.ci95[0])
    assert interquartile([0.5, math.nan]) == Estimate(1, 0.5, None, None)
    assert interquartile([]) == Estimate(0, None, None, None)
    assert interquartile([0.9, 0.99, 0.999, 0.9], (0.0, 1.0)).ci95[1] == 1.0  # type: ignore[index]
