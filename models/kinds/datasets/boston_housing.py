"""The Boston housing prices."""

from __future__ import annotations

from typing import Literal

from models.kinds.dataset import TrainSamples, Validation
from models.kinds.houses import Houses, script
from models.kinds.networks import hidden, with_dropout
from models.kinds.task import Task
from models.kinds.tasks.regression import Regression

DEVIATION = 9.19
"""Of all 506 prices."""

JOB = {
    "dataset": {"validation": {"holdout": 101}},
    "training": {"epochs": 200, "batch_size": 16, "metrics": ["r2"]},
    "variants": [
        {"name": "original", "layers": hidden(64)},
        {"name": "smaller", "layers": hidden(8)},
        {"name": "l2", "layers": hidden(64, kernel_regularizer={"l2": 0.1})},
        {"name": "dropout", "layers": with_dropout(hidden(64), 0.2)},
    ],
    "baseline": "original",
    "seeds": [0, 1, 2, 3, 4],
}
"""The network of *Deep Learning with Python*, chapter 3.6, and remedies beside it."""


class BostonHousing(Houses):
    """The Boston housing data as Keras splits them: 13 numbers about a district, and the median price of its houses."""

    title, place = "Boston housing", 4
    names = ("CRIM", "ZN", "INDUS", "CHAS", "NOX", "RM", "AGE", "DIS", "RAD", "TAX", "PTRATIO", "B", "LSTAT")
    script = script("boston_housing")
    files = {"npz": "boston_housing.npz"}
    job = JOB

    name: Literal["boston_housing"] = "boston_housing"
    train_samples: TrainSamples | None = None
    validation: Validation = "test"

    @property
    def task(self) -> Task:
        return Regression("thousands of dollars", DEVIATION)

    @property
    def available(self) -> int:
        return 404

    @property
    def tested(self) -> int:
        return 102
