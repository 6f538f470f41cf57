"""What a reader has to be told beside a metric's curves. `called`: the variants' names as notes say them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from models.history import RunHistory

if TYPE_CHECKING:
    from reporting.plots.series import Curve


def missing(
    groups: Mapping[str, Sequence[RunHistory]],
    names: Sequence[str],
    metrics: Sequence[str],
    called: Mapping[str, str],
    subtracted: str | None,
) -> list[str]:
    """Notes that name the variants without a value, where others have some. `subtracted`: a difference's baseline."""
    begun = [name for name in names if any(run.epochs for run in groups[name])]
    recorded = [name for name in begun if any(run.metrics.get(metric) for run in groups[name] for metric in metrics)]
    if not begun:
        return []
    unrecorded = [name for name in begun if name not in recorded]
    waiting = [name for name in names if name not in begun]
    yet = f"No epochs in common with {subtracted} yet" if subtracted else "No epochs yet"
    notes = [(yet, waiting), ("Not recorded", unrecorded)]
    return [f"{words}: {', '.join(called[name] for name in found)}." for words, found in notes if found]


def gaps(
    groups: Mapping[str, Sequence[RunHistory]],
    names: Sequence[str],
    metrics: Sequence[str],
    called: Mapping[str, str],
) -> list[str]:
    """A note for each variant whose values are not all finite."""
    notes = []
    for name in names:
        first: dict[int, int] = {}
        for run in groups[name]:
            bad = [
                epoch
                for metric in metrics
                for epoch, value in zip(run.epochs, run.metrics.get(metric, ()), strict=False)
                if not math.isfinite(value)
            ]
            if bad:
                first[run.seed] = min(bad)
        if first:
            seeds = ", ".join(map(str, list(first)[:4])) + ("…" if len(first) > 4 else "")
            which = f"seed {seeds}" if len(first) == 1 else f"{len(first)} seeds ({seeds})"
            notes.append(f"{called[name]}: {which} not finite from epoch {min(first.values())} on.")
    return notes


def exceptional(curves: Sequence[Curve], limits: tuple[float, float], called: Mapping[str, str]) -> list[str]:
    """Notes on curves that leave the axis."""
    notes = []
    for curve in curves:
        if curve.points and (peak := max(p.value for p in curve.points)) > limits[1]:
            notes.append(f"{called[curve.variant]}: beyond the axis, up to {peak:.3g}.")
        if curve.points and (trough := min(p.value for p in curve.points)) < limits[0]:
            notes.append(f"{called[curve.variant]}: beyond the axis, down to {trough:.3g}.")
    return notes
