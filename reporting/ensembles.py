"""What a variant's runs score together: an ensemble of its seeds, for no further training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from models.kinds.metrics import DATA_LOSS, MEASURES, offered
from models.kinds.task import Task
from models.predictions import Predictions
from reporting.answer import Answer, Interval
from reporting.mistakes import probabilities
from reporting.rows import OfRows, spread


class OverRows(Answer):
    """A difference of mean losses over the same rows; below 0 the averaged predictions are better."""

    difference: float
    ci95: Interval | None = Field(
        description="95% interval: of these trainings, had other rows of the same kind been scored"
    )


class Ensemble(Answer):
    """The averaged predictions of a variant's runs, and the runs by themselves: measures by name.

    Of classes the probabilities are averaged, of a regression the values.
    """

    variant: str
    n: int = Field(description="Runs that are averaged")
    rows: int
    single: dict[str, float] = Field(description="What one run scores: the mean over the runs")
    together: dict[str, float] = Field(description="What the averaged predictions score")
    gain: OverRows = Field(description="The loss of the averaged predictions minus that of one run")
    against_baseline: OverRows | None = Field(
        description="The same minus the loss of one run of the baseline; null if that has none of the same rows"
    )


class Ensembles(Answer):
    """Of each variant with at least two runs whose predictions of the same rows are kept."""

    variants: list[Ensemble]
    sentence: str = Field(description="What averaging brings, in a sentence")


@dataclass(frozen=True)
class _Scored:
    """What runs score of the same rows: measures of each, of their average, and both losses row by row."""

    single: list[dict[str, float]]
    together: dict[str, float]
    of_one: OfRows
    of_all: OfRows


def ensembles(
    variants: Sequence[str], baseline: str, runs: Callable[[str], Iterable[Predictions]], task: Task
) -> Ensembles:
    """Of the variants, in this order; `runs` gives what those of a variant predict, one after another."""
    base = _scored(runs(baseline))
    found = []
    for name in variants:
        scored = base if name == baseline else _scored(runs(name))
        if scored is not None and len(scored.single) > 1:
            found.append(_ensemble(name, scored, base))
    return Ensembles(variants=found, sentence=_sentence(found, task))


def _ensemble(variant: str, scored: _Scored, base: _Scored | None) -> Ensemble:
    gain = _minus(scored.of_all, scored.of_one)
    assert gain is not None
    finite = [
        name for name in scored.together if np.isfinite([e[name] for e in (*scored.single, scored.together)]).all()
    ]
    return Ensemble(
        variant=variant,
        n=len(scored.single),
        rows=len(scored.of_all.rows),
        single={name: float(np.mean([each[name] for each in scored.single])) for name in finite},
        together={name: scored.together[name] for name in finite},
        gain=gain,
        against_baseline=None if base is None else _minus(scored.of_all, base.of_one),
    )


def _minus(one: OfRows, other: OfRows) -> OverRows | None:
    of = spread({0: one}, {0: other})
    return None if of is None else OverRows(difference=of.difference, ci95=of.rows)


def _scored(runs: Iterable[Predictions]) -> _Scored | None:
    """None of no runs, and of runs whose rows are not the same."""
    single: list[dict[str, float]] = []
    first: Predictions | None = None
    total = losses = np.zeros(0)
    for run in runs:
        values = _averaged(run)
        if first is None:
            first, total, losses = run, np.zeros_like(values), np.zeros(len(run.rows))
        elif not np.array_equal(run.rows, first.rows):
            return None
        total, losses = total + values, losses + run.losses
        single.append(_scores(run, values))
    if first is None or not len(first.rows):
        return None
    average = total / len(single)
    of_one, of_all = losses / len(single), _losses(first, average)
    return _Scored(single, _scores(first, average), OfRows(first.rows, of_one), OfRows(first.rows, of_all))


def _averaged(run: Predictions) -> NDArray[np.float64]:
    """What is averaged: (rows, classes), or the values of a regression."""
    return run.values if run.task.class_count is None else probabilities(run)


def _losses(run: Predictions, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The loss of each of the run's rows with these values: (rows,)."""
    if run.task.class_count is None:
        squares: NDArray[np.float64] = ((values - run.labels) ** 2).mean(axis=1)
        return squares
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log(values[np.arange(len(values)), run.labels[:, 0].astype(np.int64)]))


def _scores(run: Predictions, values: NDArray[np.float64]) -> dict[str, float]:
    """The measures of these values of the run's rows."""
    task, labels = run.task, run.labels
    if task.class_count is None:
        measure = float(np.abs(values - labels).mean())
    else:
        measure = float((values.argmax(axis=1) == labels[:, 0]).mean())
    predictions = values[:, 1:] if task.class_count is not None and task.units == 1 else values
    asked = [name for name in offered(task) if MEASURES[name].asked]
    return {
        DATA_LOSS.name: float(_losses(run, values).mean()),
        task.measure: measure,
        **{name: MEASURES[name].value(labels, predictions) for name in asked},
    }


def _sentence(found: Sequence[Ensemble], task: Task) -> str:
    if not found:
        return "No variant has two runs whose predictions of the same rows are kept."
    loss = DATA_LOSS.name
    least, most = (pick(found, key=lambda each: -each.gain.difference) for pick in (min, max))
    taken = {each.variant: f"{-each.gain.difference:.2g}" for each in (least, most)}
    off = f"off the {task.loss_title} of one seed, without training more"
    if len(found) == 1:
        return (
            f"Averaging the {most.n} seeds of {most.variant} takes {taken[most.variant]} {off}: "
            f"{most.together.get(loss, float('inf')):.4g} in place of {most.single.get(loss, float('inf')):.4g}."
        )
    best = min(found, key=lambda each: each.together.get(loss, float("inf")))
    return (
        f"Averaging a variant's seeds takes {taken[least.variant]} ({least.variant}) to {taken[most.variant]} "
        f"({most.variant}) {off}; the lowest is that of {best.variant}, "
        f"{best.together.get(loss, float('inf')):.4g} by {best.n} seeds together."
    )
