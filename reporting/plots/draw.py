"""Draws what was prepared: the second of two steps. Never pyplot, which keeps state for the whole process.

The same series gives the same bytes. Drawings take turns on a lock: matplotlib's settings are global.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from math import ceil
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from models.history import RunHistory
from reporting.plots.differences import Differences
from reporting.plots.differences_figure import draw_differences
from reporting.plots.layout import grid
from reporting.plots.lines import LABELLED, draw_lines
from reporting.plots.notebook import OWN, draw_notebook
from reporting.plots.page import PAD, word_size
from reporting.plots.series import STYLES, Curve, Panel, Series, prepare
from reporting.plots.style import RC, THEMES
from reporting.plots.sweep import Sweep
from reporting.plots.sweep_figure import draw_sweep

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

Drawable = Series | Sweep | Differences
"""What `draw` draws."""

_turn = threading.Lock()


def draw(
    series: Drawable, format: str = "png", width: int = 800, height: int | None = None, dpi: int | None = None
) -> bytes:
    """The figure as `format`, `width` by `height` pixels.

    `dpi` is the pixels an inch, that is how large words and lines are; by default the figure is about 8 inches wide,
    and narrower rather than illegible. It is lowered where the figure would be less than 3 inches wide. Without
    `height` the figure is as high as its panels need. An SVG or PDF has the size in inches, and text that stays text.
    """
    inches = max(3.0, width / (dpi or max(96.0, width / 8)))
    scale = width / inches
    tall = height / scale if height else _height(series, inches)
    tall = min(max(tall, 1.5), MAX_PIXELS / scale)
    with _turn, matplotlib.rc_context(RC):  # type: ignore[arg-type]
        theme = THEMES[series.theme]
        figure = Figure(figsize=(inches, tall), dpi=scale, facecolor=theme.background)
        FigureCanvasAgg(figure)
        match series:
            case Sweep():
                draw_sweep(figure, series, theme)
            case Differences():
                draw_differences(figure, series, theme)
            case Series(style="notebook"):
                draw_notebook(figure, series, theme)
            case Series():
                draw_lines(figure, series, theme)
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
    for style in STYLES:
        series = prepare(histories, "val_loss", style=style)
        for format in FORMATS:
            draw(series, format)


def _height(series: Drawable, inches: float) -> float:
    """The height a figure `inches` wide asks for."""
    match series:
        case Differences():
            return 1.5 + 0.34 * max(2, len(series.rows))
        case Series(style="notebook", panels=(Panel(curves=curves), *_)):
            return inches * 0.75 + (_legend(curves, inches) if len(curves) > OWN else 0)
        case Series(panels=panels) if len(panels) > 1:
            rows, columns = grid(len(panels), inches)
            return 1.1 + rows * max(1.5, 0.62 * inches / columns)
        case Series(panels=(Panel(curves=(_, _, *_) as curves),)) if inches < LABELLED:
            return max(3.2, inches * 0.6) + _legend(curves, inches)
    return max(3.2, inches * 0.6)


def _legend(curves: Sequence[Curve], inches: float) -> float:
    """About the height of a legend below the axes: a letter is some 0.6 of the words' size wide."""
    letter = word_size(inches) / 72
    entry = 0.6 * letter * min(40, max(len(curve.label) for curve in curves)) + 0.55
    return ceil(len(curves) / max(1, int((inches - 2 * PAD) / entry))) * 1.55 * letter
