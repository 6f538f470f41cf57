"""A variant as a plain Keras model: its layers, optimizer and initial weights."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import keras
import numpy as np

from models.kinds.kind import KerasKind
from models.kinds.layer import OUTPUT, Layer, name_of
from models.kinds.task import Task
from models.preprocessing import MEMBER, Preprocessing

NOISE = 2
"""What a layer's noise is among the uses that a seed is derived for; the others are its weights, in Keras's order."""


def made(kind: KerasKind, **more: Any) -> Any:
    """Keras's own object that `kind` stands for; `more` are further arguments of its class."""
    arguments = {
        name: made(value) if isinstance(value, KerasKind) else value for name, value in kind.arguments().items()
    }
    return attrgetter(kind.keras)(keras)(**arguments, **more)


def build(layers: Sequence[Layer], inputs: int, task: Task) -> keras.Sequential:
    """The Keras model of a specification's hidden `layers`, and the task's output layer behind them."""
    parts = [made(layer, name=name_of(layer.type, i)) for i, layer in enumerate(layers, 1)]
    return keras.Sequential(
        [keras.Input((inputs,), name="inputs"), *parts, made(task.output, name=OUTPUT)], name="variant"
    )


def initialize(model: keras.Model, seed: int) -> None:
    """Initial weights by each layer's own initializers, and fresh noise: fixed by `seed`, whatever was there before.

    Raises TypeError if a layer has a weight, but no attribute `<weight>_initializer` for it.
    """
    for position, layer in enumerate(model.layers):
        for place, variable in enumerate(layer.weights):
            initializer = getattr(layer, f"{variable.name}_initializer", None)
            if initializer is None:
                raise TypeError(f"keras.layers.{type(layer).__name__} names no initializer of its {variable.name}")
            _initialize(variable, initializer, _derived(seed, position, place if place < NOISE else place + 1))
        if (generator := getattr(layer, "seed_generator", None)) is not None:
            generator.state.assign([_derived(seed, position, NOISE), 0])


def _initialize(variable: keras.Variable, initializer: keras.Initializer, seed: int) -> None:
    config = initializer.get_config()
    if "seed" in config:
        initializer = type(initializer).from_config({**config, "seed": seed})
    variable.assign(initializer(variable.shape, dtype=variable.dtype))


def _derived(seed: int, position: int, purpose: int) -> int:
    """A seed of its own for each use, fixed by the run's."""
    return int(np.random.SeedSequence([seed, position, purpose]).generate_state(1)[0] >> 1)


def save(model: keras.Model, task: Task) -> bytes:
    """`model` as a `.keras` file, compiled to be evaluated: to train on, compile it anew.

    Its optimizer is plain SGD, which has no state; the run's own would make the file up to three
    times as big.
    """
    model.compile(optimizer=keras.optimizers.SGD(), loss=task.loss, metrics=[task.measure])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()


def with_preprocessing(content: bytes, preprocessing: Preprocessing | None) -> bytes:
    """A `.keras` file's bytes with what its inputs are made by in it, which Keras does not look at."""
    if preprocessing is None:
        return content
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MEMBER, preprocessing.model_dump_json())
    return file.getvalue()


def load(content: bytes) -> keras.Model:
    """The model of a `.keras` file's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(content)
        return keras.models.load_model(path)
