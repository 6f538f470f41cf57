"""The Reuters newswires: Keras's encoding and split exactly, on a small made file of the same form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import DatasetInvalid, DatasetUnavailable
from models.kinds.datasets.reuters import TOPICS, Reuters
from models.resolution import resolve
from models.specification import RunSpecification
from reporting.bundle import script
from tests.worker.test_data_imdb import ragged, words
from worker import training
from worker.data import load


def save(path: Path, count: int = 103, **change: Any) -> Path:
    random = np.random.default_rng(0)
    texts = [(random.zipf(1.3, random.integers(1, 90)) % 30_000 + 1).tolist() for _ in range(count)]
    content = {"x": ragged(texts), "y": random.integers(0, TOPICS, count)}
    np.savez_compressed(path, **(content | change))
    return path


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    return save(tmp_path / "reuters.npz")


@pytest.mark.parametrize("num_words", [10, 500, 100_000])
def test_encodes_and_splits_as_keras(
    npz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_words: int
) -> None:
    from keras.src.datasets import reuters as theirs

    monkeypatch.setattr(theirs, "get_file", lambda **_: str(npz))
    data = load(Reuters(num_words=num_words), tmp_path, npz)
    for ours, (texts, labels) in zip((data.train, data.test), theirs.load_data(num_words=num_words), strict=True):
        assert words(ours) == [sorted(set(text)) for text in texts]
        assert ours.labels.tolist() == labels.tolist()


def test_the_archives_script_reads_the_same(npz: Path, tmp_path: Path) -> None:
    job = resolve({"dataset": {"name": "reuters", "num_words": 500}, "variants": ["original"]})
    names: dict[str, Any] = {"__name__": "train", "__file__": str(tmp_path / "train.py")}
    exec(compile(script(job), "train.py", "exec"), names)
    data = load(job.dataset, tmp_path, npz)
    read = names["read"](job.dataset.model_dump(mode="json"), npz)
    for ours, (texts, labels) in zip((data.train, data.test), read, strict=True):
        assert words(ours) == [sorted(set(text)) for text in texts]
        assert ours.labels.tolist() == labels.tolist()


@pytest.mark.parametrize(
    "change",
    [{"y": np.full(103, TOPICS)}, {"y": np.full(103, -1)}, {"y": np.full(103, 0.5)}, {"y": np.zeros(9, int)}, {"x": 3}],
    ids=str,
)
def test_a_file_that_is_not_what_it_should_be(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(DatasetInvalid, match=r"not Keras's reuters\.npz"):
        load(Reuters(), tmp_path, save(tmp_path / "reuters.npz", **change))


def test_too_few_to_split(tmp_path: Path) -> None:
    with pytest.raises(DatasetInvalid, match="too few"):
        load(Reuters(), tmp_path, save(tmp_path / "reuters.npz", count=1))


def test_a_named_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetUnavailable, match="OCKHAM_REUTERS_NPZ"):
        load(Reuters(), tmp_path, tmp_path / "nowhere.npz")


def test_the_books_job_trains(npz: Path, tmp_path: Path, engine: None) -> None:
    job = resolve({"preset": "reuters"})
    assert job.dataset.held_out == 1000
    run = job.run("original", 0)
    few = run.dataset.model_copy(update={"validation": "test", "num_words": 500})
    short = run.training.model_copy(update={"epochs": 2})
    epochs: list[training.Epoch] = []
    shortened = RunSpecification(dataset=few, training=short, layers=run.layers, seed=0)
    training.train(shortened, load(few, tmp_path, npz), on_epoch=epochs.append)
    assert epochs[0].metrics["data_loss"] == pytest.approx(few.task.chance, abs=0.3)
    assert epochs[1].metrics["data_loss"] < epochs[0].metrics["data_loss"]
