"""What a plot shows, as plain values: the first of two steps, and the one that decides anything.

A `Series` holds no colours and no pixels, so tests can compare it, and everything in it is finite:
values that are not leave a gap, and a note says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from models.errors import NotFound
from models.history import RunHistory
from models.kinds.metric import Metric, Of
from models.kinds.metrics import METRICS, PAIRS, in_unit, label, metric_of, phrase
from models.kinds.task import Task
from reporting.names import brief
from reporting.overfitting import best, higher_is_better, onset
from reporting.penalties import explained, included, needed, penalties
from reporting.plots.kind import Band
from reporting.plots.layout import y_limits
from reporting.plots.notes import exceptional, gaps, missing
from reporting.plots.progress import progress
from reporting.plots.style import NOTEBOOK_LABELS, PANEL_CURVES
from reporting.statistics import ANYWHERE, estimate
from reporting.summary import by_variant

Style = Literal["lines", "notebook"]
STYLES: tuple[Style, ...] = ("lines", "notebook")
BANDS: tuple[Band, ...] = ("ci95", "sd", "minmax", "none")

PLOTTED = (*METRICS, *PAIRS)
"""Every metric `prepare` knows beside those of layers' weights."""

MAX_PANELS = 24
"""Small multiples a figure; of more variants those best at the metric are drawn, and a note says so."""

BAND_WORDS = {
    "ci95": "95% interval of the mean (Student's t)",
    "sd": "mean ± one standard deviation",
    "minmax": "least to greatest",
}


@dataclass(frozen=True)
class Point:
    """The mean over `n` seeds at an epoch, and the band around it (None with one seed, or none asked for)."""

    epoch: int
    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Curve:
    """A variant's metric across its seeds. `best` and `onset` are epochs of `points`, marked on the mean curve.

    `seeds` are those with values, `runs` all there are to be: those without an epoch yet included.
    `rank` is the variant's place among those of the figure (its colour and mark), -1 the baseline's. Of a single
    point no best is marked.
    """

    variant: str
    label: str
    metric: str
    rank: int
    seeds: int
    runs: int
    points: tuple[Point, ...]
    best: int | None
    onset: int | None


@dataclass(frozen=True)
class Panel:
    """Axes: curves in front, and `context` curves drawn faintly behind them."""

    title: str
    curves: tuple[Curve, ...]
    context: tuple[Curve, ...] = ()


@dataclass(frozen=True)
class Series:
    """A figure: one panel, or small multiples, all from epoch 1 to `epochs` and with the y axis from `limits`."""

    title: str
    subtitle: str
    y_label: str
    style: Style
    theme: str
    difference: bool
    epochs: int
    limits: tuple[float, float]
    panels: tuple[Panel, ...]
    notes: tuple[str, ...]
    x_label: str = "Epochs"


def reads(metric: str) -> tuple[str, ...]:
    """The metrics of an epoch that a plot of `metric` needs. Raises `NotFound` for one that is not plotted."""
    _check_plotted(metric)
    return needed(PAIRS.get(metric, (metric,)))


def _check_plotted(metric: str) -> None:
    if metric not in PLOTTED and metric_of(metric) is None:
        raise NotFound(f"There is no metric named {metric!r}; there are: {', '.join(PLOTTED)}")


