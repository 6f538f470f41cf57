"""What comparisons with the baseline show, in sentences: those that show the same together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reporting.answers import Comparison
from reporting.statistics import CONFIDENCE
from reporting.verdicts import LEVEL, leaves_out_zero
from reporting.wording import MOST, between, by, more, names_of, number, size


class Shown(NamedTuple):
    """Comparisons by what they show.

    undecided: all that are not decided, of which leading: although their interval leaves 0 out; unclear: that does not;
    same: all differences are the same, so that there is no interval.
    """

    sure: Sequence[Comparison]
    copies: Sequence[Comparison]
    equivalent: Sequence[Comparison]
    undecided: Sequence[Comparison]
    leading: Sequence[Comparison]
    unclear: Sequence[Comparison]
    same: Sequence[Comparison]

    @property
    def with_interval(self) -> list[Comparison]:
        """Those that are told with the interval that their finding goes by."""
        groups = (self.sure, self.equivalent, self.leading, self.unclear)
        return [each for group in groups for each in group[:MOST] if each.ends is not None]


def shown_by(several: Sequence[Comparison]) -> Shown:
    """What these comparisons show, all of one loss, each with two seeds or more."""
    open_ = [each for each in several if each.finding == "undecided"]
    same = [each for each in open_ if each.ci95 is None]
    leading = [each for each in open_ if each not in same and leaves_out_zero(each.ends)]
    return Shown(
        sure=[each for each in several if each.finding in ("lower", "higher")],
        copies=[each for each in several if each.identical],
        equivalent=[each for each in several if each.finding == "equivalent" and not each.identical],
        undecided=open_,
        leading=leading,
        unclear=[each for each in open_ if each not in same and each not in leading],
        same=same,
    )


def told(shown: Shown, compared: int, baseline: str, called: str) -> Iterator[str]:
    """What each of so many comparisons as are `compared` shows, those that show the same together."""
    if sure := shown.sure:
        first, *others = sure[:MOST]
        yield f"Compared with {baseline}, {_change(first, f'the {called}')}."
        yield from (f"{_change(each, 'it')}." for each in others)
        if len(sure) > MOST:
            yield f"{len(sure) - MOST} more differ from it by more than luck."
    if copies := [each.variant for each in shown.copies]:
        are = "is" if len(copies) == 1 else "are"
        yield f"{names_of(copies)} {are} the same as {baseline}: with each seed every number of the training is equal."
    equivalent, same = shown.equivalent, shown.same
    for each in equivalent[:MOST]:
        yield from _equivalent(each, baseline, called)
    if len(equivalent) > MOST:
        yield f"{len(equivalent) - MOST} more are equivalent to {baseline} too."
    yield from _lead(shown.leading, baseline, called, compared)
    yield from _unclear(shown.unclear, baseline, called)
    for each in same[:MOST]:
        if each.difference == 0:
            yield f"{each.variant} has the same {called} as {baseline} with each of {each.n} seeds."
        else:
            yield (
                f"By the {called}, {each.variant} differs from {baseline} by {number(each.difference)} with each of "
                f"{each.n} seeds: equal differences do not show their spread, so nothing is decided."
            )
    if len(same) > MOST:
        yield f"{len(same) - MOST} more have the same difference with each seed too."
    yield from would_decide(shown.undecided, baseline)


def _change(each: Comparison, of: str) -> str:
    assert each.difference is not None
    verb = "lowered" if each.difference < 0 else "raised"
    ends = each.ends
    if ends is None:
        return f"{each.variant} {verb} {of} by {abs(each.difference):.3g} ({each.n} seeds)"
    return f"{each.variant} {verb} {of} by {by(each.difference, ends)} ({_name(each)} {size(ends)}, {each.n} seeds)"


def _equivalent(each: Comparison, baseline: str, called: str) -> Iterator[str]:
    ends = each.ends
    interval = "" if ends is None else f" ({_name(each)} {between(ends)}, {each.n} seeds)"
    yield (
        f"{each.variant} is equivalent to {baseline} within {each.smallest:g}: its {called} differs by "
        f"{number(each.difference, ends)}{interval}."
    )
    if leaves_out_zero(ends):
        yield "That is a difference, but too small to matter."


def _lead(open_: Sequence[Comparison], baseline: str, called: str, compared: int) -> Iterator[str]:
    """Not decided although the interval leaves 0 out."""
    for i, each in enumerate(open_[:MOST]):
        assert each.difference is not None
        assert each.ends is not None
        side = "ahead of" if each.difference < 0 else "behind"
        begins = "" if i else f"By the {called}, "
        p = "" if each.sequential else f", p {each.p_holm:.2g} after Holm's correction"
        yield (
            f"{begins}{each.variant} is {side} {baseline} by {by(each.difference, each.ends)} ({_name(each)} "
            f"{size(each.ends)}, {each.n} seeds{p})."
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
        interval = "too few seeds for an interval" if each.ends is None else f"{_name(each)} {between(each.ends)}"
        listed.append(f"{number(each.difference, each.ends)} ({interval}, {each.n} seeds)")
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
        yield f"So many seeds in all would decide whether each is {than}: about {listed}{more(known)}."


def _name(each: Comparison) -> str:
    """What to call the interval that the finding goes by."""
    if each.sequential:
        return f"{percent(each)} interval"
    if each.finding == "equivalent":
        return f"{percent(each)} interval that holds at every look"
    return f"{CONFIDENCE:.0%} interval"


def percent(each: Comparison) -> str:
    """The confidence of the interval that holds at every look."""
    return f"{100 * each.confidence:.3g}%"
