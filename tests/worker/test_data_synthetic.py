"""The synthetic reviews: the same everywhere, of any size, and shaped like real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.errors import StorageFull
from models.kinds.datasets.synthetic import Synthetic
from models.preprocessing import SHIFT, START, UNKNOWN
from worker.data import Dataset, load, store, synthetic


def make(data_dir: Path, reviews: int = 8000, num_words: int = 10_000, seed: int = 0) -> Dataset:
    return load(Synthetic(reviews=reviews, num_words=num_words, seed=seed), data_dir, None)


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("data"))


def test_the_same_on_every_machine(tmp_path: Path) -> None:
    # A literal on purpose: another hash means other reviews, and needs another synthetic.VERSION.
    data = make(tmp_path, reviews=300, num_words=2000, seed=7)
    assert data.sha256 == "a58d6bf4fc066dd2015457a59e4d89555fbe59750ab8d99dc08973d50a2d82d6"


def test_seeds_and_splits_differ(tmp_path: Path) -> None:
    first, second = make(tmp_path, reviews=200), make(tmp_path, reviews=200, seed=1)
    assert first.sha256 != second.sha256
    assert first.train.indices[:1000].tolist() != second.train.indices[:1000].tolist()
    assert first.train.indices[:1000].tolist() != first.test.indices[:1000].tolist()


@pytest.mark.parametrize("reviews", [2, 3, 4096, 4097])
@pytest.mark.parametrize("num_words", [10, 100_000])
def test_any_size(tmp_path: Path, reviews: int, num_words: int) -> None:
    data = make(tmp_path, reviews=reviews, num_words=num_words)
    for part in (data.train, data.test):
        assert len(part) == reviews
        rows = np.repeat(np.arange(reviews), np.diff(part.indptr))
        keys = rows * num_words + part.indices
        assert (np.diff(keys) > 0).all()  # distinct and rising in each review
        assert (part.indices[part.indptr[:-1]] == START).all()
        assert part.indices.max() < num_words
        assert set(part.labels.tolist()) <= {0.0, 1.0}
    assert (UNKNOWN in data.train.indices) == (num_words == 10)


def test_a_larger_set_begins_with_the_smaller_one(tmp_path: Path) -> None:
    small, large = make(tmp_path, reviews=5000), make(tmp_path, reviews=9000)
    start = large.train.slice(0, 5000)
    assert start.indices.tolist() == small.train.indices.tolist()
    assert start.labels.tolist() == small.train.labels.tolist()


def test_lengths_are_like_the_corpus(default: Dataset) -> None:
    # The IMDB reviews: 131.7 distinct words of 10,000 on average, standard deviation 72.
    lengths = np.diff(default.train.indptr)
    assert 120 < lengths.mean() < 155
    assert 60 < lengths.std() < 90


def test_words_follow_zipf(default: Dataset) -> None:
    # How many reviews have a word falls with its rank, and over the middle ranks about as 1 / rank.
    reviews_with = np.bincount(default.train.indices, minlength=10_000)
    ranks = np.arange(100, 2000)
    slope = np.polyfit(np.log(ranks), np.log(reviews_with[ranks + SHIFT] + 1), 1)[0]
    assert -1.25 < slope < -0.85


def test_labels_are_balanced_and_some_are_wrong(default: Dataset) -> None:
    assert default.train.labels.mean() == pytest.approx(0.5, abs=0.03)
    # The best guess from the sentiment words that made the reviews is wrong about as often as labels are.
    groups = synthetic.sentiment(0)
    ids = default.test.indices.astype(np.int64) - 1 - SHIFT
    takes_side = (ids >= 0) & groups[np.maximum(ids, 0)]
    rows = np.repeat(np.arange(len(default.test)), np.diff(default.test.indptr))
    votes = np.bincount(rows[takes_side], weights=(ids[takes_side] % 2) * 2.0 - 1, minlength=len(default.test))
    wrong = ((votes > 0) != (default.test.labels > 0.5)).mean()
    assert synthetic.NOISE / 100 <= wrong < synthetic.NOISE / 100 + 0.05


def test_no_space_left(tmp_path: Path) -> None:
    def build(partial: Path) -> None:
        (partial / "begun").write_bytes(b"1")
        Path("/dev/full").write_bytes(b"1")

    with pytest.raises(StorageFull):
        store.kept(tmp_path / "set", build)
    assert [path.name for path in tmp_path.iterdir()] == ["set.lock"]
