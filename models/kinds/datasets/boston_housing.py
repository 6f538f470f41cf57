"""The Boston housing prices."""

from __future__ import annotations

from typing import Literal

from models.kinds.dataset import Dataset, Given, TrainSamples, Validation
from models.kinds.networks import hidden, with_dropout
from models.kinds.task import Task
from models.kinds.tasks.regression import Regression

NAMES = ("CRIM", "ZN", "INDUS", "CHAS", "NOX", "RM", "AGE", "DIS", "RAD", "TAX", "PTRATIO", "B", "LSTAT")
COLUMNS = len(NAMES)
DEVIATION = 9.19
"""Of all 506 prices."""

SCRIPT = '''\
def read(dataset, path):
    """As `keras.datasets.boston_housing.load_data` gives them, from Keras or from a copy of its boston_housing.npz."""
    if path is None:
        splits = keras.datasets.boston_housing.load_data()
    else:
        with np.load(path) as arrays:
            x, y = arrays["x"], arrays["y"]
        order = np.arange(len(x))
        np.random.RandomState(113).shuffle(order)
        x, y, end = x[order], y[order], int(len(x) * (1 - 0.2))
        splits = (x[:end], y[:end]), (x[end:], y[end:])
    return [(np.asarray(x, np.float32), np.asarray(y, np.float32)) for x, y in splits]
'''


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


class BostonHousing(Dataset):
    """The Boston housing data as Keras splits them: 13 numbers about a district, and the median price of its houses."""

    title, place = "Boston housing", 4
    rows = "districts"
    script = SCRIPT
    files = {"npz": "boston_housing.npz"}
    job = JOB

    name: Literal["boston_housing"] = "boston_housing"
    train_samples: TrainSamples | None = None
    validation: Validation = "test"

    @property
    def task(self) -> Task:
        return Regression("thousands of dollars", DEVIATION)

    @property
    def inputs(self) -> int:
        return COLUMNS

    @property
    def numbers(self) -> int:
        return COLUMNS

    @property
    def given(self) -> tuple[Given, ...]:
        return tuple(Given(name, "number") for name in NAMES)

    @property
    def available(self) -> int:
        return 404

    @property
    def tested(self) -> int:
        return 102

    def in_words(self) -> str:
        return f"{self.title}, {COLUMNS} numbers about each district"
