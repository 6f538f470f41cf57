"""A metric's plot over the epochs, in either style."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from matplotlib.figure import Figure

from reporting.plots.kind import Drawing
from reporting.plots.layout import grid
from reporting.plots.lines import LABELLED, draw_lines
from reporting.plots.notebook import OWN, draw_notebook
from reporting.plots.page import PAD, word_size
from reporting.plots.series import Curve, Panel, Series
from reporting.plots.style import Theme


def draw_series(figure: Figure, series: Series, theme: Theme) -> None:
    """In the style asked for."""
    (draw_notebook if series.style == "notebook" else draw_lines)(figure, series, theme)


def _height(series: Series, inches: float) -> float:
    match series:
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
    entry = 0.6 * letter * max(len(curve.label) for curve in curves) + 0.55
    return ceil(len(curves) / max(1, int((inches - 2 * PAD) / entry))) * 1.55 * letter


DRAWING = Drawing(Series, draw_series, _height)
