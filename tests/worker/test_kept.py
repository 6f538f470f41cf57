"""Models of epochs that a run keeps: those of these epochs, none lost, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.resolution import resolve
from models.specification import RunSpecification
from tests.worker.conftest import SMALL, dense
from worker import training
from worker.data import Dataset
from worker.model import load


def specified(keep: Any, **body: Any) -> RunSpecification:
    body = {"dataset": SMALL, "training": {"epochs": 4, "batch_size": 128}, **body}
    return resolve({**body, "variants": ["dropout"], "keep": keep}).run("dropout", 0)


def trained(run: RunSpecification, data: Dataset, **more: Any) -> tuple[training.Result, list[float], dict[int, Any]]:
    """The result, each epoch's validation loss, and the models that were kept."""
    losses: list[float] = []
    models: dict[int, training.Model] = {}

    def on_model(epoch: int, make: Callable[[], training.Model]) -> None:
        models[epoch] = make()

    result = training.train(
        run, data, on_epoch=lambda epoch: losses.append(epoch.metrics["val_data_loss"]), on_model=on_model, **more
    )
    return result, losses, models


def scored(content: bytes, data: Dataset) -> float:
    rows, labels = dense(data.validation, data.inputs), np.asarray(data.validation.labels)
    return float(load(content).evaluate(rows, labels, verbose=0)[0])


@pytest.mark.parametrize(("keep", "epochs"), [("chosen", []), ("last", []), ("every", [1, 2, 3]), ([3, 1], [1, 3])])
def test_each_is_that_of_its_epoch_and_nothing_else_changes(small: Dataset, keep: Any, epochs: list[int]) -> None:
    """Without a choice the last epoch's model is the run's."""
    plain, losses, _ = trained(specified("chosen"), small)
    result, with_models, models = trained(specified(keep), small)
    assert with_models == losses
    assert list(models) == epochs
    for epoch, model in models.items():
        assert scored(model.content, small) == pytest.approx(losses[epoch - 1], rel=1e-5)
    assert scored(result.model, small) == scored(plain.model, small)


def test_the_last_is_kept_beside_the_best(small: Dataset) -> None:
    stopping = {"early_stopping": {"patience": 1, "restore_best": True}, "epochs": 30, "batch_size": 20}
    result, losses, models = trained(specified("last", training=stopping), small)
    assert list(models) == [result.epochs]
    assert result.chosen_epoch < result.epochs < 30
    assert scored(models[result.epochs].content, small) == pytest.approx(losses[-1], rel=1e-5)


class Killed(Exception):
    pass


@pytest.mark.parametrize("dies", ["model", "epoch"], ids="before the {0} is stored".format)
def test_a_kill_loses_none(small: Dataset, tmp_path: Path, dies: str) -> None:
    run, checkpoint = specified("every"), tmp_path / "checkpoint"
    _, _, whole = trained(run, small)
    stored: dict[int, training.Model] = {}

    def on_model(epoch: int, make: Callable[[], training.Model]) -> None:
        if epoch == 2 and dies == "model":
            raise Killed
        stored[epoch] = make()

    def on_epoch(epoch: training.Epoch) -> None:
        if epoch.number == 2 and dies == "epoch":
            raise Killed

    with pytest.raises(Killed):
        training.train(run, small, on_epoch=on_epoch, on_model=on_model, checkpoint=checkpoint)
    before = set(stored)
    result, losses, rest = trained(run, small, checkpoint=checkpoint, recorded=1, kept=before)
    assert len(losses) == 3
    assert sorted(rest) == [epoch for epoch in (1, 2, 3) if epoch not in before]
    assert {n: m.digest for n, m in {**stored, **rest}.items()} == {n: m.digest for n, m in whole.items()}
    # What is kept was lost since: a checkpoint that is behind it is of no use.
    _, _, all_again = trained(run, small, checkpoint=checkpoint, recorded=4, kept=[2, 3])
    assert {n: m.digest for n, m in all_again.items()} == {1: whole[1].digest}
    assert result.epochs == 4
