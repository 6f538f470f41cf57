"""The metrics of runs in brief: the final and the best epoch of each, and their means across seeds.

A number is finite or null. Where the names of values depend on what was recorded, a model has them beside its fields.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import MISSING, ConfigDict, Field, create_model

from models.history import RunHistory, kind, show
from models.kinds.metric import Of
from models.kinds.metrics import MEASURES, METRICS, PENALISED, VAL_DATA_LOSS, label, scored
from models.kinds.task import Task
from models.kinds.tasks.binary import Binary
from models.tables import FINISHED, Status
from reporting.answer import Answer, Interval
from reporting.overfitting import best
from reporting.statistics import ANYWHERE, estimate
from reporting.stopping import Stop, stops

Part = Literal["best", "final"]
PARTS: tuple[Part, ...] = ("best", "final")


class EpochValues(Answer):
    """An epoch: its number, and beside it the metrics recorded, by their names."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float | None]

    epoch: int


class NonFinite(Answer):
    """A value that JSON shows as null."""

    epoch: int
    metric: str
    kind: Literal["nan", "inf", "-inf"]


class RunMetrics(Answer):
    """A run's final and best epoch."""

    run_id: str
    variant: str
    seed: int
    status: Status
    final: EpochValues | None = Field(description="Its last epoch so far")
    best: EpochValues | None = Field(description="Null if no epoch has a finite value of what the best is chosen by")
    chosen_by: str = Field(
        description="The metric that `best` is chosen by: what was asked for or, of a run that recorded no loss "
        "without penalties, the same loss with them"
    )
    test: dict[str, float | None] | None = Field(
        description="With a holdout: the losses and the task's measure (`acc`, say) of the test set, "
        "at the epoch that training chose"
    )
    stopped: list[Stop] = Field(description="What it would have been, had it stopped early")
    nonfinite: list[NonFinite] = Field(description="What is null in `final` and `best`")


class OverSeeds(Answer):
    """A value across seeds; `sd` and `ci95` are null with one seed."""

    mean: float | None
    sd: float | None = Field(description="The sample standard deviation")
    ci95: Interval | None = Field(description="95% interval of the mean (Student's t): low, high")


class OfVariant(Answer):
    """A variant across its seeds."""

    variant: str
    n: int = Field(description="Runs with a best epoch")
    unfinished: int = Field(description="Runs that still train, with the epochs they have")
    best_epoch: OverSeeds
    gap_at_end: OverSeeds = Field(
        description="Validation loss minus training loss at the last epoch; of the loss that chooses the best epoch "
        "or, if that is no loss, of the one without penalties"
    )
    rise: OverSeeds = Field(description="The same validation loss at the last epoch minus that at the best")


def _across_seeds() -> dict[str, Any]:
    """The fields that a variant has for each metric of the validation set, and for each score on the test set.

    Those that not every job has are missing if this one does not.
    """
    fields: dict[str, Any] = {}
    for when, words in (("best", "at the best epoch"), ("final", "at the last epoch")):
        for name, metric in METRICS.items():
            described = f"{label(name)} {words}"
            if metric.of == Of.VALIDATION and metric.measure.loss:
                fields[f"{when}_{name}"] = (OverSeeds, Field(description=described))
            elif metric.of == Of.VALIDATION:
                there = "`training.metrics` asks for it" if metric.measure.asked else "it is the task's own measure"
                field = Field(default=MISSING, description=f"{described}; there if {there}")
                fields[f"{when}_{name}"] = (OverSeeds | MISSING, field)
    described = "With a holdout: of the test set, at the epoch that training chose"
    for name, measure in MEASURES.items():
        if measure.loss:
            fields[f"test_{name}"] = (OverSeeds | None, Field(description=described))
        elif not measure.asked:
            field = Field(default=MISSING, description=f"{described}; there if it is the task's own measure")
            fields[f"test_{name}"] = (OverSeeds | None | MISSING, field)
    return fields


if TYPE_CHECKING:

    class VariantMetrics(OfVariant):
        """A variant across its seeds."""

        def __getattr__(self, name: str) -> Any: ...
else:
    VariantMetrics = create_model("VariantMetrics", __base__=OfVariant, __doc__=OfVariant.__doc__, **_across_seeds())


class Metrics(Answer):
    """Histories in brief."""

    runs: list[RunMetrics]
    variants: list[VariantMetrics]


def finite(values: Iterable[float]) -> list[float | None]:
    """`values` as JSON may carry them: None for each that is not finite (see `nonfinite`)."""
    return [show(value) for value in values]


def nonfinite(history: RunHistory) -> list[NonFinite]:
    """Each value of `history` that JSON shows as null, by epoch."""
    return [
        NonFinite(epoch=epoch, metric=metric, kind=kind(values[i]))
        for i, epoch in enumerate(history.epochs)
        for metric, values in history.metrics.items()
        if not math.isfinite(values[i])
    ]


def by_variant(histories: Iterable[RunHistory]) -> dict[str, list[RunHistory]]:
    """The runs of each variant, variants and runs in the order they come in."""
    groups: dict[str, list[RunHistory]] = {}
    for history in histories:
        groups.setdefault(history.variant, []).append(history)
    return groups


