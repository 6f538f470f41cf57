"""Which rows a variant gets wrong whatever the seed, which ones only once it overfits, and whose labels may be wrong.

What a row is told to be is the class of the greatest probability. A row counts as wrong with every seed if each run
that validated it has it wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from models.predictions import Predictions
from reporting.answer import Answer


class SameInputs(Answer):
    """Which rows have the same inputs as a row."""

    training: int = Field(description="Other rows of the training file that have them, held out or not")
    labels: dict[str, int] = Field(
        description="How many rows of both files have them, by their labels, the row itself among them: if there are "
        "several labels, no network can have all of these rows right"
    )


class WrongRow(Answer):
    """A row of the validation set, with the probability that the variant's runs give its class, on average."""

    row: int = Field(description="Its number in its file, from 1")
    label: str | int = Field(description="Its class, by name or, if it has none, by number")
    answer: str | int = Field(description="What it is taken for at the last epoch; of a likely error, what it may be")
    probability: float = Field(description="Of its own class, at the epoch of the least validation loss")
    probability_at_last: float = Field(description="Of its own class, at the last epoch")
    values: dict[str, Any] | None = Field(
        None, description="The row as it was read, or its `text`; null if `no_values` says why it is not to be had"
    )
    same_inputs: SameInputs | None = Field(None, description="Null if it has no `values`")


class WrongRows(Answer):
    """So many rows, and the first of them."""

    count: int
    data: list[WrongRow]


class LikelyErrors(WrongRows):
    """Rows whose labels are likely wrong, the likeliest first."""

    share: float | None = Field(
        description="The estimated share of labels that are wrong; null if no label of some class is likely right"
    )


class Mistakes(Answer):
    """A variant's rows that are wrong with every seed, and those that are likely labelled wrong."""

    variant: str
    n: int = Field(description="Runs whose predictions are kept")
    rows: int = Field(description="Validation rows that any of them has")
    split: Literal["train", "test"] = Field(description="Of which file of the data set they are")
    always: WrongRows = Field(
        description="Wrong with every seed both at the epoch of the least validation loss and at the last one; the "
        "least probable labels first"
    )
    overfitted: WrongRows = Field(
        description="Right with every seed at the epoch of the least validation loss, wrong with every seed at the "
        "last one: wrong only since the variant overfits"
    )
    label_errors: LikelyErrors
    no_values: str | None = Field(None, description="Why the rows have no `values`; null if they have")

    KINDS: ClassVar = ("always", "overfitted", "label_errors")


@dataclass
class OfRows:
    """Runs' predictions of each row, added up run by run.

    rows: (n,), rising. labels: (n,), numbers of classes. seen, wrong: (n,), how many runs have the row, and have it
    wrong. probabilities: (n, classes), added up.
    """

    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    labels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    seen: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    wrong: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    probabilities: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))

    def add(self, of: Predictions) -> None:
        """Takes a run's."""
        values = probabilities(of)
        if not len(self.rows):
            self.probabilities = np.zeros((0, values.shape[1]))
        if not np.array_equal(self.rows, of.rows):
            self._widen(np.union1d(self.rows, of.rows))
        at = np.searchsorted(self.rows, of.rows)
        self.labels[at] = of.labels[:, 0].astype(np.int64)
        self.seen[at] += 1
        self.wrong[at] += values.argmax(axis=1) != self.labels[at]
        self.probabilities[at] += values

    def _widen(self, rows: NDArray[np.int64]) -> None:
        at = np.searchsorted(rows, self.rows)
        for name in ("labels", "seen", "wrong", "probabilities"):
            before = getattr(self, name)
            wider = np.zeros((len(rows), *before.shape[1:]), before.dtype)
            wider[at] = before
            setattr(self, name, wider)
        self.rows = rows

    @property
    def always_wrong(self) -> NDArray[np.bool_]:
        return np.asarray(self.wrong == self.seen)

    @property
    def always_right(self) -> NDArray[np.bool_]:
        return np.asarray(self.wrong == 0)

    @property
    def means(self) -> NDArray[np.float64]:
        """(n, classes)."""
        return self.probabilities / self.seen[:, None]


