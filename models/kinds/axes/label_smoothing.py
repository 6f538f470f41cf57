"""Which part of each label is shared out among all classes."""

from __future__ import annotations

from typing import Any

from models.kinds.axis import Axis, Network
from models.kinds.kind import Rate


class LabelSmoothing(Axis):
    """Which part of each label is shared out among all classes."""

    name, title = "label_smoothing", "label smoothing"
    values = Rate

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        network.training["label_smoothing"] = value
