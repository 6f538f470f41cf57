"""A sweep's plot: a line with its band, or a heat map with its numbers."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from pydantic import BaseModel, Field

from models.errors import NotFound
from models.kinds.metrics import METRICS, check_offered
from models.specification import dataset_of
from reporting.penalties import needed
from reporting.plots.kind import Drawing, JobPlot, Source
from reporting.plots.layout import y_limits
from reporting.plots.page import Page
from reporting.plots.style import Theme
from reporting.plots.sweep import SweepSeries, prepare_sweep, swept


class SweepOptions(BaseModel):
    """What may be asked of a sweep's plot."""

    over: str | None = Field(None, description="One swept parameter or two, with a comma between; else the first two")
    metric: str = Field("val_data_loss", description="Its best value over the epochs is drawn")


LEGIBLE = 4.5
"""Points: cells too small for numbers of this size have none."""


def draw_sweep(figure: Figure, sweep: SweepSeries, theme: Theme) -> None:
    """One parameter: the mean and its band, each seed a faint dot. Two: a cell a setting."""
    page = Page(figure, theme)
    key = _colours(sweep) if sweep.y else "○ best"
    if any(s.partial for s in sweep.settings):
        key += f"   {'◥' if sweep.y else 'open:'} fewer seeds, or not all finished"
    notes = [note for note in sweep.notes if note.startswith("▼")]
    others = [note for note in sweep.notes if note not in notes]
    page.words(sweep.title, sweep.subtitle, ["   ".join([key, *notes]), *others] if sweep.settings else [])
    (_heat_map if sweep.y else _line)(page, sweep, theme)


def _colours(sweep: SweepSeries) -> str:
    """The key to a heat map: its best cell is yellow, its worst dark blue."""
    means = sorted((s.mean for s in sweep.settings), reverse=sweep.rising)
    words = ["□ best", f"yellow {_short(means[0])}, blue {_short(means[-1])}"] if means else []
    return "   ".join([*words, *(["empty: no epochs yet"] if len(means) < len(sweep.x) * len(sweep.y) else [])])


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) >= 1 else f"{value:.3f}"


def _line(page: Page, sweep: SweepSeries, theme: Theme) -> None:
    values = [value for setting in sweep.settings for value in setting.values]
    edges = [edge for s in sweep.settings for edge in (s.low, s.high) if edge is not None]
    limits = y_limits(values, edges, signed=False)
    axes = page.single(limits, sweep.value_label, sweep.x_label)
    axes.grid(axis="y", color=theme.faint, linewidth=0.6)
    axes.set_xlim(-0.4, len(sweep.x) - 0.6)
    shown = page.apart(sweep.x, page.inches(axes)[0])
    axes.set_xticks(shown, [sweep.x[i] for i in shown])
    if not sweep.settings:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no epochs yet", color=theme.muted, ha="center", transform=axes.transAxes)
    color = theme.curves[0]
    banded = [(s.x, s.low, s.high) for s in sweep.settings if s.low is not None and s.high is not None]
    if len(banded) == 1:
        place, *edges = banded[0]
        axes.plot([place, place], edges, color=color, alpha=0.3, linewidth=2.5)
    elif banded:
        places, low, high = zip(*banded, strict=True)
        axes.fill_between(places, low, high, color=color, alpha=0.16, linewidth=0)
    for s in sweep.settings:
        if len(s.values) > 1:
            axes.plot([s.x] * len(s.values), s.values, "o", color=color, markersize=3, alpha=0.35, markeredgewidth=0)
    axes.plot([s.x for s in sweep.settings], [s.mean for s in sweep.settings], "-s", color=color, markersize=4)
    for s in sweep.settings:
        if s.partial:
            axes.plot(
                [s.x], [s.mean], "s", markersize=5, markerfacecolor=theme.background, markeredgecolor=color,
                markeredgewidth=1.2,
            )  # fmt: skip
        if s.variant == sweep.best:
            axes.plot(
                [s.x], [s.mean], "o", markersize=9, markerfacecolor=theme.background, markeredgecolor=color,
                markeredgewidth=1.8,
            )  # fmt: skip
        if s.variant == sweep.enough:
            axes.axvline(s.x, color=theme.muted, linewidth=0.9, linestyle=(0, (2, 2)), zorder=0.5)
            axes.plot([s.x], [0.985], "v", color=theme.ink, markersize=7, transform=axes.get_xaxis_transform())


