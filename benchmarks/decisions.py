"""How often decisions are wrong, how wide intervals are and how many seeds a decision takes: by simulation.

`python -m benchmarks.decisions` prints the tables of docs/analysis.md. Everything comes from fixed seeds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from reporting.anytime import intervals
from reporting.decisions import ALPHA, EQUIVALENT, NEGATIVE, POSITIVE, UNDECIDED, outcomes

EXPERIMENTS = 10_000
SEEDS = 50
"""Looked at after each of them."""
BATCH = 500

Array = NDArray[np.float64]
Law = Callable[[np.random.Generator, tuple[int, ...]], Array]


def _bimodal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.where(rng.random(shape) < 0.5, -1.0, 1.0) + rng.normal(0, 0.1, shape)


def _dead(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return (np.where(rng.random(shape) < 0.1, 9.0, -1.0) + rng.normal(0, 0.3, shape)) / 3


LAWS: dict[str, Law] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "heavy tails (Student's t, 3 degrees)": lambda rng, shape: rng.standard_t(3, shape) / np.sqrt(3),
    "two clusters": _bimodal,
    "skewed (gamma, skewness 1)": lambda rng, shape: (rng.gamma(4.0, size=shape) - 4) / 2,
    "very skewed (exponential, skewness 2)": lambda rng, shape: rng.exponential(size=shape) - 1,
    "one seed in ten never learns": _dead,
}
"""Differences of mean 0 and standard deviation 1."""


def false_decisions(law: Law, comparisons: int, rng: np.random.Generator) -> tuple[float, float]:
    """In families without a difference: the share with any decision, and that with peeking at Holm's p below 0.05."""
    wrong = peeked = 0
    for _ in range(EXPERIMENTS // BATCH):
        x = law(rng, (BATCH, comparisons, SEEDS))
        wrong += int((outcomes(x, ALPHA / comparisons, None)[..., -1] != UNDECIDED).any(axis=1).sum())
        peeked += int(fixed_tests(x, ALPHA / comparisons).any(axis=(1, 2)).sum())
    return wrong / EXPERIMENTS, peeked / EXPERIMENTS


def fixed_tests(x: Array, level: float) -> NDArray[np.bool_]:
    """Whether Student's paired t test is significant after each seed from the third on."""
    n = np.arange(1, x.shape[-1] + 1)
    mean = np.cumsum(x, axis=-1) / n
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt((np.cumsum(x * x, axis=-1) - n * mean * mean) / (n - 1))
        t = np.abs(mean) / (sd / np.sqrt(n))
    bound = stats.t.ppf(1 - level / 2, np.maximum(n - 1, 1))
    return np.asarray((t > bound)[..., 2:])


def coverage(law: Law, rng: np.random.Generator) -> tuple[float, float]:
    """How often the anytime interval holds the mean at every look up to `SEEDS`, and Student's at 10 seeds."""
    x = law(rng, (EXPERIMENTS, SEEDS))
    low, high = intervals(x, ALPHA)
    ten = x[:, :10]
    half = stats.t.ppf(1 - ALPHA / 2, 9) * ten.std(axis=1, ddof=1) / np.sqrt(10)
    return float((low[:, -1] <= 0).mean() - (high[:, -1] < 0).mean()), float((np.abs(ten.mean(axis=1)) <= half).mean())


def seeds_taken(effect: float, comparisons: int, rng: np.random.Generator) -> tuple[float, float, float, int]:
    """Of normal differences with a mean of `effect` standard deviations.

    The mean number of seeds to a decision (at most `SEEDS`), the share decided, the share with the wrong sign, and
    how many seeds a fixed design needs for the same share.
    """
    x = rng.standard_normal((EXPERIMENTS, SEEDS)) - effect
    found = outcomes(x, ALPHA / comparisons, None)
    decided = found[:, -1] != UNDECIDED
    taken = np.where(decided, (found != UNDECIDED).argmax(axis=1) + 1, SEEDS)
    share = float(decided.mean())
    counts = np.arange(3, 400)
    bound = stats.t.ppf(1 - ALPHA / comparisons / 2, counts - 1)
    power = stats.nct.sf(bound, counts - 1, effect * np.sqrt(counts))
    enough = power >= min(share, 0.999)
    fixed = int(counts[enough.argmax()]) if enough.any() else -1
    return float(taken.mean()), share, float((found[:, -1] == POSITIVE).mean()), fixed


def equivalence(true: float, smallest: float, rng: np.random.Generator) -> tuple[float, float]:
    """The share called equivalent, and the share called better or worse, of normal differences with mean `true`."""
    x = rng.standard_normal((EXPERIMENTS, SEEDS)) + true
    last = outcomes(x, ALPHA, smallest)[:, -1]
    return float((last == EQUIVALENT).mean()), float(np.isin(last, (NEGATIVE, POSITIVE)).mean())


def main() -> None:
    """Prints the tables."""
    rng = np.random.default_rng(0)
    print("| differences | comparisons | wrong decisions | wrong with a t test after each seed |\n|---|---|---|---|")
    for name, law in LAWS.items():
        for comparisons in (1, 5, 20):
            wrong, peeked = false_decisions(law, comparisons, rng)
            print(f"| {name} | {comparisons} | {100 * wrong:.1f}% | {100 * peeked:.1f}% |")
    print("\n| differences | anytime interval, every look | Student's interval, 10 seeds |\n|---|---|---|")
    for name, law in LAWS.items():
        anytime, student = coverage(law, rng)
        print(f"| {name} | {100 * anytime:.1f}% | {100 * student:.1f}% |")
    print(
        "\n| true difference, in standard deviations | comparisons | seeds to a decision, mean | decided within "
        f"{SEEDS} | wrong sign | seeds of a fixed design with the same probability of a decision |\n"
        "|---|---|---|---|---|---|"
    )
    for effect in (0.5, 1.0, 1.5, 2.0, 3.0):
        for comparisons in (1, 5, 20):
            taken, share, sign, fixed = seeds_taken(effect, comparisons, rng)
            print(
                f"| {effect} | {comparisons} | {taken:.1f} | {100 * share:.1f}% | {100 * sign:.2f}% | "
                f"{fixed if fixed > 0 else '–'} |"
            )
    print(
        "\n| true difference | smallest that matters | called equivalent | called better or worse |\n|---|---|---|---|"
    )
    for true, smallest in ((0.0, 0.5), (0.0, 1.0), (0.25, 0.5), (0.5, 0.5), (1.0, 1.0), (0.6, 0.5)):
        equivalent, different = equivalence(true, smallest, rng)
        print(f"| {true} | {smallest} | {100 * equivalent:.1f}% | {100 * different:.1f}% |")


if __name__ == "__main__":
    main()
