"""A table that somebody sent to the service."""

from __future__ import annotations

import operator
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from models.kinds.dataset import MAX_ROWS, Dataset, Encoding, Given, InputKind, TrainSamples, Validation
from models.kinds.kind import Model, Seed
from models.kinds.task import Task
from models.kinds.tasks import task_of

WORDS_OF_A_TEXT = 120
"""Different words that a text is taken to have where memory is estimated."""

SCRIPT = '''\
def read(dataset, path):
    """The rows are Ockham's alone yet: only what it has learned from them goes into an archive."""
    raise SystemExit(f"Write a function read(dataset, path) that returns the rows of {dataset['content']['title']}")
'''


class Column(Model):
    """An input. `missing`: whether training rows lack it. `distinct`: the different values that they have."""

    name: str
    kind: InputKind
    missing: bool
    distinct: int = Field(ge=0)


class Content(Model):
    """What is in the table, as it was found when it was sent.

    classes: how many; null if the label is a number, whose standard deviation is `deviation`.
    """

    title: str
    sha256: str
    task: Literal["binary", "multiclass", "regression"]
    classes: int | None = Field(ge=2)
    deviation: float | None
    rows: int = Field(ge=1, le=MAX_ROWS)
    test_rows: int = Field(ge=0, le=MAX_ROWS)
    grouped: bool
    columns: tuple[Column, ...] = Field(min_length=1)
    # The classes' names. Absent in specifications that were stored before they had them.
    labels: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)


class Table(Dataset):
    """A table of one's own, sent before: named by its `id`, or by its name alone.

    Numbers are standardised; a category has an input for each of its values, a text for each of its most frequent
    words. All of that is learned from the rows trained on. Held-out rows are drawn by chance from `split_seed`, with
    as many of each class as all rows have; whole groups together if the table has groups.
    """

    title, place = "a table of one's own", 4
    script, uploaded = SCRIPT, True
    starts = {
        "content": {
            "title": "example",
            "sha256": "0" * 64,
            "task": "binary",
            "classes": 2,
            "deviation": None,
            "rows": 1000,
            "test_rows": 200,
            "grouped": False,
            "columns": ({"name": "review", "kind": "text", "missing": False, "distinct": 900},),
        }
    }

    name: Literal["table"] = Field(
        "table",
        description="A request may leave it out beside `id`, or have the data set's own name here instead of an `id`",
    )
    id: Annotated[str, StringConstraints(max_length=40)] | None = Field(
        None, description="The data set's id; a request may leave it out if `name` is the data set's own"
    )
    num_words: int = Field(
        10_000, ge=2, le=100_000, description="Of each text column: inputs, the one for all other words too"
    )
    ngrams: int = Field(1, ge=1, le=3, description="Up to so many words in a row count as a word as well")
    encoding: Encoding = Field("multi_hot", description="Of texts: whether a word is there, its count, its TF-IDF")
    split_seed: Seed = 0
    train_samples: TrainSamples | None = None
    validation: Validation = "test"
    content: Content | None = Field(
        None, description="What is in it: the service fills it in, and ignores what a request has here"
    )

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        assert self.found
        return self

    @property
    def found(self) -> Content:
        """What is in it. Raises ValueError if the service has not said it."""
        if self.content is None:
            raise ValueError("only the service knows the table: name the `id` of one that was sent to it")
        return self.content

    @property
    def task(self) -> Task:
        return task_of(self.found.classes, self.found.deviation)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.found.labels or super().labels

    def columns(self, kind: str) -> list[Column]:
        """Its columns of this kind, in the table's order."""
        return [column for column in self.found.columns if column.kind == kind]

    @property
    def inputs(self) -> int:
        """The numbers, an input for each that may be missing, the categories' values, the texts' words."""
        values = sum(column.distinct for column in self.columns("category"))
        return self.numbers + self.flags + values + self.num_words * len(self.columns("text"))

    @property
    def numbers(self) -> int:
        return len(self.columns("number"))

    @property
    def flags(self) -> int:
        """The inputs that say of a number that it is missing."""
        return sum(column.missing for column in self.columns("number"))

    @property
    def valued(self) -> bool:
        return self.encoding != "multi_hot" and bool(self.columns("text"))

    @property
    def density(self) -> int:  # type: ignore[override]  # of other kinds a constant
        words = min(self.num_words, WORDS_OF_A_TEXT * self.ngrams) * len(self.columns("text"))
        return self.flags + len(self.columns("category")) + words

    @property
    def stored(self) -> str | None:
        return self.id

    @property
    def called(self) -> str:
        return self.found.title

    @property
    def given(self) -> tuple[Given, ...]:
        return tuple(Given(column.name, column.kind) for column in self.found.columns)

    @property
    def available(self) -> int:
        return self.found.rows

    @property
    def tested(self) -> int:
        return self.found.test_rows

    def in_words(self) -> str:
        return f"{self.found.title}, {self.title} of {self.found.rows:,} rows and {len(self.found.columns)} inputs"
