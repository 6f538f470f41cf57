"""The sparse product and its feeding, against dense matrices."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests.worker.conftest import dense
from worker import compiled, sparse
from worker.data import Dataset


@pytest.mark.parametrize("cuts", [(0, 400), (0, 33, 400), (0, 100, 399, 400)])
@pytest.mark.parametrize("units", [1, compiled.LANES + 5, sparse.NARROW - 1, sparse.NARROW])
@pytest.mark.parametrize("size", [7, 600, 1000])
@pytest.mark.parametrize("valued", [False, True])
def test_product_and_gradient_are_those_of_dense_rows(
    small: Dataset, cuts: tuple[int, ...], units: int, size: int, valued: bool
) -> None:
    random = np.random.default_rng(0)
    train = small.train
    if valued:
        train = replace(train, values=random.uniform(-2, 2, len(train.indices)).astype(np.float32))
    kernel = random.normal(size=(400, units)).astype(np.float32)
    order = sparse.order(3, 1, len(train))
    batches = sparse.Blocks.of(train, cuts).batches(size, order)
    every = dense(train, 400)
    np.testing.assert_array_equal(batches.labels.numpy()[:, 0], np.asarray(train.labels))
    for number in range(min(3, len(batches.starts) - 1)):
        chosen = batches.rows(tf.constant(number))
        np.testing.assert_array_equal(chosen, order[number * size : (number + 1) * size])
        rows = every[chosen.numpy()]
        into = random.normal(size=(len(chosen), units)).astype(np.float32)
        for (begin, end), words in zip(itertools.pairwise(cuts), batches.words, strict=True):
            block, part = tf.constant(kernel[begin:end]), rows[:, begin:end]
            product = sparse.product(block, words, chosen)
            np.testing.assert_allclose(product, part @ kernel[begin:end], rtol=1e-5, atol=1e-4)
            gradient = sparse.product_gradient(block, words, chosen, tf.constant(into))
            np.testing.assert_allclose(gradient, part.T @ into, rtol=1e-5, atol=1e-4)
            np.testing.assert_array_equal(sparse.densified(words, chosen, end - begin), part)


@pytest.mark.parametrize("function", [compiled.gradient_by_row, compiled.gradient_by_column])
@pytest.mark.parametrize("units", [compiled.LANES, 3 * compiled.LANES + 1])
def test_both_ways_to_a_gradient_are_exact(function: Callable[..., np.ndarray], units: int) -> None:
    """Small whole numbers are added without rounding, in whatever order."""
    random = np.random.default_rng(1)
    full = random.integers(-3, 4, (50, 30)) * (random.random((50, 30)) < 0.4)
    starts = np.append(0, np.cumsum(np.count_nonzero(full, axis=1)))
    rows = random.permutation(50)[:20]
    into = random.integers(-9, 10, (20, units)).astype(np.float32)
    columns = np.nonzero(full)[1].astype(np.int32)
    for values, dense_rows in ((full[full != 0].astype(np.float32), full), (np.zeros(0, np.float32), full != 0)):
        found = function(into, starts, columns, values, rows, np.int32(30))
        np.testing.assert_array_equal(found, dense_rows[rows].astype(np.float32).T @ into)


def test_what_is_out_of_place_is_refused(small: Dataset) -> None:
    """The compiled loops check nothing."""
    rows = small.train
    for wrong in (
        replace(rows, indices=rows.indices + np.int32(1)),
        replace(rows, indices=rows.indices - np.int32(400)),
        replace(rows, indptr=np.append(rows.indptr[:-1], 0)),
        replace(rows, indptr=rows.indptr[::-1]),
    ):
        with pytest.raises(ValueError, match="The rows'"):
            sparse.Blocks.of(wrong, (0, int(rows.indices.max()) + 1))


@pytest.mark.parametrize("shards", [1, 2, 4])
def test_blocks_cover_all_words_and_share_the_pairs(small: Dataset, shards: int) -> None:
    cuts = sparse.cuts_of(small.train, 400, shards)
    assert list(cuts) == sorted(set(cuts))
    assert cuts[-1] == 400
    assert (cuts[0], cuts[-1], len(cuts)) == (0, 400, shards + 1)
    pairs = [len(words.indices) for words in sparse.Blocks.of(small.train, cuts).words]
    assert max(pairs) - min(pairs) < 0.2 * sum(pairs)


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    first = sparse.order(5, 2, 1000)
    np.random.default_rng(1).random(10)
    assert (sparse.order(5, 2, 1000) == first).all()
    assert sorted(first) == list(range(1000))
    assert (sparse.order(5, 3, 1000) != first).any()
    assert (sparse.order(6, 2, 1000) != first).any()
    assert sorted(sparse.order(2**32 - 1, 1000, 3)) == [0, 1, 2]


def test_a_data_set_is_prepared_once(small: Dataset) -> None:
    assert sparse.prepare(small, 16) is sparse.prepare(small, 4)
    assert sparse.prepare(small, 16) is not sparse.prepare(small, 512)
