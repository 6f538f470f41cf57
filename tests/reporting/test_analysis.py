from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from models.errors import NotFound
from models.history import RunHistory
from models.kinds.task import Task
from models.kinds.tasks import task_of
from models.kinds.tasks.binary import Binary
from models.kinds.tasks.multiclass import Multiclass
from models.kinds.tasks.regression import Regression
from models.resolution import resolve
from models.specification import dataset_of
from models.until import Until
from reporting.analysis import analyse
from reporting.answers import Analysis, Comparison, WarningCode
from reporting.overfitting import LEARNED, PACE, PATIENCE, SMOOTHING, TOLERANCE, Word, best, onset, read, smooth
from reporting.reading import RunRow
from reporting.rows import OfRows, RunRows
from reporting.setting import Setting, setting_of
from reporting.statistics import RESAMPLES, Estimate

FALLING = tuple(0.6 * 0.9**i for i in range(12))
FLAT = (0.5, 0.4, 0.31, 0.3, 0.3, 0.3, 0.301, 0.3)
RISING = (0.5, 0.4, 0.3, 0.32, 0.35, 0.4, 0.45, 0.5)


def history(
    val_loss: Sequence[float],
    loss: Sequence[float] | None = None,
    *,
    variant: str = "original",
    seed: int = 0,
    status: str = "succeeded",
    penalty: float = 0.0,
    **metrics: tuple[float, ...],
) -> RunHistory:
    """A run whose cross-entropy is `val_loss`, and whose Keras loss has a `penalty` on top."""
    validation, training = tuple(val_loss), tuple(loss if loss is not None else val_loss)
    everything = {
        "loss": tuple(v + penalty for v in training),
        "acc": tuple(1 - v / 2 for v in training),
        "val_loss": tuple(v + penalty for v in validation),
        "val_acc": tuple(1 - v / 2 for v in validation),
        "data_loss": training,
        "val_data_loss": validation,
        **metrics,
    }
    return RunHistory(f"{variant}-{seed}", variant, seed, status, tuple(range(1, len(validation) + 1)), everything)


def comparison(result: Analysis, variant: str, metric: str) -> Comparison:
    (found,) = [c for c in result.comparisons if (c.variant, c.metric) == (variant, metric)]
    return found


def warned(result: Analysis) -> dict[str, str]:
    """The details of the warnings by their codes."""
    return {each.code: each.detail for each in result.warnings}


class TestOnset:
    def test_where_the_loss_stays_risen(self) -> None:
        # 0.32 is more than 2% above 0.3, and all that follows is higher.
        assert onset(range(1, 9), RISING) == 4

    @pytest.mark.parametrize("values", [FALLING, FLAT, (), (0.3,), (0.3, 0.4, 0.5)])
    def test_never(self, values: tuple[float, ...]) -> None:
        assert onset(range(1, len(values) + 1), values) is None

    def test_at_once(self) -> None:
        assert onset(range(1, 6), (0.3, 0.4, 0.5, 0.6, 0.7)) == 2

    def test_a_single_noisy_epoch_is_none(self) -> None:
        noisy = [*FALLING[:6], 2.0, *FALLING[7:]]
        assert onset(range(1, 13), noisy) is None

    def test_a_rise_within_the_tolerance_is_none(self) -> None:
        slight = (0.4, 0.3, 0.3, *(0.3 * 1.019,) * 7)
        assert onset(range(1, 11), slight) is None
        assert onset(range(1, 11), slight, tolerance=0.01) == 4

    def test_a_rise_shorter_than_the_patience_is_none(self) -> None:
        brief = (0.4, 0.3, 0.3, 0.4, 0.4, 0.305, 0.304, 0.303)
        assert onset(range(1, 9), brief) is None
        assert onset(range(1, 9), brief, patience=2) == 4

    def test_a_rise_that_a_better_loss_follows_is_none(self) -> None:
        recovers = (0.4, 0.3, 0.3, 0.4, 0.4, 0.4, 0.4, 0.29, 0.29)
        assert onset(range(1, 8), recovers[:7]) == 4
        assert onset(range(1, 10), recovers) is None

    def test_a_curve_is_read_up_to_where_it_is_finite(self) -> None:
        assert onset(range(1, 9), (*RISING[:7], math.nan)) == 4
        assert onset(range(1, 9), (*RISING[:6], math.nan, 0.6)) is None

    def test_epochs_need_not_begin_at_one(self) -> None:
        assert onset(range(11, 19), RISING) == 14

    @given(st.lists(st.floats(0.1, 10), max_size=30), st.floats(0.1, 10))
    @settings(max_examples=60)
    def test_the_unit_of_the_loss_does_not_matter(self, values: list[float], scale: float) -> None:
        # Powers of two, so that scaling does not round.
        scale = 2.0 ** math.floor(math.log2(scale))
        assert onset(range(len(values)), values) == onset(range(len(values)), [v * scale for v in values])

    def test_a_sharp_turn_is_not_dated_before_the_least_loss(self) -> None:
        assert onset(range(1, 7), (0.30, 0.276, 0.33, 0.45, 0.5, 0.6)) == 3

    def test_a_noisy_plateau_is_not_overfitting_but_the_rise_after_it_is(self) -> None:
        plateau = 0.3 * (1 + 0.008 * np.cos(5 * np.arange(15)))
        assert onset(range(1, 16), plateau.tolist()) is None
        risen = [*plateau, *(0.3 + 0.02 * np.arange(1, 6))]
        assert onset(range(1, 21), risen) == 16

    @given(st.lists(st.floats(0.1, 10), max_size=30))
    def test_a_loss_that_never_rises_has_none(self, values: list[float]) -> None:
        assert onset(range(len(values)), sorted(values, reverse=True)) is None

    @given(st.lists(st.integers(20, 40).map(lambda v: v / 100), max_size=14))
    @settings(max_examples=200)
    def test_the_rule_word_for_word(self, values: list[float]) -> None:
        count = len(values)
        smoothed = [sorted(values[i] for i in (max(k - 1, 0), k, min(k + 1, count - 1)))[1] for k in range(count)]
        expected = None
        first = values.index(min(values)) + 1 if values else 1  # the epoch after the best
        for k in range(first, count - PATIENCE + 1):
            least = min(smoothed[:k])
            risen = all(v > (1 + TOLERANCE) * least for v in smoothed[k : k + PATIENCE])
            if risen and all(v > least for v in smoothed[k:]):
                earlier = k > first and values[k - 1] > (1 + TOLERANCE) * min(values[: k - 1])
                expected = k - earlier + 1
                break
        assert onset(range(1, count + 1), values) == expected

    def test_the_median_keeps_slopes_and_ends(self) -> None:
        assert smooth(RISING).tolist() == [0.5, 0.4, 0.32, 0.32, 0.35, 0.4, 0.45, 0.5]
        assert smooth([]).tolist() == []


