"""The loss of the data alone."""

from __future__ import annotations

from models.kinds.metric import Measure


class DataLoss(Measure):
    """The loss without the weights' penalties: of networks with and without them it means the same."""

    name, title, plural, place = "data_loss", "cross-entropy", "data_losses", 2
    loss = True
    asked = False
