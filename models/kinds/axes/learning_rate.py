"""The learning rate of the job's optimizer."""

from __future__ import annotations

from typing import Any

from models.kinds import schedule
from models.kinds.axis import Axis, Network


class LearningRate(Axis):
    """The learning rate of the job's optimizer."""

    name, title = "learning_rate", "learning rate"
    rates = True
    values = schedule.LearningRate

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        network.optimizer["learning_rate"] = value
