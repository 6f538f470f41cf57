"""Temperatures are found, and no row is scored by what was fitted to it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from models.kinds.task import Task
from models.kinds.tasks.binary import Binary
from models.kinds.tasks.multiclass import Multiclass
from models.predictions import Predictions
from reporting.recalibration import in_words, recalibrated, recalibration

ROWS = 20_000


def drawn(seed: int, sureness: float, classes: int = 2) -> Predictions:
    """Rows whose labels are drawn from the right probabilities, and the outputs of these times `sureness`."""
    generator = np.random.default_rng(seed)
    task: Task = Binary() if classes == 2 else Multiclass(classes=classes)
    right = generator.normal(0, 1.5, (ROWS, task.units))
    if classes == 2:
        labels = generator.random((ROWS, 1)) < special.expit(right)
    else:
        chances = special.softmax(right, axis=1)
        labels = np.array([[generator.choice(classes, p=chance)] for chance in chances])
    return Predictions(task, np.arange(1, ROWS + 1), labels.astype(np.float64), right * sureness)


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("sureness", [0.5, 1.0, 4.0])
def test_the_temperature_is_how_much_too_sure_a_network_is(classes: int, sureness: float) -> None:
    of = drawn(1, sureness, classes)
    temperature, before, after = recalibrated(of)
    assert temperature == pytest.approx(sureness, rel=0.05)
    right = float(of.task.losses(of.labels, of.outputs / sureness).mean())
    assert after == pytest.approx(right, rel=2e-3)
    assert before == pytest.approx(float(of.losses.mean()))
    assert (before > after + 0.01) is (sureness != 1)


def test_what_is_left_of_a_gain() -> None:
    """A variant that was only less sure gains nothing."""
    runs = [("base", seed, drawn(seed, 4.0)) for seed in range(4)] + [
        ("calm", seed, drawn(seed, 1.0)) for seed in (3, 2, 1)
    ]
    answer = recalibration(runs, ["base", "calm", "failed"], "base", "cross-entropy")
    assert [(each.variant, each.n, each.rows) for each in answer.variants] == [("base", 4, ROWS), ("calm", 3, ROWS)]
    assert [each.temperature for each in answer.variants] == pytest.approx([4, 1], rel=0.05)
    (compared,) = answer.comparisons
    assert (compared.variant, compared.baseline, compared.n) == ("calm", "base", 3)
    assert compared.before is not None
    assert compared.before < -0.3
    assert compared.difference == pytest.approx(0, abs=1e-4)
    after = {(name, seed): recalibrated(of)[2] for name, seed, of in runs}
    differences = [after["calm", seed] - after["base", seed] for seed in (1, 2, 3)]
    assert compared.difference == pytest.approx(np.mean(differences), abs=1e-12)
    assert compared.p == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)
    assert compared.before_ci95 is not None
    assert compared.before_ci95[1] < 0
    assert compared.in_words == "no longer better by more than luck"
    assert answer.sentence == (
        "With recalibrated probabilities calm is no longer better than base by more than luck: the gain may have been "
        "calibration alone."
    )


def test_each_outcome_in_words() -> None:
    """How a difference stands before and after, and variants of one outcome together."""
    lower, open_, higher = (-0.2, -0.1), (-0.1, 0.1), (0.1, 0.2)
    said = {
        (lower, lower): "still better",
        (lower, open_): "no longer better by more than luck",
        (lower, higher): "worse, but better as it is",
        (open_, lower): "better, but not as it is",
        (open_, open_): "not decided",
        (open_, higher): "worse, but not as it is",
        (higher, lower): "better, but worse as it is",
        (higher, open_): "no longer worse by more than luck",
        (higher, higher): "still worse",
    }
    assert {ends: in_words(*ends) for ends in said} == said
    assert in_words(None, None) == "not decided: too few seeds"


def test_who_still_wins() -> None:
    """A variant that tells rows apart better still wins; and of one seed it is not said."""
    runs = [("base", seed, drawn(seed, 4.0)) for seed in range(3)]
    # The same rows and sureness, but with noise that the labels know nothing of.
    for seed in range(3):
        of = drawn(seed, 4.0)
        noise = np.random.default_rng(seed + 9).normal(0, 4, of.outputs.shape)
        runs.append(("worse", seed, Predictions(of.task, of.rows, of.labels, of.outputs + noise)))
    answer = recalibration(runs, ["worse", "base"], "worse", "cross-entropy")
    assert answer.comparisons[0].in_words == "still better"
    assert answer.sentence == "With recalibrated probabilities base is still better than worse."
    one = recalibration([run for run in runs if run[1] == 0], ["worse", "base"], "worse", "cross-entropy")
    assert one.sentence == "One seed cannot tell whether a variant is better once probabilities are recalibrated."
    assert recalibration([], ["a"], "a", "cross-entropy").sentence == (
        "No run has succeeded whose predictions are kept."
    )
    alone = recalibration(runs[:3], ["base"], "base", "cross-entropy")
    assert alone.sentence.startswith("Recalibration takes ")
    assert alone.sentence.endswith(" off the cross-entropy of base.")
