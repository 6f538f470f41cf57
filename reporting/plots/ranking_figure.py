"""The plot of the ranking: which of many variants may be the best, by all pairs of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from models.kinds.metrics import DATA_LOSS, VAL_DATA_LOSS, in_unit, label
from models.specification import dataset_of
from reporting.plots.kind import Drawing, JobPlot, NoOptions, Source
from reporting.plots.layout import y_limits
from reporting.plots.page import LINE, Page
from reporting.plots.style import Theme
from reporting.statistics import Estimate, estimate, interquartile

MAX_ROWS = 40


@dataclass(frozen=True)
class RankRow:
    """A variant: its ranks from least to greatest, whether it may be the best, and its runs' best losses.

    `mean` is over all of them, `middle` over their middle half.
    """

    variant: str
    ranks: tuple[int, int]
    best: bool
    values: tuple[float, ...]
    mean: Estimate
    middle: Estimate


@dataclass(frozen=True)
class RankSeries:
    """Variants by their ranks, that of the least mean first."""

    title: str
    subtitle: str
    x_label: str
    rows: tuple[RankRow, ...]
    theme: str
    notes: tuple[str, ...]


def _of_job(job: Source, _options: NoOptions) -> RankSeries:
    dataset = dataset_of(job.spec)
    analysis, chosen = job.analysis("data"), job.chosen()
    metric = f"best_{VAL_DATA_LOSS}"
    found: dict[str, Sequence[float | None]] = {
        each.variant: [getattr(run, metric) for run in each.runs] for each in analysis.variants
    }
    if job.spec.get("search"):  # its finalists were chosen on the held-out rows, so the test set ranks them
        metric = f"test_{DATA_LOSS.name}"
        found = {
            name: [(run.test or {}).get(DATA_LOSS.name) for run in job.runs if run.variant == name] for name in found
        }
    rows = []
    for each in analysis.ranking:
        values = tuple(sorted(value for value in found[each.variant] if value is not None and math.isfinite(value)))
        if each.variant in chosen and values:
            mean, middle = (over(values, (0.0, math.inf)) for over in (estimate, interquartile))
            rows.append(RankRow(each.variant, each.rank, each.best, values, mean, middle))
    sequential = any(each.sequential for each in analysis.comparisons)
    called = label(metric, dataset.task)
    notes = []
    if len(rows) > MAX_ROWS:
        notes.append(f"The {MAX_ROWS} of {len(rows)} variants that have the least means are drawn.")
    if len(rows) < len(analysis.ranking):
        notes.append(f"Ranks are among all {len(analysis.ranking)} variants.")
    if any(len(row.values) > 1 for row in rows):
        notes.insert(0, "Bar: mean with its 95% interval. Diamond: mean of the middle half, with its own. Dots: runs.")
    drawn = tuple(rows[:MAX_ROWS])
    return RankSeries(
        title=f"{called} on {dataset.called}: which variant is the best",
        subtitle=_subtitle(drawn, sequential),
        x_label=f"{called}{in_unit(metric, dataset.task)}",
        rows=drawn,
        theme=job.theme,
        notes=tuple(notes),
    )


def _subtitle(rows: Sequence[RankRow], sequential: bool) -> str:
    if not rows:
        return "no finished runs yet"
    least, most = (pick(len(row.values) for row in rows) for pick in (min, max))
    if most == 1:
        return "n = 1 seed: no interval, and any rank is possible"
    n = f"{most}" if least == most else f"{least} to {most}"
    held = "at every look" if sequential else "for a fixed number of seeds"
    return f"n = {n} seeds; ranks hold for all variants at once with 95%, {held}; filled: may be the best"


def draw_ranking(figure: Figure, series: RankSeries, theme: Theme) -> None:
    """A row per variant from the top down: its name, its ranks, its runs and means, and the mean in figures."""
    page = Page(figure, theme)
    page.words(series.title, series.subtitle, series.notes)
    rows, em, size = series.rows, page.size / 72, page.size
    names = page.names([row.variant for row in rows], size, width=0.28 * page.width, most=2)
    ranks = ["–".join(dict.fromkeys(map(str, row.ranks))) for row in rows]
    texts = [_numbers(row.mean) for row in rows]
    wide = page.width >= 5.5
    before = max((page.measure(text, size) for text in (*ranks, "rank")), default=0.0) + em
    after = max((page.measure(text, 0.9 * size) for text in texts), default=0.0) + em if wide else 0.0
    left = page.left + max((page.measure(name, size) for name in names), default=0.0) + em + before
    width = max(0.5, page.right - after - left)
    words = page.label(series.x_label, width)
    bottom = page.bottom + (3.4 + LINE * words.count("\n")) * em
    axes = page.axes(left, bottom, width, max(0.2, page.top - 1.8 * em - bottom))
    page.style(axes)
    axes.grid(axis="x", color=theme.faint, linewidth=0.6)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0, labelsize=size, pad=3 + 72 * before)
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=max(2, int(width / 0.7)), steps=(1, 2, 2.5, 5, 10)))
    axes.set_xlabel(words, fontsize=size, color=theme.ink)

    def beside(text: str, y: float, color: str, *, before: bool) -> None:
        axes.text(
            -em / width if before else 1 + em / width, y, text, transform=axes.get_yaxis_transform(), va="center",
            ha="right" if before else "left", fontsize=0.9 * size, color=color,
        )  # fmt: skip

    beside("rank", -0.7, theme.muted, before=True)
    if wide:
        beside("mean", -0.7, theme.muted, before=False)
    for place, (row, rank, text) in enumerate(zip(rows, ranks, texts, strict=True)):
        color = theme.curves[0] if row.best else theme.muted
        axes.plot(row.values, [place + 0.28] * len(row.values), ".", markersize=3.5, color=theme.muted, alpha=0.7)
        for over, height, mark, thick in ((row.mean, place - 0.08, "o", 2.0), (row.middle, place + 0.14, "D", 0.9)):
            if over.ci95 is not None:
                axes.plot(over.ci95, [height, height], color=color, linewidth=thick, solid_capstyle="butt")
            axes.plot(
                [over.mean or 0.0], [height], mark, markersize=6.5 if mark == "o" else 3.5, color=color,
                markerfacecolor=color if row.best else theme.background, markeredgewidth=1.3,
            )  # fmt: skip
        beside(rank, place, theme.ink, before=True)
        if wide:
            beside(text, place, theme.ink, before=False)
    if not rows:
        axes.set_xticks([])
        return
    # Intervals of a few seeds may be wider than all that was seen: they run off the axis.
    low, high = y_limits(
        [v for row in rows for v in row.values], [e for row in rows for e in row.mean.ci95 or ()], signed=False
    )
    axes.set_xlim(max(0.0, low), high)


def _numbers(over: Estimate) -> str:
    """A mean and its interval, to two digits of half the interval's width."""
    assert over.mean is not None
    if over.ci95 is None or over.ci95[0] == over.ci95[1]:
        return f"{over.mean:.4g}"
    digits = min(9, max(0, 1 - math.floor(math.log10((over.ci95[1] - over.ci95[0]) / 2))))
    return f"{over.mean:.{digits}f} [{over.ci95[0]:.{digits}f}, {over.ci95[1]:.{digits}f}]"


def _height(series: RankSeries, _inches: float) -> float:
    return 1.7 + 0.42 * max(2, len(series.rows))


DRAWING = Drawing(RankSeries, draw_ranking, _height)
PLOT = JobPlot(
    "ranking",
    "Draw the ranking",
    "Each variant's ranks, from all pairs, with its best losses: single runs, their mean and the mean of their middle "
    "half, each with its 95% interval. The finalists of a search are ranked by the test set.",
    NoOptions,
    _of_job,
    in_report=lambda job: {"ranking": NoOptions()} if len(job.chosen()) > 2 else {},
)
