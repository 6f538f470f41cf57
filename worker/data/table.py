"""Users' tables: split by chance, and encoded by what the rows trained on alone teach.

Texts are read as `keras.layers.TextVectorization` reads them by default: ASCII letters in lower case, no ASCII
punctuation, words between white space; the words that most training texts' words are, and one input for all others.
"""

from __future__ import annotations

import hashlib
import math
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.drawing import SAMPLE, SPLIT, resample, split, stream
from models.errors import DatasetInvalid, DatasetUnavailable
from models.kinds.datasets.table import Table
from models.preprocessing import MEMBER, CategoryInput, NumberInput, Preprocessing, TextInput
from models.specification import Draws
from models.tabular.card import Card, Classes
from worker.data import csr
from worker.data.encoding import Encoder, Words
from worker.data.store import kept, read

VERSION = "v3"
"""Of what is kept: another one when it changes, so that what was kept before is not taken for it."""

BLOCK = 4096
"""Rows that are encoded at once."""


def prepared(dataset: Table, folder: Path, file: Path | None = None, draws: Draws | None = None) -> Path:
    """The directory of the encoded rows, made first if it is not there: those held out, those trained on, the rest.
    With `draws` they are drawn anew, whole groups together; beside a sample there is no rest.

    `file`: the directory that `worker.stored.fetch` gave. Raises DatasetUnavailable without one, DatasetInvalid if
    nothing is left to train on, StorageFull.
    """
    if file is None:
        raise DatasetUnavailable("A table of one's own is trained on by the service alone, whose database has it")

    def build(partial: Path) -> None:
        card = Card.model_validate_json((file / "card.json").read_text())
        labels = _labels(file, "train", card)
        strata = labels if isinstance(card.label, Classes) else np.zeros_like(labels)
        groups = _groups(file, card)
        held, others = split(_splitting(dataset, draws), strata, dataset.held_out, groups)
        trained = others[: dataset.train_samples]
        if draws and draws.sample is not None and len(trained):
            sampling = stream(dataset.split_seed, draws.sample, SAMPLE)
            trained = others = resample(sampling, trained, None if groups is None else groups[trained])
        if not len(trained):
            raise DatasetInvalid(f"Of {len(labels)} rows, with their groups, {len(held)} are held out and none is left")
        learned = _learned(dataset, card, file, np.sort(trained))
        (partial / MEMBER).write_text(learned.model_dump_json())
        encoder = Encoder(learned)
        blocks = {
            "train": _in_order(file, np.concatenate((held, others)), encoder, labels),
            "test": _as_read(file, "test", encoder, _labels(file, "test", card)),
        }
        np.save(partial / csr.HELD_OUT_ROWS, held + 1)
        csr.write(partial, blocks, held_out=len(held), **({"trained_on": len(trained)} if draws else {}))

    asked = dataset.model_dump_json(
        include={"num_words", "ngrams", "encoding", "split_seed", "train_samples", "validation"}
    )
    asked += draws.model_dump_json() if draws else ""
    digest = hashlib.sha256(f"{VERSION} {dataset.found.sha256} {asked}".encode()).hexdigest()
    with read(file):
        return kept(folder / f"table-encoded-{digest}", build)


