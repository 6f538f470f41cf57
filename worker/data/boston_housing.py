"""The Boston housing prices (Harrison and Rubinfeld, 1978) from Keras's file."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np

from models.kinds.datasets.boston_housing import BostonHousing
from worker.data import csr
from worker.data.convert import houses
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
    return houses(file, shuffle, len(BostonHousing.names))
