"""Rows as numbers and compressed sparse ones: built by the block, written as plain `.npy` files, memory-mapped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.preprocessing import UNKNOWN
from worker.data.store import kept

SPLITS = ("train", "test")

HELD_OUT_ROWS = "held_out_rows.npy"
"""In a directory whose held-out rows are not the first ones of their file: the number of each there, from 1."""


@dataclass(frozen=True)
class Rows:
    """Rows: first numbers, if there are any, then inputs that are mostly 0, such as the words of reviews.

    Of the latter, row i is not 0 at the inputs `indices[indptr[i]:indptr[i + 1]]`: it has 1 there, or, if there are
    `values` (float32, one for each of `indices`), these.
    `indptr`: int64, n + 1, from 0. `indices`: int32, each row's distinct inputs in rising order, those that are numbers
    counted. `labels`: float32, n; of two classes 0 and 1, for a positive review 1. `numbers`: float32 (n, numbers), or
    None. The arrays are read-only.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    labels: NDArray[np.float32]
    numbers: NDArray[np.float32] | None = None
    values: NDArray[np.float32] | None = None

    @classmethod
    def of_numbers(cls, numbers: NDArray[np.float32], labels: NDArray[np.float32]) -> Rows:
        """Rows that are nothing but numbers."""
        return cls(np.zeros(len(labels) + 1, np.int64), np.zeros(0, np.int32), labels, numbers)

    def __len__(self) -> int:
        return len(self.labels)

    def slice(self, start: int, stop: int) -> Rows:
        """The rows from `start` up to `stop`; all but their `indptr` are views, not copies."""
        indptr = self.indptr[start : stop + 1]
        return Rows(
            indptr - indptr[0],
            self.indices[indptr[0] : indptr[-1]],
            self.labels[start:stop],
            None if self.numbers is None else self.numbers[start:stop],
            None if self.values is None else self.values[indptr[0] : indptr[-1]],
        )

    def take(self, rows: NDArray[np.int64]) -> Rows:
        """These rows, in this order."""
        lengths = np.diff(self.indptr)[rows]
        indptr = starts(lengths)
        within = np.arange(indptr[-1]) - np.repeat(indptr[:-1], lengths)
        places = np.repeat(self.indptr[rows], lengths) + within
        return Rows(
            indptr,
            self.indices[places],
            self.labels[rows],
            None if self.numbers is None else self.numbers[rows],
            None if self.values is None else self.values[places],
        )


def joined(blocks: Sequence[Rows]) -> Rows:
    """The rows of these blocks, one after the other."""
    numbers = [block.numbers for block in blocks if block.numbers is not None]
    values = [block.values for block in blocks if block.values is not None]
    return Rows(
        starts(np.concatenate([np.diff(block.indptr) for block in blocks])),
        np.concatenate([block.indices for block in blocks]),
        np.concatenate([block.labels for block in blocks]),
        np.concatenate(numbers) if numbers else None,
        np.concatenate(values) if values else None,
    )


def distinct(
    rows: NDArray[np.int64], words: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Each row's distinct words in rising order, from (row, word) pairs in any order.

    Rows are below `count`, words below 2**31. Returns the words of each row as a length (int64,
    `count`) and all of them one row after the other (int32).
    """
    keys = np.sort(rows << 32 | words)
    if len(keys):
        keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))]
    return np.bincount(keys >> 32, minlength=count), (keys & 0xFFFF_FFFF).astype(np.int32)


def counted(
    rows: NDArray[np.int64], words: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """As `distinct`, and how often each of the words stands in its row."""
    keys, counts = np.unique(rows << 32 | words, return_counts=True)
    lengths = np.bincount(keys >> 32, minlength=count)
    return lengths, (keys & 0xFFFF_FFFF).astype(np.int32), counts.astype(np.float32)


def narrow(reviews: Rows, num_words: int) -> Rows:
    """The reviews over the ids below `num_words`; a review's other words become the one id UNKNOWN."""
    rows = np.repeat(np.arange(len(reviews)), np.diff(reviews.indptr))
    words = np.where(reviews.indices < num_words, reviews.indices, UNKNOWN).astype(np.int64)
    lengths, indices = distinct(rows, words, len(reviews))
    return Rows(starts(lengths), indices, reviews.labels)


def narrowed(whole: Path, num_words: int) -> Path:
    """The directory of the rows in `whole` over the ids below `num_words`, made first if it is not there."""

    def build(partial: Path) -> None:
        train, test, _ = read(whole)
        write(partial, {split: [narrow(part, num_words)] for split, part in (("train", train), ("test", test))})

    return kept(whole.with_name(f"{whole.name}-{num_words}"), build)


def starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """`indptr` of rows of these lengths."""
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)))