def _parts(file: Path, split: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    for path in sorted(file.glob(f"{split}-*.parquet")):
        yield pq.read_table(path, columns=columns)


def _labels(file: Path, split: str, card: Card) -> NDArray[np.float32]:
    """The number of each row's class, or the number that is its label."""
    column = card.label.column
    values = (value for part in _parts(file, split, [column]) for value in part[column].to_pylist())
    if isinstance(card.label, Classes):
        classes = {each.label: number for number, each in enumerate(card.label.classes)}
        values = (classes[value] for value in values)
    return np.fromiter(values, np.float32)


def _groups(file: Path, card: Card) -> NDArray[np.str_] | None:
    """Of each training row its group."""
    if card.group is None:
        return None
    values = (value for part in _parts(file, "train", [card.group]) for value in part[card.group].to_pylist())
    return np.array([str(value) for value in values])


def _splitting(dataset: Table, draws: Draws | None) -> np.random.Generator:
    """What the split is drawn by: the same for every run if no seed of a split is given."""
    if draws is None or draws.split is None:
        return stream(dataset.split_seed)
    return stream(dataset.split_seed, draws.split, SPLIT)


# --- encoding -----------------------------------------------------------------------------------


def _learned(dataset: Table, card: Card, file: Path, rows: NDArray[np.int64]) -> Preprocessing:
    """What these rows, in rising order, teach; but for the numbers' means and deviations."""
    cut = Words(string.punctuation, "", dataset.ngrams)
    seen: dict[str, set[str]] = {column.name: set() for column in dataset.columns("category")}
    counts: dict[str, Counter[bytes]] = {column.name: Counter() for column in dataset.columns("text")}
    having: dict[str, Counter[bytes]] = {name: Counter() for name in counts}  # in how many texts a word is
    first = 0
    for part in _parts(file, "train", [*seen, *counts]) if seen or counts else ():
        inside = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + part.num_rows)] - first
        chosen = part.take(pa.array(inside))
        for name, values in seen.items():
            values.update(value for value in chosen[name].unique().to_pylist() if value is not None)
        for name, counter in counts.items():
            for text in chosen[name].to_pylist():
                found = cut.of(text or "")
                counter.update(found)
                if dataset.encoding == "tf_idf":
                    having[name].update(set(found))
        first += part.num_rows
    columns: list[NumberInput | CategoryInput | TextInput] = []
    flag = dataset.numbers
    for i, column in enumerate(dataset.columns("number")):
        columns.append(
            NumberInput(column=column.name, input=i, mean=0, deviation=1, missing=flag if column.missing else None)
        )
        flag += column.missing
    start = dataset.numbers + dataset.flags
    for column in dataset.columns("category"):
        columns.append(CategoryInput(column=column.name, input=start, values=tuple(sorted(seen[column.name]))))
        start += column.distinct
    for column in dataset.columns("text"):
        # Keras's order: the most frequent first, of those that are equally frequent the last by the alphabet.
        ranked = sorted(counts[column.name].items(), key=lambda item: (item[1], item[0]), reverse=True)
        known = [word for word, _ in ranked[: dataset.num_words - 1]]
        weights = None
        if dataset.encoding == "tf_idf":
            weights = tuple(math.log((1 + len(rows)) / (1 + having[column.name][word])) + 1 for word in known)
        columns.append(
            TextInput(
                column=column.name,
                input=start + 1,
                unknown=start,
                ngrams=dataset.ngrams,
                removed=string.punctuation,
                separators="",
                words=tuple(word.decode() for word in known),
                encoding=dataset.encoding,
                weights=weights,
                unknown_weight=None if weights is None else sum(weights) / len(weights) if weights else 1.0,
            )
        )
        start += dataset.num_words
    classes = tuple(each.label for each in card.label.classes) if isinstance(card.label, Classes) else None
    return Preprocessing(inputs=dataset.inputs, columns=tuple(columns), label=card.label.column, classes=classes)


def _encode(encoder: Encoder, block: pa.Table, labels: NDArray[np.float32]) -> csr.Rows:
    rows = {
        name: block[name].to_numpy() if pa.types.is_floating(block[name].type) else block[name].to_pylist()
        for name in block.column_names
    }
    return encoder.encode(rows, labels)


def _as_read(file: Path, split: str, encoder: Encoder, labels: NDArray[np.float32]) -> Iterator[csr.Rows]:
    """The rows of a file, block by block; of no rows one empty block."""
    first = 0
    names = [column.column for column in encoder.preprocessing.columns]
    for part in _parts(file, split, names):
        for start in range(0, part.num_rows, BLOCK):
            block = part.slice(start, BLOCK)
            yield _encode(encoder, block, labels[first : first + block.num_rows])
            first += block.num_rows
    if not first:
        yield _encode(encoder, next(_parts(file, "train", names)).slice(0, 0), labels)


def _in_order(
    file: Path, order: NDArray[np.int64], encoder: Encoder, labels: NDArray[np.float32]
) -> Iterable[csr.Rows]:
    """The training rows in this order, encoded as they were read and then put into it."""
    whole = csr.joined(list(_as_read(file, "train", encoder, labels)))
    for start in range(0, len(order), BLOCK):
        yield whole.take(order[start : start + BLOCK])
