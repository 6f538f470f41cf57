"""What the notebook claims, as differences that runs can show or refute.

Source of the claims: the overfitting notebook of *Deep Learning with Python* (chapter 4.4). Each claim is about
a variant against `original`, and is settled by the mean difference, paired by seed, in one of two ways:

- with a number of seeds that was fixed before (`settle`): by Student's paired t, with Holm's correction over all
  claims of the experiment. Of best epochs, which are whole numbers, all differences may be the same; the sign test
  then stands in for t.
- with seeds that were added until there was a decision (`decide`): by intervals that are valid at every look and for
  all claims at once (`reporting.decisions`), which can also show that there is no difference that matters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from reporting import decisions
from reporting.statistics import Paired, estimate, holm, paired

ALPHA = 0.05
EARLY = 5
"""The epoch at which training losses are compared: half-way down for the notebook's networks."""


@dataclass(frozen=True)
class Measure:
    """What is measured of a run, in words, and the smallest difference of it that matters."""

    words: str
    smallest: float


MEASURES = {
    "best_epoch": Measure("epoch of the least validation cross-entropy", 1),
    "best": Measure("least validation cross-entropy", 0.005),
    "accuracy": Measure("validation accuracy at that epoch", 0.005),
    "final": Measure("validation cross-entropy at the last epoch", 0.02),
    "rise": Measure("rise of the validation cross-entropy from its least to the last epoch", 0.02),
    "keras_rise": Measure("rise of Keras's val_loss from its least to the last epoch", 0.02),
    "roughness": Measure("mean absolute second difference of the validation cross-entropy (how noisy it is)", 0.01),
    "early_training": Measure(f"training cross-entropy at epoch {EARLY}", 0.01),
    "penalty": Measure("Keras's val_loss minus the cross-entropy, at the last epoch", 0.01),
}


@dataclass(frozen=True)
class Claim:
    """`measure` of `variant` is above (+1) or below (-1) that of `original`."""

    section: str
    words: str
    variant: str
    measure: str
    side: Literal[-1, 1]


CLAIMS = (
    Claim("A smaller network", "it begins to overfit later", "smaller", "best_epoch", 1),
    Claim("A smaller network", "once it overfits, it gets worse more slowly", "smaller", "rise", -1),
    Claim("A bigger network", "it begins to overfit almost at once", "bigger", "best_epoch", -1),
    Claim("A bigger network", "it overfits much more severely", "bigger", "rise", 1),
    Claim("A bigger network", "its validation loss is noisier", "bigger", "roughness", 1),
    Claim("A bigger network", "its training loss nears zero faster", "bigger", "early_training", -1),
    Claim("An L2 penalty", "it resists overfitting, as Keras reports the loss", "l2", "keras_rise", -1),
    Claim("An L2 penalty", "it resists overfitting, the penalty left out", "l2", "rise", -1),
    Claim("An L2 penalty", "its best model is better", "l2", "best", -1),
    Claim("An L1 penalty", "it resists overfitting, the penalty left out", "l1", "rise", -1),
    Claim("An L1 penalty", "its best model is better", "l1", "best", -1),
    Claim("L1 and L2 together", "they resist overfitting, the penalty left out", "l1_l2", "rise", -1),
    Claim("L1 and L2 together", "their best model is better", "l1_l2", "best", -1),
    Claim("Dropout", "it resists overfitting", "dropout", "rise", -1),
    Claim("Dropout", "its best model is better", "dropout", "best", -1),
    Claim("Dropout", "its best model is more accurate", "dropout", "accuracy", 1),
)


Verdict = Literal["holds", "the opposite holds", "no difference that matters", "not decided"]


@dataclass(frozen=True)
class Finding:
    """A claim, the means of both over the seeds that they share, their difference with its interval, and what follows.

    `p_holm`: None if the claim was settled by the interval. `seeds_needed`: how many seeds in all would decide it, if
    that can be said.
    """

    claim: Claim
    n: int
    baseline: float
    variant: float
    difference: float | None
    interval: tuple[float, float] | None
    p_holm: float | None
    verdict: Verdict
    seeds_needed: int | None = None


def measure(run: Mapping[str, Any]) -> dict[str, float]:
    """What is measured of a run's history as the service gives it; nothing is measured of a run that diverged."""
    metrics = {name: [math.nan if v is None else v for v in values] for name, values in run["metrics"].items()}
    losses, keras = np.array(metrics["val_data_loss"]), np.array(metrics["val_loss"])
    if not np.isfinite(losses).all() or not len(losses):
        return {}
    best = int(losses.argmin())
    return {
        "best_epoch": float(run["epochs"][best]),
        "best": float(losses[best]),
        "accuracy": metrics["val_acc"][best],
        "final": float(losses[-1]),
        "rise": float(losses[-1] - losses[best]),
        "keras_rise": float(keras[-1] - keras.min()),
        "roughness": float(np.abs(np.diff(losses, 2)).mean()) if len(losses) > 2 else math.nan,
        "early_training": metrics["data_loss"][min(EARLY, len(losses)) - 1],
        "penalty": float(keras[-1] - losses[-1]),
    }


