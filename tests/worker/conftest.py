"""What the engine's tests share: a small data set, and one TensorFlow thread as in a worker."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.kinds.datasets.imdb import Imdb
from models.kinds.datasets.synthetic import Synthetic
from models.resolution import resolve
from models.settings import Settings
from models.specification import RunSpecification
from worker.data import Dataset, Rows, load
from worker.keras_import import import_keras

import_keras()  # as a worker does, before the modules of this folder import it as it comes

SMALL = {"name": "synthetic", "reviews": 600, "num_words": 400}

TASKS: dict[str, dict[str, Any]] = {
    "binary": SMALL,
    "binary of numbers": {"name": "synthetic_table", "classes": 2, "samples": 500},
    "multiclass": {"name": "synthetic_table", "classes": 7, "samples": 500},
    "regression": {"name": "synthetic_table", "classes": None, "samples": 500},
}
"""A small data set of each task."""


@pytest.fixture(scope="session")
def engine() -> None:
    """TensorFlow as a worker has it. It must not have computed anything before."""
    from worker import training

    training.configure()


@pytest.fixture(scope="session")
def small(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """600 reviews to train and 600 to test, of 400 words."""
    return load(Synthetic.model_validate(SMALL), tmp_path_factory.mktemp("data"), None)


@pytest.fixture(scope="session")
def sets(engine: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """Those of `TASKS`."""
    folder = tmp_path_factory.mktemp("sets")
    return {name: load(specify(dataset=TASKS[name]).dataset, folder, None) for name in TASKS}


@pytest.fixture(scope="session")
def imdb(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The real reviews; only for tests marked `imdb`."""
    return load(Imdb(), tmp_path_factory.mktemp("imdb"), Settings().npz("imdb"))


def specify(
    variant: Any = "original", seed: int = 0, dataset: dict[str, Any] | None = None, **training: Any
) -> RunSpecification:
    """One run on the small data set, changed by `dataset`, or on another one that `dataset` names."""
    body = {
        "dataset": dataset if dataset and "name" in dataset else {**SMALL, **(dataset or {})},
        "variants": [variant],
        "training": {"epochs": 3, "batch_size": 128, **training},
        "seeds": [seed],
    }
    specification = resolve(body)
    return specification.run(specification.variants[0].name, seed)


def dense(reviews: Rows, inputs: int) -> np.ndarray:
    """The dense rows that the notebook trains on: float32 (rows, inputs)."""
    rows = np.zeros((len(reviews), inputs), np.float32)
    rows[np.repeat(np.arange(len(reviews)), np.diff(reviews.indptr)), reviews.indices] = (
        1 if reviews.values is None else reviews.values
    )
    if reviews.numbers is not None:
        rows[:, : reviews.numbers.shape[1]] = reviews.numbers
    return rows
