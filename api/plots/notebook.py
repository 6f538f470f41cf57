"""The notebook's own style: blue crosses against blue dots, a plain frame and a legend."""

from __future__ import annotations

from typing import Literal

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from api.plots.page import MAX_NOTES, Page, y_locator
from api.plots.series import Series
from api.plots.style import NOTEBOOK_MARKS, Theme, drawable

BESIDE = 6
"""More curves than this have their legend below the axes."""


def draw_notebook(figure: Figure, series: Series, theme: Theme) -> None:
    """`plt.plot(epochs, ..., 'b+')`, then `'bo'`, as the notebook does; more blue marks for more variants.

    With several seeds a mark is their mean, and a thin stroke its band. A line below says data set and n.
    """
    page = Page(figure, theme)
    blue = "b" if theme.background == "#ffffff" else theme.curves[0]
    curves = series.panels[0].curves
    for note in reversed((f"{series.title}; {series.subtitle}", *series.notes[:MAX_NOTES])):
        page.below(note, 0.8 * page.size, theme.muted)
    axes = page.axes(0, 0, 1, 1)
    marks = []
    for i, curve in enumerate(curves):
        style: Literal["full", "none"] = "full" if i < len(NOTEBOOK_MARKS) else "none"
        epochs, values = [p.epoch for p in curve.points], [p.value for p in curve.points]
        mark = NOTEBOOK_MARKS[i % len(NOTEBOOK_MARKS)][1:]
        marks += axes.plot(epochs, values, mark, color=blue, fillstyle=style)
        inside = [p for p in curve.points if series.limits[0] <= p.value <= series.limits[1]]
        bands = [(p.epoch, p.low, p.high) for p in inside if p.low is not None and p.high is not None]
        if bands:
            at, low, high = zip(*bands, strict=True)
            axes.vlines(at, low, high, colors=blue, linewidth=0.8, alpha=0.4)
    names = [drawable(curve.label, 40) for curve in curves]
    if len(curves) > BESIDE:
        page.legend(marks, names)
    elif curves:
        axes.legend(marks, names, loc="best", fontsize=page.size, labelcolor=theme.ink, facecolor=theme.background)
    em, limits = page.size / 72, series.limits
    bottom = page.bottom + 3.4 * em
    height = max(0.2, page.top - bottom)
    left = page.left + page.tick_width(limits, height) + 2.4 * em
    axes.set_position((left / page.width, bottom / page.height, (page.right - left) / page.width, height / page.height))
    axes.set_ylim(*limits)
    axes.set_facecolor(theme.background)
    axes.set_xlabel(series.x_label, color=theme.ink, fontsize=page.size)
    axes.set_ylabel(page.fit(series.y_label, height, page.size), color=theme.ink, fontsize=page.size)
    axes.tick_params(colors=theme.ink, labelsize=0.9 * page.size)
    axes.spines[:].set_color(theme.ink)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=(1, 2, 5, 10)))
    axes.yaxis.set_major_locator(y_locator(height))