Measured = dict[str, dict[int, dict[str, float]]]
"""By variant and seed."""


def measured(history: Mapping[str, Any]) -> Measured:
    """What is measured of each run of a history."""
    found: Measured = {}
    for run in history["runs"]:
        if values := measure(run):
            found.setdefault(run["variant"], {})[run["seed"]] = values
    return found


def settle(of: Measured, baseline: str = "original") -> list[Finding]:
    """Each claim about a variant that was trained, with the seeds that were fixed before."""
    pairs = {claim: difference(of[claim.variant], of[baseline], claim.measure) for claim in _about(of, baseline)}
    return [
        Finding(
            claim, pair.n, *_means(of, claim, baseline), pair.difference, pair.ci95, p, verdict(pair, p, claim.side)
        )
        for (claim, pair), p in zip(pairs.items(), holm([chance(pair) for pair in pairs.values()]), strict=True)
    ]


def decide(of: Measured, baseline: str = "original") -> list[Finding]:
    """The same with seeds that were added until there was a decision: by intervals for all claims at once."""
    claims, findings = _about(of, baseline), []
    for claim in claims:
        one, other, seeds = of[baseline], of[claim.variant], _shared(of, claim, baseline)
        differences = [other[seed][claim.measure] - one[seed][claim.measure] for seed in seeds]
        found = decisions.decide(
            differences,
            lower_is_better=claim.side < 0,
            smallest=MEASURES[claim.measure].smallest,
            comparisons=len(claims),
        )
        means = _means(of, claim, baseline)
        needed = None if found.verdict != "undecided" else found.seeds_needed
        findings.append(
            Finding(claim, len(seeds), *means, means[1] - means[0], found.ci, None, DECIDED[found.verdict], needed)
        )
    return findings


DECIDED: dict[decisions.Verdict, Verdict] = {
    "better": "holds",
    "worse": "the opposite holds",
    "equivalent": "no difference that matters",
    "undecided": "not decided",
}


def _about(of: Measured, baseline: str) -> list[Claim]:
    return [claim for claim in CLAIMS if claim.variant in of and baseline in of]


def _shared(of: Measured, claim: Claim, baseline: str) -> list[int]:
    return sorted(of[baseline].keys() & of[claim.variant].keys())


def _means(of: Measured, claim: Claim, baseline: str) -> tuple[float, float]:
    """Of the baseline and of the variant, over the seeds that both have: those of a decided variant are fewer."""
    seeds = _shared(of, claim, baseline)
    one, other = (
        float(np.mean([of[name][seed][claim.measure] for seed in seeds])) for name in (baseline, claim.variant)
    )
    return one, other


def chance(pair: Paired) -> float | None:
    """The p of a difference: Student's, or the sign test's where all seeds differ by exactly the same (epochs may)."""
    if pair.p is None and pair.n > 1 and pair.difference:
        return float(2 * 0.5**pair.n)
    return pair.p


def difference(of: Mapping[int, Mapping[str, float]], base: Mapping[int, Mapping[str, float]], name: str) -> Paired:
    """`of` minus `base`, on the seeds both have."""
    seeds = sorted(of.keys() & base.keys())
    return paired([of[seed][name] for seed in seeds], [base[seed][name] for seed in seeds])


def verdict(pair: Paired, p: float | None, side: int) -> Verdict:
    """By the side of a difference that is told from luck."""
    if p is None or pair.difference is None or p >= ALPHA:
        return "not decided"
    return "holds" if pair.difference * side > 0 else "the opposite holds"


def mean(of: Mapping[int, Mapping[str, float]], name: str) -> dict[str, Any]:
    """The mean over seeds, its interval and n."""
    over = estimate([values[name] for values in of.values()])
    return {"mean": over.mean, "sd": over.sd, "ci95": over.ci95, "n": over.n}


def enough(settings: Sequence[tuple[float, Sequence[float]]]) -> float:
    """The smallest setting whose mean is within one standard error of the best (see `reporting.plots.sweep`)."""
    means = [(size, estimate(values)) for size, values in sorted(settings)]
    best = min((over for _, over in means), key=lambda over: over.mean or 0.0)
    margin = (best.sd or 0.0) / math.sqrt(best.n)
    return next(size for size, over in means if (over.mean or 0.0) <= (best.mean or 0.0) + margin)
