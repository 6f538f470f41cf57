"""Comparison plots in two steps: `prepare(histories, ...)` says what is drawn, `draw(...)` draws it."""

from __future__ import annotations

from api.plots.draw import FORMATS, MAX_DPI, MAX_PIXELS, MIN_DPI, MIN_PIXELS, draw, warm_up
from api.plots.series import BANDS, PLOTTED, STYLES, Series, prepare

__all__ = [
    "BANDS", "FORMATS", "MAX_DPI", "MAX_PIXELS", "MIN_DPI", "MIN_PIXELS", "PLOTTED", "STYLES",
    "Series", "draw", "prepare", "warm_up",
]  # fmt: skip