def test_best_is_the_first_of_the_finite() -> None:
    assert best([1, 2, 3, 4], [0.5, 0.3, 0.3, math.nan]) == 2
    assert best([1, 2, 3], [0.5, 0.9, math.inf], "val_acc") == 2
    assert best([1], [math.nan]) is None


class TestReading:
    def test_gaps_area_and_slope(self) -> None:
        found = read(history(RISING, loss=(0.5, 0.4, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2)))
        assert found.best_epoch == 3
        assert found.gap_at_best == pytest.approx(0.1)
        assert found.gap_at_end == pytest.approx(0.3)
        # Trapezoids over gaps of 0, 0, .1, .12, .15, .2, .25, .3.
        assert found.area_between == pytest.approx(0.97)
        assert found.slope_after_onset == pytest.approx(stats.linregress(range(4, 9), RISING[3:]).slope)

    def test_a_steady_rise_has_its_slope(self) -> None:
        line = tuple(0.3 + 0.05 * i for i in range(10))
        assert read(history(line)).slope_after_onset == pytest.approx(0.05)

    def test_gaps_prefer_the_evaluated_training_set(self) -> None:
        found = read(history((0.5, 0.4), loss=(0.6, 0.5), eval_data_loss=(0.3, 0.1)))
        assert found.gap_at_end == pytest.approx(0.3)
        assert found.evaluated

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            (RISING, "overfitting from epoch 4"),
            (FALLING, "still improving: train longer"),
            (FLAT, f"no onset in {len(FLAT)} epochs"),
            ((0.6, 0.5, 0.45, 0.4, 0.35, 0.355), "still improving: train longer"),
            ((0.5, 0.4, 0.3, 0.31, 0.33), "no onset in 5 epochs"),  # stopped soon after its least: it no longer fell
            ((0.3,) * 6, "no onset in 6 epochs"),
            ((0.68, 0.67, 0.67, 0.67, 0.67, 0.67), "did not learn"),
            ((0.68, 0.67, 0.68, 0.69, 0.7, 0.71), "did not learn"),  # a rise, but of nothing that was learned
            ((0.3, 0.4, 0.5, 0.6), "overfitting from epoch 2"),
            ((0.5, 0.4, 0.3), "too few epochs"),
            ((), "too few epochs"),
            ((0.5, 0.4, math.nan), "diverged"),
        ],
    )
    def test_verdicts(self, values: tuple[float, ...], said: str) -> None:
        found = read(history(values))
        assert found.verdict == said
        assert (found.onset_epoch is None) == (found.word != "overfitting")

    def test_who_knows_the_training_set_by_heart_has_learned(self) -> None:
        rising = (0.69, 0.7, 0.72, 0.75, 0.8)
        assert read(history(rising, loss=(0.6, 0.4, 0.2, 0.1, 0.05))).verdict == "overfitting from epoch 3"
        assert read(history(rising)).verdict == "did not learn"

    def test_the_rise_is_from_the_best_to_the_last_epoch(self) -> None:
        assert read(history((0.5, 0.3, 0.4))).rise == pytest.approx(0.1)
        assert read(history((0.5, 0.3))).rise == 0.0
        assert read(history((0.5, 0.3, math.nan))).rise is None


