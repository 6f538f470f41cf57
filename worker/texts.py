"""`python -m worker.texts`: what rows of a data set that Keras publishes as numbers say, and which others say the same.

A process of its own, within limits, for the API: it reads pickled lists, as `worker.data.convert` does. The files are
those that settings name, or else those in Keras's cache; nothing is downloaded.
"""

from __future__ import annotations

import io
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from models.apart import answer
from models.errors import DatasetInvalid, DatasetUnavailable
from worker.data import csr
from worker.data.convert import FILE_BYTES, SHUFFLE_SEED
from worker.data.published import Published
from worker.data.word_index import WordIndex

UNKNOWN = "[UNK]"
"""In place of a word that the index does not have."""


class NotToBeHad(Exception):
    """What the rows say is not to be had on this machine."""


def texts(asked: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Of the rows of `asked["split"]`, by their numbers as strings: `text`; `training`, how many other training rows
    say the same; `labels`, how many rows of both files say it, by their labels.

    `asked["rows"]`: the labels by the rows' numbers. Raises NotToBeHad.
    """
    loader = import_module(f"worker.data.{asked['name']}")
    words = _words(loader.WORDS, asked["word_index"])
    splits = _reviews(loader, asked["npz"])
    reviews, labels = splits[asked["split"]]
    wanted = {int(row): label for row, label in asked["rows"].items()}
    if any(not 0 < row <= len(reviews) or labels[row - 1] != label for row, label in wanted.items()):
        raise NotToBeHad(
            f"The file {loader.FILE.name}.npz on this machine has other rows than the runs were trained on"
        )
    said = {tuple(reviews[row - 1]): (Counter[str](), Counter[str]()) for row in wanted}
    for place, split in enumerate(csr.SPLITS):
        for review, label in zip(*splits[split], strict=True):
            if (counts := said.get(tuple(review))) is not None:
                counts[place][str(label)] += 1
    found = {}
    for row in wanted:
        train, test = said[tuple(reviews[row - 1])]
        found[str(row)] = {
            "text": " ".join(
                words[rank - 1] or UNKNOWN if rank <= len(words) else UNKNOWN for rank in reviews[row - 1]
            ),
            "training": train.total() - (asked["split"] == "train"),
            "labels": dict(sorted((train + test).items())),
        }
    return found


def _words(index: WordIndex, named: str | None) -> list[str]:
    path = Path(named) if named else index.cached
    if not named and not path.is_file():
        raise NotToBeHad(
            f"Which words the texts' numbers stand for is not on the API's machine: set {index.setting} to a copy of "
            f"Keras's {index.file}"
        )
    try:
        return index.words(path.parent, path)
    except (DatasetInvalid, DatasetUnavailable) as error:
        raise NotToBeHad(str(error)) from error


def _reviews(loader: Any, named: str | None) -> dict[str, tuple[list[list[int]], list[int]]]:
    """Of each split the lists of ranks, and the labels, in the order of the rows."""
    file: Published = loader.FILE
    path = Path(named) if named else file.cached
    try:
        with path.open("rb") as opened:
            content = opened.read(FILE_BYTES + 1)
    except OSError as error:
        raise NotToBeHad(
            f"The texts are not on the API's machine: set {file.setting} to a copy of Keras's {file.name}.npz"
        ) from error
    try:
        if len(content) > FILE_BYTES:
            raise DatasetInvalid("it is too large")
        read: dict[str, tuple[list[list[int]], list[int]]] = loader.texts(
            io.BytesIO(content), np.random.RandomState(SHUFFLE_SEED)
        )
    except MemoryError:
        raise
    except Exception as error:  # a pickle or an archive that is damaged can raise nearly anything
        raise NotToBeHad(f"The file {file.name}.npz on the API's machine is not Keras's {file.name}.npz") from error
    return read


def main(asked: dict[str, Any]) -> dict[str, Any]:
    """Does what is asked: `{"result"}`, or `{"refused": why}`."""
    try:
        return {"result": texts(asked)}
    except NotToBeHad as error:
        return {"refused": str(error)}


if __name__ == "__main__":
    answer(main)
