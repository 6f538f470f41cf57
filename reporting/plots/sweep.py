"""What a sweep's plot shows: the best validation loss against what was swept, one parameter or two."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.errors import NotFound
from models.history import RunHistory
from models.kinds.axes import AXES
from models.kinds.metrics import METRICS, in_unit, phrase
from models.kinds.task import Task
from reporting.names import brief
from reporting.overfitting import best_value, higher_is_better
from reporting.penalties import explained, included, penalties
from reporting.plots.kind import Band
from reporting.plots.progress import is_unfinished, progress
from reporting.plots.series import BAND_WORDS, Point, band_of
from reporting.statistics import estimate
from reporting.summary import by_variant

CLOSE = 0.01
"""With one seed there is no standard error: what is this close to the best, as a fraction, counts as no worse."""


@dataclass(frozen=True)
class Setting:
    """A variant of the sweep: where it lies, and its best value over the epochs, one value per seed, and their mean.

    `x` and `y` are places on the axes (`y` 0 where one parameter is swept). `partial`: fewer seeds than others
    have, or one that has not finished.
    """

    variant: str
    x: int
    y: int
    values: tuple[float, ...]
    mean: float
    low: float | None
    high: float | None
    partial: bool = False


@dataclass(frozen=True)
class SweepSeries:
    """A sweep over `x`, or over `x` and `y`: the ticks of each axis, and the settings that have epochs.

    `best` is the variant of the best mean, `enough` the one from which on more brings next to nothing: None where
    the largest setting is that, since what more would bring is not known. `rising`: greater values are better.
    """

    title: str
    subtitle: str
    value_label: str
    x_label: str
    y_label: str
    x: tuple[str, ...]
    y: tuple[str, ...]
    settings: tuple[Setting, ...]
    best: str | None
    enough: str | None
    theme: str
    notes: tuple[str, ...]
    rising: bool = False


def swept(spec: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The place of each variant in a stored specification's sweep; a search's trials have none."""
    return {
        variant["name"]: variant["swept"]
        for variant in spec["variants"]
        if variant["swept"] and not variant.get("trial")
    }


def prepare_sweep(
    histories: Sequence[RunHistory],
    parameters: Mapping[str, Mapping[str, Any]],
    *,
    over: Sequence[str] = (),
    metric: str = "val_data_loss",
    band: Band = "ci95",
    dataset: str = "",
    task: Task | None = None,
    theme: str = "light",
) -> SweepSeries:
    """What to draw of a sweep: `parameters[variant]` is what was swept, the same names for each variant.

    `over` names one parameter (a line) or two (a heat map); left out, it is what was swept, the first two at
    most. Of other parameters the value of the best setting of all is drawn, and the subtitle says so. Raises `NotFound`
    for a metric or parameter that is not there.
    """
    if metric not in METRICS:
        raise NotFound(f"There is no metric named {metric!r}; there are: {', '.join(METRICS)}")
    swept = list(dict.fromkeys(name for place in parameters.values() for name in place))
    axes = list(over) or swept[:2]
    if not 1 <= len(axes) <= 2 or any(name not in swept for name in axes):
        raise NotFound(f"A sweep is drawn over one or two of: {', '.join(swept)}")
    groups = by_variant(histories)
    found = {
        variant: [value for run in groups.get(variant, ()) if (value := best_value(run, metric)) is not None]
        for variant in parameters
    }
    sign = -1.0 if higher_is_better(metric) else 1.0
    known = {variant: sign * math.fsum(values) / len(values) for variant, values in found.items() if values}
    best = parameters[min(known, key=lambda variant: known[variant]) if known else next(iter(parameters))]
    fixed = {name: best[name] for name in swept if name not in axes}
    chosen = {
        variant: place
        for variant, place in parameters.items()
        if all(place[name] == value for name, value in fixed.items())
    }
    ticks = [sorted({place[name] for place in chosen.values()}) for name in axes]
    settings = []
    for variant, place in chosen.items():
        where = [ticks[i].index(place[name]) for i, name in enumerate(axes)]
        if values := found[variant]:
            point: Point = band_of(0, values, band, METRICS[metric].measure.bounds)
            x, y = where[0], where[1] if len(where) > 1 else 0
            settings.append(Setting(variant, x, y, tuple(values), point.value, point.low, point.high))
    most = max((len(setting.values) for setting in settings), default=0)
    settings = [
        replace(s, partial=len(s.values) < most or any(is_unfinished(run) for run in groups[s.variant]))
        for s in settings
    ]
    settings.sort(key=lambda setting: (setting.y, setting.x))
    leader = min(settings, key=lambda setting: sign * setting.mean, default=None)
    returns = len(axes) == 1 and AXES[axes[0]].costs and len(settings) > 1
    enough = _enough(settings, leader, sign) if returns and leader is not None else None
    drawn = [run for setting in settings for run in groups[setting.variant]]
    done = progress([run for variant in chosen for run in groups.get(variant, ())])
    held = penalties(drawn, metric)
    words = included(f"Best {phrase(metric, task)}", held)
    on = f"{',' if held else ''} on {dataset}" if dataset else ""
    names = [_axis(name) for name in axes]
    return SweepSeries(
        title=f"{words}{on} by {' and '.join(names)}",
        subtitle=_subtitle(done, settings, band if len(axes) == 1 else "none", fixed),
        value_label=f"{words}{in_unit(metric, task)}",
        x_label=_capital(names[0]),
        y_label=_capital(names[1]) if len(names) > 1 else "",
        x=tuple(map(in_figures, ticks[0])),
        y=tuple(map(in_figures, ticks[1])) if len(ticks) > 1 else (),
        settings=tuple(settings),
        best=leader.variant if leader else None,
        enough=enough.variant if enough else None,
        theme=theme,
        notes=(
            *_levels(parameters, fixed),
            *_notes(enough, returns, drawn, metric),
            *explained(held, metric, brief(list(parameters))),
        ),
        rising=sign < 0,
    )


