"""Rows drawn by chance: as many of each class, whole groups, and each stream of its own."""

from __future__ import annotations

import numpy as np
import pytest

from models.drawing import SAMPLE, SPLIT, resample, rows_drawn, split, stream


def test_without_seeds_the_rows_are_the_first() -> None:
    held, trained = rows_drawn(np.zeros(10), 3, 5, None, None)
    assert held.tolist() == [0, 1, 2]
    assert trained.tolist() == [3, 4, 5, 6, 7]


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_a_split_has_each_class_by_its_share(seed: int) -> None:
    classes = np.repeat([0.0, 1.0, 2.0], [100, 50, 7])
    held, trained = rows_drawn(classes, 31, 126, seed, None)
    assert sorted([*held, *trained]) == list(range(157))
    assert np.abs(np.bincount(classes[held].astype(int)) - np.array([100, 50, 7]) * 31 / 157).max() < 1
    again, _ = rows_drawn(classes, 31, 126, seed, None)
    assert (again == held).all()
    other, _ = rows_drawn(classes, 31, 126, seed ^ 1, None)
    assert set(other) != set(held)


def test_held_out_rows_do_not_hang_on_how_many_are_trained_on() -> None:
    """Variants with fewer training rows are validated on the same rows, and trained on some of the same."""
    (held, many), (same, few) = (rows_drawn(np.zeros(100), 20, count, 5, None) for count in (80, 30))
    assert held.tolist() == same.tolist()
    assert few.tolist() == many[:30].tolist()


def test_a_sample_is_of_the_rows_trained_on() -> None:
    held, sample = rows_drawn(np.zeros(2000), 500, 1500, None, 3)
    assert held.tolist() == list(range(500))
    assert len(sample) == 1500
    assert sample.min() >= 500
    # Of n rows a share of 1 - 1/e is drawn at least once, with a standard deviation of about 0.008 here.
    assert len(set(sample)) / 1500 == pytest.approx(1 - np.exp(-1), abs=0.04)
    both_held, both = rows_drawn(np.zeros(2000), 500, 1500, 3, 3)
    assert not set(both) & set(both_held)


def test_how_often_a_row_is_drawn_has_the_bootstraps_distribution() -> None:
    counts = np.concatenate(
        [np.bincount(rows_drawn(np.zeros(50), 0, 50, None, seed)[1], minlength=50) for seed in range(200)]
    )
    assert counts.mean() == 1
    assert counts.var() == pytest.approx(1 - 1 / 50, abs=0.06)  # multinomial: n · 1/n · (1 − 1/n)


def test_groups_stay_together() -> None:
    groups = np.array(["a", "b", "b", "c", "c", "c", "d", "d"])
    held, others = split(stream(4, SPLIT), np.zeros(8), 3, groups)
    assert len(held) >= 3
    assert not set(groups[held]) & set(groups[others])
    for seed in range(20):
        drawn = groups[resample(stream(seed, SAMPLE), np.arange(8), groups)]
        names, counts = np.unique(drawn, return_counts=True)
        sizes = {"a": 1, "b": 2, "c": 3, "d": 2}
        assert sum(count // sizes[name] for name, count in zip(names, counts, strict=True)) == 4
        assert all(count % sizes[name] == 0 for name, count in zip(names, counts, strict=True))


def test_each_key_has_numbers_of_its_own() -> None:
    """A split, a sample and the split of a data set that is drawn once do not follow from each other."""
    keys = [(5,), (5, 0, SPLIT), (0, 5, SPLIT), (0, 5, SAMPLE), (5, 5, SPLIT), (0, 0, SPLIT), (0,)]
    assert len({int(stream(*key).integers(2**62)) for key in keys}) == len(keys)
