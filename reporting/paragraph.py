"""What a job found, in a paragraph to paste into a report."""

from __future__ import annotations

from collections.abc import Sequence

from models.kinds.metrics import phrase
from models.kinds.task import Task
from reporting.answers import Comparison, Simplest
from reporting.setting import Setting
from reporting.verdicts import LEVEL

MOST = 5
"""Of so many variants one by one is told, of more how many there are."""

COVERS = {
    "seed": "other weights, batches and noise",
    "split": "other held-out rows",
    "sample": "other training rows",
}
"""What an interval over seeds covers if it varied with the seed."""


def paragraph(
    comparisons: Sequence[Comparison],
    baseline: str,
    task: Task,
    setting: Setting,
    on_test: bool,
    chosen: Simplest | None,
) -> str:
    """The paragraph about `comparisons`, all of one metric; "" if there is nothing to compare."""
    there = [each for each in comparisons if each.difference is not None]
    if not there:
        return ""
    metric = there[0].metric
    called = phrase(metric, task)
    several = [each for each in there if each.n > 1]
    if not several:
        listed = "; ".join(f"{each.variant} {_signed(each.difference)}" for each in there[:MOST])
        return (
            f"With one seed, the {called} differs from that of {baseline} by: {listed}{_more(there)}. "
            "One seed does not tell a difference from luck."
        )
    said = []
    sequential = several[0].sequential
    equivalent = [each for each in several if each.finding == "equivalent"]
    sure = [each for each in several if each.finding in ("lower", "higher")]
    open_ = [each for each in several if each.finding == "undecided"]
    if sure:
        first, *others = sure[:MOST]
        changes = ", ".join(
            [_change(first, f"the {called}", "95% interval "), *(_change(each, "it") for each in others)]
        )
        said.append(f"Compared with {baseline}, {changes}{_more(sure)}.")
    for each in equivalent[:MOST]:
        said.append(
            f"{each.variant} is equivalent to {baseline}: its {called} differs by {_signed(each.difference)}, "
            f"with an anytime-valid interval within ± {each.smallest:g}{_why(each, setting)}."
        )
    if len(equivalent) > MOST:
        said.append(f"So are {len(equivalent) - MOST} more.")
    if open_:
        listed = ", ".join(_undecided(each) for each in open_[:MOST])
        said.append(f"No clear difference from the {called} of {baseline} has {listed}{_more(open_)}.")
    if chosen is not None and chosen.variant != chosen.best:
        shown = "" if chosen.shown else ", which so few seeds do not show for sure"
        said.append(
            f"The best mean is that of {chosen.best}; {chosen.variant} is the simplest variant that is worse by at "
            f"most {chosen.within:g} ({_signed(chosen.difference)}{shown})."
        )
    said.append(_kind(several, sequential))
    said.append(_covered(setting, metric.startswith("test_")))
    wider = [_also_over_rows(each) for each in sure[:MOST] if each.intervals.both]
    if wider and not sequential and "split" not in setting.vary:  # else other rows are in the intervals already
        said.append(f"With other validation rows of the same kind as well: {', '.join(wider)}.")
    if on_test:
        said.append("The best epochs were chosen on the test set, so the best values are too good.")
    return " ".join(said)


def _change(each: Comparison, of: str, named: str = "") -> str:
    assert each.difference is not None
    verb = "lowered" if each.finding == "lower" else "raised"
    ends = _interval(each)
    brackets = f"{each.n} seeds"
    if ends is not None:
        low, high = ends if each.difference > 0 else (-ends[1], -ends[0])
        brackets = f"{named}{low:.3g} to {high:.3g}, {brackets}"
    return f"{each.variant} {verb} {of} by {abs(each.difference):.3g} ({brackets})"


def _undecided(each: Comparison) -> str:
    ends = _interval(each)
    parts = [_signed(each.difference)]
    parts += [] if ends is None else [f"{_signed(ends[0])} to {_signed(ends[1])}"]
    parts += [f"about {each.seeds_needed} seeds would decide" if each.seeds_needed else f"{each.n} seeds"]
    return f"{each.variant} ({', '.join(parts)})"


def _interval(each: Comparison) -> tuple[float, float] | None:
    return each.ci_anytime if each.sequential else each.ci95


def _why(each: Comparison, setting: Setting) -> str:
    if each.smallest_from != "rows":
        return ""
    return f", the standard error of the metric over the {setting.validated_on:,} validation rows"


def _kind(several: Sequence[Comparison], sequential: bool) -> str:
    if sequential:
        return "The intervals hold at every look, whenever seeds are added, and for all comparisons at once."
    corrected = " after Holm's correction" if len(several) > 1 else ""
    return (
        "The intervals are Student's t, each for itself, for a number of seeds that was fixed before; a difference is "
        f"called clear if p is below {LEVEL}{corrected}."
    )


def _covered(setting: Setting, tested: bool) -> str:
    """Which question the intervals answer; `tested`: whether they are of the test set, which no split changes."""
    other = [words for name, words in COVERS.items() if name in setting.vary]
    listed = other[0] if len(other) == 1 else f"{', '.join(other[:-1])} and {other[-1]}"
    fixed = [
        words
        for words, varies in (
            ("training rows", "sample" in setting.vary),
            ("test rows" if tested else "validation rows", "split" in setting.vary and not tested),
        )
        if not varies
    ]
    said = f"They cover {listed}"
    if fixed:
        whose = "this job" if setting.jobs == 1 else "these jobs"
        said += f", with the {' and '.join(fixed)} of {whose}: with others the differences may be larger or smaller"
    return f"{said}."


def _also_over_rows(each: Comparison) -> str:
    assert each.intervals.both is not None
    low, high = each.intervals.both
    return f"{each.variant} {_signed(low)} to {_signed(high)}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3g}".replace("-", "−")


def _more(of: Sequence[Comparison]) -> str:
    return f" and {len(of) - MOST} more" if len(of) > MOST else ""
