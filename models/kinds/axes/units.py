"""The units of each hidden layer."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from models.kinds.axis import Axis, Network
from models.kinds.layers.dense import MAX_UNITS


class Units(Axis):
    """The units of each hidden layer."""

    name, title, place = "units", "units per layer", 0
    values = Annotated[int, Field(ge=1, le=MAX_UNITS)]
    costs = True

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        network.dense["units"] = value
