"""What a job found, in a paragraph to paste into a report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from models.kinds.metrics import phrase
from models.kinds.task import Task
from reporting.answers import Comparison, Ranking, Simplest
from reporting.setting import Setting
from reporting.smallest import whose
from reporting.statistics import CONFIDENCE
from reporting.verdicts import LEVEL, leaves_out_zero

MOST = 3
"""Of so many variants one by one is told, of more how many there are."""

COVERS = {
    "seed": "other initial weights, batches and noise",
    "split": "other held-out rows",
    "sample": "other training rows",
}
"""What an interval over seeds covers if it varied with the seed."""

Ends = tuple[float, float]


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
    if several:
        said = [*_best(ranking, called), *_found(several, baseline, called, setting), *_missing(comparisons, baseline)]
        said += _simplest(chosen, several[0], baseline, setting)
    else:
        listed = ", ".join(f"{each.variant} {_number(each.difference)}" for each in there[:MOST])
        said = [
            f"With one seed, the {called} minus that of {baseline} is: {listed}{_more(there)}.",
            "One seed cannot tell a difference from luck.",
        ]
    if improving:
        was = "was" if len(improving) == 1 else "were"
        said.append(f"{names_of(improving)} {was} still improving at the last epoch: with more epochs this may change.")
    if several:
        if any(each.ends is not None for each in several):
            said += [*_kind(several), _covered(setting, several[0].metric.startswith("test_"))]
        said += _wider(several)
    if on_test:
        said.append("The best epochs were chosen on the test set, so the best values are too good.")
    return " ".join(said).replace(called, f"{called} (lower is better)", 1)


def _best(ranking: Sequence[Ranking], called: str) -> Iterator[str]:
    """Which variants may be the best, of three and more: of two the comparison says it."""
    bests = [each.variant for each in ranking if each.best]
    if len(ranking) < 3:
        return
    if len(bests) == 1:
        yield f"Of {len(ranking)} variants, {bests[0]} is the best by its {called}, by more than luck."
        return
    # Each against the baseline, as the next sentences have it, is fewer comparisons, so more of them is decided.
    pairs = f"Comparing every pair of the {len(ranking)} variants, which takes more to decide"
    if len(bests) == len(ranking):
        yield f"{pairs}, none can be ruled out as the best by its {called}."
    else:
        yield f"{pairs}, the best by its {called} may be {names_of(bests, 'or')}."


def _found(several: Sequence[Comparison], baseline: str, called: str, setting: Setting) -> Iterator[str]:
    """What each comparison shows, those that show the same together."""
    if sure := [each for each in several if each.finding in ("lower", "higher")]:
        first, *others = sure[:MOST]
        changes = [_change(first, f"the {called}"), *(_change(each, "it") for each in others)]
        yield f"Compared with {baseline}, {'; '.join(changes)}{_more(sure)}."
    if copies := [each.variant for each in several if each.identical]:
        are = "is" if len(copies) == 1 else "are"
        yield f"{names_of(copies)} {are} the same as {baseline}: with each seed every number of the training is equal."
    equivalent = [each for each in several if each.finding == "equivalent" and not each.identical]
    for each in equivalent[:MOST]:
        yield _equivalent(each, baseline, called, setting)
    if len(equivalent) > MOST:
        yield f"{len(equivalent) - MOST} more are equivalent to {baseline} too."
    open_ = [each for each in several if each.finding == "undecided"]
    same = [each for each in open_ if each.ci95 is None]
    by_signs = [each for each in open_ if each.sequential and leaves_out_zero(each.ci_anytime)]
    others = [each for each in open_ if each not in same and each not in by_signs]
    leading = [each for each in others if leaves_out_zero(each.ci95)]
    yield from _signs_are_few(by_signs, baseline, called)
    yield from _lead(leading, baseline, called, len(several))
    yield from _unclear([each for each in others if each not in leading], baseline, called)
    for each in same[:MOST]:
        if each.difference == 0:
            yield f"{each.variant} has the same {called} as {baseline} with each of {each.n} seeds."
        else:
            yield (
                f"By the {called}, {each.variant} differs from {baseline} by {_number(each.difference)} with each of "
                f"{each.n} seeds: equal differences do not show their spread, so nothing is decided."
            )
    if len(same) > MOST:
        yield f"{len(same) - MOST} more have the same difference with each seed too."


def _change(each: Comparison, of: str) -> str:
    assert each.difference is not None
    verb = "lowered" if each.difference < 0 else "raised"
    ends = each.ends
    if ends is None:
        return f"{each.variant} {verb} {of} by {abs(each.difference):.3g} ({each.n} seeds)"
    return f"{each.variant} {verb} {of} by {_by(each.difference, ends)} ({_name(each)} {_size(ends)}, {each.n} seeds)"


def _equivalent(each: Comparison, baseline: str, called: str, setting: Setting) -> str:
    ends = each.ends
    why = whose(each.smallest_from, baseline, setting.validated_on)
    interval = "" if ends is None else f" ({_name(each)} {_between(ends)}, {each.n} seeds)"
    real = "; there is a difference, but it is too small to matter" if leaves_out_zero(ends) else ""
    return (
        f"{each.variant} is equivalent to {baseline}: its {called} differs by {_number(each.difference, ends)}"
        f"{interval}, within ± {each.smallest:g}, {why}{real}."
    )


def _signs_are_few(open_: Sequence[Comparison], baseline: str, called: str) -> Iterator[str]:
    """Not decided although the interval leaves 0 out: the signs of so few seeds may be luck."""
    if not open_:
        return
    listed = []
    for each in open_[:MOST]:
        assert each.ci_anytime is not None
        assert each.difference is not None
        better = (each.probability_better or 0.0) * each.n
        won, words = (better, "better") if each.difference < 0 else (each.n - better, "worse")
        listed.append(
            f"{_stands(each, baseline, each.ci_anytime)} ({_name(each)} {_size(each.ci_anytime)}; "
            f"{words} with {won:g} of {each.n} seeds{_needed(each)})"
        )
    yield (
        f"By the {called}, {'; '.join(listed)}{_more(open_)}. {_although(open_)}: the signs of the "
        "differences have to show it too, and those of so few seeds may agree by luck."
    )


def _lead(open_: Sequence[Comparison], baseline: str, called: str, compared: int) -> Iterator[str]:
    """Not decided although the interval for these seeds alone leaves 0 out."""
    if not open_:
        return
    listed = []
    for each in open_[:MOST]:
        assert each.ci95 is not None
        brackets = f"{CONFIDENCE:.0%} interval for these {each.n} seeds {_size(each.ci95)}"
        if each.sequential:
            ends = _ahead(each.ci_anytime) if (each.difference or 0) < 0 else each.ci_anytime
            brackets += f"; {_name(each)} that holds at every look: "
            brackets += f"{'none yet' if ends is None else _between(ends)}{_needed(each)}"
        else:
            brackets += f", p {each.p_holm:.2g} after Holm's correction{_needed(each)}"
        listed.append(f"{_stands(each, baseline, each.ci95)} ({brackets})")
    why = (
        "it takes the number of seeds as fixed before, but seeds may be added in view of the results"
        if open_[0].sequential
        else f"of {compared} comparisons one may do so by luck, and corrected for that p is not below {LEVEL}"
    )
    yield f"By the {called}, {'; '.join(listed)}{_more(open_)}. {_although(open_)}: {why}."


def _stands(each: Comparison, baseline: str, ends: Ends) -> str:
    assert each.difference is not None
    side = "ahead of" if each.difference < 0 else "behind"
    return f"{each.variant} is {side} {baseline} by {_by(each.difference, ends)}"


def _ahead(ends: Ends | None) -> Ends | None:
    """The interval of by how much a variant is ahead: that of its difference, which is negative then, turned round."""
    return None if ends is None else (-ends[1], -ends[0])


def _although(of: Sequence[Comparison]) -> str:
    each = "the interval leaves" if len(of) == 1 else "each interval leaves"
    return f"This is not decided, although {each} 0 out"


def _unclear(open_: Sequence[Comparison], baseline: str, called: str) -> Iterator[str]:
    """Not decided, and no interval leaves 0 out."""
    listed = []
    for each in open_[:MOST]:
        ends = each.ends
        interval = (
            "too few seeds for an interval that holds at every look"
            if ends is None
            else f"{_name(each)} {_between(ends)}"
        )
        listed.append(f"({_number(each.difference, ends)}, {interval}, {each.n} seeds{_needed(each)})")
    if len(open_) == 1:
        yield (
            f"By the {called}, it is not decided whether {open_[0].variant} is better or worse than {baseline} "
            f"{listed[0]}."
        )
    elif open_:
        each_of = ", ".join(f"{each.variant} {words}" for each, words in zip(open_, listed, strict=False))
        yield (
            f"By the {called}, it is not decided whether these are better or worse than {baseline}: "
            f"{each_of}{_more(open_)}."
        )


def _needed(each: Comparison) -> str:
    return f"; about {each.seeds_needed:,} seeds would decide" if each.seeds_needed else ""


def _missing(comparisons: Sequence[Comparison], baseline: str) -> Iterator[str]:
    """Which variants have too few seeds to say anything of."""
    few = [f"{each.variant} ({'one seed' if each.n else 'none'})" for each in comparisons if each.n < 2]
    if few:
        yield f"With too few seeds in common with {baseline} to be compared: {names_of(few)}."


def _simplest(chosen: Simplest | None, any_of: Comparison, baseline: str, setting: Setting) -> Iterator[str]:
    """`any_of` has the same smallest difference that matters as all of its metric."""
    if chosen is not None and chosen.variant != chosen.best:
        shown = "sure for these seeds" if chosen.shown else "not yet sure"
        matters = whose(any_of.smallest_from, baseline, setting.validated_on)
        yield (
            f"The lowest mean is that of {chosen.best}. If a loss that is worse by up to {chosen.within:g} ({matters}) "
            f"does not matter, {chosen.variant} is the simplest variant: worse by {chosen.difference:.3g}, with "
            f"{chosen.parameters:,} weights ({shown})."
        )


def _kind(several: Sequence[Comparison]) -> Iterator[str]:
    at_every_look = [each.finding == "equivalent" for each in several if each.ends is not None]
    if several[0].sequential or all(at_every_look):
        yield "The intervals hold at every look while seeds are added, and for all comparisons at once."
        return
    which = "All other" if any(at_every_look) else "The"
    corrected = f" after Holm's correction for {len(several)} comparisons" if len(several) > 1 else ""
    yield (
        f"{which} intervals are Student's t, each for one comparison and for a number of seeds that was fixed before; "
        f"a difference is decided if p is below {LEVEL}{corrected}."
    )


def _covered(setting: Setting, tested: bool) -> str:
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
    said = f"They tell how the differences change with {names_of(other)}"
    if fixed:
        whose = "this job" if setting.jobs == 1 else "these jobs"
        said += (
            f"; the {' and '.join(fixed)} are those of {whose}: with others the differences may be larger or smaller"
        )
    return f"{said}."


def _wider(several: Sequence[Comparison]) -> Iterator[str]:
    """What is sure over seeds, over validation rows as well: of a fixed number of seeds."""
    if several[0].sequential:
        return
    sure = [each for each in several if each.finding in ("lower", "higher")]
    listed = [
        f"{each.variant} {_between(each.intervals.both)}"
        + ("" if leaves_out_zero(each.intervals.both) else " (with 0 in it: on other rows the sign may be the other)")
        for each in sure[:MOST]
        if each.intervals.both is not None
    ]
    if listed:
        yield f"{CONFIDENCE:.0%} intervals over other validation rows of the same kind as well: {', '.join(listed)}."


def _name(each: Comparison) -> str:
    """What to call the interval that the finding goes by."""
    if each.sequential:
        return f"{100 * each.confidence:.3g}% interval"
    if each.finding == "equivalent":
        return f"{100 * each.confidence:.3g}% interval that holds at every look"
    return f"{CONFIDENCE:.0%} interval"


def _decimals(ends: Ends) -> int:
    """So many that the interval's width has two digits; up to two more if an end that is not 0 would read as 0."""
    width = ends[1] - ends[0]
    digits = max(0, 1 - math.floor(math.log10(width))) if width > 0 else 3
    least = min((abs(end) for end in ends if end), default=1.0)
    return max(digits, min(digits + 2, -math.floor(math.log10(least))))


def _number(value: float | None, ends: Ends | None = None) -> str:
    """With its sign; to as many decimals as the interval that it stands with."""
    if value is None:
        return "–"
    text = f"{value:+.3g}" if ends is None else f"{round(value, _decimals(ends)) + 0.0:+.{_decimals(ends)}f}"
    return text.replace("-", "−")


def _between(ends: Ends) -> str:
    return f"{_number(ends[0], ends)} to {_number(ends[1], ends)}"


def _by(difference: float, ends: Ends) -> str:
    return f"{abs(difference):.{_decimals(ends)}f}"


def _size(ends: Ends) -> str:
    """The ends of an interval without 0, of how large a difference is."""
    low, high = sorted(abs(end) for end in ends)
    return f"{low:.{_decimals(ends)}f} to {high:.{_decimals(ends)}f}"


def names_of(names: Sequence[str], word: str = "and") -> str:
    """The names within a sentence, at most `MOST` of them."""
    if len(names) > MOST:
        return f"{', '.join(names[:MOST])} {word} {len(names) - MOST} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def _more(of: Sequence[Comparison]) -> str:
    return f" and {len(of) - MOST} more" if len(of) > MOST else ""
