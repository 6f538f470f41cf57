"""The Boston housing prices (Harrison and Rubinfeld, 1978) from Keras's file."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np

from models.errors import DatasetInvalid
from models.kinds.datasets.boston_housing import COLUMNS, BostonHousing
from worker.data import csr
from worker.data.convert import last_fifth_apart, read
from worker.data.published import FOLDER, Published

FILE = Published(
    "boston_housing",
    "Boston housing prices",
    "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
    f"{FOLDER}/boston_housing.npz",
)


def prepared(dataset: BostonHousing, folder: Path, npz: Path | None) -> Path:
    """The directory of the rows: see `Published.converted`."""
    return FILE.converted(folder, npz)


def splits(file: IO[bytes], shuffle: np.random.RandomState) -> dict[str, csr.Rows]:
    """The rows of Keras's file, as `keras.datasets.boston_housing` has them: numbers, and a label per row."""
    arrays = read(file, ("x", "y"))
    numbers, labels = arrays["x"], arrays["y"]
    if labels.ndim != 1 or numbers.shape != (len(labels), COLUMNS):
        raise DatasetInvalid(f"there must be {COLUMNS} numbers and a label for each row")
    if any(array.dtype.kind not in "fiu" for array in (numbers, labels)):
        raise DatasetInvalid("it must have numbers only")
    order = np.arange(len(labels))
    shuffle.shuffle(order)
    with np.errstate(over="ignore"):  # what is too large for a float32 becomes infinite, and is refused
        numbers, labels = (array[order].astype(np.float32) for array in (numbers, labels))
    if not (np.isfinite(numbers).all() and np.isfinite(labels).all()):
        raise DatasetInvalid("it must have finite numbers only")
    return last_fifth_apart(csr.Rows.of_numbers(numbers, labels))
