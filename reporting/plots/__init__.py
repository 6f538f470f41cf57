"""Comparison plots in two steps: `prepare(histories, ...)` says what is drawn, `draw(...)` draws it."""

from __future__ import annotations

from reporting.plots.differences import Differences, prepare_differences
from reporting.plots.draw import FORMATS, MAX_DPI, MAX_PIXELS, MIN_DPI, MIN_PIXELS, Drawable, draw, warm_up
from reporting.plots.series import BANDS, PLOTTED, STYLES, Series, prepare, reads
from reporting.plots.sweep import Sweep, prepare_sweep

__all__ = [
    "BANDS", "FORMATS", "MAX_DPI", "MAX_PIXELS", "MIN_DPI", "MIN_PIXELS", "PLOTTED", "STYLES",
    "Differences", "Drawable", "Series", "Sweep",
    "draw", "prepare", "prepare_differences", "prepare_sweep", "reads", "warm_up",
]  # fmt: skip
