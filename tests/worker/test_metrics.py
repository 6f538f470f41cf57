"""Metrics of all predictions of the validation set: right to scikit-learn's digits, and free if nobody asks."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest
from sklearn import metrics as sklearn
from sklearn.calibration import calibration_curve

from models.kinds.metric import Measure
from models.kinds.metrics import ASKED, MEASURES, METRICS
from tests.worker.conftest import TASKS, dense, specify
from worker import training
from worker.data import Dataset


def by_class(predictions: Any) -> Any:
    """The probability of each class, as scikit-learn takes them of more than two; else as they are."""
    predictions = np.asarray(predictions, np.float64).reshape(len(predictions), -1)
    return predictions[:, 0] if predictions.shape[1] == 1 else predictions / predictions.sum(1, keepdims=True)


def answers(predictions: Any) -> Any:
    """The likeliest class of each row."""
    found = by_class(predictions)
    return found > 0.5 if found.ndim == 1 else found.argmax(1)


def calibration_error(labels: Any, predictions: Any) -> float:
    """The distances in scikit-learn's calibration curve, which leaves out empty bins, weighted by their rows."""
    found = by_class(predictions)
    confidence = np.maximum(found, 1 - found) if found.ndim == 1 else found.max(1)
    right, mean = calibration_curve(answers(predictions) == labels, confidence, n_bins=15)
    rows = np.histogram(-confidence, bins=-np.linspace(0, 1, 16)[::-1])[0][::-1]  # each bin with its upper end
    return float((np.abs(right - mean) * rows[rows > 0]).sum() / len(labels))


THEIRS: dict[str, Any] = {
    "auc": lambda labels, found: sklearn.roc_auc_score(labels, by_class(found), multi_class="ovr"),
    "brier": lambda labels, found: sklearn.brier_score_loss(labels, by_class(found)),
    "ece": calibration_error,
    "f1": lambda labels, found: sklearn.f1_score(
        labels, answers(found), average="binary" if by_class(found).ndim == 1 else "macro", zero_division=0
    ),
    "r2": sklearn.r2_score,
}
"""scikit-learn's function of each measure, of labels and predictions."""


def test_each_measure_that_may_be_asked_for_has_its_judge() -> None:
    assert set(THEIRS) == set(ASKED)


@pytest.mark.parametrize("measure", [MEASURES[name] for name in ASKED], ids=lambda measure: measure.name)
def test_a_measure_is_scikit_learns(measure: type[Measure]) -> None:
    random = np.random.default_rng(0)
    for rows in (2, 3, 10, 1000):
        labels = random.permutation(np.arange(rows) % 2).astype(np.float64)
        for predictions in (random.random(rows), random.integers(0, 4, rows) / 4, labels, np.full(rows, 0.5)):
            value = measure.value(labels[:, None], predictions[:, None])
            assert value == pytest.approx(THEIRS[measure.name](labels, predictions), abs=1e-12)
            low, high = measure.bounds
            assert low <= value <= high


@pytest.mark.parametrize("name", [name for name in ASKED if "multiclass" in MEASURES[name].tasks])
def test_a_measure_of_several_classes_is_scikit_learns(name: str) -> None:
    random = np.random.default_rng(0)
    for rows in (5, 20, 1000):
        labels = random.permutation(np.arange(rows) % 5).astype(np.float64)
        for sure in (0.1, 1, 20):
            outputs = np.exp(sure * random.normal(0, 1, (rows, 5)))
            predictions = outputs / outputs.sum(1, keepdims=True)
            value = MEASURES[name].value(labels[:, None], predictions)
            assert value == pytest.approx(THEIRS[name](labels, predictions), abs=1e-12)
            low, high = MEASURES[name].bounds
            assert low <= value <= high
    # Classes that there are none of: the mean of the others.
    labels, predictions = labels[labels < 2], predictions[labels < 2]
    assert 0 <= MEASURES[name].value(labels[:, None], predictions) <= 2


@pytest.mark.parametrize("name", ["auc", "r2"])
def test_of_labels_that_are_all_the_same_there_is_none(name: str) -> None:
    assert math.isnan(MEASURES[name].value(np.ones((4, 1)), np.random.default_rng(0).random((4, 1))))


def test_r2_is_keras_s_too(engine: None) -> None:
    random = np.random.default_rng(0)
    labels, predictions = random.normal(20, 9, (300, 1)), random.normal(20, 9, (300, 1))
    theirs = keras.metrics.R2Score()
    theirs.update_state(labels, predictions)
    assert MEASURES["r2"].value(labels, predictions) == pytest.approx(float(theirs.result()), rel=1e-5)
    assert MEASURES["r2"].value(labels, np.full((300, 1), labels.mean())) == pytest.approx(0, abs=1e-12)


def asked_of(task: str) -> list[str]:
    """The measures that a job of `task` may ask for."""
    return [name for name in ASKED if not MEASURES[name].tasks or task in MEASURES[name].tasks]


def trained(data: Dataset, dataset: dict[str, Any], *asked: str) -> tuple[list[dict[str, float]], bytes]:
    epochs: list[dict[str, float]] = []
    layers = [{"type": "dense", "units": 7}, {"type": "dropout", "rate": 0.5}]
    run = specify({"name": "v", "layers": layers}, metrics=list(asked), dataset=dataset)
    result = training.train(run, data, on_epoch=lambda epoch: epochs.append(epoch.metrics))
    return epochs, result.model


MEASURED = {task: own for task in TASKS if (own := asked_of(task))}


@pytest.mark.parametrize("task", MEASURED)
def test_nothing_else_changes(sets: dict[str, Dataset], task: str) -> None:
    plain, _ = trained(sets[task], TASKS[task])
    asked, _ = trained(sets[task], TASKS[task], *MEASURED[task])
    own = {f"val_{name}" for name in MEASURED[task]}
    assert all(own <= epoch.keys() for epoch in asked)
    assert [{name: value for name, value in epoch.items() if name not in own} for epoch in asked] == plain


@pytest.mark.parametrize("task", MEASURED)
def test_what_is_recorded_is_of_the_models_own_predictions(sets: dict[str, Dataset], task: str, tmp_path: Any) -> None:
    data = sets[task]
    epochs, model = trained(data, TASKS[task], *MEASURED[task])
    (tmp_path / "model.keras").write_bytes(model)
    rows = dense(data.validation, data.inputs)
    predictions = keras.models.load_model(tmp_path / "model.keras").predict(rows, verbose=0)
    for name in MEASURED[task]:
        assert METRICS[f"val_{name}"].measure is MEASURES[name]
        assert epochs[-1][f"val_{name}"] == pytest.approx(THEIRS[name](data.validation.labels, predictions), abs=1e-6)
