"""The smallest difference that matters: whose it is, and if nobody says one, what other rows would change anyway."""

from __future__ import annotations

import math
from typing import Literal

SmallestFrom = Literal["request", "until", "rows"]


def whose(smallest_from: SmallestFrom | None, baseline: str, rows: int | None = None) -> str:
    """Where the number comes from, as it stands behind it in a sentence; `rows`: of the validation set, if known."""
    if smallest_from == "rows":
        return f"one standard error of {baseline} over the {'' if rows is None else f'{rows:,} '}validation rows"
    by = {"until": ", given by the job", "request": ", given by the request"}.get(smallest_from or "", "")
    return f"the smallest difference that matters{by}"


def of_accuracy(accuracy: float, rows: int) -> float | None:
    """The standard error of an accuracy over `rows` rows (of a binomial share), rounded as `rounded` does."""
    return rounded(math.sqrt(max(0.0, accuracy * (1 - accuracy)) / rows)) if rows else None


def rounded(error: float) -> float | None:
    """`error` with one digit, so that it hardly changes when seeds are added; None if there is none."""
    return float(f"{error:.0e}") if error > 0 and math.isfinite(error) else None
