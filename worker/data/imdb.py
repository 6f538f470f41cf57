"""The IMDB reviews (Maas et al., *Learning Word Vectors for Sentiment Analysis*, ACL 2011) from Keras's file."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np

from models.kinds.datasets.imdb import Imdb
from models.preprocessing import Preprocessing, of_texts
from worker.data import csr
from worker.data.convert import encode, read, shuffled
from worker.data.published import FOLDER, Published
from worker.data.word_index import WordIndex

FILE = Published(
    "imdb",
    "IMDB reviews",
    "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
    f"{FOLDER}/imdb.npz",
)
WORDS = WordIndex("imdb", "bfafd718b763782e994055a2d397834f")


def prepared(dataset: Imdb, folder: Path, npz: Path | None) -> Path:
    """The directory of the reviews over `dataset.num_words` ids: see `Published.prepared`."""
    return FILE.prepared(dataset.num_words, folder, npz)


def preprocessing(dataset: Imdb, folder: Path, file: Path | None) -> Preprocessing:
    """How texts are encoded, by Keras's word index: see `WordIndex.words`."""
    return of_texts(dataset, WORDS.words(folder, file))


def splits(file: IO[bytes], shuffle: np.random.RandomState) -> dict[str, csr.Rows]:
    """The rows of Keras's file, as `keras.datasets.imdb` has them: the splits lie apart in the file."""
    arrays = read(file, ("x_train", "y_train", "x_test", "y_test"), texts=("x_train", "x_test"))
    return {split: encode(arrays.pop(f"x_{split}"), arrays.pop(f"y_{split}"), 2, shuffle) for split in csr.SPLITS}


def texts(file: IO[bytes], shuffle: np.random.RandomState) -> dict[str, tuple[list[Any], list[int]]]:
    """The same rows as lists of ranks, with their labels."""
    arrays = read(file, ("x_train", "y_train", "x_test", "y_test"), texts=("x_train", "x_test"))
    return {split: shuffled(arrays.pop(f"x_{split}"), arrays.pop(f"y_{split}"), shuffle) for split in csr.SPLITS}
