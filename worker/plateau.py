"""A learning rate that is reduced when training gets no further."""

from __future__ import annotations

from types import SimpleNamespace

import keras

from models.kinds.plateau import Plateau
from worker.model import made


class OnPlateau:
    """`keras.callbacks.ReduceLROnPlateau`, if the optimizer has one: what it remembers follows from the epochs."""

    def __init__(self, plateau: Plateau | None, optimizer: keras.Optimizer) -> None:
        self.callback = None
        if plateau is not None:
            self.callback = made(plateau)
            self.callback.set_model(SimpleNamespace(optimizer=optimizer))
            self.callback.on_train_begin()

    def see(self, number: int, metrics: dict[str, float]) -> None:
        """Takes an epoch's metrics, and lowers the learning rate if it is time."""
        if self.callback is not None:
            self.callback.on_epoch_end(number - 1, dict(metrics))