CURVES = json.loads((Path(__file__).parent / "curves.json").read_text())
"""Real runs, each labelled by eye before the rule was written, with the reason and, where it overfits, the range of
epochs that the onset may be in."""


class TestRealCurves:
    """The rule against what a person sees."""

    @pytest.mark.parametrize("curve", CURVES, ids=[f"{i} {curve['label']}" for i, curve in enumerate(CURVES)])
    def test_the_verdict_is_what_is_seen(self, curve: dict[str, Any]) -> None:
        values = {name: [math.nan if v is None else v for v in curve[name]] for name in ("data_loss", "val_data_loss")}
        task = task_of(curve["data"].get("classes", 2), deviation=1.0)
        found = read(history(values["val_data_loss"], loss=values["data_loss"]), task=task)
        assert (found.word == curve["label"]) == ("but" not in curve), f"{found.verdict}, but {curve['why']}"
        if curve["label"] == "overfitting":
            low, high = curve["onset"]
            assert found.onset_epoch is not None
            assert low <= found.onset_epoch <= high, curve["why"]

    def test_there_are_curves_of_all_kinds(self) -> None:
        labels = Counter(curve["label"] for curve in CURVES)
        assert len(CURVES) >= 60
        assert min(labels[word] for word in ("overfitting", "still improving", "no onset", "did not learn")) >= 8
        assert {curve["data"]["name"] for curve in CURVES} >= {"imdb", "synthetic", "synthetic_table"}
        assert sum("but" in curve for curve in CURVES) <= 1


class TestVariants:
    def test_one_run(self) -> None:
        (variant,) = analyse([history(RISING)], "original").variants
        assert variant.variant == "original"
        assert (variant.n, variant.best_epoch, variant.onset_epoch) == (1, 3, 4)
        assert variant.censored is False
        assert variant.verdict == "overfitting from epoch 4"
        assert variant.across_seeds["best_val_data_loss"] == Estimate(n=1, mean=0.3, sd=None, ci95=None)

    def test_never_overfitting_is_censored(self) -> None:
        (variant,) = analyse([history(FLAT)], "original").variants
        assert (variant.onset_epoch, variant.censored, variant.verdict) == (
            None,
            True,
            f"no onset in {len(FLAT)} epochs",
        )

    @pytest.mark.parametrize(
        ("task", "scale", "verdict"),
        [
            (Regression(deviation=9.0), 81 / 0.3, "did not learn"),
            (Regression(deviation=9.0), 40 / 0.3, "no onset in 8 epochs"),
            (
                Regression(),
                81 / 0.3,
                "no onset in 8 epochs",
            ),  # the labels' variance is not known
            (Multiclass(46), 3.8 / 0.3, "did not learn"),
            (Multiclass(46), 3 / 0.3, "no onset in 8 epochs"),
        ],
        ids=str,
    )
    def test_who_learned_nothing_is_judged_by_the_tasks_own_chance(
        self, task: Task, scale: float, verdict: str
    ) -> None:
        level = history([0.3 * scale] * 8)
        assert analyse([level], "original", task=task).variants[0].verdict == verdict

    def test_of_a_regression_the_measure_is_the_error_and_less_is_better(self) -> None:
        runs = [
            history([1.0, 0.9, 0.8, 0.7], variant=variant, seed=seed, val_mae=(1.0, 0.9, 0.8, error + seed / 100))
            for variant, error in (("original", 0.5), ("l2", 0.4))
            for seed in range(4)
        ]
        result = analyse(runs, "original", task=Regression())
        found = comparison(result, "l2", "best_val_mae")
        assert found.difference == pytest.approx(-0.1)
        assert found.probability_better == 1

    def test_half_of_the_seeds_decide(self) -> None:
        runs = [history(values, seed=i) for i, values in enumerate([RISING, (0.6, *RISING[:7]), FLAT, FLAT])]
        (variant,) = analyse(runs, "original").variants
        assert (variant.onset_epoch, variant.overfitted) == (5, 2)
        (variant,) = analyse([*runs, history(FLAT, seed=4)], "original").variants
        assert (variant.onset_epoch, variant.verdict) == (None, "no onset in 8 epochs")

    def test_of_two_words_as_many_seeds_have_the_worse_is_the_variants(self) -> None:
        runs = [history(FLAT), history(FALLING, seed=1)]
        for each in (runs, runs[::-1]):
            assert analyse(each, "original").variants[0].verdict == "still improving: train longer"

    def test_across_seeds_the_interval_is_students(self) -> None:
        finals = [0.5, 0.52, 0.47]
        runs = [history((*RISING[:-1], final), seed=i) for i, final in enumerate(finals)]
        over = analyse(runs, "original").variants[0].across_seeds["final_val_data_loss"]
        assert over.ci95 == pytest.approx(stats.ttest_1samp(finals, 0).confidence_interval(0.95))

    def test_diverged_runs_are_counted_apart(self) -> None:
        runs = [history(RISING), history((0.5, math.nan), seed=1, status="failed")]
        result = analyse(runs, "original")
        assert (result.variants[0].n, result.variants[0].diverged) == (1, 1)
        assert warned(result)["runs_diverged"].startswith("original: 1 of 2 runs")

    def test_a_variant_that_only_diverged(self) -> None:
        runs = [history(RISING), history((0.5, math.nan), variant="bigger", status="failed")]
        bigger = analyse(runs, "original").variants[1]
        assert (bigger.verdict, bigger.n, bigger.best_epoch, bigger.censored) == ("diverged", 0, None, True)

    def test_unfinished_runs_are_left_out(self) -> None:
        runs = [history(RISING), history(FLAT, seed=1, status="running"), history(FLAT, seed=2, status="failed")]
        result = analyse(runs, "original")
        assert result.variants[0].n == 1
        assert "2 of 3 runs" in warned(result)["runs_left_out"]


