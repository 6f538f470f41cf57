"""Training a run: reproducible, resumable, stoppable, and its model a plain Keras model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import Diverged, Stopped
from models.specification import RunSpecification
from tests.worker.conftest import TASKS, dense, specify
from worker import training
from worker.data import Dataset
from worker.model import load

NOISY = {
    "name": "noisy",
    "layers": [
        {"type": "dropout", "rate": 0.1},
        {"type": "dense", "units": 12, "activation": "relu"},
        {"type": "dropout", "rate": 0.4},
        {"type": "gaussian_noise", "stddev": 0.2},
        {"type": "dense", "units": 12},
        {"type": "batch_normalization"},
    ],
}


def run(
    specification: RunSpecification, data: Dataset, **arguments: Any
) -> tuple[list[training.Epoch], training.Result]:
    epochs: list[training.Epoch] = []
    result = training.train(specification, data, on_epoch=epochs.append, **arguments)
    return epochs, result


def metrics(epochs: list[training.Epoch]) -> list[dict[str, float]]:
    return [epoch.metrics for epoch in epochs]


def assert_same_weights(one: training.Result, other: training.Result) -> None:
    for a, b in zip(load(one.model).get_weights(), load(other.model).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


# --- reproducible ----------------------------------------------------------------------------


def test_a_used_process_gives_the_same_bits(small: Dataset) -> None:
    specification = specify(NOISY, seed=3, optimizer={"name": "adam"})
    first, one = run(specification, small)
    keras.utils.set_random_seed(99)
    run(specify(NOISY, seed=4, optimizer={"name": "adam"}), small)
    run(specify("bigger", epochs=1), small)
    again, other = run(specification, small)
    assert metrics(first) == metrics(again)
    assert_same_weights(one, other)
    assert metrics(run(specify(NOISY, seed=4, optimizer={"name": "adam"}), small)[0]) != metrics(first)


@pytest.mark.parametrize(
    "task",
    # Each is a process with TensorFlow of its own, and trains three networks.
    [pytest.param(task, marks=() if task == "binary" else pytest.mark.slow) for task in TASKS],
)
def test_a_fresh_process_gives_the_same_bits(sets: dict[str, Dataset], tmp_path: Path, task: str) -> None:
    job: dict[str, Any] = {
        "dataset": TASKS[task],
        "variants": ["smaller", NOISY, {"name": "wide", "layers": [{"type": "dense", "units": 33}]}],
        "training": {"epochs": 2, "batch_size": 100},
        "seeds": [7],
    }
    path = tmp_path / "job.json"
    path.write_text(json.dumps(job))
    environment = {"OCKHAM_DATA_DIR": str(tmp_path), "PATH": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    finished = subprocess.run(
        [sys.executable, "-m", "worker", str(path)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
        timeout=300,
    )
    lines = [json.loads(line) for line in finished.stdout.splitlines()]
    for name, variant in (("noisy", NOISY), ("smaller", "smaller"), ("wide", job["variants"][2])):
        epochs, _ = run(specify(variant, seed=7, epochs=2, batch_size=100, dataset=TASKS[task]), sets[task])
        fresh = [line for line in lines if line["variant"] == name and "epoch" in line]
        assert [line["epoch"] for line in fresh] == [1, 2]
        for line, epoch in zip(fresh, epochs, strict=True):
            assert {key: line[key] for key in epoch.metrics} == epoch.metrics


def test_how_often_it_asks_changes_no_bit(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    specification = specify(NOISY, batch_size=32)
    asked: list[None] = []

    def ask() -> bool:
        asked.append(None)
        return False

    epochs, one = run(specification, small, should_stop=ask)
    usual = len(asked)
    monkeypatch.setattr(training, "POLL_SECONDS", 0.0)
    asked.clear()
    other_epochs, other = run(specification, small, should_stop=ask)
    assert len(asked) > usual
    assert metrics(epochs) == metrics(other_epochs)
    assert_same_weights(one, other)


def test_warming_up_changes_no_bit(small: Dataset) -> None:
    specification = specify(NOISY, seed=1, epochs=1)
    before = metrics(run(specification, small)[0])
    training.warm_up()
    assert metrics(run(specification, small)[0]) == before


def test_the_fingerprint_says_what_the_numbers_depend_on(small: Dataset) -> None:
    fingerprint = run(specify(epochs=1), small)[1].fingerprint
    assert fingerprint["dataset_sha256"] == small.sha256
    assert (fingerprint["intra_op_threads"], fingerprint["inter_op_threads"]) == (1, 2)
    assert fingerprint["keras"] == keras.__version__
    json.dumps(fingerprint)


# --- checkpoints -----------------------------------------------------------------------------


class Killed(Exception):
    pass


def train_until(epoch: int, specification: RunSpecification, data: Dataset, checkpoint: Path) -> None:
    def die(finished: training.Epoch) -> None:
        if finished.number == epoch:
            raise Killed

    with pytest.raises(Killed):
        training.train(specification, data, on_epoch=die, checkpoint=checkpoint)


PLATEAU = {
    "name": "adam",
    "learning_rate": {"reduce_on_plateau": {"patience": 1, "factor": 0.5, "min_delta": 10.0, "cooldown": 1}},
    "use_ema": True,
    "ema_momentum": 0.9,
}
AVERAGED = {
    "name": "sgd",
    "momentum": 0.9,
    "learning_rate": {"schedule": "cosine_decay", "initial_learning_rate": 0.1, "decay_steps": 10},
    "weight_decay": 0.01,
    "clipnorm": 0.1,
    "use_ema": True,
    "ema_overwrite_frequency": 3,
}


@pytest.mark.once
@pytest.mark.parametrize(
    ("task", "optimizer", "more"),
    [
        ("binary", {"name": "rmsprop"}, {}),
        ("binary", {"name": "adagrad"}, {}),
        ("binary", PLATEAU, {"label_smoothing": 0.1}),
        ("binary of numbers", {"name": "adam"}, {}),
        ("multiclass", AVERAGED, {"class_weight": "balanced"}),
        ("regression", {"name": "adam"}, {}),
    ],
    ids=str,
)
def test_a_resumed_run_is_bit_identical(
    sets: dict[str, Dataset], tmp_path: Path, task: str, optimizer: dict[str, Any], more: dict[str, Any]
) -> None:
    small, data = sets[task], TASKS[task]
    specification = specify(NOISY, epochs=5, optimizer=optimizer, evaluate_train=True, dataset=data, **more)
    whole, one = run(specification, small)
    checkpoint = tmp_path / "checkpoint"
    train_until(3, specification, small, checkpoint)
    run(specify(NOISY, seed=8, epochs=3, optimizer=optimizer, dataset=data, **more), small)
    # Epoch 3 is in the checkpoint, but died before it was recorded: it is told again.
    rest, other = run(specification, small, checkpoint=checkpoint, recorded=2)
    assert [epoch.number for epoch in rest] == [3, 4, 5]
    assert metrics(rest) == metrics(whole)[2:]
    assert rest[0].seconds > 0
    assert_same_weights(one, other)


def test_without_its_checkpoint_a_run_starts_over_and_tells_only_what_is_new(small: Dataset, tmp_path: Path) -> None:
    specification = specify(NOISY, epochs=4)
    whole, one = run(specification, small)
    rest, other = run(specification, small, checkpoint=tmp_path / "gone", recorded=3)
    assert [epoch.number for epoch in rest] == [4]
    assert metrics(rest) == metrics(whole)[3:]
    assert_same_weights(one, other)


def test_a_finished_checkpoint_gives_the_result_again(small: Dataset, tmp_path: Path) -> None:
    specification = specify(NOISY)
    whole, one = run(specification, small, checkpoint=tmp_path / "checkpoint")
    again, other = run(specification, small, checkpoint=tmp_path / "checkpoint", recorded=len(whole))
    assert again == []
    assert_same_weights(one, other)


@pytest.mark.once
@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty", "another run's"])
def test_a_checkpoint_that_is_no_use_is_ignored(small: Dataset, tmp_path: Path, damage: str) -> None:
    specification, checkpoint = specify(NOISY), tmp_path / "checkpoint"
    train_until(2, specify(NOISY, seed=int(damage == "another run's")), small, checkpoint)
    content = checkpoint.read_bytes()
    if damage == "truncated":
        checkpoint.write_bytes(content[: len(content) // 2])
    elif damage == "garbage":
        middle = len(content) // 2
        checkpoint.write_bytes(content[:middle] + bytes(255 - byte for byte in content[middle:-2000]) + content[-2000:])
    elif damage == "empty":
        checkpoint.write_bytes(b"")
    assert metrics(run(specification, small, checkpoint=checkpoint)[0]) == metrics(run(specification, small)[0])


def test_best_weights_survive_a_resume(small: Dataset, tmp_path: Path) -> None:
    stopping = {"patience": 4, "restore_best": True}
    specification = specify("bigger", epochs=8, early_stopping=stopping)
    _, one = run(specification, small)
    assert one.chosen_epoch < one.epochs
    train_until(one.chosen_epoch + 1, specification, small, tmp_path / "checkpoint")
    _, other = run(specification, small, checkpoint=tmp_path / "checkpoint")
    assert (one.chosen_epoch, one.epochs) == (other.chosen_epoch, other.epochs)
    assert_same_weights(one, other)


# --- the end of a run --------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize("after", [0, 1, 3])
def test_stopped(small: Dataset, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "POLL_SECONDS", 0.0)
    answers = iter([False] * after + [True])
    epochs: list[training.Epoch] = []
    with pytest.raises(Stopped):
        training.train(specify(epochs=1), small, on_epoch=epochs.append, should_stop=lambda: next(answers))
    assert epochs == []


def test_diverged(small: Dataset) -> None:
    linear = {"name": "linear", "layers": [{"type": "dense", "units": 16}] * 3}
    specification = specify(linear, epochs=4, optimizer={"name": "sgd", "learning_rate": 1e6})
    epochs: list[training.Epoch] = []
    with pytest.raises(Diverged, match="epoch 1"):
        training.train(specification, small, on_epoch=epochs.append)
    assert [epoch.number for epoch in epochs] == [1]
    assert not np.isfinite(epochs[0].metrics["val_loss"])


@settings(max_examples=200, derandomize=True)
@given(
    values=st.lists(st.sampled_from([0.1, 0.2, 0.25, 0.3, 0.5]), min_size=1, max_size=12),
    patience=st.integers(0, 4),
    min_delta=st.sampled_from([0.0, 0.05, 0.1]),
    monitor=st.sampled_from(["val_loss", "val_acc"]),
)
def test_early_stopping_is_that_of_keras(values: list[float], patience: int, min_delta: float, monitor: str) -> None:
    class Model:
        stop_training = False

        def get_weights(self) -> list[float]:
            return []

    stopping = {"monitor": monitor, "patience": patience, "min_delta": min_delta, "restore_best": True}
    mode = "max" if monitor == "val_acc" else "min"
    stock = keras.callbacks.EarlyStopping(monitor, min_delta, patience, mode=mode, restore_best_weights=True)
    stock.set_model(Model())
    stock.on_train_begin()
    choice = training.BestEpoch(specify(early_stopping=stopping))
    for number, value in enumerate(values, 1):
        stock.on_epoch_end(number - 1, {monitor: value})
        choice.see(number, {monitor: value})
        assert choice.over == stock.model.stop_training
        assert choice.epoch == stock.best_epoch + 1
        if choice.over:
            break


def test_early_stopping_ends_the_run(small: Dataset) -> None:
    epochs, result = run(specify("bigger", epochs=30, early_stopping={"patience": 2}), small)
    losses = [epoch.metrics["val_loss"] for epoch in epochs]
    assert result.epochs == len(epochs) == int(np.argmin(losses)) + 3 < 30
    assert result.chosen_epoch == result.epochs


def test_holdout_scores_the_test_set_once_at_the_best_epoch(small: Dataset, tmp_path: Path) -> None:
    from worker.data import load as load_data

    specification = specify("bigger", epochs=20, dataset={"validation": {"holdout": 150}})
    data = load_data(specification.dataset, tmp_path, None)
    epochs, result = run(specification, data)
    assert result.chosen_epoch == 1 + int(np.argmin([epoch.metrics["val_data_loss"] for epoch in epochs]))
    assert result.chosen_epoch < len(epochs)  # or the last epoch's weights would do
    loss, accuracy = load(result.model).evaluate(dense(data.test, data.inputs), np.asarray(data.test.labels), verbose=0)
    assert result.test is not None
    assert result.test["loss"] == pytest.approx(loss, abs=1e-5)
    assert result.test["acc"] == pytest.approx(accuracy, abs=1e-6)
    assert run(specify(epochs=1), small)[1].test is None


@pytest.mark.parametrize("monitor", [None, "val_loss"])
def test_a_holdout_chooses_without_penalties_unless_told_otherwise(tmp_path: Path, monitor: str | None) -> None:
    from worker.data import load as load_data

    penalised = {"name": "l2", "layers": [{"type": "dense", "units": 32, "kernel_regularizer": {"l2": 0.01}}]}
    stopping: dict[str, Any] = {"early_stopping": {"monitor": monitor, "patience": 99}} if monitor else {}
    specification = specify(penalised, epochs=12, dataset={"validation": {"holdout": 150}}, **stopping)
    epochs, result = run(specification, load_data(specification.dataset, tmp_path, None))
    least = {
        name: 1 + int(np.argmin([epoch.metrics[name] for epoch in epochs])) for name in ("val_loss", "val_data_loss")
    }
    assert least["val_loss"] != least["val_data_loss"], "or this tells nothing"
    assert result.chosen_epoch == least[monitor or "val_data_loss"]


def test_evaluate_train_is_without_dropout(small: Dataset) -> None:
    epochs, result = run(specify("dropout", evaluate_train=True), small)
    x, y = dense(small.train, small.inputs), np.asarray(small.train.labels)
    loss, accuracy = load(result.model).evaluate(x, y, verbose=0)
    assert epochs[-1].metrics["eval_loss"] == pytest.approx(loss, abs=1e-5)
    assert epochs[-1].metrics["eval_acc"] == pytest.approx(accuracy, abs=1e-6)
    assert "eval_loss" not in run(specify(epochs=1), small)[0][0].metrics


# --- the model ---------------------------------------------------------------------------------

regularizer = st.none() | st.fixed_dictionaries(
    {"l1": st.sampled_from([0.0, 1e-4]), "l2": st.sampled_from([0.0, 1e-3])}
)
dense_layer = st.fixed_dictionaries(
    {
        "type": st.just("dense"),
        "units": st.sampled_from([1, 3, 16, 31, 32, 50]),
        "activation": st.sampled_from(["linear", "relu", "tanh", "gelu", "leaky_relu", "softplus"]),
        "use_bias": st.booleans(),
        "kernel_initializer": st.sampled_from(["glorot_uniform", "he_normal", "orthogonal", "random_normal"]),
        "bias_initializer": st.sampled_from(["zeros", "random_uniform"]),
        "kernel_regularizer": regularizer,
        "bias_regularizer": regularizer,
        "activity_regularizer": regularizer,
    }
)
other_layer = st.sampled_from(
    [
        {"type": "dropout", "rate": 0.3},
        {"type": "dropout", "rate": 0.0},
        {"type": "gaussian_noise", "stddev": 0.5},
        {"type": "batch_normalization", "momentum": 0.5},
        {"type": "layer_normalization"},
    ]
)
optimizers = st.sampled_from(
    [
        {"name": "rmsprop"},
        {"name": "adam", "amsgrad": True},
        {"name": "adamw"},
        {"name": "sgd", "learning_rate": 0.05, "momentum": 0.5, "nesterov": True},
        {"name": "adagrad"},
    ]
)


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(max_examples=20, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    task=st.sampled_from(list(TASKS)),
    first=st.none() | dense_layer,
    others=st.lists(dense_layer | other_layer, max_size=3),
    optimizer=optimizers,
    batch_size=st.sampled_from([1, 37, 600, 1000]),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_model_is_plain_keras_with_the_recorded_scores(
    sets: dict[str, Dataset], task: str, first: Any, others: list[Any], optimizer: Any, batch_size: int, seed: int
) -> None:
    data, on = sets[task], TASKS[task]
    layers = [] if first is None else [first, *others]
    variant = {"name": "random", "layers": layers}
    specification = specify(variant, seed=seed, epochs=1, batch_size=batch_size, optimizer=optimizer, dataset=on)
    epochs, result = run(specification, data)
    model = load(result.model)
    loss, score = model.evaluate(dense(data.validation, data.inputs), np.asarray(data.validation.labels), verbose=0)
    assert epochs[-1].metrics[f"val_{specification.dataset.task.measure}"] == pytest.approx(score, abs=1e-6)
    assert epochs[-1].metrics["val_loss"] == pytest.approx(loss, abs=1e-5, rel=1e-5)
    assert type(model) is keras.Sequential
    assert {type(layer).__module__.split(".")[0] for layer in model.layers} <= {"keras"}


@pytest.mark.once
@pytest.mark.parametrize("batch_size", [1, 599, 601, 25_000])
@pytest.mark.parametrize("num_words", [10, 17])
def test_odd_sizes(small: Dataset, tmp_path: Path, batch_size: int, num_words: int) -> None:
    from worker.data import load as load_data

    specification = specify("original", epochs=1, batch_size=batch_size, dataset={"num_words": num_words})
    epochs, _ = run(specification, load_data(specification.dataset, tmp_path, None))
    assert np.isfinite(list(epochs[0].metrics.values())).all()
