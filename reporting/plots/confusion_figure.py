"""The plot of confusion: what rows of each class are taken for, in a panel for each variant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.predictions import Predictions
from models.specification import dataset_of
from reporting.plots.kind import Drawing, JobPlot, NoOptions, Source
from reporting.plots.layout import grid
from reporting.plots.page import Page
from reporting.plots.rates import found, in_report, over_seeds
from reporting.plots.series import Point
from reporting.plots.style import Theme

MAX_PANELS = 12
LEGIBLE = 0.5
"""Inches: cells narrower than this have no numbers."""


@dataclass(frozen=True)
class Confusion:
    """Of each variant, class by class, the shares of its rows that are taken for each class; None if it has no rows."""

    title: str
    subtitle: str
    classes: tuple[str, ...]
    cells: dict[str, tuple[Point | None, ...]]
    theme: str
    notes: tuple[str, ...]


def confusion(of: Predictions) -> NDArray[np.float64]:
    """float64 (classes, classes): of the rows of each class, the share that is taken for each; NaN of no rows."""
    values, truth = of.values, of.labels[:, 0].astype(np.int64)
    classes = max(2, values.shape[1])
    answers = (values[:, 0] > 0.5).astype(np.int64) if values.shape[1] == 1 else values.argmax(axis=1)
    counts = np.bincount(truth * classes + answers, minlength=classes * classes).reshape(classes, classes)
    rows = counts.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = np.where(rows > 0, counts / np.maximum(rows, 1), np.nan)
    return shares


def _of_job(job: Source, _options: NoOptions) -> Confusion:
    dataset = dataset_of(job.spec)
    made = found(job, "confusion of classes", confusion, MAX_PANELS)
    cells = {name: over_seeds(runs, job.band) for name, runs in made.of.items() if runs}
    title = f"What rows of each class are taken for, on {dataset.called}"
    return Confusion(title, made.subtitle, tuple(dataset.labels), cells, job.theme, made.notes)


def draw_confusion(figure: Figure, matrix: Confusion, theme: Theme) -> None:
    """A square per class and answer, darker the more rows it has; its share and half its band if there is room."""
    page = Page(figure, theme)
    page.words(matrix.title, matrix.subtitle, matrix.notes)
    em, count = page.size / 72, len(matrix.classes)
    colours = LinearSegmentedColormap.from_list("shares", [theme.background, theme.curves[0]])
    rows, columns = grid(max(1, len(matrix.cells)), page.width)
    names = page.names(matrix.classes, 0.9 * page.size, width=0.14 * page.width)
    beside = max(page.measure(name, 0.9 * page.size) for name in names) + 2.2 * em
    bottom, above, below = page.bottom, 1.9 * em, 3.2 * em
    width = (page.right - page.left) / columns - beside - 0.5 * em
    height = (page.top - bottom) / rows - above - below
    side = max(0.3, min(width, height))
    titles = page.names(list(matrix.cells), page.size, "bold", width=side + beside)
    for i, (points, title) in enumerate(zip(matrix.cells.values(), titles, strict=True)):
        row, column = divmod(i, columns)
        left = page.left + beside + column * (page.right - page.left) / columns
        axes = page.axes(left, page.top - (row + 1) * (above + below + height) + below + height - side, side, side)
        page.style(axes)
        shares = np.array([np.nan if point is None else point.value for point in points]).reshape(count, count)
        axes.imshow(shares, cmap=colours, vmin=0, vmax=1)
        axes.set_title(title, loc="left", fontsize=page.size, fontweight="bold", color=theme.ink)
        places = page.apart(names, side, upright=True)
        axes.set_yticks(places, [names[each] for each in places])
        places = page.apart(names, side)
        axes.set_xticks(places, [names[each] for each in places])
        axes.set_xlabel("taken for", fontsize=0.9 * page.size, color=theme.ink)
        if side / count >= LEGIBLE:
            for place, point in enumerate(points):
                if point is not None:
                    y, x = divmod(place, count)
                    band = "" if point.low is None or point.high is None else f"\n±{50 * (point.high - point.low):.1f}"
                    axes.text(
                        x, y, f"{100 * point.value:.1f}%{band}", ha="center", va="center", fontsize=0.85 * page.size,
                        color=theme.background if point.value > 0.5 else theme.ink,
                    )  # fmt: skip
    if not matrix.cells:
        figure.text(0.5, 0.5, "no predictions yet", color=theme.muted, fontsize=page.size, ha="center")


def _height(matrix: Confusion, inches: float) -> float:
    rows, columns = grid(max(1, len(matrix.cells)), inches)
    return 1.1 + rows * max(1.6, min(3.4, inches / columns - 0.2))


DRAWING = Drawing(Confusion, draw_confusion, _height)
PLOT = JobPlot(
    "confusion",
    "Draw confusion",
    "What rows of each class are taken for by the networks of the chosen epochs, in shares of the class: the mean over "
    "seeds, and half the band. 422 `not_for_task` of a regression.",
    NoOptions,
    _of_job,
    in_report("confusion"),
)
