"""Every layer and optimizer of the catalogue is what it says of itself, by Keras's own count, and trains."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from models.kinds.constraints import CONSTRAINTS
from models.kinds.layer import Layer
from models.kinds.layers import LAYERS
from models.kinds.layers.dense import Dense
from models.kinds.optimizer import BareOptimizer
from models.kinds.optimizers import OPTIMIZERS
from models.kinds.tasks.binary import Binary
from tests.worker.conftest import specify
from worker import training
from worker.data import Dataset
from worker.model import build, initialize, load, made


def settings(kind: type[Layer] | type[BareOptimizer]) -> list[dict[str, object]]:
    """The kind as a form begins it, and with each switch turned and each number that may be 0 set."""
    start = {kind.tag: kind.kind(), **kind.starts}
    found = [start]
    for name, field in kind.model_fields.items():
        if field.annotation is bool:
            found.append({**start, name: not field.default})
        elif field.default == 0.0 and field.annotation is float:
            found.append({**start, name: 0.5})
    return found


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_counts_its_weights_and_width_as_keras_does(engine: None, name: str) -> None:
    for setting in settings(LAYERS[name]):
        layer = LAYERS[name].model_validate(setting)
        theirs = made(layer)
        assert theirs(np.zeros((2, 24), np.float32)).shape == (2, layer.width(24)), setting
        assert theirs.count_params() == layer.weights(24), setting


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_counts_its_slots_as_keras_does(engine: None, name: str) -> None:
    for setting in settings(OPTIMIZERS[name]):
        optimizer = OPTIMIZERS[name].model_validate(setting)
        theirs = made(optimizer)
        theirs.build([keras.Variable(np.zeros((5, 3), np.float32))])
        assert len([v for v in theirs.variables if v.shape == (5, 3)]) == optimizer.kept(), setting


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_starts_the_same_by_its_seed_whatever_was_there_before(engine: None, name: str) -> None:
    layer = LAYERS[name].model_validate({"type": name, **LAYERS[name].starts})
    model = build((Dense(units=8), layer), 20, Binary())

    def started(seed: int) -> list[np.ndarray]:
        initialize(model, seed)
        return [np.array(variable) for part in model.layers for variable in part.variables]

    first, other, again = started(1), started(2), started(1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    for variable in model.variables:
        variable.assign(np.full(variable.shape, 7, variable.dtype))
    assert all(np.array_equal(a, b) for a, b in zip(first, started(1), strict=True))


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_trains(small: Dataset, name: str) -> None:
    hidden = [{"type": "dense", "units": 8, "activation": "relu"}, {"type": name, **LAYERS[name].starts}]
    run = specify({"name": "v", "layers": hidden}, batch_size=100, epochs=5)
    losses: list[float] = []
    training.train(run, small, on_epoch=lambda epoch: losses.append(epoch.metrics["loss"]))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_kernels_keep_to_a_constraint(small: Dataset, name: str) -> None:
    constraint = {"name": name, **CONSTRAINTS[name].starts}
    hidden = [{"type": "dense", "units": units, "kernel_constraint": constraint} for units in (8, 4)]
    result = training.train(specify({"name": "v", "layers": hidden}, epochs=2), small)
    first, second, output = load(result.model).layers
    for layer in (first, second):
        assert type(layer.kernel_constraint).__name__ == CONSTRAINTS[name].keras.rpartition(".")[2]
        kernel = np.array(layer.kernel)
        assert kernel == pytest.approx(np.array(layer.kernel_constraint(layer.kernel)), rel=1e-5)
        free = np.array(keras.initializers.GlorotUniform(1)(kernel.shape))
        assert kernel != pytest.approx(free, rel=1e-5)
    assert output.kernel_constraint is None
