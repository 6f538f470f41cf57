"""Keras's files to CSR arrays, as a program of its own: `python -m worker.data.convert NAME FILE SHA256 DIRECTORY`.

A file of texts holds pickled lists. A pickle can name any function to call, and can ask for any amount of
memory; so nothing outside three known names is looked up, those three are stand-ins that call
nothing, and all of it happens in a process whose memory is limited. That also keeps the
conversion's memory out of the worker that asked for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import pickle
import resource
import sys
import zipfile
from array import array
from collections.abc import Collection, Sequence
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from models.errors import DatasetInvalid
from models.preprocessing import SHIFT, START
from worker.data import csr

MEMORY_BYTES = 4 << 30
"""Address space of the converting process; Keras's file needs a tenth of it."""

FILE_BYTES = 256 << 20
MEMBER_BYTES = 256 << 20
"""Largest file, and largest unpacked member of it; Keras's file has 17 MB, its members 14 MB."""

MAX_WORDS = 100_000_000
"""Words of all reviews of a split together; Keras's file has 6 million."""

SHUFFLE_SEED = 113
"""Keras's `load_data` shuffles with it; `imdb`'s the training reviews, then with the same generator the test ones."""


class _Array:
    """Stands in for `numpy.ndarray` of one dimension, objects in it: keeps the list of them."""

    items: list[Any]

    def __setstate__(self, state: tuple[int, tuple[int, ...], Any, bool, list[Any]]) -> None:
        _, shape, _, _, self.items = state
        if not isinstance(self.items, list) or shape != (len(self.items),):
            raise pickle.UnpicklingError("an array whose content is not of its shape")


class _Type:
    """Stands in for `numpy.dtype`: what it says is not used."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...


def _reconstruct(*_: object) -> _Array:
    return _Array()


class _Unpickler(pickle.Unpickler):
    """Knows the three names that NumPy writes for an array of objects, in its old and its new spelling."""

    def find_class(self, module: str, name: str) -> Any:
        match module, name:
            case "numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct":
                return _reconstruct
            case "numpy", "ndarray":
                return _Array
            case "numpy", "dtype":
                return _Type
        raise pickle.UnpicklingError(f"{module}.{name} has no place in it")


def read(file: IO[bytes], names: Sequence[str], texts: Collection[str] = ()) -> dict[str, Any]:
    """The arrays of these names, those of `texts` as lists.

    Raises DatasetInvalid for whatever else the file may be.
    """
    arrays: dict[str, Any] = {}
    with zipfile.ZipFile(file) as archive:
        for name in names:
            # Opened by its name, read no further than the size it declares.
            if archive.getinfo(f"{name}.npy").file_size > MEMBER_BYTES:
                raise DatasetInvalid(f"{name} is larger than {MEMBER_BYTES >> 20} MB")
            with archive.open(f"{name}.npy") as member:
                arrays[name] = (
                    _objects(member) if name in texts else np.lib.format.read_array(member, allow_pickle=False)
                )
    return arrays


def _objects(member: IO[bytes]) -> list[Any]:
    major, _ = np.lib.format.read_magic(member)
    header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(member)
    if dtype.kind != "O" or len(shape) != 1:
        raise DatasetInvalid("reviews must be one array of lists")
    loaded = _Unpickler(member).load()
    if not isinstance(loaded, _Array) or len(loaded.items) != shape[0]:
        raise DatasetInvalid("reviews must be one array of lists")
    return loaded.items


def in_order(count: int, shuffle: np.random.RandomState) -> NDArray[np.int64]:
    """Which of so many rows comes at each place, as Keras's loaders shuffle them."""
    order = np.arange(count)
    shuffle.shuffle(order)
    return order


def shuffled(texts: list[Any], labels: NDArray[Any], shuffle: np.random.RandomState) -> tuple[list[Any], list[int]]:
    """The lists of ranks and their labels in the order that `encode` gives them."""
    order = in_order(len(texts), shuffle)
    return [texts[i] for i in order], [int(labels[i]) for i in order]


