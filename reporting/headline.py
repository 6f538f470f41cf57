"""What to do, in a sentence or two: which variant to use, or what to do before one is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from reporting.answers import Comparison, Ranking, Simplest
from reporting.sentences import would_decide
from reporting.smallest import whose
from reporting.wording import names_of, still_improving

LEARN = "Train for more epochs, with a higher learning rate or with smaller batches."


def headline(
    comparisons: Sequence[Comparison],
    baseline: str,
    *,
    ranking: Sequence[Ranking] = (),
    chosen: Simplest | None = None,
    improving: Sequence[str] = (),
    unlearned: Mapping[str, tuple[int, int]] = MappingProxyType({}),
) -> str:
    """The advice of `comparisons`, all of one loss, of which less is better; "" if there is nothing to compare.

    `improving`: the variants whose loss still fell at the last epoch. `unlearned`: by variant, how many of its runs
    did not learn clearly more than chance, and how many there are.
    """
    there = [each for each in comparisons if each.difference is not None]
    if not there:
        return ""
    compared = [unlearned.get(name, (0, 0)) for name in (baseline, *(each.variant for each in there))]
    never, runs = (sum(counts) for counts in zip(*compared, strict=True))
    if never and never == runs:
        return f"Do not choose yet: no variant learned clearly more than chance. {LEARN}"
    advice = _advice(there, baseline, ranking, chosen, improving)
    if 2 * never <= runs:
        return advice
    # More seeds would not make them learn; what is shown nevertheless is so.
    did_not = f"{never} of {runs} runs did not learn clearly more than chance"
    several = [each for each in there if each.n > 1]
    sure = next((each.variant for each in _best_first(several) if each.finding == "lower"), None)
    if sure is None and several and all(each.finding == "higher" for each in several):
        sure = baseline
    dead, of = unlearned.get(sure, (0, 0)) if sure is not None else (1, 1)
    return f"{did_not}. {advice}" if 2 * dead <= of else f"Do not choose yet: {did_not}. {LEARN}"


def _best_first(comparisons: Sequence[Comparison]) -> list[Comparison]:
    return sorted(comparisons, key=lambda each: each.difference or 0.0)


def _advice(
    there: Sequence[Comparison],
    baseline: str,
    ranking: Sequence[Ranking],
    chosen: Simplest | None,
    improving: Sequence[str],
) -> str:
    """What to do, if runs learned."""
    several = _best_first([each for each in there if each.n > 1])
    if not several:
        return "Add seeds before you choose: one seed cannot tell a difference from luck."
    lowest = several[0].variant if (several[0].difference or 0.0) < 0 else baseline
    lower = next((each.variant for each in several if each.finding == "lower"), None)
    if not set(improving).isdisjoint(_reach_the_lead(several, baseline)):
        so_far = (
            f"{lower} is better than {baseline} by more than luck" if lower else f"the loss of {lowest} is the lowest"
        )
        return f"Train for more epochs before you choose: {still_improving(improving)}. So far {so_far}."
    advice, *more = _choice(several, baseline, lower, lowest, ranking, chosen)
    return " ".join([f"{advice}, while {still_improving(improving)}." if improving else f"{advice}.", *more])


def _reach_the_lead(several: Sequence[Comparison], baseline: str) -> Iterator[str]:
    """The variant with the lowest loss, and those whose interval of the difference reaches it."""
    lead = min(0.0, several[0].difference or 0.0)
    if all(each.finding != "lower" for each in several):
        yield baseline
    for each in several:
        low, _ = each.ends or each.ci95 or (each.difference, each.difference)
        if low is not None and low <= lead and each.finding != "higher":
            yield each.variant


def _choice(
    several: Sequence[Comparison],
    baseline: str,
    lower: str | None,
    lowest: str,
    ranking: Sequence[Ranking],
    chosen: Simplest | None,
) -> Iterator[str]:
    """Which to use, without a full stop, then what more there is to say; `lower`: the best that is better."""
    if lower is not None:
        worse = {each.variant for each in several if each.finding == "higher"}
        rivals = [each.variant for each in ranking if each.best and each.variant not in {lower, baseline, *worse}]
        others = baseline if rivals or len(several) == 1 else "all others"
        yield f"Use {lower}: it is better than {others} by more than luck"
        if rivals:
            yield f"Whether it is better than {names_of(rivals, 'or')} is not decided."
    elif all(each.identical for each in several):
        yield f"Use {baseline}: {names_of([each.variant for each in several])} trained exactly as it did"
    elif all(each.finding == "equivalent" for each in several):
        wide = max(several, key=lambda each: each.smallest or 0.0)
        yield (
            f"Use {chosen.variant if chosen else baseline}: no variant differs from {baseline} by more than "
            f"{wide.smallest:g}, {whose(wide.smallest_from, baseline)}"
        )
    elif any(each.finding == "undecided" for each in several):
        yield f"Not decided, so keep {baseline} for now: no variant is better by more than luck"
        yield f"So far the loss of {lowest} is the lowest."
        yield from would_decide([each for each in several if each.variant == lowest], baseline)
    elif all(each.finding == "higher" for each in several):
        others = "all others" if len(several) > 1 else several[0].variant
        yield f"Use {baseline}: it is better than {others} by more than luck"
    else:
        higher = [each.variant for each in several if each.finding == "higher"]
        are = "is" if len(higher) == 1 else "are"
        yield f"Use {baseline}: no variant is better, and {names_of(higher)} {are} worse by more than luck"
