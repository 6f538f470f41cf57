"""What every task is: what a network is to find out, and with it the network's output, its loss and its score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from models.kinds.layers.dense import Activation, Dense

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Task:
    """A task. Labels are float32 (rows, 1), or (rows, units) if a data set has as many of a row; predictions are
    float32 (rows, units).

    name: in answers. title: what people call it. activation: of the output layer. loss, score: the functions in
    `keras.losses` and `keras.metrics` whose means over the rows are the data's loss and the measure beside it.
    smoothed: the function in `keras.losses` that is `loss` of softened labels; "" if labels cannot be softened.
    measure: the name of that measure, among those in `models.kinds.metrics`. loss_title: what people call the data's
    loss, within a sentence. unit, measure_unit: in which the two are measured, in the plural; "" if in none.
    before: what of the network is kept of each row, the outputs before their activation or those behind it. kept: as
    which NumPy type.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    place: ClassVar[int] = 100
    activation: ClassVar[Activation]
    loss: ClassVar[str]
    score: ClassVar[str]
    measure: ClassVar[str] = "acc"
    loss_title: ClassVar[str]
    smoothed: ClassVar[str] = ""
    before: ClassVar[bool] = False
    kept: ClassVar[str] = "float32"

    @classmethod
    def kind(cls) -> str:
        """Its name in answers."""
        return cls.name

    @property
    def units(self) -> int:
        """Of the output layer."""
        raise NotImplementedError

    @property
    def chance(self) -> float | None:
        """The data's loss of a network that has learned nothing; None if that depends on the data."""
        raise NotImplementedError

    @property
    def class_count(self) -> int | None:
        """How many classes it tells apart; None if the labels are no classes."""
        return None

    @property
    def unit(self) -> str:
        return ""

    @property
    def measure_unit(self) -> str:
        return ""

    def centred(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The outputs that are kept, moved to where they lose the fewest digits; they mean the same."""
        return outputs

    def activated(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The predictions that kept outputs stand for, both (rows, units)."""
        return outputs

    def losses(self, labels: NDArray[np.float64], outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The loss of each row, as `loss` has it: (rows,)."""
        raise NotImplementedError

    def activated_and_losses(
        self, labels: NDArray[np.float64], outputs: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What `activated` and `losses` give, for less than twice the work if they have a part in common."""
        return self.activated(outputs), self.losses(labels, outputs)

    @property
    def output(self) -> Dense:
        """The output layer, behind a variant's hidden layers."""
        return Dense(units=self.units, activation=self.activation)
