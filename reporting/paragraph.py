"""What a job found, in a paragraph to paste into a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.kinds.metrics import phrase
from models.kinds.task import Task
from reporting.answers import Comparison, Ranking, Simplest
from reporting.sentences import percent, shown_by, told
from reporting.setting import Setting
from reporting.smallest import whose
from reporting.statistics import CONFIDENCE
from reporting.verdicts import LEVEL, leaves_out_zero
from reporting.wording import MOST, between, more, names_of, number, still_improving

COVERS = {
    "seed": "other initial weights, batches and noise",
    "split": "other held-out rows",
    "sample": "other training rows",
}
"""What an interval over seeds covers if it varied with the seed."""


def paragraph(
    comparisons: Sequence[Comparison],
    baseline: str,
    task: Task,
    setting: Setting,
    *,
    on_test: bool = False,
    chosen: Simplest | None = None,
    ranking: Sequence[Ranking] = (),
    improving: Sequence[str] = (),
) -> str:
    """The paragraph about `comparisons`, all of one loss; "" if there is nothing to compare.

    `improving`: the variants whose loss still fell at the last epoch.
    """
    there = [each for each in comparisons if each.difference is not None]
    there.sort(key=lambda each: each.difference or 0.0)  # of many, the best are told
    if not there:
        return ""
    called = phrase(there[0].metric, task)
    several = [each for each in there if each.n > 1]
    shown = shown_by(several)
    if several:
        found = [*told(shown, len(several), baseline, called), *_missing(comparisons, baseline)]
        said = _with_the_best(found, ranking, called)
        said += [*_simplest(chosen), *_matters(several, chosen, setting)]
    else:
        listed = ", ".join(f"{each.variant} {number(each.difference)}" for each in there[:MOST])
        said = [
            f"With one seed, the {called} minus that of {baseline} is: {listed}{more(there)}.",
            "One seed cannot tell a difference from luck.",
        ]
    first = next((i for i, sentence in enumerate(said) if called in sentence), len(said) - 1)
    said.insert(first + 1, "Lower is better.")
    if improving:
        said.append(f"{still_improving(improving)}: with more epochs this may change.")
    if several:
        if shown.with_interval:
            said += [
                *_kind(shown.with_interval, len(several)),
                *_covered(setting, several[0].metric.startswith("test_")),
            ]
        said += _wider(several)
    if on_test:
        said.append("The best epochs were chosen on the test set, so the best values are too good.")
    return " ".join(said)


def _with_the_best(found: list[str], ranking: Sequence[Ranking], called: str) -> list[str]:
    """What is found, and which of three and more variants may be the best: of two the comparison says it."""
    bests = [each.variant for each in ranking if each.best]
    if len(ranking) < 3:
        return found
    if len(bests) == 1:
        return [f"Of {len(ranking)} variants, {bests[0]} is the best by its {called}, by more than luck.", *found]
    may_be = "any may be the best" if len(bests) == len(ranking) else f"the best may be {names_of(bests, 'or')}"
    # Each against the baseline, as the sentences before have it, is fewer comparisons, so more of them is decided.
    return [*found, f"Over all pairs of the {len(ranking)} variants, which takes more seeds to decide, {may_be}."]


def _missing(comparisons: Sequence[Comparison], baseline: str) -> Iterator[str]:
    """Which variants have too few seeds to say anything of."""
    few = [f"{each.variant} ({'one seed' if each.n else 'none'})" for each in comparisons if each.n < 2]
    if few:
        yield f"With too few seeds in common with {baseline} to be compared: {names_of(few)}."


def _simplest(chosen: Simplest | None) -> Iterator[str]:
    if chosen is not None and chosen.variant != chosen.best:
        shown = "sure for these seeds" if chosen.shown else "not yet sure"
        yield f"The lowest mean is that of {chosen.best}."
        yield (
            f"{chosen.variant} is the simplest within {chosen.within:g} of it: worse by {chosen.difference:.3g}, with "
            f"{chosen.parameters:,} weights ({shown})."
        )


def _matters(several: Sequence[Comparison], chosen: Simplest | None, setting: Setting) -> Iterator[str]:
    """Where the smallest difference that matters comes from, if a sentence has named it: all of a metric have one."""
    named = any(each.finding == "equivalent" and not each.identical for each in several)
    any_of = next((each for each in several if each.smallest is not None), None)
    if any_of is not None and (named or (chosen is not None and chosen.variant != chosen.best)):
        yield f"{any_of.smallest:g} is {whose(any_of.smallest_from, any_of.baseline, setting.validated_on)}."


def _kind(shown: Sequence[Comparison], compared: int) -> Iterator[str]:
    """Of which kind the intervals are; `shown`: the comparisons told with one, of so many as are `compared`."""
    at_every_look = [each.finding == "equivalent" for each in shown]
    if shown[0].sequential or all(at_every_look):
        yield "The intervals hold at every look while seeds are added, and for all comparisons at once."
    else:
        which = "All other" if any(at_every_look) else "The"
        corrected = f", after Holm's correction for {compared} comparisons" if compared > 1 else ""
        yield f"{which} intervals are Student's t, each for one comparison."
        yield f"A difference is decided if p is below {LEVEL}{corrected}."
    if shown[0].confidence != CONFIDENCE and (shown[0].sequential or any(at_every_look)):
        yield f"{percent(shown[0])} is 1 − alpha, as the job asks for it."


def _covered(setting: Setting, tested: bool) -> Iterator[str]:
    """Which question the intervals answer; `tested`: whether they are of the test set, which no split changes."""
    other = [words for name, words in COVERS.items() if name in setting.vary]
    fixed = [
        words
        for words, varies in (
            ("training rows", "sample" in setting.vary),
            ("test rows" if tested else "validation rows", "split" in setting.vary and not tested),
        )
        if not varies
    ]
    yield f"They tell how the differences change with {names_of(other)}."
    if fixed:
        whose = "this job" if setting.jobs == 1 else "these jobs"
        yield f"The {' and '.join(fixed)} are those of {whose}: with others the differences may be larger or smaller."


def _wider(several: Sequence[Comparison]) -> Iterator[str]:
    """What is sure over seeds, and not over other validation rows as well: of a fixed number of seeds."""
    listed = [
        f"{each.variant} {between(each.intervals.both)}"
        for each in several
        if each.finding in ("lower", "higher")
        and not each.sequential
        and each.intervals.both is not None
        and not leaves_out_zero(each.intervals.both)
    ]
    if listed:
        with_zero = "the 95% interval has 0 in it" if len(listed) == 1 else "these 95% intervals have 0 in them"
        yield f"Over other validation rows of the same kind as well, {with_zero}: {names_of(listed)}."
