"""Figures of kept predictions: what is made of each run's, and curves of rates between 0 and 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from models.errors import NotForTask
from models.kinds.task import Task
from models.predictions import Predictions
from models.specification import dataset_of
from models.tables import Status
from reporting.plots.kind import Band, Drawing, NoOptions, Source
from reporting.plots.lines import look_of
from reporting.plots.page import Page
from reporting.plots.progress import progress
from reporting.plots.series import BAND_WORDS, Point, band_of, ranks
from reporting.plots.style import PANEL_CURVES, Theme

T = TypeVar("T")


@dataclass(frozen=True)
class Rate:
    """A variant's curve: at each of `x` the mean of its seeds and the band around it."""

    variant: str
    rank: int
    x: tuple[float, ...]
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Rates:
    """A figure of rates. `marks`: whether each point has one."""

    title: str
    subtitle: str
    x_label: str
    y_label: str
    curves: tuple[Rate, ...]
    marks: bool
    theme: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What was made of each variant's runs, and what is said of it. `baseline`'s rank is -1."""

    of: dict[str, list[NDArray[np.float64]]]
    ranks: dict[str, int]
    subtitle: str
    notes: tuple[str, ...]


def found(
    job: Source, what: str, make: Callable[[Predictions], NDArray[np.float64]], most: int = PANEL_CURVES
) -> Found:
    """What `make` makes of the kept predictions of each run that has some, by variant; at most so many variants.

    Raises NotForTask if the labels are no classes: such a job has no `what`.
    """
    task: Task = dataset_of(job.spec).task
    if task.class_count is None:
        raise NotForTask(f"A job of {task.title} predicts numbers and no classes: it has no {what}")
    names = list(job.chosen())
    shown, notes = names[:most], []
    if len(names) > most:
        notes.append(f"The first {most} of {len(names)} variants are drawn; choose others.")
    of: dict[str, list[NDArray[np.float64]]] = {name: [] for name in shown}
    without, runs = 0, [run for run in job.runs if run.variant in of]
    for run in runs:
        if run.status == Status.SUCCEEDED:
            if (kept := job.predictions(run, task)) is None:
                without += 1
            else:
                of[run.variant].append(make(kept))
    if without:
        notes.append(f"Of {without} run{'s' if without > 1 else ''} no predictions are kept.")
    counts = sorted({len(each) for each in of.values() if each})
    seeds = f"n = {' to '.join(map(str, {counts[0]: 0, counts[-1]: 0}))} seeds" if counts else "no predictions yet"
    band = BAND_WORDS.get(job.band, "") if counts and counts[-1] > 1 else ""
    said = [progress(runs), seeds.replace("n = 1 seeds", "n = 1 seed"), band, "validation set, chosen epochs"]
    subtitle = "; ".join(part for part in said if part)
    return Found(of, ranks(names, job.spec["baseline"]), subtitle, tuple(notes))


def in_report(name: str) -> Callable[[Source], Mapping[str, NoOptions]]:
    """The figure of this name, if the job has classes and a run whose predictions are kept."""

    def figures(job: Source) -> Mapping[str, NoOptions]:
        task: Task = dataset_of(job.spec).task
        done = (run for run in job.runs if run.status == Status.SUCCEEDED)
        there = task.class_count is not None and any(job.predictions(run, task) is not None for run in done)
        return {name: NoOptions()} if there else {}

    return figures


def over_seeds(values: Sequence[NDArray[np.float64]], band: Band) -> tuple[Point | None, ...]:
    """The mean over seeds at each place of such arrays, all of one shape, and its band; None where all are NaN."""
    stacked = np.stack(values).reshape(len(values), -1)
    return tuple(
        band_of(0, finite, band, (0.0, 1.0)) if (finite := column[np.isfinite(column)].tolist()) else None
        for column in stacked.T
    )


def draw_rates(figure: Figure, rates: Rates, theme: Theme) -> None:
    """Curves over a dashed diagonal, their names below."""
    page = Page(figure, theme)
    page.words(rates.title, rates.subtitle, rates.notes)
    marks = {} if rates.marks else {"marker": ""}
    looks = [{**look_of(curve.rank, theme), **marks} for curve in rates.curves]
    if rates.curves:
        names = page.names([curve.variant for curve in rates.curves], page.size, width=page.width - 0.9)
        page.legend([Line2D([], [], **look) for look in looks], names)
    axes = page.single((-0.02, 1.02), rates.y_label, rates.x_label)
    axes.set_xlim(-0.02, 1.02)
    axes.grid(color=theme.faint, linewidth=0.6)
    axes.plot([0, 1], [0, 1], color=theme.muted, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    for curve, look in zip(rates.curves, looks, strict=True):
        if any(point.low is not None for point in curve.points):
            low, high = (
                [getattr(p, side) if p.low is not None else p.value for p in curve.points] for side in ("low", "high")
            )
            axes.fill_between(curve.x, low, high, color=look["color"], alpha=0.14, linewidth=0, zorder=1.5)
        axes.plot(curve.x, [point.value for point in curve.points], **look, zorder=4 if curve.rank < 0 else 3)
    if not rates.curves:
        axes.text(
            0.5, 0.5, "no predictions yet", color=theme.muted, fontsize=page.size, ha="center", transform=axes.transAxes
        )


DRAWING = Drawing(Rates, draw_rates, lambda rates, inches: max(3.6, min(0.85 * inches, 7)))
