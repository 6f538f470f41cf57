"""Decisions and ranks: examples, and how often simulated ones are wrong."""

from __future__ import annotations

import math
import time
from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from reporting.decisions import MOST_SEEDS, decide
from reporting.ranking import rank

RNG = np.random.default_rng(3)
CLEAR = (RNG.normal(-1.0, 0.3, size=20)).tolist()
TINY = (RNG.normal(0.0, 0.001, size=20)).tolist()


def test_a_clear_difference_is_decided_by_its_direction() -> None:
    lower = decide(CLEAR, lower_is_better=True)
    higher = decide(CLEAR, lower_is_better=False)
    assert (lower.verdict, higher.verdict) == ("better", "worse")
    assert lower.ci is not None
    assert lower.ci[1] < 0
    assert lower.p is not None
    assert lower.p < 0.05
    assert lower.probability_better == 1.0
    assert higher.probability_better == 0.0
    assert lower.seeds_needed == 20


def test_a_difference_too_small_to_matter_is_equivalent_and_without_a_smallest_one_undecided() -> None:
    assert decide(TINY, lower_is_better=True, smallest=0.01).verdict == "equivalent"
    assert decide(TINY, lower_is_better=True).verdict == "undecided"


def test_few_seeds_decide_nothing_and_say_how_many_would() -> None:
    few = decide(CLEAR[:3], lower_is_better=True)
    assert few.verdict == "undecided"
    assert few.ci is None
    assert few.seeds_needed is not None
    assert 3 < few.seeds_needed < 20


def test_nothing_is_said_of_nothing() -> None:
    nothing = decide([], lower_is_better=True)
    assert (nothing.verdict, nothing.ci, nothing.p, nothing.probability_better, nothing.seeds_needed) == (
        "undecided", None, None, None, None,
    )  # fmt: skip
    one = decide([0.1, math.nan], lower_is_better=True)
    assert (one.verdict, one.ci, one.p, one.seeds_needed) == ("undecided", None, None, None)


def test_what_no_number_of_seeds_would_decide_needs_none() -> None:
    same = decide([0.5, -0.5] * 4, lower_is_better=True)
    assert same.seeds_needed is None or same.seeds_needed <= MOST_SEEDS
    assert decide([0.5, -0.5] * 4, lower_is_better=True, smallest=0.2).seeds_needed is not None


def test_what_was_decided_stays_decided() -> None:
    turned = decide([*CLEAR, *(-d for d in CLEAR)], lower_is_better=True)
    assert turned.verdict == "better"


@pytest.mark.parametrize("comparisons", [1, 5, 20])
@pytest.mark.parametrize("law", ["normal", "heavy", "bimodal", "skewed"])
def test_false_decisions_in_a_family_are_at_most_one_of_twenty(law: str, comparisons: int) -> None:
    families = 1200 // comparisons
    x = differences(law, (families, comparisons, 30))
    wrong = 0
    for family in x:
        verdicts = {decide(d, lower_is_better=True, comparisons=comparisons).verdict for d in family.tolist()}
        wrong += bool(verdicts & {"better", "worse"})
    assert wrong / families <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / families)


def differences(law: str, shape: tuple[int, ...]) -> np.ndarray:
    """Simulated differences of mean 0 and variance about 1; `skewed` has a skewness of 1."""
    rng = np.random.default_rng([4, *law.encode()])
    match law:
        case "heavy":
            return rng.standard_t(3, shape)
        case "bimodal":
            return np.where(rng.random(shape) < 0.5, -1.0, 1.0) + rng.normal(0, 0.1, shape)
        case "skewed":
            return (rng.gamma(4.0, size=shape) - 4.0) / 2.0
    return rng.standard_normal(shape)


def test_variants_that_are_equivalent_are_rarely_called_so_if_they_are_not() -> None:
    x = differences("normal", (600, 40)) * 0.5 + 0.1  # the difference is the smallest that matters
    wrong = sum(decide(d, lower_is_better=True, smallest=0.1).verdict == "equivalent" for d in x.tolist())
    assert wrong / 600 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 600)


