"""Rows of numbers: the same on every machine, and standardised by the rows trained on alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.kinds.datasets.synthetic_table import SyntheticTable
from tests.worker.conftest import specify
from worker.data import Dataset, csr, load, synthetic_table
from worker.data.store import kept


def table(folder: Path, **fields: Any) -> Dataset:
    return load(specify(dataset={"name": "synthetic_table", **fields}).dataset, folder, None)


def raw(folder: Path, **fields: Any) -> tuple[csr.Rows, csr.Rows]:
    return csr.read(synthetic_table.prepared(SyntheticTable(**fields), folder))[:2]


def test_every_machine_makes_the_same_table(tmp_path: Path) -> None:
    hashes = {classes: table(tmp_path, classes=classes, samples=300, columns=5).sha256[:16] for classes in HASHES}
    assert hashes == HASHES


HASHES = {2: "2086720853ffd5b0", 10: "863b7ecf8b8b1e4a", None: "0caca123b2acc4bc"}


def test_a_larger_table_begins_with_the_smaller_ones_rows(tmp_path: Path) -> None:
    few, many = (raw(tmp_path, samples=samples)[0] for samples in (100, 5000))
    assert few.numbers is not None
    assert many.numbers is not None
    np.testing.assert_array_equal(few.numbers, many.numbers[:100])
    np.testing.assert_array_equal(few.labels, many.labels[:100])


@pytest.mark.parametrize("classes", [2, 3, 26])
def test_every_class_is_there_and_none_is_most_of_all(tmp_path: Path, classes: int) -> None:
    for rows in raw(tmp_path, classes=classes, samples=5000):
        shares = np.bincount(rows.labels.astype(int), minlength=classes) / 5000
        assert len(shares) == classes
        assert shares.min() > 0
        assert shares.max() < 0.7


@pytest.mark.parametrize("seed", [0, 1])
def test_a_label_that_is_a_number_is_a_sum_of_columns_and_noise(tmp_path: Path, seed: int) -> None:
    """Its variance is 1, of which the first half of the columns explains all but the noise."""
    data = table(tmp_path, classes=None, samples=20_000, columns=10, seed=seed)
    assert data.train.numbers is not None
    labels = data.train.labels.astype(np.float64)
    assert labels.mean() == pytest.approx(0, abs=0.03)
    assert labels.std() == pytest.approx(1, abs=0.03)
    weights, residual, *_ = np.linalg.lstsq(data.train.numbers.astype(np.float64), labels, rcond=None)
    assert np.abs(weights[5:]).max() < 0.03
    # The columns' weights are whole numbers up to 8, that of the noise is 8.
    noise = np.sqrt(residual[0] / len(labels))
    whole = weights[:5] * 8 / noise
    np.testing.assert_allclose(whole, np.round(whole), atol=0.25)
    assert np.abs(np.round(whole)).max() <= 8


def test_training_and_test_rows_differ(tmp_path: Path) -> None:
    train, test = raw(tmp_path)
    assert train.numbers is not None
    assert test.numbers is not None
    assert not np.array_equal(train.numbers[:100], test.numbers[:100])


@pytest.mark.parametrize(
    ("fields", "trained"),
    [
        ({}, slice(0, 40)),
        ({"train_samples": 10}, slice(0, 10)),
        ({"validation": {"holdout": 15}}, slice(15, 40)),
        ({"validation": {"holdout": 15}, "train_samples": 5}, slice(15, 20)),
    ],
    ids=str,
)
def test_numbers_are_standardised_by_the_rows_trained_on(tmp_path: Path, fields: Any, trained: slice) -> None:
    """Extremes in every row that is not trained on change nothing that is."""
    data = table(tmp_path, samples=40, columns=3, **fields)
    train, test = raw(tmp_path, samples=40, columns=3)
    assert train.numbers is not None
    assert test.numbers is not None
    own = train.numbers[trained].astype(np.float64)
    mean, deviation = own.mean(axis=0), own.std(axis=0)
    assert data.train.numbers is not None
    assert data.validation.numbers is not None
    assert data.test.numbers is not None
    np.testing.assert_allclose(data.train.numbers, (own - mean) / deviation, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(data.test.numbers, (test.numbers - mean) / deviation, rtol=1e-5, atol=1e-6)
    validated = train.numbers[:15] if "validation" in fields else test.numbers
    np.testing.assert_allclose(data.validation.numbers, (validated - mean) / deviation, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(data.train.labels, train.labels[trained])


def test_a_column_that_never_changes_becomes_zero(tmp_path: Path) -> None:
    numbers = np.array([[7.0, 1], [7, 2], [7, 3]], np.float32)

    def build(partial: Path) -> None:
        rows = csr.Rows.of_numbers(numbers, np.array([0, 1, 2], np.float32))
        csr.write(partial, {split: [rows] for split in csr.SPLITS})

    kept(tmp_path / "datasets" / "synthetic_table-v1-0-3-2-3", build)
    data = table(tmp_path, samples=3, columns=2)
    assert data.train.numbers is not None
    np.testing.assert_array_equal(data.train.numbers[:, 0], 0)
    np.testing.assert_allclose(data.train.numbers[:, 1], [-np.sqrt(1.5), 0, np.sqrt(1.5)], rtol=1e-6)
