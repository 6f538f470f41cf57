"""The `lines` style: means with bands, named where they end, in one panel or in small multiples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isfinite, nan
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from api.plots.layout import grid, spread
from api.plots.page import MAX_NOTES, Page, y_locator
from api.plots.series import Curve, Panel, Point, Series
from api.plots.style import DASHES, MARKS, Theme

LABELLED = 4.6
"""On figures narrower than so many inches curves have a legend below, not their names at their ends."""

LOWEST = 0.35
"""Inches: before panels get lower than this, more of them stand side by side."""


def draw_lines(figure: Figure, series: Series, theme: Theme) -> None:
    """Words above and below, panels between them, labels to the right or a legend below."""
    page = Page(figure, theme)
    page.words(series.title, series.subtitle, _notes(series))
    panels = series.panels or (Panel("", ()),)
    alone = panels[0].curves if len(panels) == 1 else ()
    names = [page.fit(curve.label, 0.33 * page.width, page.size) for curve in alone]
    pair = len({curve.metric for curve in panels[0].curves}) > 1

    def look(curve: Curve) -> dict[str, Any]:
        if pair or not alone:
            return _plain(curve, theme, dashed=pair and not curve.metric.startswith("val_"))
        return _look(curve, theme)

    column = max((page.measure(name, page.size) for name in names), default=0.0) + 0.2
    room = page.top - page.bottom - 5 * page.size / 72
    labelled = (
        bool(alone)
        and page.width >= LABELLED
        and column <= 0.36 * page.width
        and len(alone) * 1.3 * page.size / 72 <= room
    )
    if len(set(names)) < len({curve.label for curve in alone}):  # shortened, they are one another's
        labelled = False
        names = [page.fit(curve.label, page.width - 0.9, page.size) for curve in alone]
    if alone and not labelled and len(alone) > 1:
        page.legend([Line2D([], [], **look(curve)) for curve in alone], names)
    cells = _cells(page, series, panels, column if labelled else 0.1)
    for panel, axes in zip(panels, cells, strict=True):
        _context(axes, panel.context, theme)
        for curve in panel.curves:
            _curve(axes, curve, look(curve), theme)
        if series.difference:
            axes.axhline(0, color=theme.ink, linewidth=0.9, zorder=2)
    if not series.epochs:
        cells[0].text(0.5, 0.5, "no epochs yet", color=theme.muted, ha="center", transform=cells[0].transAxes)
    if labelled:
        _end_labels(page, cells[0], alone, names, look)


def _notes(series: Series) -> list[str]:
    """What stands below: the key to the marks, and the series' notes."""
    curves = [curve for panel in series.panels for curve in panel.curves]
    key = []
    if any(curve.best for curve in curves):
        key.append("○ best epoch")
    if any(curve.onset for curve in curves):
        key.append("▼ onset of overfitting")
    if any(point.n < curve.seeds for curve in curves for point in curve.points):
        key.append("paler: not all seeds")
    if any(panel.context for panel in series.panels):
        dashed = any(curve.rank < 0 for panel in series.panels for curve in panel.context)
        key.append("grey: the other variants" + (", the baseline dashed" if dashed else ""))
    notes = list(series.notes)
    if len(notes) > MAX_NOTES:
        notes = [*notes[: MAX_NOTES - 1], f"… and {len(notes) - MAX_NOTES + 1} more notes."]
    return [*(["   ".join(key)] if key else []), *notes]


