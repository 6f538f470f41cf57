"""Which variant overfits, when, and whether it differs from the baseline by more than luck.

`analyse` is a pure function of histories. docs/analysis.md explains each number to its reader.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import median_low
from typing import Any

from models.errors import NotFound
from models.history import RunHistory
from models.kinds.tasks.binary import Binary
from reporting.overfitting import CURVES, Reading, View, Word, read
from reporting.statistics import Estimate, bootstrap_interval, estimate, holm, paired
from reporting.summary import by_variant

ACROSS_SEEDS = (
    "best_epoch", "best_loss", "best_acc", "final_loss", "onset_epoch",
    "gap_at_best", "gap_at_end", "slope_after_onset", "area_between",
)  # fmt: skip
"""What is averaged over a variant's seeds (fields of `Reading`)."""

COMPARED = ("best_loss", "best_acc", "final_loss", "best_epoch")
"""What is compared with the baseline; Holm's correction runs over the variants, for each of these apart."""


WORST_FIRST: tuple[Word, ...] = ("diverged", "underfitting", "good fit", "too few epochs")
"""Which of two words a variant has that as many of its seeds have."""


def analyse(
    histories: Sequence[RunHistory],
    baseline: str,
    *,
    view: View = "data",
    bootstrap: bool = False,
    validated_on_test: bool = False,
    chance: float = Binary().chance,
) -> dict[str, Any]:
    """`{"view", "variants", "comparisons", "warnings"}`, every number finite or None.

    `view`: `data` reads the cross-entropy alone (`val_data_loss`), `keras` what Keras reports, penalty
    included (`val_loss`). Only runs that finished count, and those that diverged count only as that.
    With `bootstrap` each comparison has a bootstrap interval too. `validated_on_test`: whether the
    validation set is the test set. `chance`: the task's loss of a network that has
    learned nothing. Raises `NotFound` where no history is of `baseline`.
    """
    groups = by_variant(histories)
    if baseline not in groups:
        raise NotFound(f"There is no variant named {baseline!r}")
    readings = {name: [read(run, view, chance) for run in runs if _finished(run)] for name, runs in groups.items()}
    sound = {name: [r for r in found if r.verdict != "diverged"] for name, found in readings.items()}
    comparisons = _comparisons(sound, baseline, view, bootstrap)
    return {
        "view": view,
        "variants": [_variant(name, readings[name], sound[name], view) for name in groups],
        "comparisons": comparisons,
        "warnings": list(_warnings(groups, readings, sound, comparisons, view, validated_on_test)),
    }


def _finished(run: RunHistory) -> bool:
    """A run that succeeded, or that failed because it diverged."""
    return run.status == "succeeded" or (run.status == "failed" and read(run).verdict == "diverged")


def _metric(field: str, view: View) -> str:
    """A reading's field by the name of the metric it is of: `best_loss` is `best_val_data_loss` in the fair view."""
    validation = CURVES[view][2]
    names = {"best_loss": f"best_{validation}", "final_loss": f"final_{validation}", "best_acc": "best_val_acc"}
    return names.get(field, field)


def _values(readings: Sequence[Reading], field: str) -> list[float]:
    return [value for reading in readings if (value := getattr(reading, field)) is not None]


def _variant(name: str, readings: Sequence[Reading], sound: Sequence[Reading], view: View) -> dict[str, Any]:
    """A variant across its seeds.

    `onset_epoch` is the epoch by which at least half of its seeds overfit: the lower median, a seed that never
    does (or diverged) counting as later than all; where that half is not reached it is None, and `censored`
    true. `best_epoch` is the lower median too. The verdict is of the same half; where that has not overfitted,
    the word most of the other seeds have, of equals the worse (the order of `WORST_FIRST`).
    """
    onsets = sorted(_values(sound, "onset_epoch"))
    middle = (len(readings) - 1) // 2
    onset_epoch = onsets[middle] if readings and middle < len(onsets) else None
    words: Counter[Word] = Counter(reading.verdict for reading in readings if reading.verdict != "overfitting")
    if onset_epoch is not None:
        verdict = f"overfitting from epoch {onset_epoch}"
    else:
        verdict = max(WORST_FIRST, key=lambda word: words[word]) if words else "too few epochs"
    best_epochs = _values(sound, "best_epoch")
    return {
        "variant": name,
        "n": len(sound),
        "best_epoch": median_low(best_epochs) if best_epochs else None,
        "onset_epoch": onset_epoch,
        "censored": onset_epoch is None,
        "verdict": verdict,
        "overfitted": len(onsets),
        "diverged": len(readings) - len(sound),
        "across_seeds": {_metric(field, view): _as_json(estimate(_values(sound, field))) for field in ACROSS_SEEDS},
        "runs": [
            {
                "run_id": reading.run_id,
                "seed": reading.seed,
                "verdict": reading.verdict,
                "censored": reading.onset_epoch is None,
                **{_metric(field, view): getattr(reading, field) for field in ACROSS_SEEDS},
            }
            for reading in readings
        ],
    }


