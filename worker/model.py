"""A variant as a plain Keras model: its layers, optimizer and initial weights."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from models.specification import Dense

OUTPUT = Dense(type="dense", units=1, activation="sigmoid")
OPTIMIZERS = {
    "rmsprop": keras.optimizers.RMSprop,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": keras.optimizers.SGD,
    "adagrad": keras.optimizers.Adagrad,
}
LAYERS = {
    "dense": keras.layers.Dense,
    "dropout": keras.layers.Dropout,
    "gaussian_noise": keras.layers.GaussianNoise,
    "batch_normalization": keras.layers.BatchNormalization,
    "layer_normalization": keras.layers.LayerNormalization,
}


def build(layers: Sequence[Any], num_words: int) -> keras.Sequential:
    """The Keras model of a specification's hidden `layers`, and `Dense(1, sigmoid)` behind them."""
    parts = [_layer(layer, f"{layer.type}_{i}") for i, layer in enumerate(layers, 1)]
    return keras.Sequential(
        [keras.Input((num_words,), name="reviews"), *parts, _layer(OUTPUT, "output")], name="variant"
    )


def _layer(layer: Any, name: str) -> keras.Layer:
    arguments = {
        key: keras.regularizers.L1L2(**value) if isinstance(value, dict) else value
        for key, value in layer.model_dump(exclude={"type"}).items()
    }
    return LAYERS[layer.type](name=name, **arguments)


def optimizer_of(specification: Any) -> keras.Optimizer:
    """The Keras optimizer of a specification, not yet built."""
    return OPTIMIZERS[specification.name](**specification.model_dump(exclude={"name"}))


def initialize(model: keras.Model, seed: int) -> None:
    """Initial weights by each layer's own initializers, and fresh noise: fixed by `seed`, whatever was there before."""
    for position, layer in enumerate(model.layers):
        if isinstance(layer, keras.layers.Dense):
            _initialize(layer.kernel, layer.kernel_initializer, _derived(seed, position, 0))
            if layer.use_bias:
                _initialize(layer.bias, layer.bias_initializer, _derived(seed, position, 1))
        elif (generator := getattr(layer, "seed_generator", None)) is not None:
            generator.state.assign([_derived(seed, position, 2), 0])
        else:
            for variable in layer.variables:
                fill = np.ones if variable.name in ("gamma", "moving_variance") else np.zeros
                variable.assign(fill(variable.shape, np.float32))


def _initialize(variable: keras.Variable, initializer: keras.Initializer, seed: int) -> None:
    config = initializer.get_config()
    if "seed" in config:
        initializer = type(initializer).from_config({**config, "seed": seed})
    variable.assign(initializer(variable.shape, dtype=variable.dtype))


def _derived(seed: int, position: int, purpose: int) -> int:
    """A seed of its own for each use, fixed by the run's."""
    return int(np.random.SeedSequence([seed, position, purpose]).generate_state(1)[0] >> 1)


def save(model: keras.Model) -> bytes:
    """`model` as a `.keras` file, compiled to be evaluated: to train on, compile it anew.

    Its optimizer is plain SGD, which has no state; the run's own would make the file up to three
    times as big.
    """
    model.compile(optimizer=keras.optimizers.SGD(), loss="binary_crossentropy", metrics=["acc"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()


def load(content: bytes) -> keras.Model:
    """The model of a `.keras` file's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(content)
        return keras.models.load_model(path)