def _cells(page: Page, series: Series, panels: Sequence[Panel], right: float) -> list[Axes]:
    """Axes for each panel, on the same scales, filling what is left of the page."""
    em = page.size / 72
    title = 1.9 * em if len(panels) > 1 else 0.6 * em
    bottom = page.bottom + 3.2 * em
    room = page.top - 0.3 * em - bottom
    rows, columns = grid(len(panels), page.width, room / (title + LOWEST))
    between = 0.5 * em + 0.06 if columns > 1 else 0.0
    left = page.left + page.tick_width(series.limits, max(0.2, room / rows - title)) + 2.0 * em
    width = max(0.2, (page.right - right - left - (columns - 1) * between) / columns)
    titles = [page.wrap(panel.title, page.size, "bold", width) for panel in panels]
    if any(len(lines) > 1 for lines in titles) and room / rows - title - 1.2 * em >= LOWEST:
        title += 1.2 * em
    else:
        titles = [[page.fit(panel.title, width, page.size, "bold")] for panel in panels]
    height = max(0.2, room / rows - title)
    cells = []
    for i, panel in enumerate(panels):
        row, column = divmod(i, columns)
        axes = page.axes(left + column * (width + between), bottom + (rows - 1 - row) * (height + title), width, height)
        _frame(page, axes, series, width, height)
        axes.tick_params(labelleft=column == 0, labelbottom=i + columns >= len(panels))
        if panel.title:
            axes.set_title(
                "\n".join(titles[i]), loc="left", fontsize=page.size, fontweight="bold", color=page.theme.ink,
                pad=0.3 * page.size, linespacing=1.1,
            )  # fmt: skip
        cells.append(axes)
    middle = bottom + (rows * (height + title) - title) / 2
    page.figure.text(
        (page.left + 0.5 * em) / page.width, middle / page.height,
        page.fit(series.y_label, rows * (height + title), page.size),
        rotation=90, ha="center", va="center", fontsize=page.size, color=page.theme.ink,
    )  # fmt: skip
    page.figure.text(
        (left + (columns * (width + between) - between) / 2) / page.width, (page.bottom + 0.7 * em) / page.height,
        series.x_label, ha="center", va="baseline", fontsize=page.size, color=page.theme.ink,
    )  # fmt: skip
    return cells


def _frame(page: Page, axes: Axes, series: Series, width: float, height: float) -> None:
    page.style(axes)
    axes.grid(axis="y", color=page.theme.faint, linewidth=0.6)
    last = max(series.epochs, 1)
    axes.set_xlim(max(0.4, 0.9 - 0.03 * last), last + 0.03 * last + 0.1)
    axes.set_ylim(*series.limits)
    axes.xaxis.set_major_locator(
        MaxNLocator(nbins=max(2, min(10, int(width / 0.45))), integer=True, min_n_ticks=1, steps=(1, 2, 5, 10))
    )
    axes.yaxis.set_major_locator(y_locator(height))
    if not series.epochs:
        axes.set_xticks([])
        axes.set_yticks([])


def _look(curve: Curve, theme: Theme) -> dict[str, Any]:
    """Line and mark of a curve among others: by its variant's rank."""
    turn = (curve.rank + 1) % len(MARKS)  # the baseline's look is another's where there is no baseline
    return {
        "color": theme.curves[turn - 1] if turn else theme.ink,
        "linestyle": (0, DASHES[turn]) if DASHES[turn] else "-",
        "linewidth": 1.6,
        "marker": MARKS[turn],
        "markersize": 3.8,
        "markeredgewidth": 0,
    }


def _plain(curve: Curve, theme: Theme, *, dashed: bool) -> dict[str, Any]:
    """Line of a curve whose variant has a panel to itself: one colour and no marks."""
    return {
        "color": theme.ink if curve.rank < 0 else theme.curves[0],
        "linestyle": (0, (3, 1.5)) if dashed else "-",
        "linewidth": 1.6,
    }


def _context(axes: Axes, curves: Sequence[Curve], theme: Theme) -> None:
    """The other variants in grey, the baseline among them dashed."""
    lines = [list(zip(*_xy(curve.points), strict=True)) for curve in curves if curve.rank >= 0]
    axes.add_collection(LineCollection(lines, colors=theme.faint, linewidths=0.9, zorder=1), autolim=False)
    for curve in curves:
        if curve.rank < 0:
            axes.plot(*_xy(curve.points), color=theme.muted, linewidth=1.0, linestyle=(0, (4, 2)), zorder=1.2)


