"""What a reader has to know before believing an analysis: codes, each with its words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import get_args

from reporting.answers import Comparison, Warned, WarningCode
from reporting.names import listed
from reporting.overfitting import Reading, View
from reporting.penalties import NOTHING
from reporting.setting import Setting

ORDER: tuple[WarningCode, ...] = get_args(WarningCode)
"""The codes by how much they matter to who reads the numbers, the most first; docs/analysis.md has the same order."""


def one_seed() -> Warned:
    """Nothing can be said about luck."""
    return Warned(
        code="one_seed",
        detail="With one seed a difference has no interval and no p value: it may be luck. "
        'Five or more seeds can tell, for example "seeds": [0, 1, 2, 3, 4].',
    )


def by_weight(warned: Warned) -> int:
    """The key that sorts warnings into their `ORDER`."""
    return ORDER.index(warned.code)


def caveats(
    runs: Mapping[str, int],
    readings: Mapping[str, Sequence[Reading]],
    sound: Mapping[str, Sequence[Reading]],
    comparisons: Sequence[Comparison],
    view: View,
    setting: Setting,
    baseline: str,
    *,
    validated_on_test: bool = False,
    apart: Collection[str] = (),
    selected: int = 0,
) -> Iterator[Warned]:
    """The warnings; `runs` counts all of a variant's, those that are left out included.

    `apart`: variants that are not compared, since they were validated on other rows. `selected`: among how many trials
    of a search variants were chosen.
    """
    if apart:
        yield Warned(
            code="different_data",
            detail=f"Not compared with {baseline}, since they were validated on other rows: {listed(sorted(apart))}.",
        )
    everything = [reading for found in sound.values() for reading in found]
    if validated_on_test:
        yield Warned(
            code="validated_on_test",
            detail="The best epoch is chosen on the test set and reported on it, so the best values are too good. "
            'With dataset.validation {"holdout": n} it is chosen on training reviews held out, '
            "and the test set is scored once.",
        )
    if selected:
        yield Warned(
            code="selected",
            detail=f"Finalists were chosen among {selected} trials by the held-out rows, so their best values there "
            "are a little too good. The test set had no part in it: ranking and paragraph go by its scores.",
        )
    for name, count in runs.items():
        if left_out := count - len(readings[name]):
            yield Warned(
                code="runs_left_out",
                detail=f"{name}: {left_out} of {count} runs have not finished (or failed) and are left out.",
            )
        if diverged := len(readings[name]) - len(sound[name]):
            yield Warned(
                code="runs_diverged",
                detail=f"{name}: {diverged} of {len(readings[name])} runs diverged and are left out of means and "
                "differences, which flatters the variant.",
            )
    pairs = [comparison.n for comparison in comparisons if comparison.n]
    if 1 in pairs:
        yield one_seed()
    if 2 in pairs:
        yield Warned(
            code="two_seeds",
            detail="With two seeds an interval is so wide that it says little. Add seeds to narrow it.",
        )
    constant = [each for each in comparisons if each.n >= 2 and each.ci95 is None and not each.identical]
    if equal := [f"{each.variant} ({each.metric})" for each in constant]:
        yield Warned(
            code="equal_differences",
            detail=f"The difference is the same in all seeds, so it has no interval and no p value: {listed(equal)}.",
        )
    if penalised := list(_penalised(sound)):
        yield Warned(
            code="penalty_in_loss",
            detail=f"Keras's val_loss contains weight penalties, at the last epoch {listed(penalised)}. "
            + ("Here they are left out." if view == "data" else "With view=data they are left out: compare by that."),
        )
    if everything and not all(reading.evaluated for reading in everything):
        yield Warned(
            code="loss_during_training",
            detail="Gaps are against a training loss measured while the weights change, and with dropout active. "
            "training.evaluate_train measures it as the validation loss is.",
        )
    never = {name: sum(not reading.learned for reading in found) for name, found in sound.items()}
    for name in sorted((name for name in never if never[name]), key=lambda name: -never[name] / len(sound[name])):
        count = len(sound[name])
        advice = (
            "Train for more epochs, with a higher learning rate or with smaller batches"
            if never[name] == count
            else "They move its mean and its spread: look at the single runs, and at the interquartile mean"
        )
        yield Warned(
            code="never_learned",
            detail=f"{name}: {never[name]} of {count} runs had not learned by the last epoch (their loss stayed "
            f"near that of chance). {advice}.",
        )
    if setting.decides or setting.grown:
        how = (
            "How many seeds there are was decided in view of the results, as `until` says."
            if setting.decides
            else "Seeds were added to the job after it was submitted."
        )
        yield Warned(
            code="seeds_added",
            detail=f"{how} ci95, `intervals` and the p values take the number of seeds as fixed before anything was "
            "seen; decision, ci_anytime and p_anytime hold at every look.",
        )
    lengths = {reading.epochs for reading in everything}
    if len(lengths) > 1:
        yield Warned(
            code="unequal_epochs",
            detail=f"Runs have {min(lengths)} to {max(lengths)} epochs: final values and gaps are each at a run's own "
            "last epoch, and areas up to it.",
        )


def _penalised(sound: Mapping[str, Sequence[Reading]]) -> Iterator[str]:
    """The variants whose losses have a penalty, with its mean."""
    for name, found in sound.items():
        penalties = [reading.penalty for reading in found if reading.penalty is not None]
        if penalties and (penalty := sum(penalties) / len(penalties)) > NOTHING:
            yield f"{name} {penalty:.3g}"
