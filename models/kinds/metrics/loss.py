"""The loss that is trained on."""

from __future__ import annotations

from models.kinds.metric import Measure


class Loss(Measure):
    """Keras's loss: that of the data, and the weights' penalties."""

    name, title, plural, place = "loss", "loss", "losses", 0
    loss = penalised = keras = True
    unpenalised = "data_loss"
    asked = False
