"""The plot of why: by which rows the validation loss rises, or of what the Brier score is made, over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from pydantic import BaseModel, Field

from models.kinds.metrics import VAL_DATA_LOSS, phrase
from models.specification import dataset_of
from models.tables import Status
from models.why import Explained
from reporting.plots.kind import Drawing, JobPlot, Source
from reporting.plots.layout import grid, y_limits
from reporting.plots.page import Page
from reporting.plots.progress import progress
from reporting.plots.series import BAND_WORDS, Point, band_of
from reporting.plots.style import Theme
from reporting.statistics import ANYWHERE
from reporting.why import check_has_sides

MAX_PANELS = 12
"""Of more variants the baseline and the best are drawn, and a note says so."""
Of = Literal["loss", "brier"]
CURVES: dict[Of, dict[str, str]] = {
    "loss": {
        "rise": "rise of the loss",
        "surer": "wrong, and surer",
        "less_sure": "right, and less sure",
        "changed": "changed sides",
        "eased": "the others",
    },
    "brier": {"brier": "Brier score", "calibration": "calibration", "refinement": "refinement"},
}
"""What is drawn, and what it is called: the whole first, then its parts."""


class WhyOptions(BaseModel):
    """What may be asked of the plot."""

    of: Of = Field(
        "loss", description="The rise of the loss since its least, by rows; or the Brier score, in Murphy's two parts"
    )


@dataclass(frozen=True)
class Parts:
    """Of each variant the points of each curve, by its name in `CURVES[of]`."""

    title: str
    subtitle: str
    y_label: str
    of: Of
    panels: dict[str, dict[str, tuple[Point, ...]]]
    limits: tuple[float, float]
    theme: str
    notes: tuple[str, ...]


def _value(epoch: Explained, name: str) -> float:
    if name == "brier":
        return float(epoch["calibration"] + epoch["refinement"])
    found = epoch[name]
    return float(found["loss"] if isinstance(found, dict) else found)


def _shown(job: Source, names: Sequence[str]) -> Sequence[str]:
    """The variants that have a panel: of too many the baseline and the best, in their own order."""
    if len(names) <= MAX_PANELS:
        return names
    ranked = (each.variant for each in job.analysis("data").ranking)  # the least mean first
    order = [name for name in dict.fromkeys((job.spec["baseline"], *ranked, *names)) if name in names]
    return [name for name in names if name in order[:MAX_PANELS]]


def _of_job(job: Source, options: WhyOptions) -> Parts:
    dataset = dataset_of(job.spec)
    check_has_sides(dataset.task)
    names, notes = list(job.chosen()), []
    shown = _shown(job, names)
    if len(shown) < len(names):
        baseline = "the baseline, and " if job.spec["baseline"] in shown else ""
        best = phrase(f"best_{VAL_DATA_LOSS}", dataset.task)
        notes.append(f"{len(shown)} of {len(names)} variants are drawn: {baseline}those with the least {best}.")
    runs = [run for run in job.runs if run.variant in shown]
    kept = job.why(runs)
    if without := sum(run.status == Status.SUCCEEDED and run.id not in kept for run in runs):
        notes.append(f"Of {without} run{'s' if without > 1 else ''} it is not kept.")
    panels: dict[str, dict[str, tuple[Point, ...]]] = {}
    for name in shown:
        epochs: dict[int, list[Explained]] = {}
        for run in runs:
            if run.variant == name:
                for each in kept.get(run.id, ()):
                    epochs.setdefault(each["epoch"], []).append(each)
        panels[name] = {
            curve: tuple(
                band_of(epoch, [_value(each, curve) for each in of], job.band, ANYWHERE)
                for epoch, of in sorted(epochs.items())
            )
            for curve in CURVES[options.of]
        }
    points = [point for curves in panels.values() for curve in curves.values() for point in curve]
    edges = [edge for point in points for edge in (point.low, point.high) if edge is not None]
    counts = {point.n for point in points}
    seeds = f"n = {max(counts)} seed{'s' if max(counts) > 1 else ''}" if counts else "no predictions yet"
    band = BAND_WORDS.get(job.band, "") if counts and max(counts) > 1 else ""
    if options.of == "loss":
        title, label = "By which rows the validation loss rises", "Rise since the least loss so far"
        label += f" ({dataset.task.unit})" if dataset.task.unit else ""
    else:
        title = label = "The validation Brier score and its parts"
    return Parts(
        title=f"{title}, on {dataset.called}",
        subtitle="; ".join(part for part in (progress(runs), seeds, band) if part),
        y_label=label,
        of=options.of,
        panels=panels,
        limits=y_limits([point.value for point in points], edges, signed=options.of == "loss"),
        theme=job.theme,
        notes=tuple(notes),
    )


def draw_why(figure: Figure, parts: Parts, theme: Theme) -> None:
    """A panel per variant, the whole in ink and its parts in colours; their names below."""
    page = Page(figure, theme)
    page.words(parts.title, parts.subtitle, parts.notes)
    curves = CURVES[parts.of]
    colors = (theme.ink, theme.curves[1], theme.curves[0], *theme.curves[2:])[: len(curves)]
    looks: list[dict[str, Any]] = [
        {"color": color, "linewidth": 1.6 if i else 2.2, "linestyle": "-" if i < 4 else (0, (3, 1.5))}
        for i, color in enumerate(colors)
    ]
    page.legend([Line2D([], [], **look) for look in looks], list(curves.values()))
    em = page.size / 72
    rows, columns = grid(len(parts.panels), page.width)
    above, below = 1.9 * em, 1.2 * em
    label = page.label(parts.y_label, page.top - page.bottom)
    bottom = page.bottom + 2.2 * em
    height = max(0.3, (page.top - bottom) / rows - above - below)
    left = page.left + page.tick_width(parts.limits, height) + (2.2 + 1.3 * label.count("\n")) * em
    width = max(0.3, (page.right - left) / columns - 0.6 * em)
    titles = page.names(list(parts.panels), page.size, "bold", width=width)
    last = max((p.epoch for panel in parts.panels.values() for curve in panel.values() for p in curve), default=1)
    for i, (panel, title) in enumerate(zip(parts.panels.values(), titles, strict=True)):
        row, column = divmod(i, columns)
        top = page.top - row * (page.top - bottom) / rows - above
        axes = page.axes(left + column * (width + 0.6 * em), top - height, width, height)
        page.style(axes)
        axes.grid(axis="y", color=theme.faint, linewidth=0.6)
        axes.set_xlim(0.5, last + 0.5)
        axes.set_ylim(*parts.limits)
        axes.tick_params(labelleft=column == 0)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=max(2, min(10, int(width / 0.45))), integer=True))
        axes.set_title(title, loc="left", fontsize=page.size, fontweight="bold", color=theme.ink)
        if parts.of == "loss":
            axes.axhline(0, color=theme.muted, linewidth=0.9, zorder=1)
        for points, look in zip(panel.values(), looks, strict=True):
            epochs = [point.epoch for point in points]
            if any(point.low is not None for point in points):
                low, high = (
                    [getattr(p, side) if p.low is not None else p.value for p in points] for side in ("low", "high")
                )
                axes.fill_between(epochs, low, high, color=look["color"], alpha=0.12, linewidth=0, zorder=1.5)
            marker = "o" if len(points) == 1 else ""
            axes.plot(epochs, [point.value for point in points], **look, marker=marker, zorder=3)
        if not panel["rise" if parts.of == "loss" else "brier"]:
            axes.text(
                0.5, 0.5, "no predictions yet", color=theme.muted, fontsize=page.size, ha="center",
                transform=axes.transAxes,
            )  # fmt: skip
    figure.text(
        (page.left + 0.7 * em) / page.width, (page.top + bottom) / 2 / page.height, label,
        rotation=90, ha="center", va="center", fontsize=page.size, color=theme.ink,
    )  # fmt: skip
    figure.text(
        (left + page.right) / 2 / page.width, (page.bottom + 0.5 * em) / page.height, "Epochs",
        ha="center", va="baseline", fontsize=page.size, color=theme.ink,
    )  # fmt: skip


def _height(parts: Parts, inches: float) -> float:
    rows, _ = grid(max(1, len(parts.panels)), inches)
    return 1.5 + rows * (2.9 if rows == 1 else 2.1)


def _in_report(job: Source) -> dict[str, BaseModel]:
    if dataset_of(job.spec).task.class_count is None or not job.why(job.runs):
        return {}
    return {"why": WhyOptions(), "why-brier": WhyOptions(of="brier")}


DRAWING = Drawing(Parts, draw_why, _height)
PLOT = JobPlot(
    "why",
    "Draw why the loss rises",
    "By which rows the validation loss is above its least so far: rows that were right and are less sure, that were "
    "wrong and are surer, that changed sides, and the others; or, with `of=brier`, the Brier score and its two parts. "
    "Of the runs that have succeeded: means over seeds and a band. 422 `not_for_task` of a regression.",
    WhyOptions,
    _of_job,
    _in_report,
)
