"""The sparse product and its feeding, against dense matrices."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests.worker.conftest import dense
from worker import sparse
from worker.data import Dataset


@pytest.mark.parametrize("cuts", [(400,), (16, 400), (32, 33, 400), (16, 100, 399, 400)])
@pytest.mark.parametrize("units", [1, sparse.NARROW - 1, sparse.NARROW])
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
    batches = sparse.Blocks.of(train, cuts).batches(size, order, by_word=True)
    rows, labels = dense(train, 400)[order], np.asarray(small.train.labels)[order]
    np.testing.assert_array_equal(batches.labels.numpy()[:, 0], labels)
    np.testing.assert_array_equal(batches.head.numpy(), rows[:, : cuts[0]])
    blocks = list(itertools.pairwise(cuts))
    for number, (first, last) in list(enumerate(itertools.pairwise(batches.starts.numpy())))[:3]:
        into = random.normal(size=(last - first, units)).astype(np.float32)
        for (begin, end), tail in zip(blocks, batches.tails, strict=True):
            pairs = tail.of(tf.constant(number))
            block, part = tf.constant(kernel[begin:end]), rows[first:last, begin:end]
            product = sparse.product(block, pairs, tf.constant(int(last - first)))
            np.testing.assert_allclose(product, part @ kernel[begin:end], rtol=1e-5, atol=1e-4)
            gradient = sparse.product_gradient(block, pairs, tf.constant(int(last - first)), tf.constant(into))
            np.testing.assert_allclose(gradient, part.T @ into, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("shards", [1, 2, 4])
def test_blocks_cover_all_words_and_share_the_pairs(small: Dataset, shards: int) -> None:
    cuts = sparse.cuts_of(small.train, 400, shards)
    assert list(cuts) == sorted(set(cuts))
    assert cuts[-1] == 400
    assert len(cuts) == shards + 1
    pairs = [len(tail.indices) for tail in sparse.Blocks.of(small.train, cuts).tails]
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
