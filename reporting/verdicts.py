"""What a comparison shows of its metric, as its seeds came about, and the same in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # the command line needs these words, and no numpy
    from reporting.decisions import Verdict

LEVEL = 0.05
"""A corrected p value below this is more than luck."""

Finding = Literal["lower", "higher", "equivalent", "undecided"]


def finding(
    n: int, difference: float | None, *, sequential: bool, decision: Verdict | None, p_holm: float | None
) -> Finding | None:
    """What is shown by a difference over `n` seeds; None with one, which does not tell a difference from luck.

    If the number of seeds was not fixed before (`sequential`), the decision holds, and p does not: it takes the number
    as fixed.
    """
    if n < 2 or difference is None:
        return None
    if decision == "equivalent":
        return "equivalent"
    sure = decision in ("better", "worse") if sequential else p_holm is not None and p_holm < LEVEL
    if not sure or difference == 0:
        return "undecided"
    return "lower" if difference < 0 else "higher"


def leaves_out_zero(interval: tuple[float, float] | None) -> bool:
    """Whether both ends of an interval, if there is one, have the same sign."""
    return interval is not None and (interval[0] > 0 or interval[1] < 0)


def in_words(found: Finding | None, difference: float | None, smallest: float | None, leads: bool = False) -> str:
    """What a table says of it: "lower, more than luck".

    `smallest`: within which it is the same; None if it is exactly.
    `leads`: whether an interval that stands beside these words leaves 0 out, decided or not.
    """
    if difference is None:
        return "not compared yet"
    side = "lower" if difference < 0 else "higher" if difference > 0 else "the same"
    if found is None:
        return f"{side}, one seed"
    if found == "equivalent":
        return "the same" if smallest is None else f"the same, within {smallest:g}"
    if found == "undecided":
        return f"{side} so far, not decided" if leads else "not decided"
    return f"{found}, more than luck"
