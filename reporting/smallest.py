"""The smallest difference that matters, if nobody says one: what other rows of the same kind would change anyway."""

from __future__ import annotations

import math


def of_accuracy(accuracy: float, rows: int) -> float | None:
    """The standard error of an accuracy over `rows` rows (of a binomial share), rounded as `rounded` does."""
    return rounded(math.sqrt(max(0.0, accuracy * (1 - accuracy)) / rows)) if rows else None


def rounded(error: float) -> float | None:
    """`error` with one digit, so that it hardly changes when seeds are added; None if there is none."""
    return float(f"{error:.0e}") if error > 0 and math.isfinite(error) else None
