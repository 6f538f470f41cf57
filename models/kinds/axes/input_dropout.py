"""The rate of the dropout on the inputs."""

from __future__ import annotations

from typing import Any

from models.kinds.axis import Axis, Network
from models.kinds.kind import Rate


class InputDropout(Axis):
    """The rate of the dropout on the inputs."""

    name, title = "input_dropout", "dropout on the inputs"
    values = Rate

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        if value:
            network.before.append({"type": "dropout", "rate": value})
