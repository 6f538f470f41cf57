"""Each variant against the baseline: the difference, its intervals, and what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from models.kinds.metric import Of
from models.kinds.metrics import MEASURES
from models.kinds.task import Task
from models.until import Until
from reporting.answers import Comparison, Intervals, Pairing
from reporting.decisions import ALPHA, decide
from reporting.overfitting import CURVES, Reading, View, same_training
from reporting.rows import OfRows, RunRows, spread, standard_error
from reporting.setting import Setting
from reporting.smallest import of_accuracy, rounded
from reporting.statistics import bootstrap_interval, holm, paired
from reporting.verdicts import finding, in_words, leaves_out_zero

COMPARED = ("best_loss", "best_measure", "final_loss", "gap_at_end", "rise", "best_epoch")
TESTED = ("test_loss", "test_measure")
"""What is compared with the baseline, the latter if the test set was scored; Holm's correction runs over the variants,
for each of these apart."""


def metric_of(field: str, view: View, task: Task) -> str:
    """A reading's field by the name of the metric it is of: `best_loss` is `best_val_data_loss` in the fair view."""
    validation = CURVES[view][2]
    names = {
        "best_loss": f"best_{validation}",
        "final_loss": f"final_{validation}",
        "best_measure": f"best_{Of.VALIDATION}{task.measure}",
        "test_loss": f"test_{CURVES[view][0]}",
        "test_measure": f"test_{task.measure}",
    }
    return names.get(field, field)


def view_of(metric: str, task: Task) -> View:
    """The view whose comparisons have `metric`: `data`, unless those of `keras` alone have it."""
    keras, data = ({metric_of(field, view, task) for field in COMPARED} for view in ("keras", "data"))
    return "keras" if metric in keras - data else "data"


def values_of(readings: Sequence[Reading], field: str) -> list[float]:
    """What readings have in this field, of those that have it."""
    return [value for reading in readings if (value := getattr(reading, field)) is not None]


def comparisons_of(
    sound: Mapping[str, Sequence[Reading]],
    baseline: str,
    view: View,
    task: Task,
    bootstrap: bool,
    smallest: float | None,
    until: Until | None,
    setting: Setting,
    rows: Mapping[str, RunRows],
    sequential: bool,
) -> list[Comparison]:
    """Each other variant against the baseline, on the seeds both have, first by metric and then by variant.

    A family of Holm's correction is one metric over all variants compared with the baseline, as Demšar
    advises for comparisons with a control (2006, "Statistical comparisons of classifiers over multiple data
    sets", 3.2.2).
    """
    reference = {reading.seed: reading for reading in reversed(sound[baseline])}
    alpha = until.alpha if until else ALPHA
    comparisons: list[Comparison] = []
    tested = any(getattr(each, field) is not None for found in sound.values() for each in found for field in TESTED)
    for field in (*COMPARED, *(TESTED if tested else ())):
        matters, whose = smallest, "request" if smallest is not None else None
        if smallest is None:
            if until is not None and metric_of(field, view, task) == f"best_{until.metric}":
                matters, whose = until.smallest, "until"
            else:
                matters, whose = _matters(field, sound[baseline], task, setting, rows), "rows"
        family = [
            _compare(
                name,
                baseline,
                field,
                sound[name],
                reference,
                view,
                task,
                bootstrap,
                matters,
                len(sound) - 1,
                alpha,
                rows,
            ).model_copy(
                update={
                    "smallest_from": whose if matters is not None else None,
                    "sequential": sequential,
                }
            )
            for name in sound
            if name != baseline
        ]
        corrected = holm([comparison.p for comparison in family])
        comparisons += [_found(comparison, p) for comparison, p in zip(family, corrected, strict=True)]
    return comparisons


def _found(comparison: Comparison, p_holm: float | None) -> Comparison:
    """The comparison with its corrected p, and what it shows by that."""
    n, difference, smallest = comparison.n, comparison.difference, comparison.smallest
    found = finding(n, difference, sequential=comparison.sequential, decision=comparison.decision, p_holm=p_holm)
    leads = leaves_out_zero(comparison.ci95) or leaves_out_zero(comparison.ends)
    words = in_words(found, difference, smallest if comparison.sd else None, leads)
    return comparison.model_copy(update={"p_holm": p_holm, "finding": found, "in_words": words})


