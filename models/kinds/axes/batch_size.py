"""How many rows each update sees."""

from __future__ import annotations

from typing import Any

from models.kinds import optimizer
from models.kinds.axis import Axis, Network


class BatchSize(Axis):
    """How many rows each update sees."""

    name, title = "batch_size", "batch size"
    updates = -1
    values = optimizer.BatchSize

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        network.training["batch_size"] = value
