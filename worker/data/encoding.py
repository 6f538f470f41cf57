"""Rows as somebody writes them, encoded as a network's inputs, by what a run has learned from those it trained on."""

from __future__ import annotations

import string
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.preprocessing import CategoryInput, NumberInput, Preprocessing, TextInput
from worker.data import csr

LOWER = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())


class Words:
    """How texts are cut into words: see `models.preprocessing.TextInput`."""

    def __init__(self, removed: str, separators: str, ngrams: int) -> None:
        spaces = bytes.maketrans(separators.encode(), b" " * len(separators))
        self._table = LOWER.translate(spaces)
        self._removed, self._ngrams = removed.encode(), ngrams

    def of(self, text: str) -> list[bytes]:
        """The words of a text; behind them each run of two words, of three, and so on."""
        words = text.encode().translate(self._table, self._removed).split()
        found = list(words)
        for length in range(2, self._ngrams + 1):
            found += [b" ".join(words[i : i + length]) for i in range(len(words) - length + 1)]
        return found


class Encoder:
    """Encodes rows by a `Preprocessing`."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.preprocessing = preprocessing
        self._known: dict[str, Any] = {}
        for each in preprocessing.columns:
            if isinstance(each, CategoryInput):
                self._known[each.column] = {value: each.input + i for i, value in enumerate(each.values)}
            elif isinstance(each, TextInput):
                self._known[each.column] = {word.encode(): each.input + i for i, word in enumerate(each.words)}

    @cached_property
    def _weights(self) -> NDArray[np.float32]:
        """What counts are multiplied by: of each input."""
        weights = np.ones(self.preprocessing.inputs, np.float32)
        for each in self.preprocessing.columns:
            if isinstance(each, TextInput) and each.weights is not None:
                weights[each.input : each.input + len(each.words)] = each.weights
                weights[each.unknown] = each.unknown_weight
        return weights

    @cached_property
    def numbers(self) -> list[NumberInput]:
        """The columns of numbers, in their order."""
        return [each for each in self.preprocessing.columns if isinstance(each, NumberInput)]

    def words(self, column: TextInput, text: str) -> list[tuple[bytes, int]]:
        """The words of a text, each with its input, as often as they stand there."""
        known = self._known[column.column]
        cut = Words(column.removed, column.separators, column.ngrams)
        return [(word, known.get(word, column.unknown)) for word in cut.of(text)]

    def encode(self, rows: Mapping[str, Sequence[Any]], labels: NDArray[np.float32]) -> csr.Rows:
        """As many rows as there are labels, given by column; numbers are not standardised, one that is missing is NaN.

        A value that is missing is None, of a number also NaN.
        """
        count = len(labels)
        places: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        inputs: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        numbers = np.empty((count, len(self.numbers)), np.float32)
        for i, column in enumerate(self.numbers):
            values = np.array(rows[column.column], np.float64)  # None is NaN
            numbers[:, i] = values
            if column.missing is not None:
                lacking = np.flatnonzero(np.isnan(values))
                places.append(lacking)
                inputs.append(np.full(len(lacking), column.missing))
        for each in self.preprocessing.columns:
            if isinstance(each, CategoryInput):
                known = self._known[each.column]
                pairs = [(row, known[value]) for row, value in enumerate(rows[each.column]) if value in known]
                both = np.array(pairs, np.int64).reshape(-1, 2)
                places.append(both[:, 0])
                inputs.append(both[:, 1])
            elif isinstance(each, TextInput):
                known, cut = self._known[each.column], Words(each.removed, each.separators, each.ngrams)
                for row, text in enumerate(rows[each.column]):
                    found: Collection[int] = [known.get(word, each.unknown) for word in cut.of(text or "")]
                    if each.encoding == "multi_hot":
                        found = {*found, *(() if each.always is None else (each.always,))}
                    places.append(np.full(len(found), row))
                    inputs.append(np.fromiter(found, np.int64, len(found)))
        own = numbers if self.numbers else None
        if not self.preprocessing.valued:
            lengths, indices = csr.distinct(np.concatenate(places), np.concatenate(inputs), count)
            return csr.Rows(csr.starts(lengths), indices, labels, own)
        lengths, indices, counts = csr.counted(np.concatenate(places), np.concatenate(inputs), count)
        return csr.Rows(csr.starts(lengths), indices, labels, own, counts * self._weights[indices])
