"""The figure of a search: its trials in their order with the best so far, and a slice along each axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator

from models.errors import NotFound
from models.kinds.axes import AXES
from models.kinds.metrics import METRICS, in_unit, phrase
from models.kinds.task import Task
from models.search import Search
from models.spaces import Interval
from models.specification import dataset_of, search_of
from models.tables import FINISHED
from reporting.answers import Searched, TrialAnswer
from reporting.plots.kind import Drawing, JobPlot, NoOptions, Source
from reporting.plots.layout import grid, y_limits
from reporting.plots.page import Page, y_locator
from reporting.plots.style import Theme
from reporting.plots.sweep import in_figures

PANEL_HEIGHT = 1.9
WIDE = 20
"""Values whose greatest is so many times their least are drawn on a logarithmic axis."""


@dataclass(frozen=True)
class Dot:
    """A trial on a panel. `pruned`: it was ended early. `finalist`: it was trained anew."""

    x: float
    y: float
    pruned: bool
    finalist: bool


@dataclass(frozen=True)
class Panel:
    """Trials along an axis. `places`: the names of the values 0, 1, … if they are no numbers. `best`: the best value
    so far, from the trial on that had it; empty in a slice, and if there are several spaces."""

    label: str
    dots: tuple[Dot, ...]
    places: tuple[str, ...] = ()
    log: bool = False
    best: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class SearchSlices:
    """A figure of a search's trials. `limits`: of the values' axis, which all panels share."""

    title: str
    subtitle: str
    y_label: str
    panels: tuple[Panel, ...]
    theme: str
    limits: tuple[float, float] = (0.0, 1.0)
    notes: tuple[str, ...] = ()


def prepare_search(
    search: Search, found: Searched, *, dataset: str = "", task: Task | None = None, theme: str = "light"
) -> SearchSlices:
    """What to draw of a search's trials so far: those with a value."""
    finalists = {each.trial for each in found.finalists}
    drawn = [each for each in found.trials if each.value is not None]

    def dots(trials: Sequence[TrialAnswer], xs: Sequence[float]) -> tuple[Dot, ...]:
        return tuple(
            Dot(x, each.value, each.pruned is not None, each.trial in finalists)
            for each, x in zip(trials, xs, strict=True)
            if each.value is not None
        )

    best = tuple((float(each.trial), each.value) for each in drawn if each.best and each.value is not None)
    panels = [
        Panel("Trial", dots(drawn, [float(each.trial) for each in drawn]), best=best if len(search.spaces) == 1 else ())
    ]
    for axis in dict.fromkeys(name for space in search.spaces for name in space.axes()):
        own = [each for each in drawn if axis in each.values]
        values = [each.values[axis] for each in own]
        label = AXES[axis].title[:1].upper() + AXES[axis].title[1:]
        if any(isinstance(value, str) for value in values):
            places = tuple(dict.fromkeys(str(value) for value in values))
            panels.append(Panel(label, dots(own, [float(places.index(str(value))) for value in values]), places))
        else:
            numbers = [float(value) for value in values]
            panels.append(Panel(label, dots(own, numbers), log=_logarithmic(search, axis, numbers)))
    words = phrase(found.metric, task)
    values_drawn = [each.value for each in drawn if each.value is not None]
    whole = [each.value for each in drawn if each.value is not None and each.pruned is None] or values_drawn
    limits = y_limits(whole, values_drawn, signed=False, most=METRICS[found.metric].measure.bounds[1])
    outside = sum(not limits[0] <= value <= limits[1] for value in values_drawn)
    notes = ["The best of many trials is partly the luckiest: the finalists' test scores say what it is worth."]
    if outside:
        notes += [f"Not in view, beyond the vertical axis: {outside} {'trial' if outside == 1 else 'trials'}."]
    pruned, failed = sum(each.pruned is not None for each in drawn), _failed(found.trials)
    done = sum(each.status in FINISHED for each in found.trials)
    parts = [f"{done} of {len(found.trials)} trials ended" if done < len(found.trials) else f"{done} trials"]
    parts += [f"{pruned} ended early by the pruner"] if pruned else []
    parts += [f"{failed} failed: not drawn"] if failed else []
    return SearchSlices(
        title=f"Search for the best {words}{f' on {dataset}' if dataset else ''}",
        subtitle=", ".join(parts),
        y_label=f"Best {words}, held out{in_unit(found.metric, task)}",
        panels=tuple(panels),
        theme=theme,
        limits=limits,
        notes=tuple(notes),
    )


def _failed(trials: Sequence[TrialAnswer]) -> int:
    return sum(each.value is None and each.status in FINISHED for each in trials)


def _logarithmic(search: Search, axis: str, values: Sequence[float]) -> bool:
    choices = [space.axes()[axis] for space in search.spaces if axis in space.axes()]
    if any(isinstance(choice, Interval) for choice in choices):
        return all(isinstance(choice, Interval) and choice.log for choice in choices)
    return bool(values) and min(values) > 0 and max(values) >= WIDE * min(values)


