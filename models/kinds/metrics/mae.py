"""The mean absolute error."""

from __future__ import annotations

from models.kinds.metric import Measure


class MeanAbsoluteError(Measure):
    """The mean distance between a row's prediction and its label, in the label's unit."""

    name, title, plural, place = "mae", "mean absolute error", "maes", 1
    keras = True
    asked = False