def rows_of(field: str, reading: Reading, rows: Mapping[str, RunRows]) -> OfRows | None:
    """What the run's `field` is the mean of: known if its rows were kept at the same epoch."""
    kept = rows.get(reading.run_id)
    if kept is None or kept.epoch != (reading.epochs if field == "final_loss" else reading.best_epoch):
        return None
    return {"best_loss": kept.losses, "final_loss": kept.losses, "best_measure": kept.measures}.get(field)


def _matters(
    field: str, readings: Sequence[Reading], task: Task, setting: Setting, rows: Mapping[str, RunRows]
) -> float | None:
    """The smallest difference that matters, from what other validation rows would change of the baseline's value."""
    kept = [of for reading in readings if (of := rows_of(field, reading, rows)) is not None]
    if (error := standard_error(kept)) is not None:
        return rounded(error)
    values = values_of(readings, field)
    if field != "best_measure" or task.measure != "acc" or not values or not setting.validated_on:
        return None
    return of_accuracy(sum(values) / len(values), setting.validated_on)


def _compare(
    name: str,
    baseline: str,
    field: str,
    readings: Sequence[Reading],
    reference: Mapping[int, Reading],
    view: View,
    task: Task,
    bootstrap: bool,
    smallest: float | None,
    comparisons: int,
    alpha: float,
    rows: Mapping[str, RunRows],
) -> Comparison:
    own = {reading.seed: reading for reading in reversed(readings)}
    both = {
        seed: (float(a), float(b))
        for seed in dict.fromkeys(reading.seed for reading in readings)  # in the order they were trained
        if seed in reference
        and (a := getattr(own[seed], field)) is not None
        and (b := getattr(reference[seed], field)) is not None
    }
    pairs = [both[seed] for seed in sorted(both)]
    result = paired([a for a, _ in pairs], [b for _, b in pairs])
    ratio = result.variance_ratio
    # Of a number of epochs neither more nor less is better.
    higher_is_better = {
        **dict.fromkeys(("best_loss", "final_loss", "gap_at_end", "rise", "test_loss"), False),
        **dict.fromkeys(("best_measure", "test_measure"), MEASURES[task.measure].higher_is_better),
    }.get(field)
    judged = higher_is_better is not None
    one, other = (
        {seed: of for seed in both if (of := rows_of(field, each[seed], rows)) is not None} for each in (own, reference)
    )
    over_rows = spread(one, other, result.ci95) if len(one) == len(other) == len(both) else None
    decided = decide(
        [a - b for a, b in both.values()],
        lower_is_better=not higher_is_better,
        smallest=smallest,
        comparisons=comparisons,
        alpha=alpha,
    )
    identical = len(both) > 1 and all(same_training(own[seed], reference[seed]) for seed in both)
    if identical:
        decided = replace(decided, verdict="equivalent", seeds_needed=len(both))
    return Comparison(
        variant=name,
        baseline=baseline,
        metric=metric_of(field, view, task),
        n=result.n,
        difference=result.difference,
        sd=result.sd,
        ci95=result.ci95,
        p=result.p,
        p_holm=None,
        dz=result.dz,
        hedges_g=result.hedges_g,
        pairing=Pairing(
            correlation=result.correlation, variance_ratio=ratio, helped=None if ratio is None else ratio < 1
        ),
        ci95_bootstrap=bootstrap_interval([a - b for a, b in pairs]) if bootstrap else None,
        decision=decided.verdict if judged or identical else None,
        smallest=smallest if judged else None,
        smallest_from=None,
        sequential=False,
        ci_anytime=decided.ci,
        p_anytime=decided.p,
        confidence=1 - alpha,
        intervals=Intervals(
            seeds=result.ci95,
            rows=over_rows.rows if over_rows else None,
            both=over_rows.both if over_rows else None,
        ),
        probability_better=decided.probability_better if judged else None,
        seeds_needed=decided.seeds_needed if judged else None,
        finding=None,
        in_words="",
    )
