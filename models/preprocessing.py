"""What turns a row, as somebody would write it, into a network's inputs: learned by a run, and kept with its model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from models.kinds.dataset import Dataset, Encoding
from models.kinds.kind import Model
from models.kinds.task import Task
from models.kinds.tasks.regression import Regression
from models.kinds.texts import Texts

MEMBER = "preprocessing.json"
"""Its name within a run's model file, which is a ZIP archive."""


class NumberInput(Model):
    """A number, standardised: its distance from `mean`, in `deviation`s; 0 if it is missing."""

    column: str
    kind: Literal["number"] = "number"
    input: int = Field(description="Where it stands among the inputs, from 0")
    mean: float
    deviation: float
    missing: int | None = Field(None, description="The input that is 1 where the number is missing")


class CategoryInput(Model):
    """A category: 1 at the input of its value. All are 0 for a value that is missing or not among `values`."""

    column: str
    kind: Literal["category"] = "category"
    input: int = Field(description="That of the first of `values`; the others follow it")
    values: tuple[str, ...]


class TextInput(Model):
    """A text: ASCII letters in lower case, `removed` left out, `separators` taken for spaces, words between spaces.

    With `ngrams` above 1 each run of up to so many words is a word as well. A word's input is 1 if the text has it
    (`encoding` `multi_hot`), or how often it has it (`count`), or that times the word's weight (`tf_idf`).
    """

    column: str
    kind: Literal["text"] = "text"
    input: int = Field(description="That of the first of `words`; the others follow it")
    unknown: int = Field(description="The input of all words that are not among `words`")
    always: int | None = Field(None, description="An input that is 1 for every text")
    ngrams: int = 1
    removed: str
    separators: str
    words: tuple[str, ...]
    encoding: Encoding = "multi_hot"
    weights: tuple[float, ...] | None = Field(None, description="With `tf_idf`, of each of `words`")
    unknown_weight: float | None = Field(None, description="With `tf_idf`, of all other words")


class Preprocessing(Model):
    """How a row becomes the `inputs` inputs of a network, all 0 but for what `columns` say.

    `classes`: of a classification the labels, in the order of the network's outputs; of two the second one is what its
    one output is the probability of.
    """

    object: Literal["preprocessing"] = "preprocessing"
    inputs: int
    columns: tuple[Annotated[NumberInput | CategoryInput | TextInput, Field(discriminator="kind")], ...]
    label: str | None = Field(None, description="The column that is predicted")
    classes: tuple[str, ...] | None

    @property
    def valued(self) -> bool:
        """Whether the inputs behind the numbers may be others than 0 and 1."""
        return any(isinstance(each, TextInput) and each.encoding != "multi_hot" for each in self.columns)

    def with_scales(self, scales: Sequence[tuple[float, float]]) -> Preprocessing:
        """The same, with these means and standard deviations of the numbers, in their order."""
        left = iter(scales)
        return self.model_copy(
            update={
                "columns": tuple(
                    each.model_copy(update=dict(zip(("mean", "deviation"), next(left), strict=True)))
                    if isinstance(each, NumberInput)
                    else each
                    for each in self.columns
                )
            }
        )


def of_numbers(dataset: Dataset) -> Preprocessing | None:
    """That of a data set of nothing but numbers, means and deviations left open; None if its columns have no names."""
    if not dataset.given:
        return None
    columns = (NumberInput(column=name, input=i, mean=0, deviation=1) for i, (name, _) in enumerate(dataset.given))
    return Preprocessing(inputs=dataset.inputs, columns=tuple(columns), classes=numbered(dataset.task))


def numbered(task: Task) -> tuple[str, ...] | None:
    """The classes of a built-in data set, which are called by their numbers; None of a regression."""
    if task.name == Regression.name:
        return None
    return tuple(map(str, range(max(2, task.units))))


SEPARATORS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'
"""The default `filters` of Keras's former `Tokenizer`, by which its published texts were cut into words."""
START, UNKNOWN, SHIFT = 1, 2, 3
"""Keras's encoding (`start_char`, `oov_char`, `index_from`): a word of rank r, from 1, has the id r + 3."""


def of_texts(dataset: Texts, words: Sequence[str]) -> Preprocessing:
    """That of texts which are encoded as Keras's are; `words`: by rank, the most frequent first."""
    column = TextInput(
        column=dataset.given[0].column,
        input=START + SHIFT,
        unknown=UNKNOWN,
        always=START,
        removed="",
        separators=SEPARATORS,
        words=tuple(words[: dataset.num_words - START - SHIFT]),
    )
    return Preprocessing(inputs=dataset.inputs, columns=(column,), classes=numbered(dataset.task))
