"""The accuracy."""

from __future__ import annotations

from models.kinds.metric import Measure


class Accuracy(Measure):
    """The share of the rows whose likeliest class is their own."""

    name, title, plural, place = "acc", "accuracy", "accuracies", 1
    keras = higher_is_better = True
    asked = False
    bounds = (0.0, 1.0)