def probabilities(of: Predictions) -> NDArray[np.float64]:
    """Of each class: (rows, classes). Of two classes both are computed, so that each has its digits near 0."""
    if of.values.shape[1] > 1:
        return of.values
    return np.concatenate([of.task.activated(-of.outputs), of.values], axis=1)


def likely_errors(
    labels: NDArray[np.int64], means: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], float | None]:
    """The places of the rows whose labels are likely wrong, the likeliest first; what each row's label may be; and the
    share of all labels that are wrong.

    Confident learning (Northcutt, Jiang and Chuang 2021, "Confident learning: estimating uncertainty in dataset
    labels", Journal of Artificial Intelligence Research 70, equations 1 to 3) of probabilities of rows that were not
    trained on: labels (n,), means (n, classes).

    The threshold of a class j is t_j, the mean of its probability over the rows that are labelled j. A row is counted
    in C[i, j], i being its label, for that class j of the greatest probability among those whose probability is at
    least t_j; in none if there is no such class. Those with i ≠ j are likely wrong, the one first whose label is the
    least probable against j (their normalized margin). The estimate of the joint distribution, Q[i, j], is C with its
    rows scaled to the number of rows that are labelled i; the share is what lies off its diagonal.
    """
    count, classes = means.shape
    if not count:
        return labels, labels, None
    own = np.bincount(labels, minlength=classes)
    summed = np.bincount(labels, weights=means[np.arange(count), labels], minlength=classes)
    thresholds = np.where(own > 0, summed / np.maximum(own, 1), np.inf)
    confident = np.where(means >= thresholds, means, -1.0)
    suspected = confident.argmax(axis=1).astype(np.int64)
    counted = confident.max(axis=1, initial=-1.0) >= 0
    joint = np.zeros((classes, classes))
    np.add.at(joint, (labels[counted], suspected[counted]), 1)
    places = np.flatnonzero(counted & (suspected != labels)).astype(np.int64)
    margins = means[places, labels[places]] - means[places, suspected[places]]
    places = places[np.argsort(margins, kind="stable")]
    of_label = joint.sum(axis=1)
    if np.any((of_label == 0) & (own > 0)):
        return places, suspected, None
    scaled = joint * (own / np.maximum(of_label, 1))[:, None]
    return places, suspected, float(1 - np.trace(scaled) / scaled.sum())


@dataclass(frozen=True)
class Kept:
    """What a run says of the validation rows at the epoch of its least validation loss and at its last one."""

    least: Predictions
    last: Predictions


def mistakes(
    variant: str, runs: Iterable[Kept], names: Sequence[str] | None, split: Literal["train", "test"], limit: int
) -> Mistakes:
    """Of the variant's runs, one after another; at most `limit` rows of each kind.

    names: of the classes, in their order; None: they are numbers.
    """
    least, last = OfRows(), OfRows()
    n = 0
    for run in runs:
        n += 1
        least.add(run.least)
        last.add(run.last)
    count = len(least.rows)
    first, end = (of.means[np.arange(count), of.labels] for of in (least, last))

    def listed(places: NDArray[np.int64], answers: NDArray[np.int64]) -> WrongRows:
        called = names or range(least.probabilities.shape[1])
        data = [
            WrongRow(
                row=int(least.rows[i]),
                label=called[least.labels[i]],
                answer=called[answers[i]],
                probability=first[i],
                probability_at_last=end[i],
            )
            for i in places[:limit].tolist()
        ]
        return WrongRows(count=len(places), data=data)

    def wrong(which: NDArray[np.bool_]) -> WrongRows:
        places = np.flatnonzero(which)
        return listed(places[np.argsort(end[places], kind="stable")], last.means.argmax(axis=1) if count else places)

    places, suspected, share = likely_errors(least.labels, least.means)
    return Mistakes(
        variant=variant,
        n=n,
        rows=count,
        split=split,
        always=wrong(least.always_wrong & last.always_wrong),
        overfitted=wrong(least.always_right & last.always_wrong),
        label_errors=LikelyErrors(share=share, **dict(listed(places, suspected))),
    )
