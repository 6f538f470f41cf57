"""The advice of an analysis: a case of each kind, and the sentence that says it."""

from __future__ import annotations

from typing import Any

import pytest

from reporting.answers import Simplest
from reporting.headline import headline
from tests.reporting.test_paragraph import comparison, fixed, ranking

BETTER = fixed("a", -0.1, (-0.15, -0.05), 0.01)
BEST = fixed("b", -0.2, (-0.25, -0.15), 0.01)
WORSE = fixed("c", 0.1, (0.05, 0.15), 0.01)
OPEN = fixed("d", -0.01, (-0.05, 0.03), 0.5, seeds_needed=22)
SAME = comparison("e", 0.001, decision="equivalent", smallest=0.02)
SIMPLE = Simplest(variant="e", parameters=10, best="original", difference=0.001, within=0.02, shown=True)

CASES: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "nothing to compare": ([comparison("a", None, n=0)], {}, ""),
    "nobody learned": (
        [BETTER], {"unlearned": {"original": (5, 5), "a": (5, 5)}, "improving": ["a"]},
        "Do not choose yet: no variant learned clearly more than chance. Train for more epochs, with a higher learning "
        "rate or with smaller batches.",
    ),
    "most did not learn, and nothing is decided": (
        [OPEN, comparison("e", 0.02, ci95=(-0.1, 0.2))], {"unlearned": {"original": (1, 5), "d": (4, 5), "e": (5, 5)}},
        "Do not choose yet: 10 of 15 runs did not learn clearly more than chance. Train for more epochs, with a higher "
        "learning rate or with smaller batches.",
    ),
    "most did not learn, and all are equivalent": (
        [SAME], {"unlearned": {"original": (3, 5), "e": (4, 5)}},
        "Do not choose yet: 7 of 10 runs did not learn clearly more than chance. Train for more epochs, with a higher "
        "learning rate or with smaller batches.",
    ),
    "most did not learn, with one seed": (
        [comparison("a", -0.1, n=1), comparison("b", -0.2, n=1)],
        {"unlearned": {"original": (1, 1), "a": (1, 1), "b": (0, 1)}},
        "Do not choose yet: 2 of 3 runs did not learn clearly more than chance. Train for more epochs, with a higher "
        "learning rate or with smaller batches.",
    ),
    "most did not learn, and one that did is better": (
        [BETTER, BEST], {"ranking": ranking(b=True, a=False, original=False),
                         "unlearned": {"original": (5, 5), "a": (4, 5), "b": (0, 5)}},
        "9 of 15 runs did not learn clearly more than chance. Use b: it is better than all others by more than luck.",
    ),
    "most did not learn, and what is better did not either": (
        [BETTER], {"unlearned": {"original": (5, 5), "a": (4, 5)}},
        "Do not choose yet: 9 of 10 runs did not learn clearly more than chance. Train for more epochs, with a higher "
        "learning rate or with smaller batches.",
    ),
    "half did not learn": (
        [OPEN], {"unlearned": {"original": (1, 5), "d": (4, 5)}},
        "Not decided, so keep original for now: no variant is better by more than luck. So far the loss of d is the "
        "lowest. About 22 seeds in all would decide whether d is better or worse than original.",
    ),
    "one seed": (
        [comparison("a", -0.1, n=1)], {}, "Add seeds before you choose: one seed cannot tell a difference from luck.",
    ),
    "the best still improved": (
        [BETTER], {"improving": ["a"]},
        "Train for more epochs before you choose: a was still improving at the last epoch. So far a is better than "
        "original by more than luck.",
    ),
    "one whose interval reaches the lead still improved": (
        [BETTER, fixed("d", -0.01, (-0.12, 0.1), 0.8)], {"improving": ["d", "original"]},
        "Train for more epochs before you choose: d and original were still improving at the last epoch. So far a is "
        "better than original by more than luck.",
    ),
    "four still improved": (
        [BETTER], {"improving": ["a", "d", "e", "original"]},
        "Train for more epochs before you choose: a, d, e and original were still improving at the last epoch. So far "
        "a is better than original by more than luck.",
    ),
    "five still improved": (
        [BETTER], {"improving": ["a", "d", "e", "f", "original"]},
        "Train for more epochs before you choose: a, d, e and 2 more were still improving at the last epoch. So far a "
        "is better than original by more than luck.",
    ),
    "nothing is better, and the baseline still improved": (
        [OPEN], {"improving": ["original"]},
        "Train for more epochs before you choose: original was still improving at the last epoch. So far the loss of d "
        "is the lowest.",
    ),
    "a winner, and others that are behind still improved": (
        [BETTER, OPEN, WORSE],
        {"improving": ["original", "d", "c"], "ranking": ranking(a=True, d=True, original=True, c=True)},
        "Use a: it is better than original by more than luck, while original, d and c were still improving at the last "
        "epoch. Whether it is better than d is not decided.",
    ),
    "only the worst still improved": (
        [WORSE], {"improving": ["c"]},
        "Use original: it is better than c by more than luck, while c was still improving at the last epoch.",
    ),
    "one of two": (
        [BETTER], {"unlearned": {"original": (5, 5), "a": (0, 5)}},
        "Use a: it is better than original by more than luck.",
    ),
    "one of three": (
        [BETTER, BEST], {"ranking": ranking(b=True, a=False, original=False)},
        "Use b: it is better than all others by more than luck.",
    ),
    "the baseline is the best": (
        [WORSE, fixed("f", 0.2, (0.1, 0.3), 0.01)], {"ranking": ranking(original=True, c=False, f=False)},
        "Use original: it is better than all others by more than luck.",
    ),
    "what is worse than the baseline is not the best, whatever its rank": (
        [WORSE, fixed("f", 0.2, (0.1, 0.3), 0.01)], {"ranking": ranking(original=True, c=True, f=False)},
        "Use original: it is better than all others by more than luck.",
    ),
    "all equivalent": (
        [SAME, comparison("f", -0.002, decision="equivalent", smallest=0.02)],
        {"ranking": ranking(e=True, f=True, original=True), "chosen": SIMPLE},
        "Use e: no variant differs from original by more than 0.02, the smallest difference that matters.",
    ),
    "all equivalent, within what other rows would change": (
        [comparison("e", 0.001, decision="equivalent", smallest=0.02, smallest_from="rows")], {},
        "Use original: no variant differs from original by more than 0.02, one standard error of original over the "
        "validation rows.",
    ),
    "nothing but a copy": (
        [comparison("e", 0.0, decision="equivalent", sd=0.0)], {}, "Use original: e trained exactly as it did.",
    ),
    "better than the baseline": (
        [BETTER, BEST, WORSE], {"ranking": ranking(a=True, b=True, c=True, original=False)},
        "Use b: it is better than original by more than luck. Whether it is better than a is not decided.",
    ),
    "not decided": (
        [OPEN, WORSE], {"ranking": ranking(d=True, original=True, c=False)},
        "Not decided, so keep original for now: no variant is better by more than luck. So far the loss of d is the "
        "lowest. About 22 seeds in all would decide whether d is better or worse than original.",
    ),
    "the copy of the baseline does not decide": (
        [OPEN, comparison("e", 0.0, decision="equivalent", sd=0.0)], {"improving": ["d"]},
        "Train for more epochs before you choose: d was still improving at the last epoch. So far the loss of d is the "
        "lowest.",
    ),
    "none is better": (
        [WORSE, SAME], {"ranking": ranking(e=True, original=True, c=False)},
        "Use original: no variant is better, and c is worse by more than luck.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_to_do_is_said(case: str) -> None:
    comparisons, given, words = CASES[case]
    assert headline(comparisons, "original", **given) == words