def test_ranks_of_clear_and_of_equal_variants() -> None:
    rng = np.random.default_rng(5)
    seeds = range(20)
    shared = {seed: rng.normal() for seed in seeds}
    values = {
        name: {seed: shared[seed] + level + rng.normal(0, 0.05) for seed in seeds}
        for name, level in (("worst", 2.0), ("first", 0.0), ("second", 0.0), ("middle", 1.0))
    }
    found = {each.variant: each for each in rank(values, lower_is_better=True)}
    assert (found["worst"].low, found["worst"].high, found["worst"].best) == (4, 4, False)
    assert (found["middle"].low, found["middle"].high) == (3, 3)
    assert {(found[name].low, found[name].high, found[name].best) for name in ("first", "second")} == {(1, 2, True)}
    assert next(each.variant for each in rank(values, lower_is_better=False)) == "worst"


def test_ranks_without_seeds_in_common_are_open() -> None:
    found = rank({"a": {0: 1.0}, "b": {1: 2.0}, "c": {}}, lower_is_better=True)
    assert [(each.variant, each.low, each.high, each.best) for each in found] == [
        ("a", 1, 3, True), ("b", 1, 3, True), ("c", 1, 3, True),
    ]  # fmt: skip


def test_simulated_ranks_hold_all_at_once() -> None:
    rng = np.random.default_rng(6)
    wrong = 0
    for _ in range(150):
        values = {str(i): dict(enumerate(rng.normal(0.0, 1.0, size=15))) for i in range(6)}
        wrong += any(each.low > 1 or each.high < 6 for each in rank(values, lower_is_better=True))
    assert wrong / 150 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 150)


def test_ranks_of_a_fixed_number_of_seeds_are_by_t_tests_that_holm_corrects() -> None:
    """The pairs that scipy and statsmodels reject, and no others."""
    rng = np.random.default_rng(8)
    levels = {"a": 0.0, "b": 0.4, "c": 1.0, "d": 1.1}
    values = {name: dict(enumerate(rng.normal(level, 0.4, size=5))) for name, level in levels.items()}
    del values["c"][0]
    pairs = list(combinations(levels, 2))
    p = [
        stats.ttest_rel(*([values[name][seed] for seed in range(5) if seed in values["c"] or "c" not in pair]
                          for name in pair)).pvalue
        for pair in pairs
    ]  # fmt: skip
    rejected, *_ = multipletests(p, 0.05, "holm")
    assert 0 < sum(rejected) < len(pairs)
    found = {each.variant: each for each in rank(values, lower_is_better=True, sequential=False)}
    for name in levels:
        worse = sum(sure for pair, sure in zip(pairs, rejected, strict=True) if pair[0] == name)
        better = sum(sure for pair, sure in zip(pairs, rejected, strict=True) if pair[1] == name)
        assert (found[name].low, found[name].high) == (1 + better, 4 - worse)
    assert not any(each.low > 1 for each in rank(values, lower_is_better=True))  # five seeds are too few at every look
    equal = rank({"a": {0: 1.0, 1: 1.0}, "b": {0: 2.0, 1: 2.0}}, lower_is_better=True, sequential=False)
    assert all(each.best for each in equal)
    assert rank({}, lower_is_better=True, sequential=False) == []


def test_simulated_ranks_of_a_fixed_number_of_seeds_hold_all_at_once() -> None:
    rng = np.random.default_rng(7)
    wrong = 0
    for _ in range(400):
        values = {str(i): dict(enumerate(rng.normal(0.0, 1.0, size=5))) for i in range(5)}
        wrong += any(each.low > 1 for each in rank(values, lower_is_better=True, sequential=False))
    assert wrong / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_five_hundred_variants_are_ranked_fast() -> None:
    rng = np.random.default_rng(9)
    values = {str(i): dict(enumerate(rng.normal(i / 100, 0.1, size=2))) for i in range(500)}
    before = time.process_time()
    assert len(rank(values, lower_is_better=True, sequential=False)) == 500
    assert time.process_time() - before < 5
