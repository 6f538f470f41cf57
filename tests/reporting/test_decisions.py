"""Decisions and ranks: examples, and how often simulated ones are wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from reporting.decisions import MOST_SEEDS, decide
from reporting.ranking import rank
from reporting.verdicts import finding, in_words

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


@pytest.mark.parametrize(
    ("n", "difference", "sequential", "decision", "p_holm", "found", "words"),
    [
        (5, -0.02, False, "undecided", 0.004, "lower", "lower, more than luck"),
        (5, 0.02, False, "undecided", 0.004, "higher", "higher, more than luck"),
        (5, -0.02, False, "undecided", 0.05, "undecided", "no clear difference"),
        (5, -0.02, False, "equivalent", 0.004, "equivalent", "the same, within 0.03"),
        # p takes the number of seeds as fixed: where it was not, it says nothing.
        (9, -0.02, True, "undecided", 0.0001, "undecided", "no clear difference"),
        (9, -0.02, True, "better", 0.2, "lower", "lower, more than luck"),
        # of an accuracy lower is worse; of an epoch neither is better
        (9, -0.02, True, "worse", 0.2, "lower", "lower, more than luck"),
        (5, 3.0, False, None, 0.01, "higher", "higher, more than luck"),
        (3, 0.0, False, "undecided", None, "undecided", "no clear difference"),
        (1, -0.02, False, "undecided", None, None, "lower, one seed"),
        (1, 0.0, False, "undecided", None, None, "the same, one seed"),
        (0, None, False, "undecided", None, None, "not compared yet"),
    ],
)
def test_what_a_comparison_shows_is_said_once_for_page_table_report_and_paragraph(
    n: int, difference: float | None, sequential: bool, decision: Any, p_holm: float | None, found: Any, words: str
) -> None:
    assert finding(n, difference, sequential=sequential, decision=decision, p_holm=p_holm) == found
    assert in_words(found, difference, 0.03) == words
