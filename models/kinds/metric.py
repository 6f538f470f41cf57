"""What every measure is, and with it the metrics of an epoch: a measure of the training or of the validation set."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import numpy as np

    from models.kinds.task import Task


class Of(StrEnum):
    """What a metric is measured on, by the beginning of its name."""

    TRAINING = ""
    """The training set, batch by batch while the weights move and with dropout on, as Keras's `fit` reports it."""
    VALIDATION = "val_"
    EVALUATED = "eval_"
    """The training set as the validation set is measured; with `training.evaluate_train`."""


class Measure:
    """A number that says how good predictions are.

    name: in answers, behind the beginning that says of what (`Of`). title: what people call it, within a sentence,
    if it is not called otherwise in a job of some task (`titled`).
    plural: names the figure that shows training against validation; "" if there is none.
    loss: a loss that training is stopped by if it is not finite, and whose rise is overfitting.
    penalised: whether the weights' penalties are in it; unpenalised: the measure that is the same without them.
    bounds: the least and the greatest value it can have.
    asked: whether it is recorded only if `training.metrics` names it. tasks: those it is for; none: all.
    keras: whether Keras's `fit` reports it of its own accord; these are listed first.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    place: ClassVar[int] = 100
    plural: ClassVar[str] = ""
    loss: ClassVar[bool] = False
    penalised: ClassVar[bool] = False
    unpenalised: ClassVar[str] = ""
    higher_is_better: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float]] = (0.0, math.inf)
    asked: ClassVar[bool] = True
    tasks: ClassVar[Collection[str]] = ()
    keras: ClassVar[bool] = False

    @classmethod
    def kind(cls) -> str:
        """Its name in specifications."""
        return cls.name

    @classmethod
    def titled(cls, task: Task | type[Task] | None) -> str:
        """What people call it, within a sentence, in jobs of `task`; None: of whatever task."""
        return cls.title

    @classmethod
    def measured_in(cls, task: Task) -> str:
        """The unit in jobs of `task`, in the plural; "" if there is none."""
        return ""

    @staticmethod
    def value(labels: np.ndarray, predictions: np.ndarray) -> float:
        """The measure of all of a set's predictions, both float64 (rows, units), the labels as the task has them.

        For measures that are asked for; the others are means over the batches that training computes by itself. Its
        source is in a job's archive too, so it uses NumPy alone, and imports it.
        """
        raise NotImplementedError


class WeightMeasure(Measure):
    """A number that says what the weights of a layer are like, recorded each epoch with `training.weights`."""

    @staticmethod
    def value(kernel: np.ndarray) -> float:  # type: ignore[override]
        """The measure of a layer's kernel, float32 (inputs, units). Like a metric's, its source is in the archive."""
        raise NotImplementedError


@dataclass(frozen=True)
class Metric:
    """A measure of one set, or of the kernel of the layer of this name: what an epoch records under `name`."""

    measure: type[Measure]
    of: Of
    layer: str = ""

    @property
    def name(self) -> str:
        """In histories, plots' addresses and columns."""
        return f"{self.measure.name}.{self.layer}" if self.layer else self.of + self.measure.name

    def phrase(self, task: Task | type[Task] | None = None) -> str:
        """What people call it, within a sentence, in jobs of `task`."""
        if self.layer:
            return f"{self.measure.title} of {self.layer}"
        of = "validation" if self.of == Of.VALIDATION else "training"
        return f"{of} {self.measure.titled(task)}{', evaluated' if self.of == Of.EVALUATED else ''}"
