"""What the analysis answers: the models that are computed, returned, and shown in the API's document.

A number is finite or null. Where the names of values depend on what was recorded or asked for, a model has
them beside its fields.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from models.kinds.metrics import VAL_DATA_LOSS, VAL_LOSS
from models.tables import Status
from reporting.answer import Answer, Interval
from reporting.combinations import Combinations
from reporting.decisions import Verdict
from reporting.overfitting import View
from reporting.smallest import SmallestFrom
from reporting.statistics import Estimate
from reporting.verdicts import Finding


class RunAnalysis(Answer):
    """How one run overfits; beside the fields here the same values as a variant's `across_seeds`, by their names."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float | None]

    run_id: str
    seed: int
    verdict: str = Field(examples=["no onset in 20 epochs"])
    censored: bool = Field(description="Whether no overfitting was seen in the epochs there are")
    best_epoch: int | None
    onset_epoch: int | None


class VariantAnalysis(Answer):
    """How a variant overfits: over its runs that finished, `n` of which did not diverge."""

    variant: str
    n: int = Field(description="Runs that finished and did not diverge: all values are theirs")
    updates_per_epoch: int | None = Field(description="How often an epoch changes the weights: once per batch")
    best_epoch: int | None = Field(description="The lower median of the runs'")
    onset_epoch: int | None = Field(description="From which epoch on half of its seeds overfit")
    censored: bool = Field(description="Whether that was not seen in the epochs there are")
    verdict: str = Field(examples=["overfitting from epoch 4"])
    overfitted: int = Field(description="Runs that overfit")
    diverged: int = Field(description="Runs with a value that is not finite")
    never_learned: int = Field(description="Runs whose loss never fell clearly below that of chance")
    interquartile_means: dict[str, float | None] = Field(
        description="Of the best loss, the task's own measure there and the final loss, by their names: the mean of "
        "the middle half of the `n` runs, which a few that never learned do not move"
    )
    interquartile_intervals: dict[str, Interval | None] = Field(
        description="95% intervals of these means, by the same names (Student's t of the trimmed mean)"
    )
    across_seeds: dict[str, Estimate] = Field(
        description="Over the `n` runs, by name: `best_epoch`, the task's own measure there (`best_val_acc`, say), "
        "`onset_epoch`, `gap_at_best`, `gap_at_end`, `rise` (of the loss from the best to the last epoch), "
        "`slope_after_onset` (loss per epoch), `area_between` (loss times "
        f"epochs), `penalty` (on the weights, in `{VAL_LOSS}` at the last epoch); of the view `data` also "
        f"`best_{VAL_DATA_LOSS}` and `final_{VAL_DATA_LOSS}`, "
        f"of the view `keras` `best_{VAL_LOSS}` and `final_{VAL_LOSS}`"
    )
    runs: list[RunAnalysis]


class Pairing(Answer):
    """What pairing by seed did to the interval; null below 3 seeds."""

    correlation: float | None = Field(description="Pearson's, of the two variants across seeds")
    variance_ratio: float | None = Field(description="var(differences) / (var(variant) + var(baseline))")
    helped: bool | None = Field(description="Whether that ratio is below 1, so that the interval is narrower")


class Intervals(Answer):
    """95% intervals of one difference, each for a question of its own; null is what too little is known of.

    They are for a number of seeds that was fixed before: of a `sequential` comparison `ci_anytime` holds, and they do
    not.
    """

    seeds: Interval | None = Field(
        description="Over what varies with the seed: `ci95`. On these validation rows; if `vary` has `split`, over "
        "which rows of this training part are held out, too, but not over rows beyond it"
    )
    rows: Interval | None = Field(description="Of these trainings, on other validation rows of the same kind")
    both: Interval | None = Field(
        description="Over what varies with the seed and validation rows at once; contains the other two"
    )


class Comparison(Answer):
    """A variant minus the baseline, paired by seed; null is what too few seeds, or equal differences, do not give."""

    variant: str
    baseline: str
    metric: str = Field(examples=[f"best_{VAL_DATA_LOSS}"])
    n: int = Field(description="Seeds that both have")
    difference: float | None = Field(description="The mean over those seeds")
    sd: float | None = Field(description="The standard deviation of the differences")
    ci95: Interval | None = Field(description="95% interval of the difference (Student's t): low, high")
    p: float | None = Field(description="Of the paired t test, two-sided")
    p_holm: float | None = Field(description="Corrected over the variants compared with this baseline, by Holm")
    dz: float | None = Field(description="Cohen's: difference / sd")
    hedges_g: float | None = Field(description="dz with Hedges's correction for small samples; from 3 seeds on")
    pairing: Pairing
    ci95_bootstrap: Interval | None = Field(
        description="95% interval by the bootstrap (BCa): low, high; with `bootstrap=true`, from 3 seeds on"
    )
    decision: Verdict | None = Field(
        description="Valid however often one looks; null for a metric of which neither more nor less is better"
    )
    smallest: float | None = Field(description="The smallest difference that matters, in the metric's own unit")
    smallest_from: SmallestFrom | None = Field(
        description="Whose it is: `?smallest=`, the job's `until`, or the standard error of the metric over the rows "
        "of the validation set, rounded to one digit"
    )
    sequential: bool = Field(
        description="Whether the number of seeds was not fixed before: then `decision` and `ci_anytime` hold, while "
        "`ci95` and the p values do not"
    )
    ci_anytime: Interval | None = Field(
        description="Interval of the difference that is valid at every look, and for all variants compared on this "
        "metric at once with the probability `confidence`: low, high; null as long as it has no bound"
    )
    p_anytime: float | None = Field(
        description="Of the same kind as `ci_anytime`: at most 1 − `confidence` if that is without 0"
    )
    confidence: float = Field(description="Of `ci_anytime`: 0.95, or 1 − `alpha` of the job's `until`")
    intervals: Intervals
    probability_better: float | None = Field(description="The share of seeds in which the variant did better")
    seeds_needed: int | None = Field(
        description="Seeds in all after which it would be decided, if they go on as they did; null if unknown"
    )
    finding: Finding | None = Field(
        description="What the seeds show: that the variant's value is lower or higher than the baseline's by more than "
        "luck, or that it is equivalent. It is by `decision` if `sequential` or equivalent, with `ci_anytime`; else by "
        "`p_holm` below 0.05, with `ci95`. Null with one seed"
    )
    in_words: str = Field(description="The same, as pages and tables say it", examples=["lower, more than luck"])

    @property
    def ends(self) -> Interval | None:
        """The interval that `finding` goes by."""
        return self.ci_anytime if self.sequential or self.finding == "equivalent" else self.ci95

    @property
    def identical(self) -> bool:
        """Whether the variant's runs are those of the baseline: other equivalent ones differ from seed to seed."""
        return self.finding == "equivalent" and self.sd == 0


