"""The California housing prices."""

from __future__ import annotations

from typing import Literal

from models.kinds.dataset import TrainSamples, Validation
from models.kinds.houses import Houses, script
from models.kinds.networks import hidden, with_dropout
from models.kinds.task import Task
from models.kinds.tasks.regression import Regression

UNIT = 100_000
"""Keras's prices are in dollars: a network begins by predicting about 0, and would take very long to get there."""
DEVIATION = 1.154
"""Of all 20,640 prices, in units of `UNIT`."""

JOB = {
    "dataset": {"validation": {"holdout": 4128}},
    "training": {"epochs": 60, "batch_size": 128, "metrics": ["r2"]},
    "variants": [
        {"name": "original", "layers": hidden(64)},
        {"name": "smaller", "layers": hidden(8)},
        {"name": "bigger", "layers": hidden(256)},
        {"name": "l2", "layers": hidden(64, kernel_regularizer={"l2": 0.001})},
        {"name": "dropout", "layers": with_dropout(hidden(64), 0.2)},
    ],
    "baseline": "original",
    "seeds": [0, 1, 2, 3, 4],
}


class CaliforniaHousing(Houses):
    """The California housing data as Keras splits them: 8 numbers about a district, the median price of its houses."""

    title, place = "California housing", 4
    names = ("MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude")
    script = script("california_housing", UNIT)
    files = {"npz": "california_housing.npz"}
    job = JOB

    name: Literal["california_housing"] = "california_housing"
    train_samples: TrainSamples | None = None
    validation: Validation = "test"

    @property
    def task(self) -> Task:
        return Regression("hundreds of thousands of dollars", DEVIATION)

    @property
    def available(self) -> int:
        return 16_512

    @property
    def tested(self) -> int:
        return 4_128
