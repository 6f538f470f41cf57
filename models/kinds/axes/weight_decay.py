"""The weight decay of the job's optimizer."""

from __future__ import annotations

from typing import Any

from models.kinds.axis import Axis, Network
from models.kinds.kind import Penalty


class WeightDecay(Axis):
    """The weight decay of the job's optimizer."""

    name, title = "weight_decay", "weight decay"
    values = Penalty

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        network.optimizer["weight_decay"] = value
