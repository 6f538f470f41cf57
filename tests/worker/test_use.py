"""Predictions without TensorFlow are Keras's: of every layer, every activation, and a network of several."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import get_args

import keras
import numpy as np
import pytest
import scipy.sparse

from models.kinds.activation import activate
from models.kinds.layer import Layer
from models.kinds.layers import LAYERS
from models.kinds.layers.dense import Activation, Dense
from models.kinds.tasks.multiclass import Multiclass
from models.preprocessing import MEMBER, Preprocessing
from tests.worker.test_kinds import settings
from worker.model import build, initialize, load, save, with_preprocessing
from worker.use import Network

VALUES = np.random.default_rng(1).normal(size=(7, 24)).astype(np.float32) * 3


@pytest.mark.parametrize("name", get_args(Activation))
def test_an_activation_is_kerass(engine: None, name: str) -> None:
    theirs = np.array(keras.activations.get(name)(keras.ops.convert_to_tensor(VALUES)))
    np.testing.assert_allclose(activate(name, VALUES.astype(np.float64)), theirs, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_gives_in_inference_what_kerass_gives(engine: None, tmp_path: Path, name: str) -> None:
    """In a network behind a dense layer, with weights that say something, read from the file by NumPy."""
    draw = np.random.default_rng(2)
    for setting in settings(LAYERS[name]):
        layers: tuple[Layer, ...] = (Dense(units=12), LAYERS[name].model_validate(setting), Dense(units=5))
        model = build(layers, 24, Multiclass(4))
        initialize(model, 1)
        for layer in model.layers:
            layer.set_weights([draw.uniform(0.02, 0.1, weight.shape) for weight in layer.get_weights()])
        content = with_preprocessing(save(model, Multiclass(4)), Preprocessing(inputs=24, columns=(), classes=None))
        theirs = load(content)(VALUES, training=False).numpy()
        (tmp_path / "m.keras").write_bytes(content)
        with zipfile.ZipFile(tmp_path / "m.keras") as archive:
            assert MEMBER in archive.namelist()
            network = Network(archive, (*layers, Multiclass(4).output))
        rows = scipy.sparse.csr_array(VALUES.astype(np.float64))
        np.testing.assert_allclose(
            network.outputs(network.product(rows)), theirs, rtol=1e-4, atol=1e-6, err_msg=str(setting)
        )
