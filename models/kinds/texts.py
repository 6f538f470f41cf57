"""Data sets of texts, each as the words that are in it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.kinds.dataset import MAX_WORDS, Dataset, Given, TrainSamples, Validation
from models.kinds.task import Task
from models.kinds.tasks.binary import Binary

ENCODING = '''\
START, UNKNOWN, SHIFT = 1, 2, 3  # Keras's encoding: a word of rank r, from 1, has the id r + 3


def encoded(texts, num_words):
    """The ids of each text's words; `texts` are lists of ranks."""
    ids = [[START] + [word + SHIFT for word in text] for text in texts]
    return [[word if word < num_words else UNKNOWN for word in text] for text in ids]


'''
"""The beginning of the `script` of a data set that Keras publishes."""


class Texts(Dataset):
    """Texts, multi-hot over the `num_words` most frequent words, of two classes unless a kind has another task."""

    rows = "reviews"
    density = 150  # the IMDB reviews have 131.7 distinct words at 10,000 words

    num_words: Annotated[int, Field(ge=10, le=MAX_WORDS)] = 10_000
    train_samples: TrainSamples | None = None
    validation: Validation = "test"

    @property
    def task(self) -> Task:
        return Binary()

    @property
    def inputs(self) -> int:
        return self.num_words

    @property
    def given(self) -> tuple[Given, ...]:
        return (Given("text", "text"),)

    def in_words(self) -> str:
        return f"{self.title}, the {self.num_words:,} most frequent words"
