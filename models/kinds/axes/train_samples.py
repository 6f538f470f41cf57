"""How many rows are trained on."""

from __future__ import annotations

from typing import Any

from models.kinds import dataset
from models.kinds.axis import Axis, Network


class TrainSamples(Axis):
    """How many rows are trained on."""

    name, title, place = "train_samples", "training rows", 5
    values = dataset.TrainSamples
    costs = True
    updates = 1

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        network.dataset["train_samples"] = value
