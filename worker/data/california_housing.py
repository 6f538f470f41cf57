"""The California housing prices (Pace and Barry, "Sparse spatial autoregressions", 1997) from Keras's file."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np

from models.kinds.datasets.california_housing import UNIT, CaliforniaHousing
from worker.data import csr
from worker.data.convert import houses
from worker.data.published import FOLDER, Published

FILE = Published(
    "california_housing",
    "California housing prices",
    "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
    f"{FOLDER}/california_housing.npz",
)


def prepared(dataset: CaliforniaHousing, folder: Path, npz: Path | None) -> Path:
    """The directory of the rows: see `Published.converted`."""
    return FILE.converted(folder, npz)


def splits(file: IO[bytes], shuffle: np.random.RandomState) -> dict[str, csr.Rows]:
    """The rows of Keras's file, as `keras.datasets.california_housing` has them, but for the prices' unit."""
    return houses(file, shuffle, len(CaliforniaHousing.names), UNIT)
