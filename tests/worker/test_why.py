"""Why a run's loss rises: what training says of each epoch is what the epochs' own models say of the rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from models.predictions import unpack
from models.why import explain
from tests.worker.conftest import dense, specify
from worker import training
from worker.data import Dataset, load
from worker.model import load as load_model

MANY = 1 << 30


def test_it_is_what_the_models_of_the_epochs_say(small: Dataset, tmp_path: Path) -> None:
    """And is the same of a run that was resumed, whose history is the same as without."""
    run = specify("bigger", epochs=5, batch_size=20).model_copy(update={"keep": "every"})
    models: dict[int, bytes] = {}
    losses: list[float] = []

    def on_model(epoch: int, make: Callable[[], training.Model]) -> None:
        models[epoch] = make().content

    def on_epoch(epoch: training.Epoch) -> None:
        losses.append(epoch.metrics["val_data_loss"])

    result = training.train(run, small, on_epoch=on_epoch, on_model=on_model, keep=MANY)
    models[5] = result.model
    assert result.why is not None
    told = json.loads(result.why)
    assert [each["loss"] for each in told] == pytest.approx(losses, rel=1e-5)
    assert told[-1]["since"] == int(np.argmin(losses)) + 1 < 5, "it overfits"
    labels, rows = np.asarray(small.validation.labels, np.float64)[:, None], dense(small.validation, small.inputs)
    outputs = []
    for epoch in (told[-1]["since"], 5):
        model = load_model(models[epoch])
        model.layers[-1].activation = keras.activations.linear  # log-odds: near 1 a probability has lost its digits
        outputs.append(model.predict(rows, verbose=0))
    again = explain(run.dataset.task, labels, *outputs)
    for name in ("rise", "calibration", "refinement"):
        assert told[-1][name] == pytest.approx(again[name], abs=1e-5)
    for group in ("less_sure", "surer", "changed", "eased"):
        assert told[-1][group]["loss"] == pytest.approx(again[group]["loss"], abs=1e-5)
        assert told[-1][group]["rows"] == pytest.approx(again[group]["rows"], abs=1)

    class Killed(Exception):
        pass

    def die(epoch: training.Epoch) -> None:
        if epoch.number == 4:
            raise Killed

    checkpoint: dict[str, Any] = {"checkpoint": tmp_path / "checkpoint", "keep": MANY}
    with pytest.raises(Killed):
        training.train(run, small, on_epoch=die, **checkpoint)
    resumed = training.train(run, small, kept=[1, 2, 3, 4], **checkpoint)
    assert resumed.why == result.why
    plain: list[float] = []
    without = training.train(run, small, on_epoch=lambda epoch: plain.append(epoch.metrics["val_data_loss"]))
    assert (without.why, plain) == (None, losses)


@pytest.mark.parametrize("choice", ["test", {"holdout": 200}])
def test_predictions_at_both_ends_are_kept(engine: None, tmp_path: Path, choice: Any) -> None:
    """Of the epoch of the least loss and of the last: each by itself unless it is the chosen one."""
    run = specify("bigger", epochs=5, batch_size=20, dataset={"validation": choice})
    data = load(run.dataset, tmp_path, None)
    losses: list[float] = []
    result = training.train(run, data, lambda epoch: losses.append(epoch.metrics["val_data_loss"]), keep=MANY)
    assert result.why is not None
    since = json.loads(result.why)[-1]["since"]
    assert since < 5, "it overfits"
    other, end = ("least", since) if choice == "test" else ("last", 5)
    assert result.chosen_epoch == {"least": 5, "last": since}[other]
    assert result.predictions.keys() - {"test"} == {"validation", other}

    class Killed(Exception):
        pass

    def die(epoch: training.Epoch) -> None:
        if epoch.number == 5:
            raise Killed

    with pytest.raises(Killed):  # when all is trained
        training.train(run, data, die, checkpoint=tmp_path / "checkpoint", keep=MANY)
    resumed = training.train(run, data, checkpoint=tmp_path / "checkpoint", keep=MANY)
    assert resumed.predictions == result.predictions
    for name, epoch in (("validation", result.chosen_epoch), (other, end)):
        kept = unpack(run.dataset.task, result.predictions[name])
        assert kept.losses.mean() == pytest.approx(losses[epoch - 1], rel=2e-3)
