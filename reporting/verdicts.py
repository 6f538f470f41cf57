"""Whether a comparison's difference is more than luck, as its seeds came about."""

from __future__ import annotations

LEVEL = 0.05
"""A corrected p value below this is more than luck."""


def is_sure(smallest: float | None, decision: str | None, p_holm: float | None) -> bool:
    """Whether a difference is more than luck.

    With a smallest difference that matters, seeds may be added until the comparison is decided. Its decision holds
    then, and p does not: it takes the number of seeds as fixed.
    """
    if smallest is not None:
        return decision in ("better", "worse")
    return p_holm is not None and p_holm < LEVEL
