"""How many words the network reads, the most frequent ones."""

from __future__ import annotations

from typing import Any

from models.kinds import dataset
from models.kinds.axis import Axis, Network


class NumWords(Axis):
    """How many words the network reads, the most frequent ones."""

    name, title = "num_words", "words"
    values = dataset.NumWords
    costs = True

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        network.dataset["num_words"] = value
