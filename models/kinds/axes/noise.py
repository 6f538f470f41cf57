"""The standard deviation of the noise behind each hidden layer."""

from __future__ import annotations

from typing import Any

from models.kinds.axis import Axis, Network
from models.kinds.layers.gaussian_noise import Deviation


class Noise(Axis):
    """The standard deviation of the noise behind each hidden layer."""

    name, title = "noise", "noise"
    values = Deviation

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        if value:
            network.behind.append({"type": "gaussian_noise", "stddev": value})
