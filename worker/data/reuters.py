"""The Reuters newswires (Lewis, 1987) from Keras's file."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np

from models.kinds.datasets.reuters import TOPICS, Reuters
from models.preprocessing import Preprocessing, of_texts
from worker.data import csr
from worker.data.convert import encode, last_fifth_apart, read, shuffled, without_last_fifth
from worker.data.published import FOLDER, Published
from worker.data.word_index import WordIndex

FILE = Published(
    "reuters",
    "Reuters newswires",
    "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
    f"{FOLDER}/reuters.npz",
)
WORDS = WordIndex("reuters", "4d44cc38712099c9e383dc6e5f11a921")


def prepared(dataset: Reuters, folder: Path, npz: Path | None) -> Path:
    """The directory of the newswires over `dataset.num_words` ids: see `Published.prepared`."""
    return FILE.prepared(dataset.num_words, folder, npz)


def preprocessing(dataset: Reuters, folder: Path, file: Path | None) -> Preprocessing:
    """How texts are encoded, by Keras's word index: see `WordIndex.words`."""
    return of_texts(dataset, WORDS.words(folder, file))


def splits(file: IO[bytes], shuffle: np.random.RandomState) -> dict[str, csr.Rows]:
    """The rows of Keras's file, as `keras.datasets.reuters` has them: lists of words in one array."""
    arrays = read(file, ("x", "y"), texts=("x",))
    return last_fifth_apart(encode(arrays.pop("x"), arrays.pop("y"), TOPICS, shuffle))


def texts(file: IO[bytes], shuffle: np.random.RandomState) -> dict[str, tuple[list[Any], list[int]]]:
    """The same rows as lists of ranks, with their labels."""
    arrays = read(file, ("x", "y"), texts=("x",))
    reports, labels = shuffled(arrays["x"], arrays["y"], shuffle)
    end = without_last_fifth(len(reports))
    return {"train": (reports[:end], labels[:end]), "test": (reports[end:], labels[end:])}
