"""The tasks: a class in each module here. A data set says which one it sets."""

from __future__ import annotations

from models.kinds.kind import discover
from models.kinds.task import Task
from models.kinds.tasks.binary import Binary
from models.kinds.tasks.multiclass import Multiclass
from models.kinds.tasks.regression import Regression

TASKS = discover(__name__, __path__, Task)


def task_of(classes: int | None, deviation: float | None) -> Task:
    """The task that a label of so many classes sets; of None, a number with this standard deviation."""
    if classes is None:
        return Regression(deviation=deviation)
    return Binary() if classes == 2 else Multiclass(classes)
