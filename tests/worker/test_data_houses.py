"""Prices of houses: Keras's order and split exactly, on a small made file of the same form."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import DatasetInvalid, DatasetUnavailable
from models.kinds.datasets import DATASETS
from models.kinds.datasets.boston_housing import DEVIATION, BostonHousing
from models.kinds.datasets.california_housing import UNIT, CaliforniaHousing
from models.kinds.tasks.regression import Regression
from models.resolution import resolve
from models.specification import RunSpecification
from reporting.bundle import script
from worker import training
from worker.data import load
from worker.data.csr import read

RANDOM = np.random.default_rng(0)
ROWS, COLUMNS = 506, len(BostonHousing.names)
NUMBERS = RANDOM.gamma(2, 30, (ROWS, COLUMNS))
PRICES = np.round(22.5 + 0.15 * (NUMBERS[:, 0] - NUMBERS[:, 1]) + RANDOM.normal(0, 2, ROWS), 1)


def save(path: Path, **change: Any) -> Path:
    np.savez_compressed(path, **({"x": NUMBERS, "y": PRICES} | change))
    return path


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    return save(tmp_path / "boston_housing.npz")


@pytest.mark.parametrize(("name", "unit", "rows"), [("boston_housing", 1, 506), ("california_housing", UNIT, 20_640)])
def test_orders_and_splits_as_keras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, unit: int, rows: int
) -> None:
    theirs, ours = import_module(f"keras.src.datasets.{name}"), import_module(f"worker.data.{name}")
    dataset = DATASETS[name].model_validate({})
    x = RANDOM.gamma(2, 30, (rows, dataset.inputs))
    npz = save(tmp_path / f"{name}.npz", x=x, y=np.round(RANDOM.gamma(2, 2, rows) * unit, 1))
    monkeypatch.setattr(theirs, "get_file", lambda *_, **__: str(npz))
    train, test, _ = read(ours.prepared(dataset, tmp_path, npz))
    assert (len(train), len(test)) == (dataset.available, dataset.tested)
    for mine, (numbers, labels) in zip((train, test), theirs.load_data(), strict=True):
        np.testing.assert_array_equal(mine.numbers, numbers.astype(np.float32))
        np.testing.assert_array_equal(mine.labels, (labels / unit).astype(np.float32))
    _, source, url, sha256 = asked_for(theirs, monkeypatch)
    assert (source, url, sha256) == (f"{name}.npz", ours.FILE.url, ours.FILE.sha256)


def asked_for(theirs: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ...]:
    """What Keras's loader downloads."""
    asked: list[Any] = []

    def get_file(path: str, origin: str, file_hash: str) -> str:
        asked.extend([theirs, path, origin, file_hash])
        raise FileNotFoundError

    monkeypatch.setattr(theirs, "get_file", get_file)
    with pytest.raises(FileNotFoundError):
        theirs.load_data()
    return tuple(asked)


@pytest.mark.parametrize("validation", ["test", {"holdout": 100}])
@pytest.mark.parametrize(("kind", "rows"), [(BostonHousing, 506), (CaliforniaHousing, 700)])
def test_the_archives_script_reads_and_standardises_the_same(
    tmp_path: Path, validation: Any, kind: type[BostonHousing | CaliforniaHousing], rows: int
) -> None:
    name = kind.kind()
    job = resolve({"dataset": {"name": name, "validation": validation}, "variants": ["original"]})
    npz = save(tmp_path / "npz.npz", x=RANDOM.gamma(2, 30, (rows, len(kind.names))), y=RANDOM.gamma(2, 1e5, rows))
    names: dict[str, Any] = {"__name__": "train", "__file__": str(tmp_path / "train.py")}
    exec(compile(script(job), "train.py", "exec"), names)
    data = load(job.dataset, tmp_path, npz)
    sets = names["load"](job.dataset.model_dump(mode="json"), npz)
    for ours, (numbers, labels) in zip((data.train, data.validation, data.test), sets, strict=True):
        np.testing.assert_array_equal(ours.numbers, numbers)
        np.testing.assert_array_equal(ours.labels, labels)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"x": NUMBERS[:, :12]}, "13 numbers and a label"),
        ({"y": PRICES[:9]}, "13 numbers and a label"),
        ({"y": NUMBERS}, "13 numbers and a label"),
        ({"x": 3, "y": 3}, "13 numbers and a label"),
        ({"x": NUMBERS.astype(str)}, "numbers only"),
        ({"y": PRICES > 20}, "numbers only"),
        ({"x": np.where(NUMBERS > 50, np.nan, NUMBERS)}, "finite numbers only"),
        ({"y": PRICES * 1e300}, "finite numbers only"),
        ({"x": NUMBERS[:1], "y": PRICES[:1]}, "too few"),
        ({"x": NUMBERS.astype(object)}, "Object arrays cannot be loaded"),
    ],
    ids=lambda value: value if isinstance(value, str) else " and ".join(value),
)
def test_a_file_that_is_not_what_it_should_be(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    with pytest.raises(DatasetInvalid, match=rf"not Keras's boston_housing\.npz: .*{why}"):
        load(BostonHousing(), tmp_path, save(tmp_path / "boston_housing.npz", **change))


@pytest.mark.parametrize("name", ["boston_housing", "california_housing"])
def test_a_named_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetUnavailable, match=f"OCKHAM_{name.upper()}_NPZ"):
        load(DATASETS[name].model_validate({}), tmp_path, tmp_path / "nowhere.npz")


def test_the_books_job_trains(npz: Path, tmp_path: Path, engine: None) -> None:
    job = resolve({"preset": "boston_housing"})
    assert isinstance(job.dataset.task, Regression)
    assert job.dataset.trained_on + job.dataset.validated_on == 404
    run = job.run("original", 0)
    short = run.training.model_copy(update={"epochs": 30})
    epochs: list[training.Epoch] = []
    shortened = RunSpecification(dataset=run.dataset, training=short, layers=run.layers, seed=0)
    result = training.train(shortened, load(run.dataset, tmp_path, npz), on_epoch=epochs.append)
    last = epochs[-1].metrics
    assert last["val_data_loss"] < float(PRICES.var()) / 4 < epochs[0].metrics["val_data_loss"]
    assert 0 < last["val_mae"] < np.sqrt(last["val_data_loss"])
    assert last["val_r2"] > 0.75
    assert result.test is not None
    assert result.test.keys() == {"loss", "mae", "data_loss"}


@pytest.mark.tables
def test_the_real_prices(tmp_path: Path, engine: None) -> None:
    """From the table that R's mlbench has: another order of the rows than in Keras's file."""
    file = Path(os.environ.get("OCKHAM_TEST_TABLES", "/")) / "boston_housing.csv"
    table = np.loadtxt(file, delimiter=",", skiprows=1)
    npz = save(tmp_path / "boston_housing.npz", x=table[:, :-1], y=table[:, -1])
    assert table[:, -1].std() == pytest.approx(DEVIATION, abs=0.005)
    run = resolve({"preset": "boston_housing", "training": {"epochs": 80, "batch_size": 16}}).run("original", 0)
    epochs: list[training.Epoch] = []
    result = training.train(run, load(run.dataset, tmp_path, npz), on_epoch=epochs.append)
    assert run.dataset.task.chance is not None
    assert epochs[0].metrics["val_data_loss"] > run.dataset.task.chance
    assert epochs[-1].metrics["val_data_loss"] < 0.15 * run.dataset.task.chance
    assert result.test is not None
    assert 1.5 < result.test["mae"] < 4
