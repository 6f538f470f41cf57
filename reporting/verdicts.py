"""Whether a comparison's difference is more than luck, as its seeds came about."""

from __future__ import annotations

LEVEL = 0.05
"""A corrected p value below this is more than luck."""


def is_sure(sequential: bool, decision: str | None, p_holm: float | None) -> bool:
    """Whether a comparison's difference is more than luck.

    If the number of seeds was not fixed before (`sequential`), the decision holds, and p does not: it takes the number
    as fixed.
    """
    if sequential:
        return decision in ("better", "worse")
    return p_holm is not None and p_holm < LEVEL
