"""The geometry of a figure: scales, grids of panels, and labels that do not cover each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import optimize


def y_limits(
    values: Sequence[float], edges: Sequence[float], *, signed: bool, most: float = math.inf
) -> tuple[float, float]:
    """Where the y axis begins and ends, for `values` and the `edges` of bands; with zero in view where `signed`.

    `most` is what the values cannot exceed (an accuracy 1); those not `signed` get no room below 0 unless one is there.

    The values are in view, bands as far as they do not dwarf them. A run on its way to infinity does
    not set the scale for the rest: what lies further from the median than ten times the 90th percentile of such
    distances stays outside.
    """
    means = np.array([*values, *([0.0] if signed else [])], dtype=float)
    if len(means) == 0:
        return 0.0, 1.0
    distance = np.abs(means - np.median(means))
    reach = 10 * np.percentile(distance, 90)
    kept = means[distance <= reach] if reach > 0 else means
    low, high = float(kept.min()), float(kept.max())
    room = 0.3 * (high - low) or 0.1 * max(abs(high), 1e-3)
    bottom = min([low, *(max(edge, low - room) for edge in edges)])
    top = max([high, *(min(edge, high + room) for edge in edges)])
    margin = 0.06 * (top - bottom) or room
    floor = -0.03 * top if not signed and low >= 0 else -math.inf
    return max(bottom - margin, floor), min(top + margin, most + 0.3 * margin)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places for labels near the `wanted` ones, at least `gap` apart, within `low` to `high`, in the same order.

    The least squares solution: isotonic regression of `wanted[i] - i * gap` (Barlow et al. 1972, *Statistical
    inference under order restrictions*). Labels need not fit: then they run past `high`.
    """
    if not wanted:
        return []
    order = np.argsort(np.asarray(wanted, dtype=float), kind="stable")
    steps = gap * np.arange(len(wanted))
    fitted = optimize.isotonic_regression(np.asarray(wanted, dtype=float)[order] - steps).x
    placed = np.clip(fitted, low, max(low, high - steps[-1])) + steps
    places = np.empty(len(wanted))
    places[order] = placed
    return [float(place) for place in places]


def grid(panels: int, width: float, rows_at_most: float = math.inf) -> tuple[int, int]:
    """Rows and columns of `panels` small multiples on a figure `width` inches wide."""
    columns = max(1, min(panels, 4, int(width / 1.9)))
    while columns < panels and math.ceil(panels / columns) > max(1.0, rows_at_most):
        columns += 1
    rows = math.ceil(panels / columns)
    return rows, math.ceil(panels / rows)
