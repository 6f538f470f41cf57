"""The Reuters newswires (Lewis, 1987) from Keras's file."""

from __future__ import annotations

from pathlib import Path

from models.kinds.datasets.reuters import Reuters
from worker.data.published import FOLDER, Published

FILE = Published(
    "reuters",
    "Reuters newswires",
    "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
    f"{FOLDER}/reuters.npz",
)


def prepared(dataset: Reuters, folder: Path, npz: Path | None) -> Path:
    """The directory of the newswires over `dataset.num_words` ids: see `Published.prepared`."""
    return FILE.prepared(dataset.num_words, folder, npz)