class TestComparisons:
    losses = ((0.30, 0.31, 0.29, 0.305), (0.27, 0.285, 0.255, 0.28))

    def runs(self) -> list[RunHistory]:
        return [
            history((0.5, loss, 0.6, 0.7, 0.8, 0.9 + loss), variant=variant, seed=seed)
            for variant, losses in zip(("original", "l2"), self.losses, strict=True)
            for seed, loss in enumerate(losses)
        ]

    def test_paired_by_seed_whatever_the_order(self) -> None:
        runs = self.runs()
        found = comparison(analyse(runs, "original"), "l2", "best_val_data_loss")
        expected = stats.ttest_rel(self.losses[1], self.losses[0])
        assert (found.n, found.baseline) == (4, "original")
        assert found.difference == pytest.approx(np.mean(self.losses[1]) - np.mean(self.losses[0]))
        assert found.ci95 == pytest.approx(expected.confidence_interval(0.95))
        assert found.p == found.p_holm == pytest.approx(expected.pvalue)
        assert comparison(analyse(runs[::-1], "original"), "l2", "best_val_data_loss") == found

    def test_only_seeds_that_both_have(self) -> None:
        found = comparison(analyse(self.runs()[:-1], "original"), "l2", "best_val_data_loss")
        assert found.n == 3

    def test_holm_runs_over_the_variants_of_one_metric(self) -> None:
        rng = np.random.default_rng(0)
        runs = [
            history((0.5, 0.3 + shift + rng.normal(0, 0.01), 0.6, 0.7, 0.8), variant=variant, seed=seed)
            for variant, shift in (("a", 0.0), ("b", 0.01), ("c", 0.03))
            for seed in range(5)
        ]
        result = analyse(runs, "a")
        b, c = (comparison(result, variant, "best_val_data_loss") for variant in "bc")
        assert b.p is not None
        assert c.p is not None
        assert c.p_holm is not None
        assert c.p < b.p
        assert c.p_holm == pytest.approx(2 * c.p)
        assert b.p_holm == pytest.approx(max(b.p, c.p_holm))

    def test_one_seed_has_no_interval_and_says_so(self) -> None:
        result = analyse([history(RISING), history(FLAT, variant="l2")], "original")
        found = comparison(result, "l2", "final_val_data_loss")
        assert found.difference == pytest.approx(-0.2)
        assert (found.n, found.ci95, found.p, found.p_holm) == (1, None, None, None)
        assert "one_seed" in warned(result)

    def test_differences_without_spread_say_so(self) -> None:
        runs = [history(v, variant=n, seed=s) for n, v in (("a", RISING), ("b", FLAT)) for s in range(3)]
        result = analyse(runs, "a")
        assert comparison(result, "b", "best_epoch").p is None
        assert (
            "b (best_val_data_loss), b (best_val_acc), b (final_val_data_loss) and 3 more"
            in warned(result)["equal_differences"]
        )

    @pytest.mark.parametrize("grown", [False, True])
    def test_a_copy_of_the_baseline_is_the_same(self, grown: bool) -> None:
        rng = np.random.default_rng(0)
        curves = [[0.6, 0.3 + x, 0.35 + x] for x in rng.normal(0, 0.01, 4)]
        shorter = [curve[:2] for curve in curves]  # as good at its best, and another training
        runs = [
            history(curve, variant=name, seed=seed)
            for name, of in (("a", curves), ("copy", curves), ("shorter", shorter))
            for seed, curve in enumerate(of)
        ]
        result = analyse(runs, "a", setting=Setting(grown=grown))
        for each in result.comparisons:
            if each.variant == "copy":
                assert (each.decision, each.finding, each.in_words) == ("equivalent", "equivalent", "the same")
                assert (each.n, each.difference, each.identical) == (4, 0, True)
        assert comparison(result, "copy", "best_val_data_loss").seeds_needed == 4
        assert comparison(result, "shorter", "best_val_data_loss").finding == "undecided"
        assert "copy (" not in warned(result)["equal_differences"]
        said = "copy is the same as a: with each seed every number of the training is equal."
        assert said in result.paragraph
        alone = analyse(runs[:8], "a", setting=Setting(grown=grown))
        assert "equal_differences" not in warned(alone)
        assert alone.headline == "Use a: copy trained exactly as it did."
        assert alone.paragraph.startswith(said)

    def test_networks_that_never_learned_are_no_copies(self) -> None:
        runs = [history((0.69, 0.69, 0.69), variant=name, seed=seed) for name in "ab" for seed in range(4)]
        assert comparison(analyse(runs, "a"), "b", "best_val_data_loss").finding == "undecided"

    def test_the_bootstrap_on_request(self) -> None:
        plain, asked = (
            comparison(analyse(self.runs(), "original", bootstrap=b), "l2", "final_val_data_loss")
            for b in (False, True)
        )
        assert plain.ci95_bootstrap is None
        assert asked.ci95_bootstrap is not None
        low, high = asked.ci95_bootstrap
        assert asked.difference is not None
        assert low < asked.difference < high

    def test_an_unknown_baseline_is_not_found(self) -> None:
        with pytest.raises(NotFound):
            analyse(self.runs(), "bigger")


