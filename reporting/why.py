"""Why the validation loss of a job's variants rises, in numbers and in a sentence: means over seeds of `models.why`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median_low

from pydantic import Field

from models.errors import NotForTask
from models.kinds.task import Task
from models.tables import Run
from models.why import GROUPS, Explained
from reporting.answer import Answer
from reporting.reading import RunRow
from reporting.statistics import estimate
from reporting.summary import OverSeeds


class Part(Answer):
    """What a group of rows adds to the rise at an epoch."""

    rows: float = Field(description="How many they are; of a variant the mean over its runs")
    loss: float = Field(description="What they add to the mean loss of all rows")


class ExplainedEpoch(Answer):
    """An epoch of a run, against the epoch of its least validation loss until then."""

    epoch: int
    since: int = Field(description="The epoch of the least validation loss so far, penalties left out")
    loss: float = Field(description="The validation loss, penalties left out")
    rise: float = Field(description="What it is above the least: the sum of the four parts")
    less_sure: Part = Field(description="Rows that were right and are right, with a greater loss")
    surer: Part = Field(description="Rows that were wrong and are wrong, with a greater loss")
    changed: Part = Field(description="Rows that were right and are wrong, or the other way round")
    eased: Part = Field(description="All other rows: their loss is not greater")
    calibration: float = Field(description="Murphy's: how far the probabilities are from how often they come true")
    refinement: float = Field(description="The rest of the Brier score: how little the probabilities tell rows apart")


class ExplainedRun(Answer):
    """A run's epochs."""

    run_id: str
    variant: str
    seed: int
    epochs: list[ExplainedEpoch]


class ExplainedVariant(Answer):
    """The last epoch of a variant's runs, against the epochs of their least validation losses."""

    variant: str
    n: int = Field(description="Runs of which it is kept")
    since: int = Field(description="The lower median of the epochs of their least loss")
    epoch: int = Field(description="The lower median of their last epochs")
    rise: OverSeeds
    parts: dict[str, Part]
    calibration: tuple[float, float] = Field(description="At the least loss, and at the last epoch")
    refinement: tuple[float, float] = Field(description="The same of the rest of the Brier score")
    sentence: str


class Why(Answer):
    """By which rows validation losses have risen."""

    variants: list[ExplainedVariant]
    runs: list[ExplainedRun]


def check_has_sides(task: Task) -> None:
    """Raises NotForTask if the labels are no classes."""
    if task.class_count is None:
        raise NotForTask(
            f"A job of {task.title} predicts numbers, which are never right or wrong: its loss is not taken apart"
        )


def why(runs: Iterable[RunRow | Run], kept: Mapping[str, Sequence[Explained]], task: Task) -> Why:
    """Of the runs of which it is kept; variants in the order of their first run."""
    told = [
        ExplainedRun(
            run_id=run.id,
            variant=run.variant,
            seed=run.seed,
            epochs=[ExplainedEpoch.model_validate(each) for each in kept[run.id]],
        )
        for run in runs
        if kept.get(run.id)
    ]
    by_variant: dict[str, list[ExplainedRun]] = {}
    for run in told:
        by_variant.setdefault(run.variant, []).append(run)
    return Why(variants=[_variant(name, of, task) for name, of in by_variant.items()], runs=told)


def _variant(name: str, runs: Sequence[ExplainedRun], task: Task) -> ExplainedVariant:
    last = [run.epochs[-1] for run in runs]
    least = [run.epochs[end.since - 1] for run, end in zip(runs, last, strict=True)]
    rise = estimate([each.rise for each in last], (0.0, float("inf")))
    parts = {
        group: Part(
            rows=fmean(getattr(each, group).rows for each in last),
            loss=fmean(getattr(each, group).loss for each in last),
        )
        for group in GROUPS
    }
    since, epoch = median_low(each.since for each in last), median_low(each.epoch for each in last)
    return ExplainedVariant(
        variant=name,
        n=len(runs),
        since=since,
        epoch=epoch,
        rise=OverSeeds(mean=rise.mean, sd=rise.sd, ci95=rise.ci95),
        parts=parts,
        calibration=(fmean(each.calibration for each in least), fmean(each.calibration for each in last)),
        refinement=(fmean(each.refinement for each in least), fmean(each.refinement for each in last)),
        sentence=_sentence(fmean(each.rise for each in last), since, epoch, parts, task),
    )


WORDS = {
    "less_sure": "{rows} rows that stay right and get less sure",
    "surer": "{rows} rows that are wrong at epoch {since} already and get surer",
    "changed": "{rows} rows that change sides",
}


def _sentence(rise: float, since: int, epoch: int, parts: Mapping[str, Part], task: Task) -> str:
    """The largest part first."""
    if since == epoch or rise == 0:
        return f"The validation {task.loss_title} is least at the last epoch, {epoch}: it does not rise."
    first, *others = sorted(WORDS, key=lambda group: -parts[group].loss)

    def words(group: str) -> str:
        return WORDS[group].format(rows=f"{round(parts[group].rows):,}", since=since)

    said = [f"{_short(parts[first].loss)} comes from {words(first)}"]
    said += [f"{_short(parts[group].loss)} from {words(group)}" for group in others if round(parts[group].rows)]
    eased = parts["eased"]
    listed = ", ".join(said[:-1]) + " and " + said[-1] if len(said) > 1 else said[0]
    sentence = f"Of the rise of {_short(rise)} from epoch {since} to epoch {epoch}, {listed}"
    if round(eased.rows) and eased.loss:
        sentence += f"; the loss of {round(eased.rows):,} others falls, which takes {_short(-eased.loss)} off"
    return sentence + "."


def _short(value: float) -> str:
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"
