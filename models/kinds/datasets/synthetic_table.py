"""A table made from a seed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from models.kinds.dataset import MAX_ROWS, Dataset, Given, TrainSamples, Validation
from models.kinds.kind import Seed
from models.kinds.task import Task
from models.kinds.tasks import task_of

MAX_CLASSES, MAX_COLUMNS = 100, 1000

SCRIPT = '''\
BLOCK = 4096


def table(dataset, split):
    """The rows that Ockham makes from a seed; its docs/data.md says how. `split`: 1 to train on, 2 to test on."""
    columns, classes, samples = dataset["columns"], dataset["classes"] or 1, dataset["samples"]

    def stream(*key):
        return np.random.Philox(np.random.SeedSequence(key))

    weights = (stream(dataset["seed"], 0).random_raw(columns * classes) % 17).astype(np.int64).reshape(columns, -1) - 8
    weights[max(1, columns // 2) :] = 0
    numbers, labels = [], []
    for block in range(0, samples, BLOCK):
        bits = stream(dataset["seed"], split, block // BLOCK)
        drawn = bits.random_raw(BLOCK * (columns + classes)).reshape(BLOCK, -1)[: samples - block]
        sums = sum((drawn >> (16 * part)) & 0xFFFF for part in range(4)).astype(np.int64) - 2 * 0xFFFF
        scores = sums[:, :columns] @ weights + 8 * sums[:, columns:]
        numbers.append((sums[:, :columns] / 2**15).astype(np.float32))
        if dataset["classes"] is None:  # a number: the score in its own standard deviations
            labels.append((scores[:, 0] / np.sqrt(((weights**2).sum() + 64) * (2**32 - 1) / 3)).astype(np.float32))
        else:
            labels.append(scores.argmax(1).astype(np.float32))
    return np.concatenate(numbers), np.concatenate(labels)


def read(dataset, path):
    """The rows to train on and to test on."""
    return table(dataset, 1), table(dataset, 2)
'''


class SyntheticTable(Dataset):
    """Numbers made from `seed`: `samples` rows to train on, and as many to test, of `columns` numbers.

    Half of the columns tell which of `classes` classes a row is of (null: what number its label is), as far as noise
    lets them.
    """

    title, place = "a synthetic table", 2
    script = SCRIPT

    name: Literal["synthetic_table"] = "synthetic_table"
    classes: int | None = Field(default=3, ge=2, le=MAX_CLASSES)
    samples: int = Field(default=1000, ge=2, le=MAX_ROWS)
    columns: int = Field(default=20, ge=1, le=MAX_COLUMNS)
    seed: Seed = 0
    train_samples: TrainSamples | None = None
    validation: Validation = "test"

    @property
    def task(self) -> Task:
        return task_of(self.classes, deviation=1.0)

    @property
    def inputs(self) -> int:
        return self.columns

    @property
    def numbers(self) -> int:
        return self.columns

    @property
    def given(self) -> tuple[Given, ...]:
        return tuple(Given(f"x{i}", "number") for i in range(1, self.columns + 1))

    @property
    def available(self) -> int:
        return self.samples

    @property
    def tested(self) -> int:
        return self.samples

    def in_words(self) -> str:
        labels = "a number to predict" if self.classes is None else f"{self.classes} classes"
        return f"{self.title} of {self.samples:,} rows and {self.columns} columns, {labels} (seed {self.seed})"