class TestViews:
    def test_the_penalty_counts_in_keras_view_alone(self) -> None:
        runs = [history(RISING), history(RISING, variant="l2", penalty=0.2)]
        fair, keras = analyse(runs, "original"), analyse(runs, "original", view="keras")
        assert comparison(fair, "l2", "best_val_data_loss").difference == pytest.approx(0)
        assert comparison(keras, "l2", "best_val_loss").difference == pytest.approx(0.2)
        assert warned(keras)["penalty_in_loss"] == (
            "Keras's val_loss contains weight penalties, at the last epoch l2 0.2. "
            "With view=data they are left out: compare by that."
        )
        assert warned(fair)["penalty_in_loss"].endswith("l2 0.2. Here they are left out.")
        assert (fair.view, keras.view) == ("data", "keras")

    def test_validating_on_the_test_set_is_warned_of(self) -> None:
        assert "holdout" in warned(analyse([history(FLAT)], "original", validated_on_test=True))["validated_on_test"]
        assert "validated_on_test" not in warned(analyse([history(FLAT)], "original"))


def test_the_page_on_analysis_says_what_the_code_does() -> None:
    page = " ".join((Path(__file__).parents[2] / "docs" / "analysis.md").read_text().split())
    for word in get_args(Word):
        assert f"`{word}" in page
    for said in (
        f"running median over {SMOOTHING} epochs",
        f"more than {TOLERANCE:.0%} above",
        f"for {PATIENCE} epochs in a row",
        f"got below {LEARNED} · that of chance: {LEARNED} · ln 2",
        f"more than {PACE:.1%} per epoch",
        f"{RESAMPLES:,} resamples",
    ):
        assert said in page


def test_what_matters_most_is_told_first() -> None:
    runs = [
        history([0.693 + 0.001 * seed, 0.7], variant=name, seed=seed)
        for name in ("original", "l2", "l1")
        for seed in range(2)
    ]
    runs += [history([0.5, 0.4, 0.3], variant="l1", seed=2), history([0.5], variant="l2", seed=3, status="queued")]
    told = analyse(
        runs, "original", validated_on_test=True, setting=Setting(grown=True), apart={"l1"}, selected=0
    ).warnings
    codes = [each.code for each in told]
    assert codes == sorted(codes, key=get_args(WarningCode).index)
    assert codes[:3] == ["different_data", "never_learned", "never_learned"]
    never = [each.detail.partition(" runs")[0] for each in told if each.code == "never_learned"]
    assert never == ["original: 2 of 2", "l2: 2 of 2", "l1: 2 of 3"]


def test_every_code_of_a_warning_has_its_heading() -> None:
    page = (Path(__file__).parents[2] / "docs" / "analysis.md").read_text().partition("\n## Warnings\n")[2]
    assert re.findall(r"^### `(.+)`$", page, re.MULTILINE) == list(get_args(WarningCode))


odd = st.floats(allow_nan=True, allow_infinity=True, width=32)
runs = st.builds(
    lambda variant, seed, status, values: history(values, variant=variant, seed=seed, status=status),
    st.sampled_from(["original", "l2", "bigger"]),
    st.integers(0, 3),
    st.sampled_from(["queued", "running", "succeeded", "failed", "cancelled"]),
    st.lists(st.floats(0, 2) | odd, max_size=8),
)


@given(st.lists(runs, max_size=8), st.sampled_from(["data", "keras"]))
@settings(max_examples=100)
def test_any_history_gives_an_answer_that_json_can_carry(histories: list[RunHistory], view: Any) -> None:
    result = analyse([history(FLAT), *histories], "original", view=view, bootstrap=True)
    json.dumps(result.model_dump(), allow_nan=False)
    for variant in result.variants:
        assert variant.censored == (variant.onset_epoch is None)
    for found in result.comparisons:
        assert (found.p is None) == (found.p_holm is None)
        if found.ci95 is not None:
            assert found.difference is not None
            assert found.ci95[0] <= found.difference <= found.ci95[1]


