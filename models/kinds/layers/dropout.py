"""Dropout."""

from __future__ import annotations

from typing import Literal

from models.kinds.kind import Rate
from models.kinds.layer import Layer


class Dropout(Layer):
    """`keras.layers.Dropout`: in training, sets this part of the inputs to 0, chosen at random."""

    title, keras, place = "dropout", "layers.Dropout", 1
    words = "dropout {rate}"
    noise = True
    starts = {"rate": 0.5}
    main = ("rate",)

    type: Literal["dropout"] = "dropout"
    rate: Rate
