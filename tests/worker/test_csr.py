"""Encoded rows on the disk."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from worker.data import csr


def test_rows_of_many_numbers_are_written_in_the_memory_of_a_few_blocks(tmp_path: Path) -> None:
    count, width, blocks = 1000, 300, 20
    numbers = np.random.default_rng(0).normal(size=(blocks * count, width)).astype(np.float32)

    def made() -> Iterator[csr.Rows]:
        for first in range(0, len(numbers), count):
            yield csr.Rows.of_numbers(numbers[first : first + count].copy(), np.arange(count, dtype=np.float32))

    tracemalloc.start()
    try:
        csr.write(tmp_path, {"train": made(), "test": [csr.Rows.of_numbers(numbers[:0], np.zeros(0, np.float32))]})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * count * width * 4
    train, test, _ = csr.read(tmp_path)
    assert train.numbers is not None
    assert test.numbers is not None
    assert np.array_equal(train.numbers, numbers)
    assert test.numbers.shape == (0, width)
