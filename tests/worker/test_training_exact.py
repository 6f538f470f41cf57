"""The engine's numbers are those of stock `keras.Model.fit` on dense rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from keras import layers, regularizers
from keras.optimizers import schedules

from models.kinds.tasks.binary import Binary
from models.specification import RunSpecification
from tests.worker.conftest import TASKS, dense, specify
from worker import sparse, training
from worker.data import Dataset, Rows
from worker.model import build, initialize, load

NAMES = ("loss", "acc", "val_loss", "val_acc")

STOCK = {
    "binary": ("binary_crossentropy", "acc"),
    "multiclass": ("categorical_crossentropy", "acc"),
    "regression": ("mse", "mae"),
}
"""What a task's networks are compiled with, as the book has it: the loss and the metric."""

# The notebook's networks, written out as it writes them: units and regularizer.
PRESETS: dict[str, tuple[int, Any]] = {
    "original": (16, lambda: None),
    "smaller": (4, lambda: None),
    "bigger": (512, lambda: None),
    "l2": (16, lambda: regularizers.L2(0.001)),
    "l1": (16, lambda: regularizers.L1(0.001)),
    "l1_l2": (16, lambda: regularizers.L1L2(l1=0.001, l2=0.001)),
}

OPTIMIZERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "rmsprop-momentum": (keras.optimizers.RMSprop, {"momentum": 0.9}),
    "rmsprop-centered": (keras.optimizers.RMSprop, {"centered": True, "rho": 0.8}),
    "adam": (keras.optimizers.Adam, {}),
    "adam-amsgrad": (keras.optimizers.Adam, {"amsgrad": True, "beta_1": 0.8}),
    "adamw": (keras.optimizers.AdamW, {"weight_decay": 0.01}),
    "nadam": (keras.optimizers.Nadam, {"beta_1": 0.8}),
    "sgd": (keras.optimizers.SGD, {"learning_rate": 0.1}),
    "sgd-nesterov": (keras.optimizers.SGD, {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    "adagrad": (keras.optimizers.Adagrad, {"learning_rate": 0.05}),
}

LAYERS: dict[str, list[dict[str, Any]]] = {
    "no hidden layer": [],
    "no bias, tanh": [{"type": "dense", "units": 8, "activation": "tanh", "use_bias": False}],
    "all regularizers": [
        {
            "type": "dense",
            "units": 24,
            "activation": "relu",
            "kernel_regularizer": {"l1": 0.0001, "l2": 0.002},
            "bias_regularizer": {"l2": 0.1},
            "activity_regularizer": {"l1": 0.001, "l2": 0.003},
        },
        {"type": "dense", "units": 8, "activation": "elu", "activity_regularizer": {"l2": 0.01}},
    ],
    "wide, regularized": [
        {"type": "dense", "units": 64, "activation": "gelu", "kernel_regularizer": {"l1": 0.0001, "l2": 0.002}}
    ],
    "constrained": [
        {
            "type": "dense",
            "units": 24,
            "activation": "relu",
            "kernel_regularizer": {"l2": 0.002},
            "kernel_constraint": {"name": "max_norm", "max_value": 0.7},
        },
        {"type": "dense", "units": 16, "activation": "elu", "kernel_constraint": {"name": "unit_norm"}},
        {"type": "dense", "units": 8, "activation": "tanh", "kernel_constraint": {"name": "non_neg"}},
    ],
    "wide, constrained": [
        {"type": "dense", "units": 64, "activation": "gelu", "kernel_constraint": {"name": "unit_norm"}}
    ],
    "normalized": [
        {"type": "dense", "units": 16},
        {"type": "batch_normalization", "momentum": 0.9},
        {"type": "dense", "units": 16, "activation": "relu"},
        {"type": "layer_normalization"},
        {"type": "dense", "units": 8, "activation": "selu", "kernel_initializer": "lecun_normal"},
    ],
}


ON_INPUTS: dict[str, list[dict[str, Any]]] = {
    "dropout": [{"type": "dropout", "rate": 0.3}, {"type": "dense", "units": 16, "activation": "relu"}],
    "noise, wide": [{"type": "gaussian_noise", "stddev": 0.2}, {"type": "dense", "units": 40, "activation": "relu"}],
    "all, and behind": [
        {"type": "gaussian_noise", "stddev": 0.1},
        {"type": "alpha_dropout", "rate": 0.1},
        {"type": "dropout", "rate": 0.2},
        {"type": "dense", "units": 8, "kernel_regularizer": {"l2": 0.01}, "kernel_constraint": {"name": "max_norm"}},
        {"type": "dropout", "rate": 0.5},
    ],
    "nothing else": [{"type": "dropout", "rate": 0.5}],
}


def engine_history(run: RunSpecification, data: Dataset) -> dict[str, list[float]]:
    epochs: list[training.Epoch] = []
    training.train(run, data, on_epoch=epochs.append)
    return {name: [epoch.metrics[name] for epoch in epochs] for name in epochs[0].metrics}


def keras_history(
    model: keras.Model,
    optimizer: Any,
    run: RunSpecification,
    data: Dataset,
    words: np.ndarray | None = None,
    loss: Any = None,
    **fit: Any,
) -> dict[str, list[float]]:
    """Stock Keras from the same initial weights, fed the same batches, their columns in the order of `words`.

    loss: instead of the task's own. fit: further arguments of `keras.Model.fit`.
    """
    beginning = build(run.layers, data.inputs, run.dataset.task)
    initialize(beginning, run.seed)
    weights = beginning.get_weights()
    task = run.dataset.task
    own, metric = STOCK[task.name]

    def labels(rows: Rows) -> np.ndarray:
        given = np.asarray(rows.labels)
        return keras.utils.to_categorical(given, task.units) if task.name == "multiclass" else given

    x, y = dense(data.train, data.inputs), labels(data.train)
    validation = (dense(data.validation, data.inputs), labels(data.validation))
    if words is not None:
        weights[0], x, validation = weights[0][words], x[:, words], (validation[0][:, words], validation[1])
    model.set_weights(weights)
    for layer, begun in zip(model.layers, beginning.layers, strict=True):
        if (generator := getattr(begun, "seed_generator", None)) is not None:
            layer.seed_generator.state.assign(generator.state)
    model.compile(optimizer=optimizer, loss=loss or own, metrics=[metric])
    names = ("loss", metric, "val_loss", f"val_{metric}")
    # One call, so that whatever Keras does at the end of training it does once.
    fitted = model.fit(
        in_order(x, y, run),
        epochs=run.training.epochs,
        steps_per_epoch=-(-len(y) // run.training.batch_size),
        shuffle=False,
        validation_data=validation,
        verbose=0,
        **fit,
    ).history
    return {name: fitted[name] for name in names}


def in_order(x: np.ndarray, y: np.ndarray, run: RunSpecification) -> tf.data.Dataset[Any]:
    """The batches that the engine trains on, epoch after epoch."""
    y = y.reshape(len(y), -1)

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for number in range(1, run.training.epochs + 1):
            order = sparse.order(run.seed, number, len(y))
            for first in range(0, len(y), run.training.batch_size):
                chosen = order[first : first + run.training.batch_size]
                yield x[chosen], y[chosen]

    specs = tuple(tf.TensorSpec((None, each.shape[1]), each.dtype) for each in (x, y))
    return tf.data.Dataset.from_generator(batches, output_signature=specs)


def assert_equal(ours: dict[str, list[float]], keras_: dict[str, list[float]]) -> None:
    for name in keras_:
        assert ours[name][0] == pytest.approx(keras_[name][0], rel=1e-4), name
        assert ours[name][:3] == pytest.approx(keras_[name][:3], rel=1e-3), name


def notebook_model(preset: str, num_words: int) -> keras.Model:
    units, regularizer = PRESETS[preset]
    return keras.Sequential(
        [
            layers.Input((num_words,)),
            layers.Dense(units, activation="relu", kernel_regularizer=regularizer()),
            layers.Dense(units, activation="relu", kernel_regularizer=regularizer()),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


@pytest.mark.once
@pytest.mark.parametrize("preset", PRESETS)
def test_presets(small: Dataset, preset: str) -> None:
    run = specify(preset, seed=5)
    stock = keras_history(notebook_model(preset, small.inputs), "rmsprop", run, small)
    assert_equal(engine_history(run, small), stock)


@pytest.mark.once
@pytest.mark.parametrize(
    ("units", "name"),
    [*((8, name) for name in OPTIMIZERS), (40, "rmsprop-centered"), (40, "adam-amsgrad"), (40, "adamw")],
)
def test_optimizers(small: Dataset, units: int, name: str) -> None:
    optimizer, arguments = OPTIMIZERS[name]
    hidden = [{"type": "dense", "units": units, "activation": "relu"}]
    run = specify({"name": "v", "layers": hidden}, optimizer={"name": name.partition("-")[0], **arguments})
    stock = keras_history(build(run.layers, small.inputs, run.dataset.task), optimizer(**arguments), run, small)
    assert_equal(engine_history(run, small), stock)


# How an optimizer is specified, and Keras's object that it stands for.
REMEDIES: dict[str, tuple[int, dict[str, Any], Callable[[], Any]]] = {
    "weight decay": (
        8,
        {"name": "sgd", "learning_rate": 0.1, "weight_decay": 0.2},
        lambda: keras.optimizers.SGD(0.1, weight_decay=0.2),
    ),
    "clipnorm": (40, {"name": "adam", "clipnorm": 0.02}, lambda: keras.optimizers.Adam(clipnorm=0.02)),
    "global clipnorm": (
        8,
        {"name": "sgd", "learning_rate": 1.0, "global_clipnorm": 0.1},
        lambda: keras.optimizers.SGD(1.0, global_clipnorm=0.1),
    ),
    "clipvalue": (
        8,
        {"name": "sgd", "learning_rate": 1.0, "clipvalue": 0.002},
        lambda: keras.optimizers.SGD(1.0, clipvalue=0.002),
    ),
    "average at the end": (
        40,
        {"name": "adam", "use_ema": True, "ema_momentum": 0.9},
        lambda: keras.optimizers.Adam(use_ema=True, ema_momentum=0.9),
    ),
    "average, again and again": (
        8,
        {"use_ema": True, "ema_overwrite_frequency": 3},
        lambda: keras.optimizers.RMSprop(use_ema=True, ema_overwrite_frequency=3),
    ),
    "cosine decay": (
        8,
        {"learning_rate": {
            "schedule": "cosine_decay", "initial_learning_rate": 0.0001, "decay_steps": 10, "alpha": 0.1,
            "warmup_target": 0.01, "warmup_steps": 3,
        }},
        lambda: keras.optimizers.RMSprop(
            schedules.CosineDecay(0.0001, 10, alpha=0.1, warmup_target=0.01, warmup_steps=3)
        ),
    ),
    "exponential decay": (
        40,
        {"learning_rate": {
            "schedule": "exponential_decay", "initial_learning_rate": 0.01, "decay_steps": 4, "decay_rate": 0.5,
            "staircase": True,
        }},
        lambda: keras.optimizers.RMSprop(schedules.ExponentialDecay(0.01, 4, 0.5, staircase=True)),
    ),
    "inverse time decay": (
        8,
        {"learning_rate": {
            "schedule": "inverse_time_decay", "initial_learning_rate": 0.01, "decay_steps": 2, "decay_rate": 0.5,
        }},
        lambda: keras.optimizers.RMSprop(schedules.InverseTimeDecay(0.01, 2, 0.5)),
    ),
    "polynomial decay": (
        8,
        {"learning_rate": {
            "schedule": "polynomial_decay", "initial_learning_rate": 0.01, "decay_steps": 8, "power": 2.0,
        }},
        lambda: keras.optimizers.RMSprop(schedules.PolynomialDecay(0.01, 8, power=2.0)),
    ),
    "piecewise": (
        8,
        {"learning_rate": {
            "schedule": "piecewise_constant_decay", "boundaries": [3, 7], "values": [0.01, 0.001, 0.0],
        }},
        lambda: keras.optimizers.RMSprop(schedules.PiecewiseConstantDecay([3, 7], [0.01, 0.001, 0.0])),
    ),
    "all together": (
        40,
        {
            "name": "nadam", "weight_decay": 0.01, "clipnorm": 0.05, "use_ema": True, "ema_overwrite_frequency": 5,
            "learning_rate": {"schedule": "cosine_decay", "initial_learning_rate": 0.01, "decay_steps": 15},
        },
        lambda: keras.optimizers.Nadam(
            schedules.CosineDecay(0.01, 15), weight_decay=0.01, clipnorm=0.05, use_ema=True, ema_overwrite_frequency=5
        ),
    ),
}  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize("name", REMEDIES)
def test_what_every_optimizer_can(small: Dataset, name: str) -> None:
    units, optimizer, stock = REMEDIES[name]
    hidden = [{"type": "dense", "units": units, "activation": "relu", "kernel_constraint": {"name": "max_norm"}}]
    run = specify({"name": "v", "layers": hidden}, optimizer=optimizer)
    theirs = build(run.layers, small.inputs, run.dataset.task)
    history = keras_history(theirs, stock(), run, small)
    assert_equal(engine_history(run, small), history)
    ours = load(training.train(run, small).model)
    for weights, own in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        assert own == pytest.approx(weights, abs=2e-4)
    plain = specify({"name": "v", "layers": hidden}, optimizer={"name": optimizer.get("name", "rmsprop")})
    assert (history["loss"] != pytest.approx(engine_history(plain, small)["loss"], rel=1e-4)) is not (
        name == "average at the end"
    )


def test_a_rate_that_is_reduced_on_a_plateau(small: Dataset) -> None:
    plateau = {"monitor": "val_acc", "factor": 0.3, "patience": 1, "cooldown": 1, "min_delta": 0.01, "min_lr": 0.0005}
    rate = {"reduce_on_plateau": {**plateau, "initial_learning_rate": 0.02}}
    run = specify("original", seed=2, epochs=7, optimizer={"learning_rate": rate})
    callback = keras.callbacks.ReduceLROnPlateau(mode="max", **plateau)
    theirs = build(run.layers, small.inputs, run.dataset.task)
    stock = keras_history(theirs, keras.optimizers.RMSprop(0.02), run, small, callbacks=[callback])
    reduced = float(theirs.optimizer.learning_rate)
    assert reduced < 0.002, "or nothing was reduced twice"
    assert_equal(engine_history(run, small), stock)


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(
    max_examples=5,
    derandomize=True,
    phases=[Phase.generate],  # what failed is told at once: making it smaller trains for minutes
    suppress_health_check=list(HealthCheck),
)
@given(
    task=st.sampled_from(["binary", "multiclass"]),
    layers=st.lists(st.sampled_from([layer for layers in (*LAYERS.values(), *ON_INPUTS.values()) for layer in layers])),
    first=st.sampled_from([[], ON_INPUTS["all, and behind"][:2], ON_INPUTS["dropout"][:1]]),
    units=st.sampled_from([8, 40]),
    remedies=st.lists(st.sampled_from(sorted(REMEDIES)), min_size=2, max_size=3),
    optimizer=st.sampled_from(["adam", "sgd", "adagrad"]),
    smoothing=st.sampled_from([0.0, 0.15]),
    weights=st.sampled_from([None, {"0": 0.5, "1": 2.0}]),
)
def test_remedies_together(
    sets: dict[str, Dataset],
    task: str,
    layers: list[Any],
    first: list[Any],
    units: int,
    remedies: list[str],
    optimizer: str,
    smoothing: float,
    weights: dict[str, float] | None,
) -> None:
    asked = {name: value for remedy in remedies for name, value in REMEDIES[remedy][1].items()}
    clips = [name for name in asked if name.startswith(("clip", "global_clip"))]
    asked = {name: value for name, value in asked.items() if name not in clips[1:]} | {"name": optimizer}
    hidden = [*first, {"type": "dense", "units": units, "activation": "tanh"}, *layers[:2]]
    variant = {"name": "v", "layers": hidden}
    run = specify(
        variant,
        dataset=TASKS[task],
        batch_size=100,
        epochs=4,
        optimizer=asked,
        label_smoothing=smoothing,
        class_weight=weights,
    )
    arguments = {
        name: getattr(schedules, "".join(word.title() for word in value["schedule"].split("_")))(
            **{field: given for field, given in value.items() if field != "schedule"}
        )
        if isinstance(value, dict)
        else value
        for name, value in asked.items()
        if name != "name"
    }
    stock = keras_history(
        build(run.layers, sets[task].inputs, run.dataset.task),
        {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD, "adagrad": keras.optimizers.Adagrad}[optimizer](
            **arguments
        ),
        run,
        sets[task],
        loss={"binary": keras.losses.BinaryCrossentropy, "multiclass": keras.losses.CategoricalCrossentropy}[task](
            label_smoothing=smoothing
        ),
        # Of a `tf.data.Dataset` Keras wants a weight for each class.
        class_weight=weights and {i: weights.get(str(i), 1.0) for i in range(max(2, run.dataset.task.units))},
    )
    assert_equal(engine_history(run, sets[task]), stock)


@pytest.mark.once
@pytest.mark.parametrize("name", LAYERS)
def test_layers(small: Dataset, name: str) -> None:
    run = specify({"name": "v", "layers": LAYERS[name]}, batch_size=100, optimizer={"name": "adam"})
    stock = keras_history(build(run.layers, small.inputs, run.dataset.task), keras.optimizers.Adam(), run, small)
    assert_equal(engine_history(run, small), stock)


@pytest.mark.parametrize(
    "name",
    # How the other layers are trained does not depend on the task: `test_layers` has all of them, with one task.
    [
        pytest.param(name, marks=() if name in ("no hidden layer", "normalized") else pytest.mark.slow)
        for name in LAYERS
    ],
)
@pytest.mark.parametrize("task", [name for name in TASKS if name != "binary"])
def test_tasks(sets: dict[str, Dataset], task: str, name: str) -> None:
    data = sets[task]
    variant = {"name": "v", "layers": LAYERS[name]}
    run = specify(variant, seed=2, batch_size=100, optimizer={"name": "adam"}, dataset=TASKS[task])
    stock = keras_history(build(run.layers, data.inputs, run.dataset.task), keras.optimizers.Adam(), run, data)
    ours = engine_history(run, data)
    assert_equal(ours, stock)
    assert list(ours) == [*stock, "data_loss", "val_data_loss"]


@pytest.mark.once
@pytest.mark.parametrize("units", [8, 40])
def test_rows_of_numbers_and_words(small: Dataset, units: int) -> None:
    """A row's numbers come first, then its words."""
    random = np.random.default_rng(0)

    def mixed(rows: Rows) -> Rows:
        numbers = random.normal(size=(len(rows), 21)).astype(np.float32)
        return Rows(rows.indptr, rows.indices + np.int32(21), rows.labels, numbers)

    test = mixed(small.test)
    data = replace(small, inputs=421, train=mixed(small.train), validation=test, test=test, sha256="mixed")
    run = specify({"name": "v", "layers": [{"type": "dense", "units": units, "activation": "relu"}]})
    assert sparse.prepare(data, units).cuts[0] < 421
    stock = keras_history(build(run.layers, 421, run.dataset.task), keras.optimizers.RMSprop(), run, data)
    assert_equal(engine_history(run, data), stock)


@pytest.mark.once
@pytest.mark.parametrize("name", ON_INPUTS)
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_noise_on_the_inputs(sets: dict[str, Dataset], task: str, name: str) -> None:
    """Drawn by the same layers from the same seeds, the noise is the same number by number."""
    run = specify({"name": "v", "layers": ON_INPUTS[name]}, seed=3, batch_size=100, dataset=TASKS[task])
    stock = keras_history(
        build(run.layers, sets[task].inputs, run.dataset.task), keras.optimizers.RMSprop(), run, sets[task]
    )
    assert_equal(engine_history(run, sets[task]), stock)


def few_of_a_class(data: Dataset) -> Dataset:
    """`data` with most rows of class 1 left out of those that are trained on."""
    labels = np.asarray(data.train.labels)
    kept = np.flatnonzero((labels != 1) | (np.arange(len(labels)) % 4 == 0))
    rows = [data.train.slice(int(row), int(row) + 1) for row in kept]
    indptr = np.concatenate([[0], np.cumsum([row.indptr[-1] - row.indptr[0] for row in rows])])
    indices = np.concatenate([np.asarray(row.indices) for row in rows]).astype(np.int32)
    numbers = None if data.train.numbers is None else np.asarray(data.train.numbers)[kept]
    return replace(data, train=Rows(indptr, indices, labels[kept], numbers), sha256=f"few {data.sha256}")


@pytest.mark.once
@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"label_smoothing": 0.2}, marks=pytest.mark.slow),  # the last has both
        pytest.param({"class_weight": {"1": 3.5}}, marks=pytest.mark.slow),
        {"class_weight": "balanced", "label_smoothing": 0.1},
    ],
    ids=str,
)
def test_softened_labels_and_weighted_classes(sets: dict[str, Dataset], task: str, asked: dict[str, Any]) -> None:
    data = few_of_a_class(sets[task])
    run = specify("l2", seed=1, batch_size=100, dataset=TASKS[task], evaluate_train=True, **asked)
    smoothed = {"binary": keras.losses.BinaryCrossentropy, "multiclass": keras.losses.CategoricalCrossentropy}[task]
    labels, classes = np.asarray(data.train.labels), run.dataset.task.units if task == "multiclass" else 2
    weights = asked.get("class_weight")
    if weights == "balanced":
        counts = {number: np.count_nonzero(labels == number) for number in range(classes)}
        weights = {number: len(labels) / classes / count for number, count in counts.items()}
    elif weights:
        weights = {number: weights.get(str(number), 1.0) for number in range(classes)}
    stock = keras_history(
        build(run.layers, data.inputs, run.dataset.task),
        keras.optimizers.RMSprop(),
        run,
        data,
        loss=smoothed(label_smoothing=asked.get("label_smoothing", 0.0)),
        class_weight=weights,
    )
    ours = engine_history(run, data)
    assert_equal(ours, stock)
    # The data's loss is what it was: a network that is trained otherwise is measured as others are.
    last = training.train(run, data)
    model = load(last.model)
    x, y = dense(data.validation, data.inputs), np.asarray(data.validation.labels)
    plain = model.evaluate(x, y, verbose=0)[0] - float(sum(model.losses))
    assert ours["val_data_loss"][-1] == pytest.approx(plain, rel=1e-5)
    if "label_smoothing" in asked:
        assert ours["eval_loss"][-1] - ours["eval_data_loss"][-1] > float(sum(model.losses)) + 0.01
    else:
        assert ours["eval_loss"][-1] - ours["eval_data_loss"][-1] == pytest.approx(float(sum(model.losses)), rel=1e-4)