def test_decisions_stand_beside_the_fixed_test_and_need_a_direction() -> None:
    rng = np.random.default_rng(7)
    histories = [
        history([0.5 + level, 0.4 + level + rng.normal(0, 0.01)], variant=variant, seed=seed)
        for seed in range(14)
        for variant, level in (("original", 0.0), ("worse", 0.2), ("same", 0.0))
    ]
    found = analyse(histories, "original", smallest=0.05)
    of = {(each.variant, each.metric): each for each in found.comparisons}
    worse, same = of["worse", "best_val_data_loss"], of["same", "best_val_data_loss"]
    assert (worse.decision, same.decision) == ("worse", "equivalent")
    assert worse.ci_anytime is not None
    assert worse.ci95 is not None
    assert worse.ci_anytime[0] < worse.ci95[0] < worse.ci95[1] < worse.ci_anytime[1]
    assert (worse.smallest, worse.probability_better, worse.seeds_needed) == (0.05, 0.0, 14)
    assert of["worse", "best_epoch"].decision is None
    ranks = {each.variant: (each.rank, each.best) for each in found.ranking}
    assert ranks["worse"] == ((3, 3), False)
    assert ranks["original"] == ranks["same"] == ((1, 2), True)
    assert of["same", "best_val_data_loss"].decision == "equivalent"
    assert analyse(histories, "original").comparisons[1].decision == "undecided"


def test_a_measure_that_is_not_finite_is_no_divergence() -> None:
    """The AUC of a validation set of one class is NaN; the losses are what they are."""
    run = history(RISING)
    run = replace(run, metrics={**run.metrics, "val_auc": (math.nan,) * len(run.epochs)})
    assert read(run).verdict == "overfitting from epoch 4"


def test_the_measure_beside_the_loss_is_the_tasks() -> None:
    class Distance(Binary):
        measure = "brier"

    runs = [history(RISING), history(FLAT, variant="l2")]
    runs = [
        replace(run, metrics={**run.metrics, "val_brier": (0.1 + i / 10,) * len(run.epochs)})
        for i, run in enumerate(runs)
    ]
    found = analyse(runs, "original", task=Distance())
    assert "best_val_acc" not in found.variants[0].across_seeds
    assert [each.metric for each in found.comparisons] == [
        "best_val_data_loss", "best_val_brier", "final_val_data_loss", "gap_at_end", "rise", "best_epoch",
    ]  # fmt: skip
    brier = found.comparisons[1]
    assert brier.difference == pytest.approx(0.1)
    assert brier.probability_better == 0  # more of it is worse


class TestParagraph:
    """What is said in words is what the numbers say."""

    def runs(self, seeds: int, **levels: float) -> list[RunHistory]:
        rng = np.random.default_rng(3)
        return [
            history([0.6 + level, 0.4 + level + float(noise)], variant=name, seed=seed)
            for name, level in levels.items()
            for seed, noise in enumerate(rng.normal(0, 0.002, seeds))
        ]

    def test_a_fixed_number_of_seeds(self) -> None:
        found = analyse(self.runs(8, original=0, dropout=-0.1, bigger=0.1, same=0.0), "original")
        dropout = comparison(found, "dropout", "best_val_data_loss")
        assert dropout.ci95 == dropout.ends
        assert found.paragraph.startswith("Of 4 variants, dropout is the best by its best validation cross-entropy")
        assert "dropout lowered the best validation cross-entropy by 0.0991 (95% interval 0.0950 to" in found.paragraph
        assert "bigger raised it by 0." in found.paragraph
        assert "whether same is better or worse than original: the difference is +0.0013 (" in found.paragraph

    def test_seeds_that_are_added_use_the_interval_that_allows_it(self) -> None:
        runs = self.runs(12, original=0, dropout=-0.1, same=0.0)
        found = analyse(runs, "original", setting=Setting(grown=True), smallest=0.02)
        dropout = comparison(found, "dropout", "best_val_data_loss")
        assert dropout.ci_anytime is not None
        assert dropout.ci_anytime == dropout.ends
        assert (dropout.sequential, dropout.smallest_from, dropout.confidence) == (True, "request", 0.95)
        low, high = -dropout.ci_anytime[1], -dropout.ci_anytime[0]
        assert f"(95% interval {low:.4f} to {high:.4f}, 12 seeds)" in found.paragraph
        assert "same is equivalent to original" in found.paragraph
        assert "seeds_added" in warned(found)
        assert "seeds_added" not in warned(analyse(runs, "original"))
        assert warned(found)["seeds_added"].startswith(
            "Seeds were added to the job after it was submitted. ci95, `inter"
        )
        loose = comparison(analyse(runs, "original", until=Until(alpha=0.1)), "dropout", "best_val_data_loss")
        assert loose.confidence == pytest.approx(0.9)

    @pytest.mark.parametrize("setting", [Setting(decides=True), Setting(decides=True, grown=True)])
    def test_a_job_that_decides_how_many_seeds_it_needs_is_marked_also_at_its_first_look(
        self, setting: Setting
    ) -> None:
        runs = self.runs(5, original=0, dropout=-0.1)
        for found in (analyse(runs, "original", setting=setting), analyse(runs, "original", until=Until())):
            assert all(each.sequential for each in found.comparisons)
            told = warned(found)["seeds_added"]
            assert told.startswith(
                "How many seeds there are was decided in view of the results, as `until` says. ci95,"
            )

    @pytest.mark.parametrize("grown", [False, True])
    def test_a_table_says_what_the_paragraph_says_of_an_interval_without_0(self, grown: bool) -> None:
        """Of few seeds: two that Holm's correction leaves open, or five whose signs may agree by luck."""
        runs = self.runs(5 if grown else 2, original=0, dropout=-0.1, bigger=0.1, same=0.0)
        found = analyse(runs, "original", setting=Setting(grown=grown))
        words = {each.variant: each.in_words for each in found.comparisons if each.metric == "best_val_data_loss"}
        assert words == {
            "dropout": "lower so far, not decided", "bigger": "higher so far, not decided", "same": "not decided",
        }  # fmt: skip
        assert "dropout is ahead of original" in found.paragraph
        assert "This is not decided, although each interval leaves 0 out" in found.paragraph

    def test_variants_that_still_improve_are_named(self) -> None:
        runs = [history(FALLING), *(history(FLAT, variant="l2", seed=seed) for seed in range(2))]
        assert "original was still improving at the last epoch" in analyse(runs, "original").paragraph

    def test_one_variant(self) -> None:
        assert analyse(self.runs(3, original=0), "original").paragraph == ""


