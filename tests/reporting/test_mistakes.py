"""Rows that are wrong with every seed, likely label errors, and ensembles, beside what is counted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from models.kinds.task import Task
from models.kinds.tasks.binary import Binary
from models.kinds.tasks.multiclass import Multiclass
from models.kinds.tasks.regression import Regression
from models.predictions import Predictions
from reporting.ensembles import Ensemble, ensembles
from reporting.mistakes import Kept, likely_errors, mistakes


def said(task: Task, labels: Sequence[int], outputs: Any, rows: list[int] | None = None) -> Predictions:
    values = np.asarray(outputs, np.float64).reshape(len(labels), -1)
    numbers = np.arange(1, len(labels) + 1) if rows is None else np.array(rows)
    return Predictions(task, numbers, np.asarray(labels, np.float64)[:, None], values)


def ensemble(runs: Sequence[Predictions]) -> Ensemble | None:
    """What these runs of one variant score together."""
    found = ensembles(["v"], "v", lambda name: runs, runs[0].task if runs else Binary()).variants
    return found[0] if found else None


def by_the_definition(labels: np.ndarray, means: np.ndarray) -> tuple[set[int], np.ndarray]:
    """The rows off the diagonal of the confident joint, and the joint, one row after another."""
    classes = means.shape[1]
    thresholds = [means[labels == j, j].mean() for j in range(classes)]
    joint, errors = np.zeros((classes, classes)), set()
    for i, (label, row) in enumerate(zip(labels, means, strict=True)):
        passing = [j for j in range(classes) if row[j] >= thresholds[j]]
        if passing:
            best = max(passing, key=lambda j: row[j])
            joint[label, best] += 1
            if best != label:
                errors.add(i)
    return errors, joint


def test_likely_errors_are_those_of_the_confident_joint() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 600)
    labels = np.where(random.random(600) < 0.1, (truth + 1) % 3, truth)
    logits = 3.0 * (truth[:, None] == np.arange(3)) + random.normal(0, 1, (600, 3))
    means = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    places, suspected, share = likely_errors(labels, means)
    errors, joint = by_the_definition(labels, means)
    assert set(places.tolist()) == errors
    assert np.mean(suspected[places] == truth[places]) > 0.9
    assert np.mean(labels[places] != truth[places]) > 0.9, "most of them have been changed"
    own = np.bincount(labels)
    scaled = joint / joint.sum(axis=1, keepdims=True) * own[:, None]
    assert share == pytest.approx(1 - np.trace(scaled) / scaled.sum())
    assert share == pytest.approx(0.1, abs=0.03), "a tenth has"
    margins = means[places, labels[places]] - means[places].max(axis=1)
    assert list(margins) == sorted(margins)


def test_what_every_seed_has_wrong_and_what_only_the_end_has() -> None:
    task = Binary()
    labels = [1, 1, 1, 0, 0]
    least = [[-1, 1, 1, -1, 1], [-2, 1, 1, -1, -1]]
    last = [[-3, -1, 1, 2, 1], [-3, -1, -1, 2, 1]]
    runs = [
        Kept(least=said(task, labels, begin), last=said(task, labels, end))
        for begin, end in zip(least, last, strict=True)
    ]
    found = mistakes("v", iter(runs), ["no", "yes"], "test", 1)
    assert (found.n, found.rows, found.split) == (2, 5, "test")
    assert (found.always.count, [row.row for row in found.always.data]) == (1, [1])
    (row,) = found.always.data
    assert (row.label, row.answer) == ("yes", "no")
    assert row.probability == pytest.approx((1 / (1 + np.exp(1)) + 1 / (1 + np.exp(2))) / 2)
    assert row.probability_at_last == pytest.approx(1 / (1 + np.exp(3)))
    # Row 5 was wrong before with one seed; row 3 is right at the end with the other.
    assert (found.overfitted.count, [row.row for row in found.overfitted.data]) == (2, [4])


def test_seeds_that_validated_other_rows_count_where_they_have_them() -> None:
    task = Multiclass(3)
    sure = 5 * np.eye(3)
    one = said(task, [0, 1, 2], sure[[0, 1, 0]], [2, 5, 9])
    other = said(task, [2, 1], sure[[0, 1]], [9, 11])
    found = mistakes("v", [Kept(one, one), Kept(other, other)], None, "train", 9)
    assert (found.n, found.rows) == (2, 4)
    assert [(row.row, row.label, row.answer) for row in found.always.data] == [(9, 2, 0)]
    assert ensemble([one, other]) is None


def test_nobody_said_anything() -> None:
    found = mistakes("v", [], None, "test", 5)
    assert (found.n, found.rows, found.always.count, found.label_errors.share) == (0, 0, 0, None)
    assert ensemble([]) is None
    assert ensemble([said(Binary(), [1], [0.5])]) is None, "one run is no ensemble"
    none = ensembles(["v"], "v", lambda name: [], Binary())
    assert none.sentence == "No variant has two runs whose predictions of the same rows are kept."


@pytest.mark.parametrize("task", [Binary(), Multiclass(4), Regression()], ids=lambda task: task.name)
def test_an_ensemble_scores_what_scikit_learn_says_of_the_averages(task: Task) -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, task.class_count or 9, 500)
    lean = 2.0 * labels[:, None] - 1 if task.units == 1 else 2.0 * (labels[:, None] == np.arange(task.units))
    runs = [said(task, list(labels), lean + random.normal(0, 2, (500, task.units))) for _ in range(3)]
    found = ensemble(runs)
    assert found is not None
    assert (found.n, found.rows) == (3, 500)
    averaged = np.mean([run.values for run in runs], axis=0)
    if task.class_count is None:
        assert found.together["data_loss"] == pytest.approx(metrics.mean_squared_error(labels, averaged))
        assert found.together["mae"] == pytest.approx(metrics.mean_absolute_error(labels, averaged))
        assert found.together["r2"] == pytest.approx(metrics.r2_score(labels, averaged))
    else:
        assert found.together["data_loss"] == pytest.approx(metrics.log_loss(labels, averaged))
        answers = averaged.argmax(axis=1) if task.units > 1 else averaged[:, 0] > 0.5
        assert found.together["acc"] == pytest.approx(metrics.accuracy_score(labels, answers))
        assert set(found.together) == {"data_loss", "acc", "auc", "brier", "ece", "f1"}
    assert found.single["data_loss"] == pytest.approx(np.mean([run.losses.mean() for run in runs]))
    assert found.together["data_loss"] < found.single["data_loss"], "the loss is convex"


def test_certainty_keeps_its_loss() -> None:
    """A probability of 1 in 64 bits has lost what its loss is made of; that of the other class has not."""
    runs = [said(Binary(), [0, 1], [60.0, 60.0]), said(Binary(), [0, 1], [61.0, 61.0])]
    found = ensemble(runs)
    assert found is not None
    assert found.together["data_loss"] == pytest.approx((60 + np.log(2 / (1 + np.exp(-1)))) / 2)


def test_an_ensemble_stands_beside_one_seed_and_the_baseline() -> None:
    """Its gain, and how it stands against one seed of the baseline, with intervals over rows; in a sentence."""
    random = np.random.default_rng(2)
    labels = random.integers(0, 2, 3000)
    runs = {
        name: [said(Binary(), list(labels), lean * (2.0 * labels - 1) + random.normal(0, 2, 3000)) for _ in range(n)]
        for name, lean, n in (("better", 2.0, 3), ("base", 1.0, 3), ("one", 1.0, 1))
    }
    found = ensembles(list(runs), "base", runs.__getitem__, Binary())
    assert [each.variant for each in found.variants] == ["better", "base"]
    losses = {name: np.mean([run.losses for run in of], axis=0) for name, of in runs.items()}
    for each in found.variants:
        averaged = np.mean([run.values[:, 0] for run in runs[each.variant]], axis=0)
        together = -np.log(np.where(labels == 1, averaged, 1 - averaged))
        for of, beside in ((each.gain, each.variant), (each.against_baseline, "base")):
            assert of is not None
            differences = together - losses[beside]
            assert of.difference == pytest.approx(differences.mean())
            half = 1.96 * differences.std() / np.sqrt(len(labels))
            assert of.ci95 == pytest.approx((of.difference - half, of.difference + half), abs=1e-3)
    better, base = found.variants
    assert found.sentence == (
        f"Averaging a variant's seeds takes {-better.gain.difference:.2g} (better) to {-base.gain.difference:.2g} "
        f"(base) off the cross-entropy of one seed, without training more; the lowest is that of better, "
        f"{better.together['data_loss']:.4g} by 3 seeds together."
    )
    alone = ensembles(["base"], "base", runs.__getitem__, Binary())
    assert alone.sentence == (
        f"Averaging the 3 seeds of base takes {-base.gain.difference:.2g} off the cross-entropy of one seed, without "
        f"training more: {base.together['data_loss']:.4g} in place of {base.single['data_loss']:.4g}."
    )
    without = ensembles(["better"], "one", lambda name: runs[name] if name == "better" else [], Binary())
    assert without.variants[0].against_baseline is None
