"""Data sets of reviews: texts that praise or blame, as the words that are in them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.kinds.dataset import Dataset, TrainSamples, Validation
from models.kinds.task import Task
from models.kinds.tasks.binary import Binary

MAX_WORDS = 100_000


class Reviews(Dataset):
    """Reviews, multi-hot over the `num_words` most frequent words; the label is whether one praises."""

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

    def in_words(self) -> str:
        return f"{self.title}, the {self.num_words:,} most frequent words"