def test_without_a_word_the_smallest_difference_is_the_rows_own_error() -> None:
    runs = [
        history([0.5, 0.4], variant=variant, seed=seed, val_acc=(0.5, 0.88 + 0.0001 * (seed % 3) * (variant == "l2")))
        for variant in ("original", "l2")
        for seed in range(12)
    ]
    found = analyse(runs, "original", setting=Setting(validated_on=25_000))
    accuracy = comparison(found, "l2", "best_val_acc")
    assert accuracy.smallest == pytest.approx(round(math.sqrt(0.88 * 0.12 / 25_000), 3)) == pytest.approx(0.002)
    assert (accuracy.smallest_from, accuracy.sequential, accuracy.decision) == ("rows", False, "equivalent")
    assert comparison(found, "l2", "final_val_data_loss").smallest_from is None


def test_the_simplest_that_is_about_as_good() -> None:
    rng = np.random.default_rng(1)
    levels = {"original": 0.010, "smaller": 0.004, "bigger": 0.0, "tiny": 0.1}
    runs = [
        history([0.5, 0.4 + level + float(noise)], variant=name, seed=seed)
        for name, level in levels.items()
        for seed, noise in enumerate(rng.normal(0, 0.0005, 12))
    ]
    setting = Setting(parameters={"original": 100, "smaller": 50, "bigger": 1000, "tiny": 5})
    found = analyse(runs, "original", setting=setting, smallest=0.006).simplest
    assert found is not None
    assert (found.variant, found.parameters, found.best) == ("smaller", 50, "bigger")
    assert (found.within, found.shown) == (0.006, True)
    assert found.difference == pytest.approx(0.004, abs=0.001)
    loose = analyse(runs, "original", setting=setting, smallest=0.004).simplest
    assert loose is not None
    assert (loose.variant, loose.shown) in {("smaller", False), ("bigger", True)}
    strict = analyse(runs, "original", setting=setting, smallest=0.001).simplest
    assert strict is not None
    assert (strict.variant, strict.difference, strict.shown) == ("bigger", 0.0, True)
    assert analyse(runs, "original", setting=setting).simplest is None
    said = analyse(runs, "original", setting=setting, smallest=0.006).paragraph
    assert "smaller is the simplest within 0.006 of it: " in said


def test_a_seed_that_never_learned_is_told_and_does_not_move_the_interquartile_mean() -> None:
    runs = [history([0.6, 0.28 + seed / 1000, 0.3, 0.3, 0.3], variant="smaller", seed=seed) for seed in range(9)]
    runs += [history([0.6931] * 5, variant="smaller", seed=9), history([0.5, 0.3, 0.3, 0.3, 0.3])]
    found = analyse(runs, "original")
    smaller = next(each for each in found.variants if each.variant == "smaller")
    assert smaller.never_learned == 1
    assert warned(found)["never_learned"].startswith("smaller: 1 of 10 runs had not learned by the last epoch")
    mean = smaller.across_seeds["best_val_data_loss"].mean
    assert mean is not None
    assert mean > 0.32
    losses = sorted([0.28 + seed / 1000 for seed in range(9)] + [0.6931])
    assert smaller.interquartile_means["best_val_data_loss"] == pytest.approx(np.mean(losses[2:-2]))
    low, high = smaller.interquartile_intervals["best_val_data_loss"] or (0.0, 0.0)
    assert 0.28 < low < high < 0.29
    # From Agarwal et al.'s definition, with scipy as the oracle.
    assert smaller.interquartile_means["best_val_data_loss"] == pytest.approx(stats.trim_mean(losses, 0.25))


