"""A variant's network: a plain Keras model, and the graphs that train and evaluate it on sparse reviews.

Every layer, optimizer, regularizer and initializer is Keras's own. Ours are the first layer's
product (`worker.sparse`) and the loop over batches, which runs inside one graph.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.specification import Dense, RunSpecification
from worker import sparse

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
    return OPTIMIZERS[specification.name](**specification.model_dump(exclude={"name"}))


@lru_cache(maxsize=8)
def network_of(layers: tuple[Any, ...], optimizer: Any, num_words: int) -> Network:
    """The network of this shape, traced once in a process; `reset` makes it a new one."""
    return Network(layers, optimizer, num_words)


class Network:
    """A Keras model, its optimizer, and its graphs."""

    def __init__(self, layers: tuple[Any, ...], optimizer: Any, num_words: int) -> None:
        self.num_words = num_words
        self.specification = optimizer
        self.model = build(layers, num_words)
        self.first: keras.layers.Dense = self.model.layers[0]
        self.optimizer = optimizer_of(optimizer)
        self.optimizer.build(self.model.trainable_variables)
        self._optimizer_start = [variable.numpy().ravel()[0] for variable in self.optimizer.variables]
        self._constant_start = {
            variable.path: variable.numpy()
            for layer in self.model.layers
            if isinstance(layer, (keras.layers.BatchNormalization, keras.layers.LayerNormalization))
            for variable in layer.variables
        }

    def reset(self, seed: int) -> None:
        """Initial weights, an untouched optimizer and fresh noise, all fixed by `seed`."""
        for position, layer in enumerate(self.model.layers):
            if isinstance(layer, keras.layers.Dense):
                _initialize(layer.kernel, layer.kernel_initializer, _derived(seed, position, 0))
                if layer.use_bias:
                    _initialize(layer.bias, layer.bias_initializer, _derived(seed, position, 1))
            elif (generator := getattr(layer, "seed_generator", None)) is not None:
                generator.state.assign([_derived(seed, position, 2), 0])
            else:
                for variable in layer.variables:
                    variable.assign(self._constant_start[variable.path])
        for variable, value in zip(self.optimizer.variables, self._optimizer_start, strict=True):
            variable.assign(tf.fill(variable.shape, value))

    @property
    def variables(self) -> list[keras.Variable]:
        """All state: weights, moving statistics, noise counters and the optimizer's own."""
        return [*self.model.variables, *(v for v in self._generators()), *self.optimizer.variables]

    def _generators(self) -> list[keras.Variable]:
        known = {id(v) for v in self.model.variables}
        states = [
            layer.seed_generator.state
            for layer in self.model.layers
            if getattr(layer, "seed_generator", None) is not None
        ]
        return [state for state in states if id(state) not in known]

    def state(self) -> list[np.ndarray]:
        return [variable.numpy() for variable in self.variables]

    def restore(self, state: Sequence[np.ndarray]) -> None:
        for variable, value in zip(self.variables, state, strict=True):
            variable.assign(value)

    def weights(self) -> list[np.ndarray]:
        return self.model.get_weights()

    def file(self, weights: Sequence[np.ndarray]) -> bytes:
        """The model with these weights as a `.keras` file, compiled as it was trained, without the optimizer's state."""
        self.model.set_weights(weights)
        self.model.compile(optimizer=optimizer_of(self.specification), loss="binary_crossentropy", metrics=["acc"])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            self.model.save(path)
            return path.read_bytes()

    # --- graphs ------------------------------------------------------------------------------

    @tf.autograph.experimental.do_not_convert
    def _outputs(self, product: tf.Tensor, training: bool) -> tuple[tf.Tensor, tf.Tensor]:
        """Predictions (count, 1) and penalties from the first layer's bare product, by Keras's own layers."""
        values = product + self.first.bias if self.first.use_bias else product
        values = self.first.activation(values)
        penalty = tf.constant(0.0)
        for layer in self.model.layers:
            if layer is not self.first:
                noisy = not isinstance(layer, (keras.layers.Dense, keras.layers.LayerNormalization))
                values = layer.call(values, training=training) if noisy else layer.call(values)
            if layer.activity_regularizer is not None:
                # As keras.Layer.__call__ does: a mean over the batch.
                penalty += layer.activity_regularizer(values) / tf.cast(tf.shape(values)[0], tf.float32)
            if isinstance(layer, keras.layers.Dense):
                if layer.kernel_regularizer is not None:
                    penalty += layer.kernel_regularizer(layer.kernel)
                if layer.use_bias and layer.bias_regularizer is not None:
                    penalty += layer.bias_regularizer(layer.bias)
        return values, penalty

    @tf.autograph.experimental.do_not_convert
    def _step(self, pairs: Sequence[tf.Tensor], batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """One batch: forward, backward, update. Its mean cross-entropy, penalty and accuracy before the update."""
        words, rows, column_words, column_rows, offsets, starts, labels = pairs
        span = slice(offsets[batch], offsets[batch + 1])
        here = labels[starts[batch] : starts[batch + 1], None]
        count = tf.cast(starts[batch + 1] - starts[batch], tf.int32)
        variables = self.model.trainable_variables
        product = sparse.product(self.first.kernel.value, words[span], rows[span], count)
        with tf.GradientTape() as tape:
            tape.watch(product)
            predictions, penalty = self._outputs(product, training=True)
            data_loss = tf.reduce_mean(keras.losses.binary_crossentropy(here, predictions))
            loss = data_loss + penalty
        into_product, *gradients = tape.gradient(loss, [product, *(v.value for v in variables)])
        gradient = sparse.product_gradient(into_product, column_rows[span], column_words[span], self.num_words)
        gradients[0] = gradient if gradients[0] is None else gradients[0] + gradient
        self.optimizer.apply(gradients, variables)
        return data_loss, penalty, tf.reduce_mean(keras.metrics.binary_accuracy(here, predictions))

    @tf.function(reduce_retracing=True)
    def train(self, pairs: Sequence[tf.Tensor], first: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
        """Trains on the batches [first, last). float32 (batches, 3): each one's cross-entropy, penalty, accuracy."""
        results = tf.TensorArray(tf.float32, size=last - first, element_shape=(3,))
        for batch in tf.range(first, last):
            results = results.write(batch - first, tf.stack(self._step(pairs, batch)))
        return results.stack()

    @tf.function(reduce_retracing=True)
    def evaluate(self, pairs: Sequence[tf.Tensor], first: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
        """Evaluates the batches [first, last) in inference mode; returns what `train` does."""
        words, rows, _, _, offsets, starts, labels = pairs
        results = tf.TensorArray(tf.float32, size=last - first, element_shape=(3,))
        for batch in tf.range(first, last):
            span = slice(offsets[batch], offsets[batch + 1])
            here = labels[starts[batch] : starts[batch + 1], None]
            count = tf.cast(starts[batch + 1] - starts[batch], tf.int32)
            product = sparse.product(self.first.kernel.value, words[span], rows[span], count)
            predictions, penalty = self._outputs(product, training=False)
            data_loss = tf.reduce_mean(keras.losses.binary_crossentropy(here, predictions))
            accuracy = tf.reduce_mean(keras.metrics.binary_accuracy(here, predictions))
            results = results.write(batch - first, tf.stack([data_loss, penalty, accuracy]))
        return results.stack()


def _derived(seed: int, position: int, purpose: int) -> int:
    """A seed of its own for each use, fixed by the run's."""
    return int(np.random.SeedSequence([seed, position, purpose]).generate_state(1)[0] >> 1)


def _initialize(variable: keras.Variable, initializer: keras.Initializer, seed: int) -> None:
    config = initializer.get_config()
    if "seed" in config:
        initializer = type(initializer).from_config({**config, "seed": seed})
    variable.assign(initializer(variable.shape, dtype=variable.dtype))


def network_for(run: RunSpecification) -> Network:
    return network_of(run.layers, run.training.optimizer, run.dataset.num_words)