def _as_json(over: Estimate) -> dict[str, Any]:
    return {"n": over.n, "mean": over.mean, "sd": over.sd, "ci95": None if over.ci95 is None else list(over.ci95)}


def _comparisons(
    sound: Mapping[str, Sequence[Reading]], baseline: str, view: View, bootstrap: bool
) -> list[dict[str, Any]]:
    """Each other variant against the baseline, on the seeds both have, first by metric and then by variant.

    A family of Holm's correction is one metric over all variants compared with the baseline, as Demšar
    advises for comparisons with a control (2006, "Statistical comparisons of classifiers over multiple data
    sets", 3.2.2).
    """
    reference = {reading.seed: reading for reading in reversed(sound[baseline])}
    comparisons = []
    for field in COMPARED:
        family = [
            _compare(name, baseline, field, sound[name], reference, view, bootstrap)
            for name in sound
            if name != baseline
        ]
        for comparison, p in zip(family, holm([c["p"] for c in family]), strict=True):
            comparison["p_holm"] = p
        comparisons += family
    return comparisons


def _compare(
    name: str,
    baseline: str,
    field: str,
    readings: Sequence[Reading],
    reference: Mapping[int, Reading],
    view: View,
    bootstrap: bool,
) -> dict[str, Any]:
    own = {reading.seed: reading for reading in reversed(readings)}
    pairs = [
        (float(a), float(b))
        for seed in sorted(own.keys() & reference.keys())
        if (a := getattr(own[seed], field)) is not None and (b := getattr(reference[seed], field)) is not None
    ]
    result = paired([a for a, _ in pairs], [b for _, b in pairs])
    comparison = {
        "variant": name,
        "baseline": baseline,
        "metric": _metric(field, view),
        "n": result.n,
        "difference": result.difference,
        "sd": result.sd,
        "ci95": None if result.ci95 is None else list(result.ci95),
        "p": result.p,
        "p_holm": None,
        "dz": result.dz,
        "hedges_g": result.hedges_g,
        "pairing": {
            "correlation": result.correlation,
            "variance_ratio": result.variance_ratio,
            "helped": None if result.variance_ratio is None else result.variance_ratio < 1,
        },
    }
    if bootstrap:
        interval = bootstrap_interval([a - b for a, b in pairs])
        comparison["ci95_bootstrap"] = None if interval is None else list(interval)
    return comparison


def _warnings(
    groups: Mapping[str, Sequence[RunHistory]],
    readings: Mapping[str, Sequence[Reading]],
    sound: Mapping[str, Sequence[Reading]],
    comparisons: Sequence[Mapping[str, Any]],
    view: View,
    validated_on_test: bool,
) -> Iterator[str]:
    """What the reader has to know before believing the numbers."""
    everything = [reading for found in sound.values() for reading in found]
    if validated_on_test:
        yield (
            "The best epoch is chosen on the test set and reported on it, so the best values are too good. "
            'With dataset.validation {"holdout": n} it is chosen on training reviews held out, '
            "and the test set is scored once."
        )
    for name, runs in groups.items():
        if left_out := len(runs) - len(readings[name]):
            yield f"{name}: {left_out} of {len(runs)} runs have not finished (or failed) and are left out."
        if diverged := len(readings[name]) - len(sound[name]):
            yield (
                f"{name}: {diverged} of {len(readings[name])} runs diverged and are left out of means and "
                "differences, which flatters the variant."
            )
    pairs = [comparison["n"] for comparison in comparisons if comparison["n"]]
    if 1 in pairs:
        yield "With one seed a difference has no interval and no p value: it may be luck. Add seeds to tell."
    if 2 in pairs:
        yield "With two seeds an interval is so wide that it says little. Add seeds to narrow it."
    for comparison in comparisons:
        if comparison["n"] >= 2 and comparison["ci95"] is None:
            yield (
                f"{comparison['variant']}, {comparison['metric']}: the difference is the same in all "
                f"{comparison['n']} seeds, so it has no interval and no p value."
            )
    for name, found in sound.items():
        penalties = _values(found, "penalty")
        if penalties and (penalty := sum(penalties) / len(penalties)) > 1e-6:
            yield (
                f"{name}: Keras's val_loss holds its weight penalty, {penalty:.3g} at the last epoch. "
                + ("Here it is left out." if view == "data" else "Compare losses with view=data, which leaves it out.")
            )
    if everything and not all(reading.evaluated for reading in everything):
        yield (
            "Gaps are against a training loss measured while the weights move, and with dropout on. "
            "training.evaluate_train measures it as the validation loss is."
        )
    lengths = {reading.epochs for reading in everything}
    if len(lengths) > 1:
        yield (
            f"Runs have {min(lengths)} to {max(lengths)} epochs: final values and gaps are each at a run's own last "
            "epoch, and areas up to it."
        )