def prepare(
    histories: Sequence[RunHistory],
    metric: str,
    *,
    variants: Sequence[str] | None = None,
    style: Style = "lines",
    band: Band = "ci95",
    baseline: str | None = None,
    difference: bool = False,
    dataset: str = "",
    task: Task | None = None,
    theme: str = "light",
) -> Series:
    """What to draw of `metric` (one of `PLOTTED`, or of a layer's weights), for all variants or the named ones in
    their order.

    `baseline` is drawn in ink and, with `difference`, subtracted from the other variants seed by
    seed. `dataset` is the data set's name as the title shall say it, and `task` what it sets. Raises `NotFound` for a
    variant, metric or baseline that `histories` do not have.
    """
    groups = by_variant(histories)
    names = list(dict.fromkeys(groups if variants is None else variants))
    for name in [*names, *([baseline] if difference and baseline is not None else [])]:
        if name not in groups:
            raise NotFound(f"There is no variant named {name!r}")
    _check_plotted(metric)
    metrics = PAIRS.get(metric, (metric,))
    notes: list[str] = []
    shown = {*names, *([baseline] if difference else [])}
    runs = [run for name, group in groups.items() if name in shown for run in group]
    if difference:
        if baseline is None or metric in PAIRS:
            raise NotFound("A difference needs a baseline, and one metric")
        groups = {name: _differences(groups[name], groups[baseline], metric) for name in names if name != baseline}
        names = list(groups)
    called = brief(list({*groups, *([baseline] if baseline is not None else [])}))
    subtracted = called[baseline] if difference and baseline is not None else None
    held = penalties(runs, metric)
    words = included(label(metric, task), held)
    notes += explained(held, metric, called)
    rank = ranks(names, baseline)
    curves = {
        (name, each): _curve(name, _label(name, each, metric, style), each, groups[name], rank[name], band, difference)
        for name in names
        for each in metrics
    }
    notes += missing(groups, names, metrics, called, subtracted)
    notes += gaps(groups, names, metrics, called)
    if len(names) > MAX_PANELS:
        kept = set(_leading(names, curves, metrics[-1], baseline))
        notes.append(f"{len(kept)} of {len(names)} variants are drawn: those of the best {phrase(metrics[-1], task)}.")
        names = [name for name in names if name in kept]
    drawn = [curve for (name, _), curve in curves.items() if name in names]
    points = [point for curve in drawn for point in curve.points]
    edges = [edge for p in points for edge in (p.low, p.high) if edge is not None]
    limits = y_limits([p.value for p in points], edges, signed=difference, most=_most(metrics[0], difference))
    notes += exceptional(drawn, limits, called)
    on = f" on {dataset}" if dataset else ""
    return Series(
        title=f"{words}{',' if held and on else ''}{on}{f': difference from {subtracted}' if subtracted else ''}",
        subtitle=_subtitle(progress(runs), [curve.seeds for curve in drawn], band, metric, style, difference),
        y_label=f"{words}{f' − {subtracted}' if subtracted else ''}{in_unit(metric, task)}",
        style=style,
        theme=theme,
        difference=difference,
        epochs=max((p.epoch for p in points), default=0),
        limits=limits,
        panels=_panels(names, curves, metrics, style, baseline),
        notes=tuple(notes),
    )


def ranks(names: Sequence[str], baseline: str | None) -> dict[str, int]:
    """The place of each variant among those that are not the baseline, whose own is -1."""
    others = [name for name in names if name != baseline]
    return {name: -1 if name == baseline else others.index(name) for name in names}


def _metric(name: str) -> Metric:
    found = metric_of(name)
    assert found is not None, "checked"
    return found


def _most(metric: str, difference: bool) -> float:
    return math.inf if difference else _metric(metric).measure.bounds[1]


def _label(name: str, each: str, metric: str, style: Style) -> str:
    half = ("validation" if _metric(each).of == Of.VALIDATION else "training") if metric in PAIRS else ""
    if style == "notebook":
        return NOTEBOOK_LABELS.get(name, name) + (f", {half}" if half else "")
    return half or name


def _curve(
    name: str, label: str, metric: str, runs: Sequence[RunHistory], rank: int, band: Band, difference: bool
) -> Curve:
    at: dict[int, list[float]] = {}
    for run in runs:
        for epoch, value in zip(run.epochs, run.metrics.get(metric, ()), strict=False):
            at.setdefault(epoch, []).append(value)
    points = tuple(
        band_of(epoch, finite, band, ANYWHERE if difference else _metric(metric).measure.bounds)
        for epoch, values in sorted(at.items())
        if (finite := [value for value in values if math.isfinite(value)])
    )
    marked = _metric(metric).of == Of.VALIDATION and not difference
    epochs, means = [p.epoch for p in points], [p.value for p in points]
    return Curve(
        variant=name,
        label=label,
        metric=metric,
        rank=rank,
        seeds=sum(bool(run.metrics.get(metric)) for run in runs),
        runs=sum(bool(run.metrics.get(metric)) or not run.epochs for run in runs),
        points=points,
        best=best(epochs, means, metric) if marked and len(points) > 1 else None,
        onset=onset(epochs, means) if marked and _metric(metric).measure.loss else None,
    )


