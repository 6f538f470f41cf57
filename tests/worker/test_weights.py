"""What is recorded of layers' weights: that of the epochs' own models, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.worker.conftest import specify
from worker import training
from worker.data import Dataset
from worker.model import load

VARIANT = {
    "name": "v",
    "layers": [
        {"type": "dropout", "rate": 0.1},
        {"type": "dense", "units": 12, "activation": "relu", "kernel_regularizer": {"l1": 0.01, "l2": 0.0}},
        {"type": "batch_normalization"},
        {"type": "dense", "units": 4},
    ],
}
LAYERS = ("dense_2", "dense_4", "output")


def test_it_is_what_the_models_of_the_epochs_have(small: Dataset, tmp_path: Path) -> None:
    """Also of a run that was resumed; and every other number is that of a run without."""
    run = specify(VARIANT, weights=True).model_copy(update={"keep": "every"})
    models: dict[int, bytes] = {}
    epochs: list[dict[str, float]] = []

    def on_model(epoch: int, make: Callable[[], training.Model]) -> None:
        models[epoch] = make().content

    result = training.train(run, small, on_epoch=lambda epoch: epochs.append(epoch.metrics), on_model=on_model)
    models[3] = result.model
    of_layers = [f"{measure}.{layer}" for measure in ("norm", "near_zero") for layer in LAYERS]
    assert tuple(epochs[0]) == run.recorded
    assert list(run.recorded[-6:]) == of_layers
    for number, recorded in enumerate(epochs, 1):
        model = load(models[number])
        assert {layer.name for layer in model.layers if hasattr(layer, "kernel")} == set(LAYERS)
        for layer in LAYERS:
            kernel = model.get_layer(layer).kernel.numpy().astype(np.float64)
            assert recorded[f"norm.{layer}"] == pytest.approx(np.linalg.norm(kernel), rel=1e-12)
            assert recorded[f"near_zero.{layer}"] == np.mean(np.abs(kernel) < 1e-3)
    assert 0 < epochs[-1]["near_zero.dense_2"] < 1

    class Killed(Exception):
        pass

    def die(epoch: training.Epoch) -> None:
        if epoch.number == 2:
            raise Killed

    checkpoint = tmp_path / "checkpoint"
    with pytest.raises(Killed):
        training.train(run, small, on_epoch=die, checkpoint=checkpoint)
    again: list[dict[str, float]] = []
    training.train(run, small, lambda epoch: again.append(epoch.metrics), checkpoint=checkpoint, kept=[1, 2, 3])
    assert again == epochs
    plain: list[dict[str, float]] = []
    training.train(specify(VARIANT), small, lambda epoch: plain.append(epoch.metrics))
    assert plain == [{name: value for name, value in epoch.items() if name not in of_layers} for epoch in epochs]
