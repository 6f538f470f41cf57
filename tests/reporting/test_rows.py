"""Intervals over rows and over seeds and rows: against closed forms, and how often they hold."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from models.specification import Varied
from reporting.rows import OfRows, Spread, spread
from reporting.statistics import estimate
from reporting.variance import variance

ROWS = np.arange(1, 401)


def of(values: np.ndarray, rows: np.ndarray = ROWS) -> dict[int, OfRows]:
    """Runs by seed, each with these values of its rows."""
    return {seed: OfRows(rows, each.astype(np.float32)) for seed, each in enumerate(values)}


def found(differences: np.ndarray, rows: np.ndarray = ROWS) -> Spread:
    base = np.zeros_like(differences)
    result = spread(of(differences, rows), of(base, rows))
    assert result is not None
    return result


def test_over_rows_it_is_the_normal_interval_of_paired_rows() -> None:
    rng = np.random.default_rng(0)
    differences = rng.normal(0.1, 1, (1, 400))
    result = found(differences)
    expected = stats.norm.interval(0.95, differences.mean(), differences.std(ddof=1) / 20)
    assert result.difference == pytest.approx(differences.mean(), abs=1e-6)
    assert result.rows == pytest.approx(expected, abs=0.01)
    assert result.both is None, "one seed says nothing about seeds"


def test_of_right_and_wrong_it_agrees_with_mcnemar() -> None:
    """McNemar's test counts the rows on which the two disagree; from these comes the same standard error."""
    only_one, only_other = 40, 15
    difference = np.zeros((1, 400))
    difference[0, :only_one], difference[0, only_one : only_one + only_other] = 1, -1
    result = found(difference)
    z = (only_one - only_other) / np.sqrt(only_one + only_other)
    assert abs(z) > 1.96
    assert result.rows is not None
    assert result.rows[0] > 0
    variance = (only_one + only_other - (only_one - only_other) ** 2 / 400) / 400**2
    assert (result.rows[1] - result.rows[0]) / 2 == pytest.approx(1.96 * np.sqrt(variance), rel=0.12)


def test_both_is_wider_than_each() -> None:
    rng = np.random.default_rng(1)
    differences = 0.1 + rng.normal(0, 0.05, (6, 1)) + rng.normal(0, 1, (1, 400)) + rng.normal(0, 0.5, (6, 400))
    result = found(differences)
    means = differences.mean(axis=1)
    seeds = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    assert result.rows is not None
    assert result.both is not None
    both = result.both[1] - result.both[0]
    assert both > result.rows[1] - result.rows[0]
    # By the formula, from mean squares as R's aov has them in a crossed design with one value per cell.
    seeds_ms = 400 * np.var(means, ddof=1)
    rows_ms = 6 * np.var(differences.mean(axis=0), ddof=1)
    rest = differences - means[:, None] - differences.mean(axis=0) + differences.mean()
    rest_ms = (rest**2).sum() / (5 * 399)
    variance = (seeds_ms + rows_ms - rest_ms) / 2400
    freedom = (seeds_ms + rows_ms - rest_ms) ** 2 / (seeds_ms**2 / 5 + (rows_ms - rest_ms) ** 2 / 399)
    assert both / 2 == pytest.approx(stats.t.ppf(0.975, freedom) * np.sqrt(variance), rel=1e-4)
    assert seeds.low < result.difference < seeds.high


@pytest.mark.parametrize("seed", range(20))
def test_both_contains_the_others_with_few_seeds(seed: int) -> None:
    """Its degrees of freedom are more than Student's: where rows change little it would be the narrower one."""
    rng = np.random.default_rng(seed)
    differences = rng.normal(0, 0.1, (3, 1)) + rng.normal(0, 0.5, (1, 400)) + rng.normal(0, 0.1, (3, 400))
    over_seeds = estimate(differences.mean(axis=1).tolist()).ci95
    assert over_seeds is not None
    result = spread(of(differences), of(np.zeros_like(differences)), over_seeds)
    assert result is not None
    assert result.rows is not None
    assert result.both is not None
    for low, high in (over_seeds, result.rows):
        assert result.both[0] <= low < high <= result.both[1]


def test_a_row_that_validates_several_seeds_is_one_row() -> None:
    """With other rows for each seed, some of them shared, the sum of shares is over distinct rows."""
    rng = np.random.default_rng(2)
    effect = rng.normal(0, 1, 1000)
    runs: dict[int, OfRows] = {}
    base: dict[int, OfRows] = {}
    for seed in range(5):
        rows = np.sort(rng.permutation(1000)[:200])
        runs[seed] = OfRows(rows, effect[rows].astype(np.float32))
        base[seed] = OfRows(rows, np.zeros(200, np.float32))
    result = spread(runs, base)
    assert result is not None
    assert result.rows is not None
    # A row that validates k seeds has k thousandths of the mean.
    often = np.bincount(np.concatenate([run.rows for run in runs.values()]))
    assert often.max() > 2
    expected = 1.96 * np.sqrt((often**2).sum()) / 1000
    assert (result.rows[1] - result.rows[0]) / 2 == pytest.approx(expected, rel=0.1)
    # The covariance of two means, by the rows that both seeds have, on an average of all pairs.
    means = np.array([runs[seed].values.mean(dtype=np.float64) for seed in runs])
    common = 0.0
    for i, j in permutations(range(5), 2):
        for row in np.intersect1d(runs[i].rows, runs[j].rows):
            common += (effect[row] - means[i]) * (effect[row] - means[j]) / (200 * 199) / 20
    shares = np.zeros(1000)
    for run, own in zip(runs.values(), means, strict=True):
        shares[run.rows] += (effect[run.rows] - own) / 1000
    seen = shares[shares != 0]
    # These five seeds are luckily alike: the interval is as wide as that over rows alone at least.
    variance = float(seen.var(ddof=1) * len(seen))
    assert variance > means.var(ddof=1) / 5 + common > common > 0
    freedom = variance**2 / ((means.var(ddof=1) / 5) ** 2 / 4 + common**2 / ((often > 0).sum() - 1))
    half = stats.t.ppf(0.975, freedom) * np.sqrt(variance)
    assert result.both == pytest.approx((means.mean() - half, means.mean() + half), rel=1e-4)


