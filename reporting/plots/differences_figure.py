"""The plot of differences: a dot and its interval for each variant, and the numbers beside them."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pydantic import BaseModel, Field

from models.kinds.metrics import VAL_DATA_LOSS
from models.specification import dataset_of
from reporting.comparing import view_of
from reporting.plots.differences import DifferenceRow, DifferenceSeries, prepare_differences
from reporting.plots.kind import Drawing, JobPlot, Source
from reporting.plots.page import LINE, Page
from reporting.plots.style import Theme


class DifferenceOptions(BaseModel):
    """What may be asked of a plot of differences."""

    metric: str = Field("best_val_data_loss", description="One that the analysis compares")


def draw_differences(figure: Figure, differences: DifferenceSeries, theme: Theme) -> None:
    """Rows from the top down in the variants' order; in colour if the difference is more than luck."""
    page = Page(figure, theme)
    page.words(differences.title, differences.subtitle, differences.notes)
    rows = differences.rows
    em = page.size / 72
    names = page.names([row.variant for row in rows], page.size, width=0.28 * page.width, most=2)
    digits = _digits(rows)
    texts = [_numbers(row, digits) for row in rows]
    wide = page.width >= 5.5
    column = max((page.measure(text, 0.9 * page.size) for text in texts), default=0.0) + em if wide else 0.0
    left = page.left + max((page.measure(name, page.size) for name in names), default=0.0) + em
    width = max(0.5, page.right - column - left)
    label = page.label(differences.x_label, width)
    bottom = page.bottom + (3.4 + LINE * label.count("\n")) * em
    axes = page.axes(left, bottom, width, max(0.2, page.top - 0.5 * em - bottom))
    page.style(axes)
    axes.grid(axis="x", color=theme.faint, linewidth=0.6)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0, labelsize=page.size)
    axes.axvline(0, color=theme.ink, linewidth=0.9)
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=max(2, int(width / 0.7)), steps=(1, 2, 2.5, 5, 10)))
    axes.set_xlabel(label, fontsize=page.size, color=theme.ink)
    for place, (row, text) in enumerate(zip(rows, texts, strict=True)):
        color = theme.curves[0] if row.sure else theme.muted
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [place, place], color=color, linewidth=2, solid_capstyle="butt")
        axes.plot(
            [row.value], [place], "o", markersize=6.5, color=color,
            markerfacecolor=color if row.sure else theme.background, markeredgewidth=1.6,
        )  # fmt: skip
        if wide:
            axes.text(
                1 + em / width, place, text, transform=axes.get_yaxis_transform(), va="center",
                fontsize=0.9 * page.size, color=theme.ink,
            )  # fmt: skip
    if not rows:
        axes.set_xticks([])


def _numbers(row: DifferenceRow, digits: int) -> str:
    """The difference and its interval to `digits`, and p."""
    text = f"{row.value:+.{digits}f}"
    if row.low is not None and row.high is not None:
        text += f" [{row.low:+.{digits}f}, {row.high:+.{digits}f}]"
    if (p := row.p) is not None:
        text += " p < 0.001" if p < 0.001 else f" p = {p:.{3 if p < 0.01 else 2}f}"
    return text.replace("-", "−")


def _digits(rows: Sequence[DifferenceRow]) -> int:
    """Decimals for all rows: two digits of half an interval's width, three of a difference without one.

    They suit the narrowest interval, but are at most one more than suits the widest.
    """
    halves = [(row.high - row.low) / 2 for row in rows if row.high is not None and row.low is not None]
    needed = [1 - floor(log10(half)) for half in halves if half > 0]
    if not needed:
        needed = [2 - floor(log10(greatest)) if (greatest := max((abs(r.value) for r in rows), default=0)) else 0]
    return min(9, max(0, min(max(needed), min(needed) + 1)))


def _of_job(job: Source, options: DifferenceOptions) -> DifferenceSeries:
    dataset = dataset_of(job.spec)
    analysis = job.analysis(view_of(options.metric, dataset.task))
    # Chosen among what all were corrected for.
    chosen = job.chosen()
    compared = [each for each in analysis.comparisons if each.variant in chosen]
    analysis = analysis.model_copy(update={"comparisons": compared})
    return prepare_differences(
        analysis, options.metric, runs=job.runs, dataset=dataset.called, task=dataset.task, theme=job.theme
    )


def _in_report(job: Source) -> dict[str, BaseModel]:
    if all(compared.difference is None for compared in job.analysis("data").comparisons):
        return {}
    metrics = f"best_{VAL_DATA_LOSS}", f"final_{VAL_DATA_LOSS}"
    return {f"difference_{metric}": DifferenceOptions(metric=metric) for metric in metrics}


def _height(differences: DifferenceSeries, _inches: float) -> float:
    return 1.5 + 0.34 * max(2, len(differences.rows))


DRAWING = Drawing(DifferenceSeries, draw_differences, _height)
PLOT = JobPlot(
    "differences",
    "Draw differences from the baseline",
    "Each variant's difference from the baseline, with its interval.",
    DifferenceOptions,
    _of_job,
    _in_report,
)
