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
        found = [*_found(several, baseline, called), *_missing(comparisons, baseline)]
        said = _with_the_best(found, ranking, called)
        said += [*_simplest(chosen), *_matters(several, chosen, setting)]
    else:
        listed = ", ".join(f"{each.variant} {_number(each.difference)}" for each in there[:MOST])
        said = [
            f"With one seed, the {called} minus that of {baseline} is: {listed}{_more(there)}.",
            "One seed cannot tell a difference from luck.",
        ]
    first = next((i for i, sentence in enumerate(said) if called in sentence), len(said) - 1)
    said.insert(first + 1, "Lower is better.")
    if improving:
        said.append(f"{still_improving(improving)}: with more epochs this may change.")
    if several:
        if any(each.ends is not None for each in several):
            said += [*_kind(several), *_covered(setting, several[0].metric.startswith("test_"))]
        said += _wider(several)
    if on_test:
        said.append("The best epochs were chosen on the test set, so the best values are too good.")
    return " ".join(said)


def still_improving(names: Sequence[str]) -> str:
    """Whose loss still fell at the last epoch, as headline and paragraph say it."""
    return f"{names_of(names)} {'was' if len(names) == 1 else 'were'} still improving at the last epoch"


def would_decide(open_: Sequence[Comparison], baseline: str) -> Iterator[str]:
    """How many seeds would decide these comparisons, and what they would decide; nothing if that is not known."""
    known = [each for each in open_ if each.finding == "undecided" and each.seeds_needed]
    if not known:
        return
    same = all(each.smallest is not None for each in known)
    if len(known) == 1:
        (each,) = known
        than = f"better than {baseline}, worse or the same" if same else f"better or worse than {baseline}"
        yield f"About {each.seeds_needed:,} seeds in all would decide whether {each.variant} is {than}."
    else:
        listed = ", ".join(f"{each.variant} {each.seeds_needed:,}" for each in known[:MOST])
        than = "better, worse or the same" if same else "better or worse"
        yield f"So many seeds in all would decide whether each is {than}: about {listed}{_more(known)}."


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


def _found(several: Sequence[Comparison], baseline: str, called: str) -> Iterator[str]:
    """What each comparison shows, those that show the same together."""
    if sure := [each for each in several if each.finding in ("lower", "higher")]:
        first, *others = sure[:MOST]
        yield f"Compared with {baseline}, {_change(first, f'the {called}')}."
        yield from (f"{_change(each, 'it')}." for each in others)
        if len(sure) > MOST:
            yield f"{len(sure) - MOST} more differ from it by more than luck."
    if copies := [each.variant for each in several if each.identical]:
        are = "is" if len(copies) == 1 else "are"
        yield f"{names_of(copies)} {are} the same as {baseline}: with each seed every number of the training is equal."
    equivalent = [each for each in several if each.finding == "equivalent" and not each.identical]
    for each in equivalent[:MOST]:
        yield from _equivalent(each, baseline, called)
    if len(equivalent) > MOST:
        yield f"{len(equivalent) - MOST} more are equivalent to {baseline} too."
    open_ = [each for each in several if each.finding == "undecided"]
    same = [each for each in open_ if each.ci95 is None]
    leading = [each for each in open_ if each not in same and leaves_out_zero(each.ends)]
    yield from _lead(leading, baseline, called, len(several))
    yield from _unclear([each for each in open_ if each not in same and each not in leading], baseline, called)
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
    yield from would_decide(open_, baseline)


def _change(each: Comparison, of: str) -> str:
    assert each.difference is not None
    verb = "lowered" if each.difference < 0 else "raised"
    ends = each.ends
    if ends is None:
        return f"{each.variant} {verb} {of} by {abs(each.difference):.3g} ({each.n} seeds)"
    return f"{each.variant} {verb} {of} by {_by(each.difference, ends)} ({_name(each)} {_size(ends)}, {each.n} seeds)"