def test_data_loss_is_the_loss_without_its_penalty(small: Dataset) -> None:
    run = specify("l1_l2", epochs=1)
    ours = engine_history(run, small)
    result = training.train(run, small)
    weights = load(result.model).get_weights()
    penalty = sum(0.001 * np.abs(kernel).sum() + 0.001 * np.square(kernel).sum() for kernel in weights[0:4:2])
    assert ours["val_loss"][0] - ours["val_data_loss"][0] == pytest.approx(penalty, rel=1e-5)
    assert ours["loss"][0] > ours["data_loss"][0]
    plain = engine_history(specify("original", epochs=1), small)
    assert plain["loss"] == plain["data_loss"]
    assert plain["val_loss"] == plain["val_data_loss"]


@pytest.mark.once
@pytest.mark.parametrize(
    ("layer", "other"),
    [
        ({"type": "dropout", "rate": 0.5}, {"type": "dropout", "rate": 0.35}),
        ({"type": "gaussian_noise", "stddev": 1.0}, {"type": "gaussian_noise", "stddev": 0.7}),
        ({"type": "alpha_dropout", "rate": 0.5}, {"type": "alpha_dropout", "rate": 0.35}),
    ],
    ids=["dropout", "gaussian noise", "alpha dropout"],
)
def test_noise_is_equal_in_distribution(small: Dataset, layer: dict[str, Any], other: dict[str, Any]) -> None:
    """Paired by seed, the training losses differ by noise alone; another rate is told apart by the same rule."""

    hidden = [{"type": "dense", "units": 16, "activation": "relu"}]
    seeds, epochs, size = range(10), 4, 64

    def ours(noise: dict[str, Any]) -> np.ndarray:
        runs = [specify({"name": "v", "layers": [*hidden, noise]}, s, epochs=epochs, batch_size=size) for s in seeds]
        return np.array([np.mean(engine_history(run, small)["loss"]) for run in runs])

    keras.utils.set_random_seed(1000)
    model = build(specify({"name": "v", "layers": [*hidden, layer]}).layers, small.inputs, Binary())
    model.compile(optimizer="rmsprop", loss="binary_crossentropy")
    model.optimizer.build(model.trainable_variables)
    fresh = [variable.numpy() for variable in model.optimizer.variables]
    noise_state = model.layers[1].seed_generator.state
    x, y = dense(small.train, small.inputs), np.asarray(small.train.labels)
    stock = []
    for seed in seeds:
        initialize(model, seed)
        noise_state.assign([1000 + seed, 0])
        for variable, value in zip(model.optimizer.variables, fresh, strict=True):
            variable.assign(value)
        orders = [sparse.order(seed, number, len(y)) for number in range(1, epochs + 1)]
        fits = [model.fit(x[o], y[o], batch_size=size, shuffle=False, verbose=0) for o in orders]
        stock.append(np.mean([fit.history["loss"][0] for fit in fits]))

    same, different = ours(layer) - np.array(stock), ours(other) - np.array(stock)
    error = same.std(ddof=1) / np.sqrt(len(same))
    assert abs(same.mean()) < 4 * error
    assert abs(different.mean()) > 4 * error


