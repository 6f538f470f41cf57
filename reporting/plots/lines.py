"""The `lines` style: means with bands, named where they end, in one panel or in small multiples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import nan
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from reporting.plots.layout import grid, spread
from reporting.plots.page import LINE, MAX_NOTES, Page, y_locator
from reporting.plots.series import Curve, Panel, Point, Series
from reporting.plots.style import DASHES, MARKS, ONSET, PANEL_CURVES, Theme

LABELLED = 4.6
"""On figures narrower than so many inches curves have a legend below, not their names at their ends."""

LOWEST = 0.35
"""Inches: before panels get lower than this, more of them stand side by side."""

FLAG = Path([*ONSET, ONSET[0]], closed=True)
FLAG_HEIGHT = 13.0
"""Points."""

FEW = 2
"""Of more bands than this each is fainter: where they overlap, their edges tell them apart."""


def draw_lines(figure: Figure, series: Series, theme: Theme) -> None:
    """Words above and below, panels between them, labels to the right or a legend below."""
    page = Page(figure, theme)
    page.words(series.title, series.subtitle, _notes(series))
    panels = series.panels or (Panel("", ()),)
    alone = panels[0].curves if len(panels) == 1 else ()
    whole = [curve.label for curve in alone]
    names = page.names(whole, page.size, width=0.33 * page.width)
    pair = len({curve.metric for curve in panels[0].curves}) > 1

    def look(curve: Curve) -> dict[str, Any]:
        if pair or not alone:
            own = len(panels) <= PANEL_CURVES
            return _plain(curve, theme, own=own, dashed=pair and not curve.metric.startswith("val_"))
        return look_of(curve.rank, theme)

    column = max((page.measure(name, page.size) for name in names), default=0.0) + 0.2
    room = page.top - page.bottom - 5 * page.size / 72
    labelled = (
        bool(alone)
        and page.width >= LABELLED
        and column <= 0.36 * page.width
        and len(alone) * 1.3 * page.size / 72 <= room
    )
    if names != page.names(whole, page.size, width=page.width - 0.9):  # a legend has room for more of them
        labelled = False
        names = page.names(whole, page.size, width=page.width - 0.9)
    if alone and not labelled and len(alone) > 1:
        page.legend([Line2D([], [], **look(curve)) for curve in alone], names)
    cells = _cells(page, series, panels, column if labelled else 0.1)
    for panel, axes in zip(panels, cells, strict=True):
        _context(axes, panel.context, theme)
        for curve in panel.curves:
            _curve(axes, curve, look(curve), theme, crowded=len(panel.curves) > FEW)
        if series.difference:
            axes.axhline(0, color=theme.ink, linewidth=0.9, zorder=2)
    for panel, axes in zip(panels, cells, strict=True):
        if not any(curve.points for curve in panel.curves):
            axes.text(
                0.5, 0.5, "no values yet" if series.epochs else "no epochs yet", color=theme.muted, fontsize=page.size,
                ha="center", transform=axes.transAxes,
            )  # fmt: skip
    if labelled:
        _end_labels(page, cells[0], alone, names, look)


def _notes(series: Series) -> list[str]:
    """What stands below: the key to the marks, and the series' notes."""
    curves = [curve for panel in series.panels for curve in panel.curves]
    key = []
    if any(curve.best for curve in curves):
        key.append("○ best epoch")
    if any(curve.onset for curve in curves):
        key.append("⚑ onset of overfitting (smoothed)")
    if any(point.n < curve.runs for curve in curves for point in curve.points):
        key.append("paler: not all seeds")
    if any(_exits(curve, series.limits) for curve in curves):
        key.append("↑ leaves the axis")
    if any(_cut(point, series.limits) for curve in curves for point in curve.points):
        key.append("bands may run off the axis")
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
    label = page.label(series.y_label, room)
    beside = (2.0 + LINE * label.count("\n")) * em
    left = page.left + page.tick_width(series.limits, max(0.2, room / rows - title)) + beside
    width = max(0.2, (page.right - right - left - (columns - 1) * between) / columns)
    most = 2 if room / rows - title - LINE * em >= LOWEST else 1
    titles = page.names([panel.title for panel in panels], page.size, "bold", width=width, most=most)
    title += LINE * em * max(each.count("\n") for each in titles)
    height = max(0.2, room / rows - title)
    cells = []
    for i, panel in enumerate(panels):
        row, column = divmod(i, columns)
        axes = page.axes(left + column * (width + between), bottom + (rows - 1 - row) * (height + title), width, height)
        _frame(page, axes, series, width, height)
        axes.tick_params(labelleft=column == 0, labelbottom=i + columns >= len(panels))
        if panel.title:
            axes.set_title(
                titles[i], loc="left", fontsize=page.size, fontweight="bold", color=page.theme.ink,
                pad=0.3 * page.size, linespacing=1.1,
            )  # fmt: skip
        cells.append(axes)
    middle = bottom + (rows * (height + title) - title) / 2
    page.figure.text(
        (page.left + 0.5 * (beside - em)) / page.width, middle / page.height, label,
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


def look_of(rank: int, theme: Theme) -> dict[str, Any]:
    """Line and mark of a curve among others: by its variant's rank."""
    turn = (rank + 1) % len(MARKS)  # the baseline's look is another's where there is no baseline
    return {
        "color": theme.curves[turn - 1] if turn else theme.ink,
        "linestyle": (0, DASHES[turn]) if DASHES[turn] else "-",
        "linewidth": 1.6,
        "marker": MARKS[turn],
        "markersize": 3.8,
        "markeredgewidth": 0,
    }


def _plain(curve: Curve, theme: Theme, *, own: bool, dashed: bool) -> dict[str, Any]:
    """Line of a curve whose variant has a panel to itself: no marks, and its `own` colour or one for all."""
    return {
        "color": theme.ink if curve.rank < 0 else theme.curves[curve.rank % len(theme.curves) if own else 0],
        "linestyle": (0, (3, 1.5)) if dashed else "-",
        "linewidth": 1.6,
    }


def _context(axes: Axes, curves: Sequence[Curve], theme: Theme) -> None:
    """The other variants in grey, the baseline among them dashed."""
    lines = [list(zip(*_xy(curve.points), strict=True)) for curve in curves if curve.rank >= 0 and curve.points]
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


def _exits(curve: Curve, limits: tuple[float, float]) -> list[tuple[float, float]]:
    """Where a curve first leaves the axis and, where it came back, each time after: (epoch, edge)."""
    low, high = limits
    found = []
    for before, point in zip((None, *curve.points), curve.points, strict=False):
        if low <= point.value <= high:
            continue
        edge = high if point.value > high else low
        if before is None:
            found.append((float(point.epoch), edge))
        elif low <= before.value <= high:
            part = (edge - before.value) / (point.value - before.value)
            found.append((before.epoch + part * (point.epoch - before.epoch), edge))
    return found


def _cut(point: Point, limits: tuple[float, float]) -> bool:
    """Whether the band of a point on the axis runs off it."""
    low, high = limits
    inside = low <= point.value <= high and point.low is not None and point.high is not None
    return inside and (point.low < low or point.high > high)  # type: ignore[operator]


def _stretches(curve: Curve) -> Iterator[tuple[bool, Sequence[Point]]]:
    """The stretches of a curve with all seeds and with fewer, each joined to the next."""
    points, begin = curve.points, 0
    for i in range(1, len(points) + 1):
        if i == len(points) or (points[i].n < curve.runs) != (points[begin].n < curve.runs):
            yield points[begin].n < curve.runs, points[begin : i + 1]
            begin = i


def _band(axes: Axes, curve: Curve, color: str, *, filled: float, dashed: bool) -> None:
    """The band of a curve: an area as opaque as `filled` says, between thin edges."""
    bottom, top = axes.get_ylim()
    known = {
        p.epoch: (p.low, p.high)
        for p in curve.points
        if p.low is not None and p.high is not None and bottom <= p.value <= top
    }
    if not known:
        return
    epochs = [p.epoch for p in curve.points]
    low, high = ([known.get(epoch, (nan, nan))[side] for epoch in epochs] for side in (0, 1))
    if filled:
        axes.fill_between(epochs, low, high, color=color, alpha=filled, linewidth=0, zorder=1.5)
    for edge in (low, high):
        axes.plot(
            epochs, edge, color=color, alpha=0.55, linewidth=0.7, linestyle=(0, (4, 3)) if dashed else "-", zorder=1.6
        )
    # A band that is one epoch wide has no area: a stroke instead, beside those of others.
    beside = axes.transData + ScaledTranslation(2.5 * (curve.rank + 1) / 72, 0, axes.figure.dpi_scale_trans)
    for epoch, edges in known.items():
        if not known.keys() & {epoch - 1, epoch + 1}:
            axes.plot([epoch] * 2, edges, color=color, alpha=0.4, linewidth=2, zorder=1.5, transform=beside)


def _curve(axes: Axes, curve: Curve, look: dict[str, Any], theme: Theme, *, crowded: bool) -> None:
    color, above = look["color"], 4.0 if curve.rank < 0 else 3.0
    training = "marker" not in look and not curve.metric.startswith("val_") and look["linestyle"] != "-"
    _band(axes, curve, color, filled=0.0 if training else 0.07 if crowded else 0.14, dashed=training)
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
        axes.plot(
            [curve.onset], [values[curve.onset]], marker=FLAG, markersize=2 * FLAG_HEIGHT, markerfacecolor=color,
            markeredgecolor=theme.background, markeredgewidth=0.5, linestyle="", zorder=above + 2,
        )  # fmt: skip
    for epoch, edge in _exits(curve, axes.get_ylim())[:1]:
        inwards = -12 if edge == axes.get_ylim()[1] else 12
        axes.annotate(
            "", xy=(epoch, edge), xytext=(0, inwards), textcoords="offset points", zorder=above + 2,
            arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0,
                        "mutation_scale": 9},
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