def write(directory: Path, splits: Mapping[str, Iterable[Rows]], **description: Any) -> None:
    """Write each split's blocks of rows, one after the other, and `meta.json` with the content's hash.

    Memory is that of one block, and 12 bytes per row.
    """
    digest = hashlib.sha256()
    for split in SPLITS:
        lengths, labels = [], []
        with ExitStack() as opened:
            growing: dict[str, _Growing] = {}
            for block in splits[split]:
                for name, descr in (("indices", "<i4"), ("numbers", "<f4"), ("values", "<f4")):
                    if (array := getattr(block, name)) is None:
                        continue
                    if name not in growing:
                        growing[name] = opened.enter_context(_Growing(directory / f"{split}_{name}.npy", descr, array))
                    added = growing[name].add(array)
                    if name == "indices":
                        digest.update(added)
                lengths.append(np.diff(block.indptr))
                labels.append(block.labels)
        arrays = {
            "indptr": starts(np.concatenate(lengths)).astype("<i8"),
            "labels": np.concatenate(labels).astype("<f4"),
        }
        for name, array in arrays.items():
            np.save(directory / f"{split}_{name}.npy", array)
            digest.update(array.data)
        for name in ("numbers", "values"):
            if name in growing:
                digest.update(np.load(growing[name].path, mmap_mode="r", allow_pickle=False).data)
    (directory / "meta.json").write_text(json.dumps({"sha256": digest.hexdigest(), **description}, indent=1))


class _Growing:
    """A `.npy` file of arrays like `first`, one after the other: its header has their length when it is closed."""

    def __init__(self, path: Path, descr: str, first: NDArray[Any]) -> None:
        self.path, self.descr, self.shape = path, descr, first.shape[1:]
        self._length = 0

    def __enter__(self) -> Self:
        self._file = self.path.open("wb")
        self._header()
        return self

    def add(self, array: NDArray[Any]) -> memoryview:
        """Writes an array's rows; what was written."""
        written = np.ascontiguousarray(array, self.descr).data
        self._file.write(written)
        self._length += len(array)
        return written

    def __exit__(self, *_: object) -> None:
        self._file.seek(0)
        self._header()
        self._file.close()

    def _header(self) -> None:
        # NumPy pads the header so that the length can grow in place.
        described = {"descr": self.descr, "fortran_order": False, "shape": (self._length, *self.shape)}
        np.lib.format.write_array_header_1_0(self._file, described)


def describe(directory: Path) -> dict[str, Any]:
    """What `write` noted of the rows: `sha256`, of their content, and what it was told to note besides."""
    noted: dict[str, Any] = json.loads((directory / "meta.json").read_text())
    return noted


def read(directory: Path) -> tuple[Rows, Rows, str]:
    """What `write` wrote, memory-mapped: the training rows, the test rows, the content's SHA-256."""

    def mapped(name: str) -> Any:
        # A plain array over the map: NumPy's memmap class costs time at every slice.
        return np.asarray(np.load(directory / f"{name}.npy", mmap_mode="r", allow_pickle=False))

    names = ["indptr", "indices", "labels", "numbers", "values"]
    there = [name for name in names if (directory / f"train_{name}.npy").is_file()]
    train, test = (Rows(**{name: mapped(f"{split}_{name}") for name in there}) for split in SPLITS)
    return train, test, describe(directory)["sha256"]
