"""A data set's card: what was found in its files, and what one should know before training on it."""

from __future__ import annotations

from pydantic import BaseModel, Field

from models.tabular.options import Kind, TaskName


class Rows(BaseModel):
    """How many rows there are."""

    train: int
    test: int = Field(description="0 without a test file")


class ClassCount(BaseModel):
    """A class, and how many rows have it."""

    label: str
    train: int
    test: int


class Classes(BaseModel):
    """A label that is one of some classes, in the order of a network's outputs."""

    column: str
    classes: list[ClassCount]


class Quantity(BaseModel):
    """A label that is a number: over the training rows."""

    column: str
    min: float
    max: float
    mean: float
    sd: float


class Input(BaseModel):
    """A column that is not the label."""

    column: str
    kind: Kind
    missing: int = Field(description="Training rows without a value")
    distinct: int = Field(description="Different values in the training rows")


class Warning(BaseModel):
    """What one should know before training."""

    code: str
    detail: str
    rows: int | None = Field(description="How many rows it is about; null if it is not about rows")


class Card(BaseModel):
    """What is in a data set."""

    task: TaskName
    rows: Rows
    label: Classes | Quantity
    inputs: list[Input]
    group: str | None
    warnings: list[Warning]