Scores = Mapping[str, Mapping[str, float | None] | None]
"""By a run's id, the test set's score at its chosen epoch; None if there is none (yet)."""


def summarize(
    histories: Iterable[RunHistory],
    by: str = VAL_DATA_LOSS,
    scores: Scores | None = None,
    task: Task = Binary(),  # noqa: B008 (it is frozen)
) -> Metrics:
    """Each run's final and best epoch, and each variant's means.

    A run's best epoch is that of its least finite `by` (its greatest if more of it is better), the
    first of equals; None if no epoch has a finite one. A run that did not record `by` is chosen by the same with
    penalties, and says so in `chosen_by`. A variant's values are over its runs that have
    them, `n` being those with a best epoch; `best_val_acc`, say, is the accuracy at the best epoch. Runs
    that are still training count with the epochs they have, and `unfinished` counts them.

    `scores` are the runs' on the test set, at the epoch that training itself chose, whatever `by` is: a run's
    `test`, and a variant's `test_loss`, say, None if none of its runs has one. They are of the measures of `task`.
    """
    runs = [_run(history, by, (scores or {}).get(history.run_id)) for history in histories]
    of_variants: dict[str, list[RunMetrics]] = {}
    for run in runs:
        of_variants.setdefault(run.variant, []).append(run)
    return Metrics(runs=runs, variants=[_variant(name, group, task) for name, group in of_variants.items()])


def _run(history: RunHistory, by: str, test: Mapping[str, float | None] | None) -> RunMetrics:
    index = {epoch: i for i, epoch in enumerate(history.epochs)}
    final_epoch = history.epochs[-1] if history.epochs else None
    chosen_by = by if by in history.metrics else PENALISED.get(by, by)
    values = history.metrics.get(chosen_by, (math.nan,) * len(history.epochs))
    best_epoch = best(history.epochs, values, chosen_by)

    def at(epoch: int | None) -> EpochValues | None:
        if epoch is None:
            return None
        found = finite(metric[index[epoch]] for metric in history.metrics.values())
        return EpochValues(epoch=epoch, **dict(zip(history.metrics, found, strict=True)))

    return RunMetrics(
        run_id=history.run_id,
        variant=history.variant,
        seed=history.seed,
        status=Status(history.status),
        final=at(final_epoch),
        best=at(best_epoch),
        chosen_by=chosen_by,
        test=None if test is None else _score(test),
        stopped=stops(history.epochs, values, chosen_by),
        nonfinite=[entry for entry in nonfinite(history) if entry.epoch in (final_epoch, best_epoch)],
    )


def _overfitting(run: RunMetrics) -> tuple[float | None, float | None]:
    """A run's gap at its last epoch, and how far its loss has risen from the best epoch to the last."""
    metric = METRICS[run.chosen_by if METRICS[run.chosen_by].measure.loss else VAL_DATA_LOSS]
    validation = getattr(run.final, metric.name, None)
    trained = getattr(run.final, Of.EVALUATED + metric.measure.name, getattr(run.final, metric.measure.name, None))
    best = getattr(run.best, metric.name, None)
    gap = None if validation is None or trained is None else validation - trained
    return gap, None if validation is None or best is None else validation - best


def _score(test: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else show(value) for name, value in test.items()}


def _variant(name: str, runs: Sequence[RunMetrics], task: Task) -> VariantMetrics:
    def across(values: Iterable[float | None], bounds: tuple[float, float]) -> OverSeeds:
        over = estimate([value for value in values if value is not None], bounds)
        return OverSeeds(mean=over.mean, sd=over.sd, ci95=over.ci95)

    def metric(part: Part, name: str) -> OverSeeds:
        bounds = METRICS[name].measure.bounds if name in METRICS else (1, math.inf)
        return across((getattr(epoch, name, None) for run in runs if (epoch := getattr(run, part)) is not None), bounds)

    def tested(name: str) -> OverSeeds | None:
        scores = [run.test for run in runs if run.test]
        return across((score.get(name) for score in scores), MEASURES[name].bounds) if scores else None

    by_loss = all(METRICS[run.chosen_by].measure.loss for run in runs)
    gaps, rises = zip(*map(_overfitting, runs), strict=True) if runs else ((), ())
    always = scored(task)
    recorded = {name for run in runs if run.final is not None for name in run.final.model_extra or {}}
    values = {
        f"{part}_{name}": metric(part, name)
        for part in PARTS
        for name, each in METRICS.items()
        if each.of == Of.VALIDATION and (name in recorded or each.measure.name in always)
    }
    return VariantMetrics.model_validate(
        {
            "variant": name,
            "n": sum(run.best is not None for run in runs),
            "unfinished": sum(run.status not in FINISHED for run in runs),
            "best_epoch": metric("best", "epoch"),
            "gap_at_end": across(gaps, ANYWHERE),
            # The best epoch has the least loss if it is chosen by it.
            "rise": across(rises, (0.0, math.inf) if by_loss else ANYWHERE),
            **values,
            **{f"test_{score}": tested(score) for score in always},
        }
    )
