"""Numbers, intervals and lists of names as sentences have them."""

from __future__ import annotations

import math
from collections.abc import Sequence, Sized

from reporting.answer import Interval

MOST = 3
"""Of so many variants one by one is told, of more how many there are."""


def decimals(ends: Interval) -> int:
    """So many that the interval's width has two digits; up to two more if an end that is not 0 would read as 0."""
    width = ends[1] - ends[0]
    digits = max(0, 1 - math.floor(math.log10(width))) if width > 0 else 3
    least = min((abs(end) for end in ends if end), default=1.0)
    return max(digits, min(digits + 2, -math.floor(math.log10(least))))


def number(value: float | None, ends: Interval | None = None) -> str:
    """With its sign; to as many decimals as the interval that it stands with."""
    if value is None:
        return "–"
    text = f"{value:+.3g}" if ends is None else f"{round(value, decimals(ends)) + 0.0:+.{decimals(ends)}f}"
    return text.replace("-", "−")


def between(ends: Interval) -> str:
    """An interval, each end with its sign."""
    return f"{number(ends[0], ends)} to {number(ends[1], ends)}"


def by(difference: float, ends: Interval) -> str:
    """How large a difference is, to as many decimals as its interval."""
    return f"{abs(difference):.{decimals(ends)}f}"


def size(ends: Interval) -> str:
    """The ends of an interval without 0, of how large a difference is."""
    low, high = sorted(abs(end) for end in ends)
    return f"{low:.{decimals(ends)}f} to {high:.{decimals(ends)}f}"


def names_of(names: Sequence[str], word: str = "and") -> str:
    """The names within a sentence: of more than `MOST` + 1 the first `MOST`, and how many more there are."""
    # The one name that would be left is as short as "1 more".
    if len(names) > MOST + 1:
        return f"{', '.join(names[:MOST])} {word} {len(names) - MOST} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def more(of: Sized) -> str:
    """What follows a list of which `MOST` are told."""
    return f" and {len(of) - MOST} more" if len(of) > MOST else ""


def still_improving(names: Sequence[str]) -> str:
    """Whose loss still fell at the last epoch, as headline and paragraph say it."""
    return f"{names_of(names)} {'was' if len(names) == 1 else 'were'} still improving at the last epoch"
