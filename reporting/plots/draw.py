"""Draws what was prepared: the second of two steps. Never pyplot, which keeps state for the whole process.

The same series gives the same bytes. Drawings take turns on a lock: matplotlib's settings are global.
"""

from __future__ import annotations

import io
import threading
from dataclasses import replace
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from models.history import RunHistory
from reporting.plots.catalogue import DRAWINGS
from reporting.plots.fonts import LACKING, fonts_for
from reporting.plots.kind import Drawable
from reporting.plots.series import STYLES, prepare
from reporting.plots.style import RC, THEMES

FORMATS = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
"""The formats, and their media types."""

MIN_PIXELS, MAX_PIXELS = 200, 4000
"""Least and greatest width and height, in pixels."""

MIN_DPI, MAX_DPI = 50, 600

# No dates and no versions: the same data shall give the same bytes.
METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}

_turn = threading.Lock()


def draw(
    series: Drawable, format: str = "png", width: int = 800, height: int | None = None, dpi: int | None = None
) -> bytes:
    """The figure as `format`, `width` by `height` pixels.

    `dpi` is the pixels an inch, that is how large words and lines are; by default the figure is about 8 inches wide,
    and narrower rather than illegible. It is lowered where the figure would be less than 3 inches wide. Without
    `height` the figure is as high as its panels need. An SVG or PDF has the size in inches, and text that stays text.
    """
    drawing = DRAWINGS[type(series)]
    inches = max(3.0, width / (dpi or max(96.0, width / 8)))
    scale = width / inches
    tall = height / scale if height else drawing.height(series, inches)
    tall = min(max(tall, 1.5), MAX_PIXELS / scale)
    with (
        _turn,
        matplotlib.rc_context(RC),  # type: ignore[arg-type]
        fonts_for(series, everything=format == "svg") as lacking,
    ):
        if lacking:
            series = replace(series, notes=(LACKING, *series.notes))
        theme = THEMES[series.theme]
        figure = Figure(figsize=(inches, tall), dpi=scale, facecolor=theme.background)
        FigureCanvasAgg(figure)
        drawing.draw(figure, series, theme)
        out = io.BytesIO()
        figure.savefig(
            out,
            format=format,
            dpi=scale,
            facecolor=theme.background,
            metadata=METADATA[format] | {"Title": series.title},
        )
    return out.getvalue()


def warm_up() -> None:
    """Loads fonts and backends, so that the first plot asked for does not wait for them."""
    losses: dict[str, tuple[float, ...]] = {"val_loss": (0.5, 0.3, 0.4)}
    histories = [RunHistory(str(seed), "original", seed, "succeeded", (1, 2, 3), losses) for seed in (0, 1)]
    for style, formats in zip(STYLES, (FORMATS, ["png"]), strict=True):  # the others' formats then have what they need
        series = prepare(histories, "val_loss", style=style)
        for format in formats:
            draw(series, format)