def _heat_map(page: Page, sweep: SweepSeries, theme: Theme) -> None:
    cells = np.full((len(sweep.y), len(sweep.x)), np.nan)
    for s in sweep.settings:
        cells[s.y, s.x] = s.mean
    labels = max(page.measure(text, 0.9 * page.size) for text in sweep.y)
    axes = page.single((0, len(sweep.y)), sweep.y_label, sweep.x_label, labels)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    colors = matplotlib.colormaps["cividis" if sweep.rising else "cividis_r"]
    low, high = min((s.mean for s in sweep.settings), default=0.0), max((s.mean for s in sweep.settings), default=1.0)
    axes.pcolormesh(
        np.ma.masked_invalid(cells), cmap=colors, vmin=low, vmax=high, edgecolors=theme.background, linewidth=1.5
    )
    width, height = page.inches(axes)
    across, up = page.apart(sweep.x, width), page.apart(sweep.y, height, upright=True)
    axes.set_xticks([i + 0.5 for i in across], [sweep.x[i] for i in across])
    axes.set_yticks([i + 0.5 for i in up], [sweep.y[i] for i in up])
    room = width / max(1, len(sweep.x))
    size = min(page.size, page.size * 0.8 * room / page.measure("0.0000", page.size), 50 * height / len(sweep.y))
    for s in sweep.settings:
        red, green, blue, _ = colors((s.mean - low) / (high - low) if high > low else 0.0)
        light = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5
        leading = s.variant == sweep.best
        ink = "#1a1a1a" if light else "#ffffff"
        if s.partial:
            x, y = (0.14 * min(width / len(sweep.x), height / len(sweep.y)) / inches for inches in
                    (width / len(sweep.x), height / len(sweep.y)))  # fmt: skip
            right, top = s.x + 0.96, s.y + 1 - 0.04
            axes.add_patch(Polygon([(right - x, top), (right, top), (right, top - y)], facecolor=ink, linewidth=0))
        if size >= LEGIBLE:
            axes.text(
                s.x + 0.5, s.y + 0.5, _short(s.mean), ha="center", va="center",
                fontsize=size, color=ink, fontweight="bold" if leading else "normal",
            )  # fmt: skip
        if leading:
            frame = Rectangle((s.x, s.y), 1, 1, fill=False, edgecolor=theme.curves[1], linewidth=2.5, zorder=5)
            frame.set_clip_on(False)
            axes.add_patch(frame)


def _of_job(job: Source, options: SweepOptions) -> SweepSeries:
    parameters = swept(job.spec)
    if not parameters:
        raise NotFound("The job has no sweep")
    chosen, dataset = job.chosen(parameters), dataset_of(job.spec)
    if options.metric in METRICS:
        check_offered(options.metric, dataset.task)
    return prepare_sweep(
        list(job.read([run for run in job.runs if run.variant in chosen], needed([options.metric]))),
        parameters,
        over=options.over.split(",") if options.over else (),
        metric=options.metric,
        band=job.band,
        dataset=dataset.called,
        task=dataset.task,
        theme=job.theme,
    )


def _in_report(job: Source) -> dict[str, BaseModel]:
    parameters = swept(job.spec)
    return {"sweep": SweepOptions()} if any(run.epoch for run in job.runs if run.variant in parameters) else {}


DRAWING = Drawing(SweepSeries, draw_sweep, lambda sweep, inches: max(3.2, inches * 0.6))
PLOT = JobPlot(
    "sweep",
    "Draw a sweep",
    "The best value against what was swept: a line over one parameter, a heat map over two.",
    SweepOptions,
    _of_job,
    _in_report,
)
