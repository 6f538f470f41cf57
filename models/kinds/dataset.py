"""What every data set is, and how many of its rows a run trains on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from models.kinds.kind import Kind, Model
from models.kinds.task import Task

MAX_ROWS = 1_000_000
MAX_CLASSES = 1000

SCRIPT = '''\
def read(dataset, path):
    """There is no way to these rows without Ockham yet."""
    raise SystemExit(f"Write a function read(dataset, path) that returns the rows of {dataset['name']}")
'''

MAX_WORDS = 100_000
NumWords = Annotated[int, Field(ge=2, le=MAX_WORDS)]
TrainSamples = Annotated[int, Field(ge=1, le=MAX_ROWS)]
"""Null: all rows that are not held out."""


HELD_OUT = 0.2
"""The share of the training rows that is held out if rows have to be and nothing says how many."""


def _rows_or_share(asked: Any) -> Any:
    if isinstance(asked, bool) or not isinstance(asked, (int, float)):
        raise PydanticCustomError("int_type", "It is a number of rows, or a share of them, such as 0.2")
    if isinstance(asked, float) and not 0 < asked < 1:
        raise PydanticCustomError("not_a_share", "A share is above 0 and below 1; a number of rows is a whole number")
    if isinstance(asked, int) and not 1 <= asked <= MAX_ROWS:
        code, words = (
            ("greater_than_equal", "at least 1") if asked < 1 else ("less_than_equal", f"at most {MAX_ROWS:,}")
        )
        raise PydanticCustomError(code, f"The number of rows is {words}; a share of them is above 0 and below 1")
    return asked


class Holdout(Model):
    """Validate on so many training rows, which are not trained on; the test set is scored once, at the chosen epoch.

    Which ones: of a table of one's own they are drawn by chance, of other data sets they are the first ones; with
    `vary` `split` they are drawn by chance for each seed.
    """

    holdout: Annotated[
        int | float,
        BeforeValidator(_rows_or_share),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "integer", "minimum": 1, "maximum": MAX_ROWS},
                    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                ],
                "title": "Holdout",
            }
        ),
    ] = Field(description="How many rows, or the share of the training rows; stored as how many")


def _test_or_holdout(asked: Any) -> Any:
    if asked != "test" and not isinstance(asked, (dict, Holdout)):
        raise PydanticCustomError(
            "literal_error",
            'Validate on "test", or hold training rows out, such as {"holdout": 1000} or {"holdout": 0.2}',
        )
    return asked


Validation = Annotated[
    Literal["test"] | Holdout,
    BeforeValidator(_test_or_holdout),
    Field(description="On the test set, or on training rows that are held out"),
]

InputKind = Literal["text", "number", "category"]
Encoding = Literal["multi_hot", "count", "tf_idf"]


class Given(NamedTuple):
    """What somebody gives of a row to have a prediction of it: a column, and what is in it."""

    column: str
    kind: InputKind


class Dataset(Kind):
    """Rows to train on, to validate on and to test on, and the task that they set.

    Its loader is the module of the same name in `worker.data`. title: its name in figures and reports. rows: what its
    rows are called. A row's inputs are `numbers`, and behind them some that are 0 or 1. density: how many of the latter
    are 1, rounded up. uploaded: whether users send it. script: Python for a program without Ockham, a function
    `read(dataset, path)` that returns the training and the test set, each as (rows, labels): the numbers
    (rows, inputs), or of each row the inputs that are 1.
    `dataset` is this as JSON, `path` a file that the user names or None. files: the files that Keras publishes for it,
    by what they are, `npz` or `word_index`; a setting, such as `OCKHAM_IMDB_NPZ`, may name a copy of each. job: a
    ready-made job on it as a specification, listed under its name; none if it is empty.
    """

    tag = "name"

    rows: ClassVar[str] = "rows"
    density: ClassVar[int] = 0
    uploaded: ClassVar[bool] = False
    script: ClassVar[str] = SCRIPT
    files: ClassVar[Mapping[str, str]] = {}
    job: ClassVar[Mapping[str, Any]] = {}

    name: str

    if TYPE_CHECKING:  # Each kind has these fields, in an order of its own: the order of its JSON, and so of its key.
        train_samples: TrainSamples | None
        validation: Validation

    @model_validator(mode="after")
    def _count_share(self) -> Self:
        if isinstance(self.validation, Holdout) and isinstance(share := self.validation.holdout, float):
            rows = min(max(1, round(share * self.available)), max(1, self.available - 1))
            object.__setattr__(self, "validation", Holdout(holdout=rows))  # it is frozen only from now on
        return self

    @property
    def task(self) -> Task:
        """What is to be learned from it."""
        raise NotImplementedError

    @property
    def labels(self) -> tuple[str, ...]:
        """What its classes are called, in the order of their numbers; none if the label is not a class."""
        task = self.task
        return tuple(map(str, range(max(2, task.units)))) if task.smoothed else ()

    @property
    def inputs(self) -> int:
        """The features of a row, as a network's first layer reads them."""
        raise NotImplementedError

    @property
    def stored(self) -> str | None:
        """The id under which the database has its rows; None if they are not there."""
        return None

    @property
    def called(self) -> str:
        """Its name in figures."""
        return self.title

    @property
    def numbers(self) -> int:
        """How many of the inputs, the first ones, are numbers; they are standardised by the rows trained on."""
        return 0

    @property
    def given(self) -> tuple[Given, ...]:
        """The columns of a row that is to be predicted; none if such rows are not taken."""
        return ()

    @property
    def valued(self) -> bool:
        """Whether the inputs behind the numbers may be others than 0 and 1."""
        return False

    @property
    def available(self) -> int:
        """The rows to train on or to hold out."""
        raise NotImplementedError

    @property
    def tested(self) -> int:
        """The rows of the test set."""
        raise NotImplementedError

    def in_words(self) -> str:
        """What it is, in a line of a report."""
        return self.title

    # --- what a run does with it

    @property
    def held_out(self) -> int:
        """The rows that are held out of training to validate on; 0 if the test set validates."""
        return int(self.validation.holdout) if isinstance(self.validation, Holdout) else 0

    @property
    def trained_on(self) -> int:
        """The rows that a run trains on."""
        return self.available - self.held_out if self.train_samples is None else self.train_samples

    @property
    def validated_on(self) -> int:
        """The rows that a run validates on."""
        return self.held_out or self.tested
