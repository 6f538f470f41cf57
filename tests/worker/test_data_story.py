"""The synthetic reviews tell the notebook's story: trained for real, over three seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.resolution import resolve
from worker import data, training

pytestmark = pytest.mark.usefixtures("engine")

SEEDS = [0, 1, 2]


def train(directory: Path, *variants: str, epochs: int = 20) -> dict[str, dict[str, np.ndarray]]:
    """Each variant's metrics as arrays of shape (seeds, epochs), with the default data and training."""
    body = {
        "dataset": {"name": "synthetic"},
        "training": {"epochs": epochs},
        "variants": list(variants),
        "seeds": SEEDS,
    }
    specification = resolve(body)
    reviews = data.load(specification.dataset, directory, None)
    histories = {}
    for variant in variants:
        runs: list[list[training.Epoch]] = [[] for _ in SEEDS]
        for seed, run in zip(SEEDS, runs, strict=True):
            training.train(specification.run(variant, seed), reviews, run.append)
        histories[variant] = {
            name: np.array([[epoch.metrics[name] for epoch in run] for run in runs])
            for name in ("loss", "val_loss", "val_acc", "val_data_loss")
        }
    return histories


def best_epoch(val_loss: np.ndarray) -> float:
    """The mean over the seeds, from 1."""
    return float(val_loss.argmin(axis=1).mean()) + 1


def overfit(val_loss: np.ndarray) -> float:
    """How far the validation loss has risen from its least to its last, the mean over the seeds."""
    return float((val_loss[:, -1] - val_loss.min(axis=1)).mean())


@pytest.mark.slow
def test_original_overfits_and_what_holds_it_back(tmp_path: Path) -> None:
    histories = train(tmp_path, "original", "smaller", "l2", "dropout")
    original, smaller, l2, dropout = (
        histories[name]["val_data_loss"] for name in ("original", "smaller", "l2", "dropout")
    )
    assert 2.5 < best_epoch(original) < 7
    assert 0.25 < original.min(axis=1).mean() < 0.42
    assert 0.87 < histories["original"]["val_acc"].max(axis=1).mean() < 0.93  # it learns nearly all there is
    assert overfit(original) > 0.2
    assert best_epoch(smaller) > best_epoch(original) + 2
    assert overfit(smaller) < 0.5 * overfit(original)
    assert best_epoch(dropout) > best_epoch(original) + 1
    assert overfit(dropout) < 0.85 * overfit(original)
    assert overfit(l2) < 0.75 * overfit(original)


@pytest.mark.slow
def test_bigger_overfits_at_once(tmp_path: Path) -> None:
    histories = train(tmp_path, "original", "bigger", epochs=14)
    original, bigger = histories["original"], histories["bigger"]
    assert best_epoch(bigger["val_loss"]) <= min(4, best_epoch(original["val_loss"]))
    assert overfit(bigger["val_loss"]) > 1.2 * overfit(original["val_loss"])
    # Its training loss goes to zero at once.
    assert bigger["loss"][:, 9].mean() < 0.5 * original["loss"][:, 9].mean()
