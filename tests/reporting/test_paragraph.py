"""The paragraph of an answer: what is found, and the sentences that say it."""

from __future__ import annotations

from typing import Any

import pytest

from models.kinds.tasks.binary import Binary
from models.kinds.tasks.regression import Regression
from reporting.answers import Comparison, Intervals, Pairing, Ranking, Simplest
from reporting.paragraph import paragraph
from reporting.setting import Setting
from reporting.verdicts import finding, in_words, leaves_out_zero

BINARY = Binary()
LOSS = "the best validation cross-entropy"


def comparison(variant: str, difference: float | None, n: int = 8, **values: Any) -> Comparison:
    """A comparison with `original`, decided as the analysis decides it."""
    given = {
        "sequential": False, "decision": "undecided", "ci95": None, "ci_anytime": None, "p_holm": None,
        "smallest": None, "smallest_from": None, "confidence": 0.95, "metric": "best_val_data_loss",
        "probability_better": None, "seeds_needed": None, "both": None, "sd": None, **values,
    }  # fmt: skip
    found = finding(n, difference, sequential=given["sequential"], decision=given["decision"], p_holm=given["p_holm"])
    return Comparison(
        variant=variant, baseline="original", n=n, difference=difference, p=None, dz=None, hedges_g=None,
        pairing=Pairing(correlation=None, variance_ratio=None, helped=None), ci95_bootstrap=None, p_anytime=None,
        intervals=Intervals(seeds=given["ci95"], rows=None, both=given.pop("both")), finding=found, in_words="",
        **given,
    )  # fmt: skip


def fixed(
    variant: str, difference: float, ci95: tuple[float, float] | None, p_holm: float, **values: Any
) -> Comparison:
    return comparison(variant, difference, ci95=ci95, p_holm=p_holm, **values)


def looked(variant: str, difference: float, ci_anytime: Any, decision: str, **values: Any) -> Comparison:
    values = {"ci95": (-9.0, 9.0), **values}
    return comparison(variant, difference, sequential=True, ci_anytime=ci_anytime, decision=decision, **values)


STUDENT = "The intervals are Student's t, each for one comparison. "
AT_EVERY_LOOK = "The intervals hold at every look while seeds are added, and for all comparisons at once. "
COVERED = (
    "They tell how the differences change with other initial weights, batches and noise. The training rows and "
    "validation rows are those of this job: with others the differences may be larger or smaller."
)

