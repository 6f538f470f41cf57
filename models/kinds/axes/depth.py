"""How many hidden layers there are."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from models.kinds.axis import Axis, Network
from models.kinds.layer import MAX_LAYERS


class Depth(Axis):
    """How many hidden layers there are."""

    name, title, place = "depth", "hidden layers", 1
    values = Annotated[int, Field(ge=0, le=MAX_LAYERS // 2)]
    costs = True

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        network.depth = value
