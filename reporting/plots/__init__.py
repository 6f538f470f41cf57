"""Comparison plots in two steps: `prepare(histories, ...)` says what is drawn, `draw(...)` draws it."""

from __future__ import annotations

from reporting.plots.catalogue import JOB_PLOTS
from reporting.plots.differences import DifferenceSeries, prepare_differences
from reporting.plots.draw import FORMATS, MAX_DPI, MAX_PIXELS, MIN_DPI, MIN_PIXELS, draw, warm_up
from reporting.plots.kind import Drawable, Source
from reporting.plots.series import BANDS, PLOTTED, STYLES, Series, prepare, reads
from reporting.plots.sweep import SweepSeries, prepare_sweep

__all__ = [
    "BANDS", "FORMATS", "JOB_PLOTS", "MAX_DPI", "MAX_PIXELS", "MIN_DPI", "MIN_PIXELS", "PLOTTED", "STYLES",
    "DifferenceSeries", "Drawable", "Series", "Source", "SweepSeries",
    "draw", "prepare", "prepare_differences", "prepare_sweep", "reads", "warm_up",
]  # fmt: skip