def _equivalent(each: Comparison, baseline: str, called: str) -> Iterator[str]:
    ends = each.ends
    interval = "" if ends is None else f" ({_name(each)} {_between(ends)}, {each.n} seeds)"
    yield (
        f"{each.variant} is equivalent to {baseline} within {each.smallest:g}: its {called} differs by "
        f"{_number(each.difference, ends)}{interval}."
    )
    if leaves_out_zero(ends):
        yield "That is a difference, but too small to matter."


def _lead(open_: Sequence[Comparison], baseline: str, called: str, compared: int) -> Iterator[str]:
    """Not decided although the interval leaves 0 out."""
    for i, each in enumerate(open_[:MOST]):
        assert each.difference is not None
        assert each.ends is not None
        side = "ahead of" if each.difference < 0 else "behind"
        by = "" if i else f"By the {called}, "
        p = "" if each.sequential else f", p {each.p_holm:.2g} after Holm's correction"
        yield (
            f"{by}{each.variant} is {side} {baseline} by {_by(each.difference, each.ends)} ({_name(each)} "
            f"{_size(each.ends)}, {each.n} seeds{p})."
        )
    if not open_:
        return
    if len(open_) > MOST:
        yield f"{len(open_) - MOST} more stand so."
    leaves = "the interval leaves" if len(open_) == 1 else "each interval leaves"
    why = (
        "the signs of the differences have to show it too, and those of so few seeds may agree by luck"
        if open_[0].sequential
        else f"of {compared} comparisons one may do so by luck, and corrected for that p is not below {LEVEL}"
    )
    yield f"This is not decided, although {leaves} 0 out: {why}."


def _unclear(open_: Sequence[Comparison], baseline: str, called: str) -> Iterator[str]:
    """Not decided, and no interval leaves 0 out."""
    listed = []
    for each in open_[:MOST]:
        interval = "too few seeds for an interval" if each.ends is None else f"{_name(each)} {_between(each.ends)}"
        listed.append(f"{_number(each.difference, each.ends)} ({interval}, {each.n} seeds)")
    if len(open_) == 1:
        yield (
            f"By the {called}, it is not decided whether {open_[0].variant} is better or worse than {baseline}: the "
            f"difference is {listed[0]}."
        )
    elif open_:
        yield f"By the {called}, it is not decided whether these are better or worse than {baseline}."
        yield from (f"{each.variant}: {words}." for each, words in zip(open_, listed, strict=False))
        if len(open_) > MOST:
            yield f"{len(open_) - MOST} more are not decided either."


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


def _kind(several: Sequence[Comparison]) -> Iterator[str]:
    at_every_look = [each.finding == "equivalent" for each in several if each.ends is not None]
    if several[0].sequential or all(at_every_look):
        yield "The intervals hold at every look while seeds are added, and for all comparisons at once."
    else:
        which = "All other" if any(at_every_look) else "The"
        corrected = f", after Holm's correction for {len(several)} comparisons" if len(several) > 1 else ""
        yield f"{which} intervals are Student's t, each for one comparison."
        yield f"A difference is decided if p is below {LEVEL}{corrected}."
    if several[0].confidence != CONFIDENCE and (several[0].sequential or any(at_every_look)):
        yield f"{_percent(several[0])} is 1 − alpha, as the job asks for it."


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
        f"{each.variant} {_between(each.intervals.both)}"
        for each in several
        if each.finding in ("lower", "higher")
        and not each.sequential
        and each.intervals.both is not None
        and not leaves_out_zero(each.intervals.both)
    ]
    if listed:
        with_zero = "the 95% interval has 0 in it" if len(listed) == 1 else "these 95% intervals have 0 in them"
        yield f"Over other validation rows of the same kind as well, {with_zero}: {names_of(listed)}."


def _name(each: Comparison) -> str:
    """What to call the interval that the finding goes by."""
    if each.sequential:
        return f"{_percent(each)} interval"
    if each.finding == "equivalent":
        return f"{_percent(each)} interval that holds at every look"
    return f"{CONFIDENCE:.0%} interval"


def _percent(each: Comparison) -> str:
    return f"{100 * each.confidence:.3g}%"


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