def encode(reviews: list[Any], labels: NDArray[Any], classes: int, shuffle: np.random.RandomState) -> csr.Rows:
    """Lists of ranks as CSR over the whole vocabulary, with the ids of Keras's `load_data` and shuffled as it does."""
    if not reviews or labels.shape != (len(reviews),) or not np.isin(labels, np.arange(classes)).all():
        choice = "0 or 1" if classes == 2 else f"0 to {classes - 1}"
        raise DatasetInvalid(f"there must be a label of {choice} for each review")
    if not all(type(review) is list for review in reviews):
        raise DatasetInvalid("a review must be a list of word ranks")
    count = len(reviews)
    lengths = np.fromiter(map(len, reviews), np.int64, count)
    if lengths.sum() > MAX_WORDS:
        raise DatasetInvalid(f"there are more than {MAX_WORDS} words")
    # An array of the standard library refuses what is not an integer; NumPy would round it.
    ranks = np.frombuffer(array("i", chain.from_iterable(reviews)), np.int32).astype(np.int64)
    if len(ranks) and (ranks.min() < 1 or ranks.max() >= 2**31 - SHIFT):
        raise DatasetInvalid("word ranks count from 1")

    order = in_order(count, shuffle)
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    rows = np.concatenate((np.arange(count), np.repeat(place, lengths)))
    words = np.concatenate((np.full(count, START), ranks + SHIFT))
    lengths, indices = csr.distinct(rows, words, count)
    return csr.Rows(csr.starts(lengths), indices, labels[order].astype(np.float32))


def without_last_fifth(rows: int) -> int:
    """How many of so many shuffled rows are not the test set: that is the last fifth, counted as Keras does."""
    return int(rows * (1 - 0.2))


def last_fifth_apart(both: csr.Rows) -> dict[str, csr.Rows]:
    """The splits of rows that were shuffled."""
    end = without_last_fifth(len(both))
    if not 0 < end < len(both):
        raise DatasetInvalid("there are too few for a training and a test set")
    return {"train": both.slice(0, end), "test": both.slice(end, len(both))}


def houses(file: IO[bytes], shuffle: np.random.RandomState, columns: int, unit: int = 1) -> dict[str, csr.Rows]:
    """The splits of a file of numbers `x` (rows, columns) and labels `y` (rows), shuffled as Keras's loaders do.

    Labels are divided by `unit`. Raises DatasetInvalid.
    """
    arrays = read(file, ("x", "y"))
    numbers, labels = arrays["x"], arrays["y"]
    if labels.ndim != 1 or numbers.shape != (len(labels), columns):
        raise DatasetInvalid(f"there must be {columns} numbers and a label for each row")
    if any(array.dtype.kind not in "fiu" for array in (numbers, labels)):
        raise DatasetInvalid("it must have numbers only")
    order = in_order(len(labels), shuffle)
    with np.errstate(over="ignore"):  # what is too large for a float32 becomes infinite, and is refused
        numbers, labels = numbers[order].astype(np.float32), (labels[order] / unit).astype(np.float32)
    if not (np.isfinite(numbers).all() and np.isfinite(labels).all()):
        raise DatasetInvalid("it must have finite numbers only")
    return last_fifth_apart(csr.Rows.of_numbers(numbers, labels))


def convert(name: str, source: Path, sha256: str, directory: Path) -> None:
    """Write the file of this hash, of the data set `name`, as CSR arrays. Raises DatasetInvalid.

    The data set's loader has a function `splits(file, shuffle)`, which reads the file.
    """
    reader = import_module(f"worker.data.{name}")
    with source.open("rb") as file:
        content = file.read(FILE_BYTES + 1)
    if len(content) > FILE_BYTES:
        raise DatasetInvalid(f"it is larger than {FILE_BYTES >> 20} MB")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DatasetInvalid("it changed while it was read")
    try:
        splits = reader.splits(io.BytesIO(content), np.random.RandomState(SHUFFLE_SEED))
    except DatasetInvalid:
        raise
    except MemoryError as error:
        raise DatasetInvalid("reading it takes more memory than it may") from error
    except Exception as error:  # a pickle or an archive that is damaged can raise nearly anything
        raise DatasetInvalid(f"{type(error).__name__}: {error}"[:200]) from error
    csr.write(directory, {split: [rows] for split, rows in splits.items()})


if __name__ == "__main__":
    with contextlib.suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        convert(sys.argv[1], Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
    except DatasetInvalid as error:
        sys.exit(f"invalid: {error}")
    except OSError as error:
        sys.exit(error.errno)
