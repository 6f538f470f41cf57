"""The mean absolute error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.kinds.metric import Measure

if TYPE_CHECKING:
    from models.kinds.task import Task


class MeanAbsoluteError(Measure):
    """The mean distance between a row's prediction and its label, in the label's unit."""

    name, title, plural, place = "mae", "mean absolute error", "maes", 1
    keras = True
    asked = False

    @classmethod
    def measured_in(cls, task: Task) -> str:
        return task.measure_unit
