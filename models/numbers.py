"""JSON's numbers."""

from __future__ import annotations

EXACT = 2**53 - 1
"""Up to here a double holds every integer, and so does every JSON reader."""


def number(text: str) -> float | int:
    """The value of a JSON number that is written with a fraction or an exponent.

    JSON has one kind of number, so 20.0 and 2e1 are the integer 20. Infinite if it is more than a double holds.
    """
    value = float(text)
    return int(value) if value.is_integer() and abs(value) <= EXACT else value