def in_figures(value: float | str) -> str:
    """A swept value, as a tick says it."""
    if isinstance(value, str):
        return value
    return f"{int(value):,}" if value == int(value) else f"{value:.12g}"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _enough(settings: Sequence[Setting], leader: Setting, sign: float) -> Setting | None:
    """The point of diminishing returns: the smallest setting no worse than the best by one standard error of the best.

    The one-standard-error rule (Breiman, Friedman, Olshen and Stone 1984, *Classification and regression
    trees*, 3.4.3); with one seed, no worse by one part in a hundred. None where that is the largest.
    """
    over = estimate(leader.values)
    margin = abs(leader.mean) * CLOSE if over.sd is None else over.sd / math.sqrt(over.n)
    return next((setting for setting in settings[:-1] if sign * (setting.mean - leader.mean) <= margin), None)


def _subtitle(done: str, settings: Sequence[Setting], band: Band, fixed: Mapping[str, Any]) -> str:
    if not settings:
        return f"no epochs yet; {done}" if done else "no epochs yet"
    low, high = (pick(len(setting.values) for setting in settings) for pick in (min, max))
    n = f"n = {low}" if low == high else f"n = {low} to {high}"
    parts = [done] if done else []
    parts += [f"at {_axis(name)} {in_figures(value)}" for name, value in fixed.items()]
    parts += [f"mean of {n} seeds" if high > 1 else "n = 1 seed, no interval"]
    parts += [f"band: {BAND_WORDS[band]}"] if band != "none" and high > 1 else []
    return "; ".join(parts)


def _axis(name: str) -> str:
    return AXES[name].title if name in AXES else name


def _levels(parameters: Mapping[str, Mapping[str, Any]], fixed: Mapping[str, Any]) -> Iterator[str]:
    """Of what is not an axis of the figure: which level is drawn, and why that one."""
    for name, value in fixed.items():
        if others := sorted({place[name] for place in parameters.values()} - {value}):
            yield (
                f"Drawn at {_axis(name)} {in_figures(value)}, which the best setting of all has; there are also: "
                f"{', '.join(map(in_figures, others))}."
            )


def _notes(enough: Setting | None, returns: bool, runs: Sequence[RunHistory], metric: str) -> Iterator[str]:
    if enough is not None:
        within = "one standard error" if len(enough.values) > 1 else "one percent"
        yield f"▼ diminishing returns: the smallest within {within} of the best."
    elif returns:
        yield "No diminishing returns yet: the largest is the best."
    if unfinished := sum(is_unfinished(run) and bool(run.metrics.get(metric)) for run in runs):
        yield f"Unfinished runs, with their best so far: {unfinished}."
    if diverged := sum(not all(map(math.isfinite, run.metrics.get(metric, ()))) for run in runs):
        yield f"Runs that diverged, with their best before: {diverged}."