def band_of(epoch: int, values: Sequence[float], band: Band, bounds: tuple[float, float]) -> Point:
    """The mean of finite `values` at `epoch`, and its band; an interval ends at `bounds`, what there can be."""
    over = estimate(values, bounds)
    assert over.mean is not None
    low = high = None
    if over.sd is not None and over.ci95 is not None:
        match band:
            case "ci95":
                low, high = over.ci95
            case "sd":
                low, high = over.mean - over.sd, over.mean + over.sd
            case "minmax":
                low, high = min(values), max(values)
            case "none":
                pass
    return Point(epoch, over.mean, low, high, over.n)


def _differences(runs: Sequence[RunHistory], baseline: Sequence[RunHistory], metric: str) -> list[RunHistory]:
    """The runs of a variant minus those of the baseline of the same seed, over the epochs both have."""
    partners = {run.seed: run for run in reversed(baseline)}
    found = []
    for run in runs:
        if (partner := partners.get(run.seed)) is None:
            continue
        epochs = sorted(set(run.epochs) & set(partner.epochs))
        own, other = (dict(zip(r.epochs, r.metrics.get(metric, ()), strict=False)) for r in (run, partner))
        values = tuple(_minus(own.get(e, math.nan), other.get(e, math.nan)) for e in epochs)
        found.append(RunHistory(run.run_id, run.variant, run.seed, run.status, tuple(epochs), {metric: values}))
    return found


def _minus(a: float, b: float) -> float:
    return a - b if math.isfinite(a) and math.isfinite(b) else math.nan


def _leading(
    names: Sequence[str], curves: Mapping[tuple[str, str], Curve], metric: str, baseline: str | None
) -> list[str]:
    """The variants to draw where there are too many: the baseline, and those best at `metric`."""
    sign = -1 if higher_is_better(metric) else 1

    def least(name: str) -> tuple[bool, float]:
        values = [sign * p.value for p in curves[name, metric].points]
        return name != baseline, min(values, default=math.inf)

    return sorted(names, key=least)[:MAX_PANELS]


def _subtitle(done: str, seeds: Sequence[int], band: Band, metric: str, style: Style, difference: bool) -> str:
    begun = [done] if done else []
    pair = "dashed: training, solid: validation" if metric in PAIRS and style == "lines" else ""
    if not any(seeds):
        return "; ".join(["no epochs yet", *begun])
    low, high = min(s for s in seeds if s), max(seeds)
    if high == 1:
        parts = ["n = 1 seed" + ("" if band == "none" else ", no interval")]
    else:
        n = f"n = {high} seeds" if low == high else f"n = {low} to {high} seeds"
        parts = [f"mean of {n}" + (", paired by seed" if difference else "")]
        parts += [f"band: {BAND_WORDS[band]}"] if band != "none" else []
    return "; ".join([*begun, *([pair] if pair else []), *parts])


def _panels(
    names: Sequence[str],
    curves: Mapping[tuple[str, str], Curve],
    metrics: Sequence[str],
    style: Style,
    baseline: str | None,
) -> tuple[Panel, ...]:
    if style == "notebook" or not names or (len(metrics) == 1 and len(names) <= PANEL_CURVES):
        return (Panel("", tuple(curves[name, metric] for name in names for metric in metrics)),)
    own = {name: tuple(curves[name, metric] for metric in metrics) for name in names}
    if len(metrics) > 1:
        return tuple(Panel(name if len(names) > 1 else "", own[name]) for name in names)
    return tuple(
        Panel(name, own[name], tuple(curve for other in names if other != name for curve in own[other]))
        for name in names
    )
