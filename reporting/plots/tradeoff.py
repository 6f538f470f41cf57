"""What the figure of a trade-off shows: the best loss against what a variant costs, or against what was swept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.history import RunHistory
from models.kinds.axes import AXES
from models.kinds.metrics import METRICS, in_unit, phrase
from models.kinds.task import Task
from models.tables import Run, Status
from reporting.names import brief, listed
from reporting.overfitting import best_value, higher_is_better
from reporting.penalties import explained, included, penalties
from reporting.plots.kind import Band
from reporting.plots.progress import progress
from reporting.plots.series import BAND_WORDS, band_of, ranks
from reporting.plots.sweep import in_figures
from reporting.reading import RunRow
from reporting.summary import by_variant

COSTS = {"parameters": "Parameters", "seconds": "Seconds per run"}
"""What every job's variants may be drawn against, and the axis's label; beside it what the job has swept."""


@dataclass(frozen=True)
class Offer:
    """A variant: its mean best value over its runs, its cost, and both intervals.

    `front`: no other variant is both at most as costly and at least as good. `rank` is -1 of the baseline. With an
    axis of named places `x` is the number of its own.
    """

    variant: str
    rank: int
    x: float
    x_low: float | None
    x_high: float | None
    y: float
    low: float | None
    high: float | None
    n: int
    front: bool


@dataclass(frozen=True)
class TradeOff:
    """A figure of a trade-off. `places`: the ticks of what was swept, none of a cost. `log`: of the x axis."""

    title: str
    subtitle: str
    x_label: str
    y_label: str
    offers: tuple[Offer, ...]
    places: tuple[str, ...]
    log: bool
    theme: str
    notes: tuple[str, ...]
    rising: bool = False


def prepare_tradeoff(
    histories: Sequence[RunHistory],
    runs: Sequence[RunRow | Run],
    *,
    against: str = "parameters",
    swept: Mapping[str, Mapping[str, Any]],
    metric: str = "val_data_loss",
    baseline: str | None = None,
    band: Band = "ci95",
    dataset: str = "",
    task: Task | None = None,
    theme: str = "light",
) -> TradeOff:
    """What to draw of `histories`, which are those of `runs`.

    `against` is one of `COSTS` or an axis that `swept` has: of each variant of the sweep its place. The front is
    Pareto's, of the means; against an axis of which less is not cheaper there is none.
    """
    places = _places(swept, against)
    cost = _cost(runs, against) if against in COSTS else lambda name: _place(swept, places, name, against)
    groups = by_variant(histories)
    rank = ranks(list(groups), baseline)
    found, waiting = [], []
    for name, own in groups.items():
        values = [value for run in own if (value := best_value(run, metric)) is not None]
        costs = cost(name)
        if not values or not costs:
            if against in COSTS or name in swept:
                waiting.append(name)
            continue
        y = band_of(0, values, band, METRICS[metric].measure.bounds)
        x = band_of(0, costs, band if against == "seconds" else "none", (0.0, math.inf))
        found.append(Offer(name, rank[name], x.value, x.low, x.high, y.value, y.low, y.high, len(values), False))
    rising = higher_is_better(metric)
    cheaper = against in COSTS or AXES[against].costs
    offers = tuple(_with_front(found, rising)) if cheaper else tuple(found)
    held = penalties([run for offer in offers for run in groups[offer.variant]], metric)
    called = brief(list(groups))
    words = included(f"Best {phrase(metric, task)}", held)
    on = f"{',' if held else ''} on {dataset}" if dataset else ""
    label = COSTS.get(against) or AXES[against].title[:1].upper() + AXES[against].title[1:]
    least = min((offer.x for offer in offers), default=0)
    return TradeOff(
        title=f"{words}{on} against {_within(label)}",
        subtitle=_subtitle(progress(histories), offers, band),
        x_label=label,
        y_label=f"{words}{in_unit(metric, task)}",
        offers=offers,
        places=places,
        log=not places and least > 0 and max(offer.x for offer in offers) >= WIDE * least,
        theme=theme,
        notes=(
            *_notes(offers, cheaper, label),
            *([f"No epochs yet, or no cost: {listed([called[name] for name in waiting])}."] if waiting else []),
            *explained(held, metric, called),
        ),
        rising=rising,
    )


WIDE = 20
"""Costs whose greatest is so many times their least are drawn on a logarithmic axis."""


def _with_front(offers: Sequence[Offer], rising: bool) -> Iterator[Offer]:
    """The offers, those on the front marked: whatever is cheaper is worse, and whatever is better costs more."""
    sign = -1.0 if rising else 1.0
    for one in offers:
        beaten = any(
            other.x <= one.x and sign * other.y <= sign * one.y and (other.x, other.y) != (one.x, one.y)
            for other in offers
        )
        yield replace(one, front=not beaten)


def _cost(runs: Sequence[RunRow | Run], against: str) -> Callable[[str], list[float]]:
    """Of a variant what its runs cost; none of a run that was not trained to its end here."""

    def of(name: str) -> list[float]:
        own = [run for run in runs if run.variant == name]
        if against == "parameters":
            return [float(run.parameters) for run in own[:1]]
        return [seconds for run in own if (seconds := _seconds(run)) is not None]

    return of


def _seconds(run: RunRow | Run) -> float | None:
    """From its start to its end; what was taken over from another run says nothing of what training costs."""
    if run.status != Status.SUCCEEDED or run.reused_from or run.started_at is None or run.finished_at is None:
        return None
    return (run.finished_at - run.started_at).total_seconds()


def _places(swept: Mapping[str, Mapping[str, Any]], against: str) -> tuple[str, ...]:
    if against in COSTS:
        return ()
    return tuple(map(in_figures, sorted({place[against] for place in swept.values()})))


def _place(swept: Mapping[str, Mapping[str, Any]], places: Sequence[str], name: str, against: str) -> list[float]:
    return [float(places.index(in_figures(swept[name][against])))] if name in swept else []


def _subtitle(done: str, offers: Sequence[Offer], band: Band) -> str:
    if not offers:
        return f"no epochs yet; {done}" if done else "no epochs yet"
    low, high = (pick(offer.n for offer in offers) for pick in (min, max))
    n = f"n = {low}" if low == high else f"n = {low} to {high}"
    parts = [done, f"mean of {n} seeds" if high > 1 else "n = 1 seed, no interval: differences may be luck"]
    parts += [f"bars: {BAND_WORDS[band]}"] if band != "none" and high > 1 else []
    return "; ".join(part for part in parts if part)


def _notes(offers: Sequence[Offer], cheaper: bool, label: str) -> Iterator[str]:
    if not offers:
        return
    if cheaper:
        yield "Filled, joined by a line: the Pareto front of the means. No other is as good at that cost or less."
    else:
        yield f"No Pareto front: a lower {_within(label)} is not cheaper."
    if any(offer.n > 1 for offer in offers):
        yield "A lead that is small beside the bars may be luck: see the differences from the baseline."


def _within(label: str) -> str:
    """A label within a sentence."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label
