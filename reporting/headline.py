"""What to do, in a sentence or two: which variant to use, or what to do before one is chosen."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reporting.answers import Comparison, Ranking, Simplest
from reporting.paragraph import names_of
from reporting.smallest import whose


def headline(
    comparisons: Sequence[Comparison],
    baseline: str,
    *,
    ranking: Sequence[Ranking] = (),
    chosen: Simplest | None = None,
    improving: Collection[str] = (),
    unlearned: Collection[str] = (),
) -> str:
    """The advice of `comparisons`, all of one loss, of which less is better; "" if there is nothing to compare.

    `improving`: the variants whose loss still fell at the last epoch. `unlearned`: those none of whose runs learned
    clearly more than chance.
    """
    there = [each for each in comparisons if each.difference is not None]
    if not there:
        return ""
    if set(unlearned) >= {baseline, *(each.variant for each in there)}:
        return (
            "Do not choose yet: no variant learned clearly more than chance. Train for more epochs, with a higher "
            "learning rate or with smaller batches."
        )
    several = [each for each in there if each.n > 1]
    if not several:
        return "Add seeds before you choose: one seed cannot tell a difference from luck."
    least = min(several, key=lambda each: each.difference or 0.0)
    lowest = least.variant if (least.difference or 0.0) < 0 else baseline
    contenders = _contenders(several, baseline, ranking)
    if still := [name for name in contenders if name in improving]:
        return (
            f"Train for more epochs before you choose: {names_of(still)} still improved at the last one. So far the "
            f"loss of {lowest} is the lowest."
        )
    if len(contenders) == 1:
        (best,) = contenders
        others = "all others" if len(several) > 1 else next(n for n in (baseline, several[0].variant) if n != best)
        return f"Use {best}: it is better than {others} by more than luck."
    if all(each.identical for each in several):
        return f"Use {baseline}: {names_of([each.variant for each in several])} trained exactly as it did."
    if all(each.finding == "equivalent" for each in several):
        wide = max(several, key=lambda each: each.smallest or 0.0)
        return (
            f"Use {chosen.variant if chosen else baseline}: no variant differs from {baseline} by more than "
            f"{wide.smallest:g}, {whose(wide.smallest_from, baseline)}."
        )
    if lower := [each for each in several if each.finding == "lower"]:
        best = min(lower, key=lambda each: each.difference or 0.0).variant
        rivals = [name for name in contenders if name not in (best, baseline)]
        said = f"Use {best}: it is better than {baseline} by more than luck."
        return f"{said} Whether it is better than {names_of(rivals, 'or')} is not decided." if rivals else said
    if undecided := [each for each in several if each.finding == "undecided"]:
        needed = next((each.seeds_needed for each in undecided if each.variant == lowest), None)
        more = f"; about {needed:,} seeds in all would decide whether it is better" if needed else ""
        return (
            f"Not decided: no variant is better than {baseline} by more than luck. So far the loss of {lowest} is the "
            f"lowest{more}."
        )
    worse = [each.variant for each in several if each.finding == "higher"]
    are = "is" if len(worse) == 1 else "are"
    return f"Use {baseline}: no variant is better, and {names_of(worse)} {are} worse by more than luck."


def _contenders(several: Sequence[Comparison], baseline: str, ranking: Sequence[Ranking]) -> list[str]:
    """The variants that may be the best: those that no other is better than by more than luck."""
    if len(ranking) > 2:
        best = [each.variant for each in ranking if each.best]
        worse = {each.variant for each in several if each.finding == "higher"}
        return [name for name in best if name not in worse] or best
    (only,) = several[:1]
    return {"lower": [only.variant], "higher": [baseline]}.get(only.finding or "", [baseline, only.variant])