@pytest.mark.slow
@pytest.mark.imdb
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("preset", PRESETS)
def test_presets_on_imdb(imdb: Dataset, preset: str) -> None:
    """As near as 1e-4 after an epoch and 1e-3 after three, or as near as stock Keras comes to itself.

    The order of a dense row's columns is of no meaning, but it is the order of a float32 sum: where the
    last bit decides on which side of zero a ReLU falls, stock Keras leaves itself by more than these
    bounds when its columns change places.
    """
    run = specify(preset, dataset={"name": "imdb", "num_words": 10_000}, batch_size=512)
    bound = np.array([1e-4, 1e-3, 1e-3])
    ours = np.array([engine_history(run, imdb)[name] for name in NAMES])
    stock: list[np.ndarray] = []
    for shuffle in range(4):
        words = np.random.default_rng(shuffle).permutation(imdb.inputs) if shuffle else None
        history = keras_history(notebook_model(preset, imdb.inputs), "rmsprop", run, imdb, words)
        stock.append(np.array([history[name] for name in NAMES]))
        nearest = np.min([np.abs(ours / one - 1) for one in stock], axis=0)
        apart = np.max([np.abs(one / other - 1) for one in stock for other in stock], axis=0)
        print(preset, "ours to stock:", nearest.tolist(), "stock to stock:", apart.tolist())
        if (nearest <= np.maximum(bound, apart)).all():
            return
    pytest.fail("further from stock Keras than that is from itself")


@pytest.mark.once
@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("units", [16, 64])
def test_rows_with_values_train_as_in_keras(small: Dataset, units: int, noise: bool) -> None:
    """Counts and weights in place of 0 and 1."""
    draw = np.random.default_rng(4)

    def valued(rows: Rows) -> Rows:
        return replace(rows, values=(draw.integers(1, 5, len(rows.indices)) / 4).astype(np.float32))

    test = valued(small.test)
    data = replace(small, train=valued(small.train), test=test, validation=test, sha256=f"valued {units} {noise}")
    hidden: list[dict[str, Any]] = [{"type": "dense", "units": units, "activation": "relu"}]
    run = specify({"name": "v", "layers": [{"type": "dropout", "rate": 0.3}] * noise + hidden}, epochs=4)
    inner = [*[layers.Dropout(0.3)] * noise, layers.Dense(units, activation="relu")]
    model = keras.Sequential([keras.Input((data.inputs,)), *inner, layers.Dense(1, activation="sigmoid")])
    assert_equal(engine_history(run, data), keras_history(model, keras.optimizers.RMSprop(), run, data))