WarningCode = Literal[
    "different_data", "never_learned", "validated_on_test", "selected", "one_seed", "two_seeds", "seeds_added",
    "runs_diverged", "runs_left_out", "equal_differences", "unequal_epochs", "penalty_in_loss", "loss_during_training",
]  # fmt: skip
"""In the order in which they are told. Each has a heading in docs/analysis.md. More may be added."""


class Warned(Answer):
    """What to know before believing the numbers."""

    code: WarningCode
    detail: str = Field(description="In words; the text may change")


class Ranking(Answer):
    """The ranks that a variant may have by its best loss, 1 being the best; right for all variants at once with 95%.

    If the comparisons are `sequential` they hold at every look, else for a number of seeds that was fixed before.
    """

    variant: str
    rank: tuple[int, int] = Field(description="Least and greatest")
    best: bool = Field(description="Whether no other variant is surely better")


class Simplest(Answer):
    """The variant with the fewest weights of those whose best loss is worse than the best one's by at most `within`."""

    variant: str
    parameters: int
    best: str = Field(description="The variant with the least mean")
    difference: float = Field(description="Its best loss minus that of `best`, paired by seed, the mean over seeds")
    within: float = Field(description="The smallest difference that matters")
    shown: bool = Field(description="Whether an interval valid at every look and for all variants is below `within`")


class Variance(Answer):
    """The parts of the variance of one run's best loss, as shares whose sum is 1; null is what did not vary alone."""

    seed: float | None = Field(description="Of weights, batches and noise")
    split: float | None = Field(description="Of the choice of held-out rows, beside `rows`")
    sample: float | None = Field(description="Of the bootstrap sample of training rows")
    together: float | None = Field(
        description="Of all that `vary` names, if it names several: each seed draws all of it at once, so that one job "
        "cannot tell them apart"
    )
    rows: float = Field(description="Of the validation rows: how far their mean is from that of all rows like them")


class TrialAnswer(Answer):
    """A trial of a search: never part of a mean, of an interval or of a comparison."""

    trial: int = Field(description="Its number, from 0 on")
    space: int = Field(description="The number of its space, from 0 on")
    run_id: str
    variant: str
    status: Status
    values: dict[str, float | str] = Field(description="What it tries, by axis")
    value: float | None = Field(description="The search's metric at its best epoch, on the rows held out")
    epoch: int | None = Field(description="That epoch")
    pruned: int | None = Field(description="The epoch after which the pruner ended it; null if it did not")
    best: bool = Field(
        description="Whether it was the best of its space that was trained to its end, when it ended, after those "
        "before it"
    )


class Finalist(Answer):
    """A trial that was trained anew with fresh seeds."""

    variant: str
    trial: int
    value: float = Field(description="The trial's")
    n: int = Field(description="Fresh seeds that have finished")
    fresh: float | None = Field(description="The same metric over the fresh seeds, on the rows held out: the mean")
    selection: float | None = Field(
        description="How much better `value` is than `fresh`: what the choice of the best of many trials flatters it by"
    )


class Searched(Answer):
    """The trials of a job's search."""

    metric: str
    trials: list[TrialAnswer]
    finalists: list[Finalist] = Field(description="The best of each space first; none while trials are to come")


class Analysis(Answer):
    """Which variant overfits, when, and whether it differs from the baseline by more than luck."""

    view: View = Field(description="The loss of the data alone, or Keras's losses, penalties included")
    variants: list[VariantAnalysis]
    comparisons: list[Comparison]
    ranking: list[Ranking] = Field(description="The best by its mean first; of variants with results")
    variance: Variance | None = Field(
        description="Null with one seed, or if predictions of the best epochs are not kept"
    )
    simplest: Simplest | None = Field(
        description="Null with one variant, or without a smallest difference that matters"
    )
    combinations: Combinations | None = Field(
        description="Which two changes add up; null unless the job has the whole grid of a sweep over two axes or more"
    )
    search: Searched | None = Field(default=None, description="Null without `search`")
    headline: str = Field(
        description="What to do, in a sentence or two: which variant to use, or what comes before that; empty if "
        "nothing is to be compared"
    )
    paragraph: str = Field(description="What was found, in words to paste; empty if nothing is to be compared")
    warnings: list[Warned] = Field(description="What to know before believing the numbers, what matters most first")
