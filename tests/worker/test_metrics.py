"""Metrics of all predictions of the validation set: right to scikit-learn's digits, and free if nobody asks."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest
from sklearn import metrics as sklearn

from models.kinds.metric import Measure
from models.kinds.metrics import ASKED, MEASURES, METRICS
from tests.worker.conftest import dense, specify
from worker import network, training
from worker.data import Dataset

THEIRS: dict[str, Any] = {"auc": sklearn.roc_auc_score, "brier": sklearn.brier_score_loss}
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


def test_auc_of_one_class_is_no_number() -> None:
    assert math.isnan(MEASURES["auc"].value(np.ones((4, 1)), np.random.default_rng(0).random((4, 1))))


def trained(data: Dataset, *asked: str) -> tuple[list[dict[str, float]], bytes]:
    epochs: list[dict[str, float]] = []
    layers = [{"type": "dense", "units": 7}, {"type": "dropout", "rate": 0.5}]
    run = specify({"name": "v", "layers": layers}, metrics=list(asked))
    result = training.train(run, data, on_epoch=lambda epoch: epochs.append(epoch.metrics))
    return epochs, result.model


def test_nothing_else_changes_and_nothing_is_computed_unasked(small: Dataset) -> None:
    plain, _ = trained(small)
    assert next(reversed(network._kept.values())).predict.experimental_get_tracing_count() == 0
    asked, _ = trained(small, *ASKED)
    own = {f"val_{name}" for name in ASKED}
    assert all(own <= epoch.keys() for epoch in asked)
    assert [{name: value for name, value in epoch.items() if name not in own} for epoch in asked] == plain


def test_what_is_recorded_is_of_the_models_own_predictions(small: Dataset, tmp_path: Any) -> None:
    epochs, model = trained(small, *ASKED)
    (tmp_path / "model.keras").write_bytes(model)
    predictions = keras.models.load_model(tmp_path / "model.keras").predict(dense(small.validation, 400), verbose=0)
    for name in ASKED:
        assert METRICS[f"val_{name}"].measure is MEASURES[name]
        assert epochs[-1][f"val_{name}"] == pytest.approx(THEIRS[name](small.validation.labels, predictions), abs=1e-6)
