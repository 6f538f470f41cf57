"""Data sets of numbers about houses, and a price to predict."""

from __future__ import annotations

from typing import ClassVar

from models.kinds.dataset import Dataset, Given

SCRIPT = '''\
def read(dataset, path):
    """As `keras.datasets.{name}.load_data` gives them, from Keras or from a copy of its {name}.npz{prices}."""
    if path is None:
        splits = keras.datasets.{name}.load_data()
    else:
        with np.load(path) as arrays:
            x, y = arrays["x"], arrays["y"]
        order = np.arange(len(x))
        np.random.RandomState(113).shuffle(order)
        x, y, end = x[order], y[order], int(len(x) * (1 - 0.2))
        splits = (x[:end], y[:end]), (x[end:], y[end:])
    return [(np.asarray(x, np.float32), np.asarray({label}, np.float32)) for x, y in splits]
'''


def script(name: str, unit: int = 1) -> str:
    """The `script` of the data set that Keras calls `name`; its prices are divided by `unit`."""
    if unit == 1:
        return SCRIPT.format(name=name, prices="", label="y")
    return SCRIPT.format(name=name, prices=f", prices in units of {unit:,}", label=f"y / {unit}")


class Houses(Dataset):
    """Numbers about districts as Keras has them. names: of the columns, as Keras's documentation has them."""

    rows = "districts"

    names: ClassVar[tuple[str, ...]]

    @property
    def inputs(self) -> int:
        return len(self.names)

    @property
    def numbers(self) -> int:
        return len(self.names)

    @property
    def given(self) -> tuple[Given, ...]:
        return tuple(Given(name, "number") for name in self.names)

    def in_words(self) -> str:
        return f"{self.title}, {len(self.names)} numbers about each district"
