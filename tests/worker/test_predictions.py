"""What is kept of a run's predictions: those of its model at the chosen epoch, with the digits that losses need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from models.kinds.tasks import TASKS as KINDS
from models.kinds.tasks.multiclass import Multiclass
from models.predictions import Predictions, pack, size_of, unpack
from models.specification import Draws
from tests.worker.conftest import TASKS, dense, specify
from worker import training
from worker.data import Dataset, load
from worker.model import load as load_model

MANY = 1 << 30


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_row_s_loss_and_prediction_are_keras_s(engine: None, kind: Any) -> None:
    task = kind(5) if kind is Multiclass else kind()
    random = np.random.default_rng(0)
    outputs = random.normal(0, 5, (200, task.units)).astype(np.float32)
    labels = random.integers(0, max(2, task.units), (200, 1)).astype(np.float32)
    predictions = np.asarray(keras.activations.get(task.activation)(outputs))
    exact = Predictions(task, np.arange(200), labels.astype(np.float64), outputs.astype(np.float64))
    assert exact.values == pytest.approx(predictions, abs=1e-6)
    losses = np.asarray(getattr(keras.losses, task.loss)(labels, predictions))
    likely = losses < 10  # of others a 32-bit probability has lost the digits
    assert exact.losses[likely] == pytest.approx(losses[likely], rel=2e-3, abs=1e-5)
    kept = unpack(task, pack(task, None, labels, outputs))
    assert kept.losses == pytest.approx(exact.losses, rel=1e-3, abs=2e-3)
    assert (kept.values.argmax(1) == exact.values.argmax(1)).all()
    assert ((kept.values > 0.5) == (exact.values > 0.5)).all()


@pytest.mark.parametrize("name", TASKS)
def test_kept_are_the_predictions_of_the_model(sets: dict[str, Dataset], tmp_path: Path, name: str) -> None:
    """Of the epoch that was chosen; with a checkpoint of a run that ended before they were stored, the same again."""
    run = specify(dataset={**TASKS[name], "validation": {"holdout": 100}}, epochs=4, batch_size=20)
    data = load(run.dataset, tmp_path, None)
    epochs: list[dict[str, float]] = []
    result = training.train(
        run, data, on_epoch=lambda epoch: epochs.append(epoch.metrics), keep=MANY, checkpoint=tmp_path / "checkpoint"
    )
    assert set(result.predictions) == {"validation", "test"}
    model, task = load_model(result.model), run.dataset.task
    for split, rows in (("validation", data.validation), ("test", data.test)):
        kept = unpack(task, result.predictions[split])
        assert kept.rows.tolist() == list(range(1, len(rows) + 1))
        assert kept.labels[:, 0].tolist() == rows.labels.tolist()
        theirs = model.predict(dense(rows, data.inputs), verbose=0)
        assert kept.values == pytest.approx(theirs, rel=2e-3, abs=1e-3)
        assert size_of(task, len(rows)) <= (4 if task.name == "regression" else 2) * len(rows) * task.units
    assert result.test is not None
    recorded = {"validation": epochs[result.chosen_epoch - 1]["val_data_loss"], "test": result.test["data_loss"]}
    scored = {split: unpack(task, kept).losses.mean() for split, kept in result.predictions.items()}
    assert scored == pytest.approx(recorded, rel=1e-3)
    again = training.train(run, data, keep=MANY, checkpoint=tmp_path / "checkpoint")
    assert again.predictions == result.predictions


def test_of_weights_that_are_averaged_at_the_end_they_are_the_models_too(small: Dataset) -> None:
    run = specify(epochs=3, optimizer={"use_ema": True})
    epochs: list[float] = []
    result = training.train(run, small, on_epoch=lambda epoch: epochs.append(epoch.metrics["val_loss"]), keep=MANY)
    kept = unpack(run.dataset.task, result.predictions["validation"])
    theirs = load_model(result.model).predict(dense(small.validation, small.inputs), verbose=0)
    assert kept.values == pytest.approx(theirs, rel=2e-3, abs=1e-3)
    assert kept.losses.mean() != pytest.approx(epochs[-1], rel=1e-2)


def test_more_than_may_be_kept_is_not_kept_and_nothing_else_changes(small: Dataset) -> None:
    run = specify(epochs=2)
    room = size_of(run.dataset.task, len(small.validation))
    kept, none = (training.train(run, small, keep=keep) for keep in (room, room - 1))
    assert set(kept.predictions) == {"validation"}
    assert none.predictions == {}
    weights = [load_model(each.model).get_weights() for each in (kept, none)]
    assert all(np.array_equal(one, other) for one, other in zip(*weights, strict=True))


def test_rows_are_in_the_order_of_their_file() -> None:
    task = KINDS["binary"]()
    labels, outputs = np.array([[1], [0], [1]], np.float32), np.array([[1], [-2], [300_000]], np.float32)
    kept = unpack(task, pack(task, np.array([7, 2, 70_000]), labels, outputs))
    assert kept.rows.tolist() == [2, 7, 70_000]
    assert kept.labels[:, 0].tolist() == [0, 1, 1]
    assert kept.outputs[:, 0].tolist() == [-2, 1, 65504], "the largest of its kind"
    assert np.isfinite(kept.losses).all()


def test_of_no_rows_nothing_is_kept_but_that() -> None:
    task = KINDS["regression"]()
    nothing = np.zeros((0, 1), np.float32)
    kept = unpack(task, pack(task, None, nothing, nothing))
    assert len(kept.rows) == len(kept.losses) == 0


def test_rows_drawn_by_chance_keep_their_numbers(tmp_path: Path) -> None:
    dataset = specify(dataset={"validation": {"holdout": 100}}).dataset
    plain = load(dataset, tmp_path, None)
    whole = np.concatenate([plain.validation.labels, plain.train.labels])
    drawn = load(dataset, tmp_path, None, Draws(split=3))
    assert drawn.validation_rows is not None
    assert drawn.validation.labels.tolist() == whole[drawn.validation_rows - 1].tolist()
    assert plain.validation_rows is None