CASES: dict[str, tuple[list[Comparison], str]] = {
    "lower and higher": (
        [
            fixed("dropout", -0.1, (-0.104, -0.096), 0.001),
            fixed("bigger", 0.0506, (0.0102, 0.091), 0.03),
        ],
        "Compared with original, dropout lowered the best validation cross-entropy by 0.1000 (95% interval 0.0960 "
        "to 0.1040, 8 seeds). Lower is better. bigger raised it by 0.051 (95% interval 0.010 to 0.091, 8 seeds). "
        + STUDENT
        + "A difference is decided if p is below 0.05, after Holm's correction for 2 comparisons. "
        + COVERED,
    ),
    "not decided": (
        [fixed("same", 0.0013, (-0.0013, 0.0039), 0.3, seeds_needed=1283)],
        "By the best validation cross-entropy, it is not decided whether same is better or worse than original: the"
        " difference is +0.0013 (95% interval −0.0013 to +0.0039, 8 seeds). Lower is better. About 1,283 seeds in "
        "all would decide whether same is better or worse than original. "
        + STUDENT
        + "A difference is decided if p is below 0.05. "
        + COVERED,
    ),
    "several are not decided": (
        [
            looked("l1", -0.00001, (-0.02, 0.02), "undecided", n=9),
            looked("l2", 0.5, None, "undecided", n=3, ci95=(-1.0, 2.0), seeds_needed=14, smallest=0.1),
        ],
        "By the best validation cross-entropy, it is not decided whether these are better or worse than original. "
        "Lower is better. l1: +0.000 (95% interval −0.020 to +0.020, 9 seeds). l2: +0.5 (too few seeds for an "
        "interval, 3 seeds). About 14 seeds in all would decide whether l2 is better than original, worse or the "
        "same. "
        + AT_EVERY_LOOK
        + COVERED,
    ),
    "of those that are told none has an interval": (
        [*(looked(f"l{i}", 0.1 * i, None, "undecided", n=3, ci95=(-1.0, 2.0)) for i in range(1, 4)),
         looked("l4", 0.5, (-1.0, 2.0), "undecided", n=9)],
        "By the best validation cross-entropy, it is not decided whether these are better or worse than original. "
        "Lower is better. " + " ".join(f"l{i}: +0.{i} (too few seeds for an interval, 3 seeds)." for i in range(1, 4))
        + " 1 more are not decided either.",
    ),
    "the interval leaves 0 out, the signs do not decide": (
        [
            looked("bigger", -0.0989, (-0.114, -0.0795), "undecided", n=9, probability_better=1.0, seeds_needed=11),
            looked("smaller", 0.432, (0.405, 0.459), "undecided", n=9, probability_better=0.0, seeds_needed=11),
        ],
        "By the best validation cross-entropy, bigger is ahead of original by 0.099 (95% interval 0.080 to 0.114, 9"
        " seeds). Lower is better. smaller is behind original by 0.432 (95% interval 0.405 to 0.459, 9 seeds). This"
        " is not decided, although each interval leaves 0 out: the signs of the differences have to show it too, "
        "and those of so few seeds may agree by luck. So many seeds in all would decide whether each is better or "
        "worse: about bigger 11, smaller 11. "
        + AT_EVERY_LOOK
        + COVERED,
    ),
    "the interval for these seeds leaves 0 out, that for every look does not": (
        [looked("l2", -0.0143, (-0.045, 0.0275), "undecided", n=9, ci95=(-0.03, -0.001), seeds_needed=46)],
        "By the best validation cross-entropy, it is not decided whether l2 is better or worse than original: the "
        "difference is −0.014 (95% interval −0.045 to +0.028, 9 seeds). Lower is better. About 46 seeds in all "
        "would decide whether l2 is better or worse than original. "
        + AT_EVERY_LOOK
        + COVERED,
    ),
    "the correction does not leave it decided": (
        [fixed("l1", 0.02, (0.001, 0.039), 0.16), fixed("l2", 0.001, (-0.04, 0.042), 0.9)],
        "By the best validation cross-entropy, l1 is behind original by 0.020 (95% interval 0.001 to 0.039, 8 "
        "seeds, p 0.16 after Holm's correction). Lower is better. This is not decided, although the interval leaves"
        " 0 out: of 2 comparisons one may do so by luck, and corrected for that p is not below 0.05. By the best "
        "validation cross-entropy, it is not decided whether l2 is better or worse than original: the difference is"
        " +0.001 (95% interval −0.040 to +0.042, 8 seeds). "
        + STUDENT
        + "A difference is decided if p is below 0.05, after Holm's correction for 2 comparisons. "
        + COVERED,
    ),
    "equivalent, by what was asked for, and with another confidence": (
        [looked("l2", 0.0008, (-0.0011, 0.0029), "equivalent", n=9, smallest=0.005, smallest_from="until",
                confidence=0.9)],
        "l2 is equivalent to original within 0.005: its best validation cross-entropy differs by +0.0008 (90% "
        "interval −0.0011 to +0.0029, 9 seeds). Lower is better. 0.005 is the smallest difference that matters, "
        "given by the job. "
        + AT_EVERY_LOOK
        + "90% is 1 − alpha, as the job asks for it. "
        + COVERED,
    ),
    "equivalent, and different": (
        [fixed("l2", 0.002, (0.0015, 0.0025), 0.001, decision="equivalent", smallest=0.004, smallest_from="rows",
               ci_anytime=(0.001, 0.003))],
        "l2 is equivalent to original within 0.004: its best validation cross-entropy differs by +0.0020 (95% "
        "interval that holds at every look +0.0010 to +0.0030, 8 seeds). Lower is better. That is a difference, but"
        " too small to matter. 0.004 is one standard error of original over the 5,000 validation rows. "
        + AT_EVERY_LOOK
        + COVERED,
    ),
    "one is equivalent, by its interval, the other is lower, by another": (
        [fixed("l2", 0.002, (0.0015, 0.0025), 0.001, decision="equivalent", smallest=0.004, smallest_from="request",
               ci_anytime=(-0.001, 0.003)),
         fixed("l1", -0.1, (-0.15, -0.05), 0.01)],
        "Compared with original, l1 lowered the best validation cross-entropy by 0.10 (95% interval 0.05 to 0.15, 8"
        " seeds). Lower is better. l2 is equivalent to original within 0.004: its best validation cross-entropy "
        "differs by +0.0020 (95% interval that holds at every look −0.0010 to +0.0030, 8 seeds). 0.004 is the "
        "smallest difference that matters, given by the request. All other intervals are Student's t, each for one "
        "comparison. A difference is decided if p is below 0.05, after Holm's correction for 2 comparisons. "
        + COVERED,
    ),
    "a copy": (
        [comparison("l1", 0.0, decision="equivalent", sd=0.0), comparison("l2", 0.0)],
        "l1 is the same as original: with each seed every number of the training is equal. l2 has the same best "
        "validation cross-entropy as original with each of 8 seeds. Lower is better.",
    ),
    "the same difference with each seed": (
        [comparison("l1", -0.1), comparison("l2", 0.0)],
        "By the best validation cross-entropy, l1 differs from original by −0.1 with each of 8 seeds: equal "
        "differences do not show their spread, so nothing is decided. Lower is better. l2 has the same best "
        "validation cross-entropy as original with each of 8 seeds.",
    ),
    "one seed": (
        [comparison("l1", -0.1234, n=1), comparison("l2", 0.0, n=1)],
        "With one seed, the best validation cross-entropy minus that of original is: l1 −0.123, l2 +0. Lower is "
        "better. One seed cannot tell a difference from luck.",
    ),
    "some have too few seeds": (
        [fixed("a", 0.1, (0.05, 0.15), 0.01), comparison("b", 0.1, n=1), comparison("c", None, n=0)],
        "Compared with original, a raised the best validation cross-entropy by 0.10 (95% interval 0.05 to 0.15, 8 "
        "seeds). Lower is better. With too few seeds in common with original to be compared: b (one seed) and c "
        "(none). "
        + STUDENT
        + "A difference is decided if p is below 0.05. "
        + COVERED,
    ),
    "on other rows as well": (
        [
            fixed("a", 0.1, (0.05, 0.15), 0.01, both=(0.02, 0.18)),
            fixed("b", -0.1, (-0.19, -0.01), 0.04, both=(-0.22, 0.02)),
        ],
        "Compared with original, b lowered the best validation cross-entropy by 0.10 (95% interval 0.01 to 0.19, 8 "
        "seeds). Lower is better. a raised it by 0.10 (95% interval 0.05 to 0.15, 8 seeds). "
        + STUDENT
        + "A difference is decided if p is below 0.05, after Holm's correction for 2 comparisons. "
        + COVERED
        + " Over other validation rows of the same kind as well, the 95% interval has 0 in it: b −0.22 to +0.02.",
    ),
    "many": (
        [fixed(f"v{i}", 0.1, (0.05, 0.15), 0.01) for i in range(7)],
        "Compared with original, v0 raised the best validation cross-entropy by 0.10 (95% interval 0.05 to 0.15, 8 "
        "seeds). Lower is better. v1 raised it by 0.10 (95% interval 0.05 to 0.15, 8 seeds). v2 raised it by 0.10 "
        "(95% interval 0.05 to 0.15, 8 seeds). 4 more differ from it by more than luck. "
        + STUDENT
        + "A difference is decided if p is below 0.05, after Holm's correction for 7 comparisons. "
        + COVERED,
    ),
    "nothing to compare": ([comparison("a", None, n=0)], ""),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_found_is_said(case: str) -> None:
    comparisons, words = CASES[case]
    assert paragraph(comparisons, "original", BINARY, Setting(validated_on=5000)) == words


def ranking(**best: bool) -> list[Ranking]:
    return [Ranking(variant=name, rank=(1, len(best)), best=each) for name, each in best.items()]


@pytest.mark.parametrize(
    ("ranks", "words"),
    [
        (ranking(a=True, original=False, b=False), f"Of 3 variants, a is the best by its {LOSS[4:]}, by more than "
         "luck. Lower is better. Compared with original, a lowered the best validation cross-entropy by 0.10"),
        (ranking(a=True, b=True, original=False), "Over all pairs of the 3 variants, which takes more seeds to decide, "
         "the best may be a or b."),
        (ranking(a=True, b=True, original=True), "Over all pairs of the 3 variants, which takes more seeds to decide, "
         "any may be the best."),
        (ranking(a=True, original=False), "Compared with original, a lowered"),
    ],
)  # fmt: skip
def test_the_best_of_several_comes_first_if_there_is_one(ranks: list[Ranking], words: str) -> None:
    said = paragraph([fixed("a", -0.1, (-0.15, -0.05), 0.01)], "original", BINARY, Setting(), ranking=ranks)
    if sum(each.best for each in ranks) == 1:
        assert said.startswith(words)
    else:  # what is found of each comes first
        assert f"8 seeds). Lower is better. {words} The intervals" in said


def test_what_the_answer_depends_on_comes_after_it() -> None:
    chosen = Simplest(variant="small", parameters=1234, best="a", difference=0.003, within=0.004, shown=False)
    said = paragraph(
        [fixed("a", -0.1, (-0.15, -0.05), 0.01, smallest=0.004, smallest_from="rows")], "original", BINARY,
        Setting(vary=("seed", "split", "sample")), on_test=True, chosen=chosen, improving=["a", "small"],
    )  # fmt: skip
    assert (
        "The lowest mean is that of a. small is the simplest within 0.004 of it: worse by 0.003, with 1,234 weights "
        "(not yet sure). 0.004 is one standard error of original over the validation rows. a and small were still "
        "improving at the last epoch: with more epochs this may change. The intervals are" in said
    )
    assert said.endswith(
        "They tell how the differences change with other initial weights, batches and noise, other held-out rows and "
        "other training rows. The best epochs were chosen on the test set, so the best values are too good."
    )
    one = paragraph([comparison("a", -0.1, n=1)], "original", BINARY, Setting(), improving=["a"], on_test=True)
    assert "a was still improving at the last epoch" in one
    assert one.endswith("too good.")


def test_a_number_is_called_what_its_task_calls_it() -> None:
    numbers = [fixed("a", -1.1, (-2.8, 0.8), 0.2)]
    assert "best validation mean squared error, it is not decided" in paragraph(
        numbers, "original", Regression(), Setting()
    )
    tested = [fixed("a", -0.1, (-0.15, -0.05), 0.01, metric="test_data_loss")]
    said = paragraph(tested, "original", BINARY, Setting(vary=("seed", "split"), jobs=2))
    assert "lowered the test cross-entropy" in said
    assert "The training rows and test rows are those of these jobs" in said


@pytest.mark.parametrize(
    ("n", "difference", "sequential", "decision", "p_holm", "leads", "found", "words"),
    [
        (5, -0.02, False, "undecided", 0.004, True, "lower", "lower, more than luck"),
        (5, 0.02, False, "undecided", 0.004, True, "higher", "higher, more than luck"),
        (5, -0.02, False, "undecided", 0.05, False, "undecided", "not decided"),
        (5, -0.02, False, "undecided", 0.05, True, "undecided", "lower so far, not decided"),
        (5, 0.02, False, "equivalent", 0.004, True, "equivalent", "the same, within 0.03"),
        # p takes the number of seeds as fixed: if it was not, p says nothing.
        (9, 0.02, True, "undecided", 0.0001, True, "undecided", "higher so far, not decided"),
        (9, -0.02, True, "better", 0.2, True, "lower", "lower, more than luck"),
        # of an accuracy lower is worse; of an epoch neither is better
        (9, -0.02, True, "worse", 0.2, True, "lower", "lower, more than luck"),
        (5, 3.0, False, None, 0.01, True, "higher", "higher, more than luck"),
        (3, 0.0, False, "undecided", None, False, "undecided", "not decided"),
        (1, -0.02, False, "undecided", None, False, None, "lower, one seed"),
        (1, 0.0, False, "undecided", None, False, None, "the same, one seed"),
        (0, None, False, "undecided", None, False, None, "not compared yet"),
    ],
)
def test_what_a_comparison_shows_is_said_once_for_page_table_report_and_paragraph(
    n: int, difference: float | None, sequential: bool, decision: Any, p_holm: Any, leads: bool, found: Any, words: str
) -> None:
    assert finding(n, difference, sequential=sequential, decision=decision, p_holm=p_holm) == found
    assert in_words(found, difference, 0.03, leads) == words


def test_an_interval_leaves_0_out_if_its_ends_have_one_sign() -> None:
    cases = ((0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1), (0.0, 0.1), None)
    assert [leaves_out_zero(each) for each in cases] == [True, True, False, False, False]
