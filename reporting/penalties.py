"""Whether the weights' penalties are in a loss that is shown, and how to say so."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from models.history import RunHistory
from models.kinds.metrics import PAIRS, UNPENALISED
from reporting.names import listed

NOTHING = 1e-6
"""A penalty that is not above this, or this part of the loss if that is more than 1, is rounding."""

INCLUDED = "weight penalty included"
"""Stands behind the name of a loss that holds one, in titles and on axes."""


def needed(metrics: Iterable[str]) -> tuple[str, ...]:
    """`metrics`, and the same without penalties of those that have them: what `penalties` reads."""
    return tuple(dict.fromkeys(each for metric in metrics for each in (metric, UNPENALISED.get(metric, metric))))


def penalties(histories: Iterable[RunHistory], metric: str) -> dict[str, float]:
    """The greatest penalty of any epoch in each variant's `metric` (a pair's second), of the variants that have one."""
    metric = PAIRS.get(metric, (metric,))[-1]
    if metric not in UNPENALISED:
        return {}
    found: dict[str, float] = {}
    for history in histories:
        pairs = zip(history.metrics.get(metric, ()), history.metrics.get(UNPENALISED[metric], ()), strict=False)
        held = [loss - data for loss, data in pairs if loss - data > NOTHING * max(1.0, abs(data))]
        if finite := [penalty for penalty in held if math.isfinite(penalty)]:
            found[history.variant] = max(found.get(history.variant, 0.0), *finite)
    return found


def without(metric: str) -> str:
    """The name of what shows the same as `metric` without penalties; `best_` and `final_` stay in front."""
    when, _, what = metric.partition("_")
    return UNPENALISED[metric] if metric in UNPENALISED else f"{when}_{UNPENALISED[what]}"


def included(words: str, held: Mapping[str, float]) -> str:
    """`words` for a loss, and that penalties are in it if there are any in what is shown."""
    return f"{words}, {INCLUDED}" if held else words


def explained(held: Mapping[str, float], metric: str, called: Mapping[str, str]) -> list[str]:
    """A note that says whose values of `metric` hold penalties, how great, and what to look at instead."""
    if not held:
        return []
    of = listed([called[variant] for variant in held])
    most = max(held.values())
    return [f"A weight penalty is in the values of {of}: up to {most:.2g}. Without it: {without(metric)}."]
