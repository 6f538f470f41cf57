"""The optimizer, with its own defaults."""

from __future__ import annotations

from typing import Any, Literal

from models.kinds.axis import Axis, Network
from models.kinds.optimizers import OPTIMIZERS


class Optimizer(Axis):
    """The optimizer, with its own defaults."""

    name, title = "optimizer", "optimizer"
    rates = True
    values = Literal[tuple(OPTIMIZERS)]  # type: ignore[valid-type]

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        network.optimizer["name"] = value
