"""What a reader has to know before believing an analysis, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reporting.answers import Comparison
from reporting.overfitting import Reading, View
from reporting.penalties import NOTHING


def caveats(
    runs: Mapping[str, int],
    readings: Mapping[str, Sequence[Reading]],
    sound: Mapping[str, Sequence[Reading]],
    comparisons: Sequence[Comparison],
    view: View,
    validated_on_test: bool,
) -> Iterator[str]:
    """The sentences; `runs` counts all of a variant's, those that are left out included."""
    everything = [reading for found in sound.values() for reading in found]
    if validated_on_test:
        yield (
            "The best epoch is chosen on the test set and reported on it, so the best values are too good. "
            'With dataset.validation {"holdout": n} it is chosen on training reviews held out, '
            "and the test set is scored once."
        )
    for name, count in runs.items():
        if left_out := count - len(readings[name]):
            yield f"{name}: {left_out} of {count} runs have not finished (or failed) and are left out."
        if diverged := len(readings[name]) - len(sound[name]):
            yield (
                f"{name}: {diverged} of {len(readings[name])} runs diverged and are left out of means and "
                "differences, which flatters the variant."
            )
    pairs = [comparison.n for comparison in comparisons if comparison.n]
    if 1 in pairs:
        yield "With one seed a difference has no interval and no p value: it may be luck. Add seeds to tell."
    if 2 in pairs:
        yield "With two seeds an interval is so wide that it says little. Add seeds to narrow it."
    for comparison in comparisons:
        if comparison.n >= 2 and comparison.ci95 is None:
            yield (
                f"{comparison.variant}, {comparison.metric}: the difference is the same in all "
                f"{comparison.n} seeds, so it has no interval and no p value."
            )
    for name, found in sound.items():
        penalties = [reading.penalty for reading in found if reading.penalty is not None]
        if penalties and (penalty := sum(penalties) / len(penalties)) > NOTHING:
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