def _xy(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    """Epochs and values, with NaN between epochs that do not follow one another, so that the line breaks."""
    x: list[float] = []
    y: list[float] = []
    for before, point in zip((None, *points), points, strict=False):
        if before is not None and point.epoch > before.epoch + 1:
            x.append(before.epoch + 0.5)
            y.append(nan)
        x.append(point.epoch)
        y.append(point.value)
    return x, y


def _stretches(curve: Curve) -> Iterator[tuple[bool, Sequence[Point]]]:
    """The stretches of a curve with all seeds and with fewer, each joined to the next."""
    points, begin = curve.points, 0
    for i in range(1, len(points) + 1):
        if i == len(points) or (points[i].n < curve.seeds) != (points[begin].n < curve.seeds):
            yield points[begin].n < curve.seeds, points[begin : i + 1]
            begin = i


def _curve(axes: Axes, curve: Curve, look: dict[str, Any], theme: Theme) -> None:
    color, above = look["color"], 4.0 if curve.rank < 0 else 3.0
    bottom, top = axes.get_ylim()
    bands = [
        (p.epoch, p.low, p.high) if p.low is not None and bottom <= p.value <= top else (p.epoch, nan, nan)
        for p in curve.points
    ]
    if any(low is not None and isfinite(low) for _, low, _ in bands):
        epochs, low, high = zip(*bands, strict=True)
        axes.fill_between(epochs, low, high, color=color, alpha=0.14, linewidth=0, zorder=1.5)
        # A band that is one epoch wide has no area: a stroke instead, beside those of others.
        known = {epoch for epoch, edge, _ in bands if edge is not None and isfinite(edge)}
        beside = axes.transData + ScaledTranslation(2.5 * (curve.rank + 1) / 72, 0, axes.figure.dpi_scale_trans)
        for p in curve.points:
            if p.epoch in known and not known & {p.epoch - 1, p.epoch + 1}:
                edges = [edge for edge in (p.low, p.high) if edge is not None]
                axes.plot([p.epoch] * 2, edges, color=color, alpha=0.4, linewidth=2, zorder=1.5, transform=beside)
    every = max(1, len(curve.points) // 10)
    for fewer, points in _stretches(curve):
        axes.plot(
            *_xy(points), **look, alpha=0.45 if fewer else 1.0, zorder=above,
            markevery=(max(curve.rank, 0) % every, every),
        )  # fmt: skip
    values = {p.epoch: p.value for p in curve.points}
    if curve.best is not None:
        axes.plot(
            [curve.best], [values[curve.best]], marker="o", markersize=8, markerfacecolor=theme.background,
            markeredgecolor=color, markeredgewidth=1.6, linestyle="", zorder=above + 2,
        )  # fmt: skip
    if curve.onset is not None:
        lifted = axes.transData + ScaledTranslation(0, 6 / 72, axes.figure.dpi_scale_trans)
        axes.plot(
            [curve.onset], [values[curve.onset]], marker="v", markersize=6, markerfacecolor=color,
            markeredgecolor=theme.background, markeredgewidth=0.8, linestyle="", zorder=above + 2, transform=lifted,
        )  # fmt: skip


def _end_labels(
    page: Page, axes: Axes, curves: Sequence[Curve], names: Sequence[str], look: Callable[[Curve], dict[str, Any]]
) -> None:
    """The curves' names at their ends, moved apart, with a thin leader where one was moved."""
    low, high = axes.get_ylim()
    inches = axes.get_window_extent(page.renderer).height / page.figure.dpi
    unit = (high - low) / inches
    ended = [(curve, name) for curve, name in zip(curves, names, strict=True) if curve.points]
    ends = [min(max(curve.points[-1].value, low), high) for curve, _ in ended]
    places = spread(ends, 1.3 * page.size / 72 * unit, low, high)
    beside = blended_transform_factory(axes.transAxes, axes.transData)
    reach = 0.14 / (axes.get_window_extent(page.renderer).width / page.figure.dpi)
    for (curve, name), end, place in zip(ended, ends, places, strict=True):
        color = look(curve)["color"]
        axes.annotate(
            name, xy=(1 + reach, place), xycoords=beside, color=color, fontsize=page.size,
            va="center", ha="left", annotation_clip=False,
        )  # fmt: skip
        start = axes.transAxes.inverted().transform(axes.transData.transform((curve.points[-1].epoch, end)))[0]
        axes.plot(
            [start + 0.01, 1 + reach * 0.85], [end, place], transform=beside, color=color, linewidth=0.6, alpha=0.7,
            clip_on=False, zorder=1,
        )  # fmt: skip