def draw_search(figure: Figure, slices: SearchSlices, theme: Theme) -> None:
    """Panels with one y axis: filled dots were trained to their end, open ones ended early; finalists have a ring."""
    page = Page(figure, theme)
    page.words(slices.title, slices.subtitle, slices.notes)
    every = [dot for panel in slices.panels for dot in panel.dots]
    page.legend(*_legend(every, bool(slices.panels[0].best), theme))
    em = page.size / 72
    rows, columns = grid(len(slices.panels), page.width)
    height = (page.top - page.bottom) / rows - 4.2 * em
    ticks = page.tick_width(slices.limits, height) + 0.8 * em
    label = page.label(slices.y_label, page.top - page.bottom)
    left = page.left + 1.6 * em * (1 + label.count("\n"))
    figure.text(
        page.left / page.width, (page.top + page.bottom) / 2 / page.height, label, rotation=90, fontsize=page.size,
        color=theme.ink, va="center", ha="left",
    )  # fmt: skip
    width = (page.right - left) / columns
    for i, panel in enumerate(slices.panels):
        row, column = divmod(i, columns)
        axes = page.axes(
            left + column * width + ticks,
            page.top - 0.6 * em - row * (height + 4.2 * em) - height,
            max(0.4, width - ticks - 0.8 * em),
            max(0.3, height),
        )
        _panel(page, axes, panel, slices.limits, height, theme)


def _panel(page: Page, axes: Axes, panel: Panel, limits: tuple[float, float], height: float, theme: Theme) -> None:
    page.style(axes)
    axes.grid(color=theme.faint, linewidth=0.6)
    axes.set_ylim(*limits)
    axes.yaxis.set_major_locator(y_locator(height))
    inches = page.inches(axes)[0]
    axes.set_xlabel(
        "\n".join(page.wrap(panel.label, page.size, width=inches, most=1)), fontsize=page.size, color=theme.ink
    )
    if panel.places:
        axes.set_xlim(-0.5, len(panel.places) - 0.5)
        shown = page.apart(panel.places, inches)
        axes.set_xticks(shown, [panel.places[i] for i in shown])
    elif panel.log and panel.dots:
        axes.set_xscale("log")
        low, high = min(dot.x for dot in panel.dots), max(dot.x for dot in panel.dots)
        axes.set_xlim(low / 1.5, high * 1.5)
        ends = [low, high] if high > low else [low]
        axes.set_xticks(ends, [in_figures(float(f"{end:.2g}")) for end in ends])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=max(2, min(5, int(inches / 0.6))), integer=not panel.dots))
    color = theme.curves[0]
    if panel.best:
        end = max(dot.x for dot in panel.dots)
        steps = [*panel.best, (end, panel.best[-1][1])]
        axes.plot(*zip(*steps, strict=True), color=theme.muted, linewidth=1.3, drawstyle="steps-post", zorder=2)
    for dot in panel.dots:
        face = theme.background if dot.pruned else color
        axes.plot(
            [dot.x], [dot.y], "o", markersize=4.5, color=color, markerfacecolor=face, markeredgewidth=1.1, zorder=3
        )
        if dot.finalist:
            axes.plot(
                [dot.x], [dot.y], "o", markersize=9.5, color=theme.curves[1], markerfacecolor="none",
                markeredgewidth=1.6, zorder=4,
            )  # fmt: skip


def _legend(dots: Sequence[Dot], best: bool, theme: Theme) -> tuple[list[Line2D], list[str]]:
    color, none = theme.curves[0], theme.background
    found = [("trained to its end", {"color": color, "marker": "o", "markersize": 4.5, "linestyle": "none"})]
    if any(dot.pruned for dot in dots):
        found += [("ended early", {**found[0][1], "markerfacecolor": none})]
    if any(dot.finalist for dot in dots):
        ring = {**found[0][1], "color": theme.curves[1], "markersize": 9.5, "markerfacecolor": "none"}
        found += [("finalist", {**ring, "markeredgewidth": 1.6})]
    if best:
        found += [("best so far", {"color": theme.muted, "linewidth": 1.3})]
    return [Line2D([], [], **style) for _, style in found], [name for name, _ in found]  # type: ignore[arg-type]


def _height(slices: SearchSlices, inches: float) -> float:
    rows, _ = grid(len(slices.panels), inches)
    return 1.3 + rows * PANEL_HEIGHT


def _of_job(job: Source, _: NoOptions) -> SearchSlices:
    search, dataset = search_of(job.spec), dataset_of(job.spec)
    found = job.analysis("data").search if search else None
    if search is None or found is None:
        raise NotFound("The job has no search" if search is None else "The search has no trials yet")
    return prepare_search(search, found, dataset=dataset.called, task=dataset.task, theme=job.theme)


DRAWING = Drawing(SearchSlices, draw_search, _height)
PLOT = JobPlot(
    "search",
    "Draw a search",
    "The trials of a search in their order with the best so far, and their values along each axis.",
    NoOptions,
    _of_job,
)