def test_runs_without_common_rows_say_nothing() -> None:
    one, other = of(np.ones((1, 400))), of(np.ones((1, 300)), ROWS[:300])
    assert spread(one, other) is None
    assert spread(one, {}) is None
    same = spread(one, one)
    assert same == Spread(0.0, None, None)


def test_they_hold_as_often_as_they_say() -> None:
    """200 experiments, 5 seeds and 100 rows, with random effects of both: 95% within three standard errors."""
    rng = np.random.default_rng(3)
    rows = np.arange(100)
    both = of_rows = 0
    for _ in range(200):
        seed_effects, row_effects = rng.normal(0, 0.1, (5, 1)), rng.normal(0, 1, (1, 100))
        differences = seed_effects + row_effects + rng.normal(0, 0.5, (5, 100))
        result = found(differences, rows)
        assert result.both is not None
        assert result.rows is not None
        both += result.both[0] <= 0 <= result.both[1]
        # Over rows alone, the truth is the mean of these seeds.
        of_rows += result.rows[0] <= seed_effects.mean() <= result.rows[1]
    assert both / 200 == pytest.approx(0.95, abs=0.047)
    assert of_rows / 200 == pytest.approx(0.95, abs=0.047)


@pytest.mark.parametrize("seeds", [5, 30])
def test_it_holds_as_often_as_it_says_if_each_seed_draws_its_own_rows(seeds: int) -> None:
    """200 experiments; each seed draws 100 of 500 rows: Student's interval over 30 seeds would hold in half of them."""
    rng = np.random.default_rng(5)
    both = 0
    for _ in range(200):
        effects = rng.normal(0, 1, 500)
        runs = {}
        for seed in range(seeds):
            rows = np.sort(rng.permutation(500)[:100])
            values = rng.normal(0, 0.02) + effects[rows] + rng.normal(0, 0.3, 100)
            runs[seed] = OfRows(rows, values.astype(np.float32))
        result = spread(runs, {seed: OfRows(run.rows, np.zeros(100, np.float32)) for seed, run in runs.items()})
        assert result is not None
        assert result.both is not None
        both += result.both[0] <= 0 <= result.both[1]
    assert both / 200 == pytest.approx(0.95, abs=0.047)


@pytest.mark.parametrize(
    ("vary", "named", "pool"),
    [
        (("seed",), "seed", 100),
        (("sample",), "sample", 100),
        (("split",), "split", 100_000),
        (("split",), "split", 200),
        (("seed", "split"), "together", 200),
    ],
)
def test_variance_in_shares(vary: tuple[Varied, ...], named: str, pool: int) -> None:
    """Known parts: 0.06² and 0.08² of what varies with the seed, (0.8² + 0.6²) / 100 of the rows.

    Each seed draws 100 of `pool` rows: all have the same, or hardly any in common, or half of them. Of one pool the
    hard rows may be many or few: their share is right on an average of 40 variants.
    """
    rng = np.random.default_rng(4)
    variants = []
    for _ in range(40):
        effects = rng.normal(0, 0.8, pool)
        runs = []
        for effect in rng.normal(0, 0.06, 60) + rng.normal(0, 0.08, 60):
            rows = np.sort(rng.choice(pool, 100, replace=False))
            values = effect + effects[rows] + rng.normal(0, 0.6, 100)
            runs.append(OfRows(rows, values.astype(np.float32)))
        variants.append(runs)
    found = variance([variants[0][:1], *variants], vary)
    assert found is not None
    shares = found.model_dump()
    assert {name for name, share in shares.items() if share is not None} == {"rows", named}
    assert shares["rows"] + shares[named] == pytest.approx(1)
    assert shares["rows"] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("value", [1.0, np.nan, np.inf])
def test_where_there_is_nothing_to_take_apart_there_are_no_shares(value: float) -> None:
    """One run, one row, no spread, or values that are not finite."""
    run, row = OfRows(ROWS, np.full(400, value, np.float32)), OfRows(ROWS[:1], np.full(1, value, np.float32))
    for runs in ([run], [row, row], [run, run]):
        with np.errstate(invalid="ignore"):
            assert variance([runs], ("seed",)) is None


def test_seeds_of_the_same_mean_of_which_one_changes_no_row_have_the_interval_over_rows() -> None:
    rows, zero = np.arange(40), np.zeros(40, np.float32)
    swapped = zero.copy()
    swapped[[3, 7]] = 1, -1
    one = {0: OfRows(rows, zero), 1: OfRows(rows, swapped)}
    found = spread(one, dict.fromkeys(one, OfRows(rows, zero)))
    assert found is not None
    half = stats.t.ppf(0.975, 39) * np.sqrt(np.var(swapped / 40 / 2, ddof=1) * 40)
    assert found.rows is not None
    assert found.both == pytest.approx((min(-half, found.rows[0]), max(half, found.rows[1])))