class TestRows:
    """Intervals over rows stand beside the comparisons whose values they are the rows of."""

    def runs(self, epoch: int = 2) -> tuple[list[RunHistory], dict[str, RunRows]]:
        """Two variants, 4 seeds, 300 rows; each run's least loss is the mean of its rows' losses, at epoch 2."""
        rng = np.random.default_rng(5)
        easy = rng.exponential(0.4, 300)
        numbers = np.arange(1, 301)
        runs, rows = [], {}
        for variant, level in (("original", 0.0), ("dropout", -0.05)):
            for seed in range(4):
                losses = np.abs(easy + level + rng.normal(0, 0.02, 300) + rng.normal(0, 0.005))
                run = history([0.9, float(losses.mean()), 0.8], variant=variant, seed=seed)
                runs.append(run)
                right = (losses < 0.6).astype(np.float32)
                kept = OfRows(numbers, losses.astype(np.float32))
                rows[run.run_id] = RunRows(epoch, kept, OfRows(numbers, right))
        return runs, rows

    def test_at_the_best_epoch(self) -> None:
        runs, rows = self.runs()
        found = analyse(runs, "original", rows=rows, setting=Setting(held_out=300, validated_on=300))
        best = comparison(found, "dropout", "best_val_data_loss")
        assert best.intervals.seeds == best.ci95
        assert best.intervals.rows is not None
        assert best.intervals.both is not None
        assert best.difference is not None
        for low, high in (best.intervals.rows, best.intervals.both):
            assert low < best.difference < high
        assert comparison(found, "dropout", "best_val_acc").intervals.rows is not None
        assert comparison(found, "dropout", "final_val_data_loss").intervals.rows is None
        assert comparison(found, "dropout", "best_epoch").intervals.both is None
        assert found.variance is not None
        assert found.variance.seed is not None
        assert found.variance.seed + found.variance.rows == pytest.approx(1)
        # The smallest difference that matters is the baseline's standard error, with one digit.
        errors = [rows[f"original-{seed}"].losses.values.std(ddof=1) / np.sqrt(300) for seed in range(4)]
        assert best.smallest == pytest.approx(float(f"{np.mean(errors):.0e}"))
        assert best.smallest_from == "rows"
        assert best.intervals.both[1] < 0
        assert "Over other validation rows" not in found.paragraph, "it says so if the interval has 0 in it"

    def test_of_another_epoch_or_of_a_part_of_the_runs_they_say_nothing(self) -> None:
        runs, rows = self.runs(epoch=3)
        found = analyse(runs, "original", rows=rows)
        assert comparison(found, "dropout", "best_val_data_loss").intervals.rows is None
        runs, rows = self.runs()
        del rows["dropout-2"]
        found = analyse(runs, "original", rows=rows)
        assert comparison(found, "dropout", "best_val_data_loss").intervals.both is None


@pytest.mark.parametrize(("later", "grown"), [(0.0, False), (0.0009, False), (0.1, True)])
def test_seeds_were_added_if_runs_were_made_later(later: float, grown: bool) -> None:
    """Of a run that an older version had queued again only the millisecond is known in which it was made."""
    spec = resolve({"preset": "notebook", "vary": ["sample"], "dataset": {"name": "synthetic"}}).model_dump(mode="json")
    began = datetime(2026, 1, 1, tzinfo=UTC)
    runs = [
        RunRow(f"run_{seed}", "job", "original", seed, "succeeded", 3, None, 17, began + timedelta(seconds=at), 3)
        for seed, at in enumerate((0.0, 0.0, later))
    ]
    found = setting_of(spec, runs)
    assert (found.grown, found.vary, found.parameters) == (grown, ("sample",), {"original": 17})
    assert (found.held_out, found.validated_on) == (0, 8000)


def test_an_epoch_has_an_update_per_batch_of_the_variants_own_rows() -> None:
    few = {"name": "few", "preset": "original", "dataset": {"train_samples": 1000}}
    slow = {"name": "slow", "preset": "original", "training": {"batch_size": 128}}
    dataset = {"name": "synthetic", "reviews": 4001, "num_words": 100}
    spec = resolve({"variants": ["original", few, slow], "dataset": dataset}).model_dump(mode="json")
    rows = dataset_of(spec).trained_on
    assert setting_of(spec, []).updates == {"original": -(-rows // 512), "few": 2, "slow": -(-rows // 128)}
    found = analyse([history([0.5, 0.4])], "original", setting=setting_of(spec, []))
    assert found.variants[0].updates_per_epoch == -(-rows // 512)
