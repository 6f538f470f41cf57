"""The notebook's own style: blue crosses against blue dots, a plain frame and a legend."""

from __future__ import annotations

from typing import Literal

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reporting.plots.page import LINE, MAX_NOTES, PAD, Page, y_locator
from reporting.plots.series import Curve, Series
from reporting.plots.style import NOTEBOOK_MARKS, Theme

OWN = 2
"""Curves in the notebook's figures. More of them have colours, a legend below the axes, and stand apart."""

APART = 0.11
"""Epochs between the marks of two curves at one epoch, where there are more than `OWN`."""


def draw_notebook(figure: Figure, series: Series, theme: Theme) -> None:
    """`plt.plot(epochs, ..., 'b+')`, then `'bo'`, as the notebook does; further marks, in colours, for more variants.

    With several seeds a mark is their mean, and a thin stroke its band. A line below says data set and n.
    """
    page = Page(figure, theme)
    curves = series.panels[0].curves
    few = len(curves) <= OWN
    for note in reversed((f"{series.title}; {series.subtitle}", *series.notes[:MAX_NOTES])):
        page.below(note, 0.8 * page.size, theme.muted)
    axes = page.axes(0, 0, 1, 1)
    apart = 0.0 if few else min(APART, 0.7 / len(curves))
    marks = []
    for i, curve in enumerate(curves):
        color = ("b" if theme.background == "#ffffff" else theme.curves[0]) if few else _color(curve, theme)
        style: Literal["full", "none"] = "full" if i < len(NOTEBOOK_MARKS) else "none"
        beside = apart * (i - (len(curves) - 1) / 2)
        epochs, values = [p.epoch + beside for p in curve.points], [p.value for p in curve.points]
        mark = NOTEBOOK_MARKS[i % len(NOTEBOOK_MARKS)]
        marks += axes.plot(epochs, values, mark, color=color, fillstyle=style, markersize=None if few else 5)
        inside = [p for p in curve.points if series.limits[0] <= p.value <= series.limits[1]]
        bands = [(p.epoch + beside, p.low, p.high) for p in inside if p.low is not None and p.high is not None]
        if bands:
            at, low, high = zip(*bands, strict=True)
            axes.vlines(at, low, high, colors=color, linewidth=0.8, alpha=0.4 if few else 0.6)
    room = 0.5 * page.width if few else page.width - 2 * PAD - 0.55
    names = page.names([curve.label for curve in curves], page.size, width=room)
    if not few:
        page.legend(marks, names)
    elif curves:
        axes.legend(marks, names, loc="best", fontsize=page.size, labelcolor=theme.ink, facecolor=theme.background)
    em, limits = page.size / 72, series.limits
    bottom = page.bottom + 3.4 * em
    height = max(0.2, page.top - bottom)
    label = page.label(series.y_label, height)
    left = page.left + page.tick_width(limits, height) + (2.4 + LINE * label.count("\n")) * em
    axes.set_position((left / page.width, bottom / page.height, (page.right - left) / page.width, height / page.height))
    axes.set_ylim(*limits)
    if not few:
        axes.set_xlim(0.4, max(series.epochs, 1) + 0.6)
    axes.set_facecolor(theme.background)
    axes.set_xlabel(series.x_label, color=theme.ink, fontsize=page.size)
    axes.set_ylabel(label, color=theme.ink, fontsize=page.size)
    axes.tick_params(colors=theme.ink, labelsize=0.9 * page.size)
    axes.spines[:].set_color(theme.ink)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=(1, 2, 5, 10)))
    axes.yaxis.set_major_locator(y_locator(height))


def _color(curve: Curve, theme: Theme) -> str:
    return theme.ink if curve.rank < 0 else theme.curves[curve.rank % len(theme.curves)]
