"""Dropout for self-normalizing networks."""

from __future__ import annotations

from typing import Literal

from models.kinds.kind import Rate
from models.kinds.layer import Layer


class AlphaDropout(Layer):
    """`keras.layers.AlphaDropout`: in training, drops this part of the inputs and keeps their mean and variance.

    Klambauer et al. 2017, "Self-normalizing neural networks".
    """

    title, keras = "alpha dropout", "layers.AlphaDropout"
    words = "alpha dropout {rate}"
    noise = True
    starts = {"rate": 0.1}
    main = ("rate",)

    type: Literal["alpha_dropout"] = "alpha_dropout"
    rate: Rate
