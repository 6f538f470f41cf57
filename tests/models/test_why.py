"""The rise of a loss taken apart by rows, and the Brier score: as counted one row after another."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.kinds.tasks import task_of
from models.why import BINS, GROUPS, Rises, explain


def row_by_row(labels: list[int], logits: list[list[float]]) -> tuple[list[float], list[bool], list[list[float]]]:
    """Of each row its loss, whether it is right, and the probabilities of the classes; of two from one logit."""
    losses, right, probabilities = [], [], []
    for label, row in zip(labels, logits, strict=True):
        odds = [math.exp(each) for each in ([0.0, *row] if len(row) == 1 else row)]
        of = [each / sum(odds) for each in odds]
        losses.append(-math.log(of[label]))
        right.append(max(range(len(of)), key=of.__getitem__) == label)
        probabilities.append(of)
    return losses, right, probabilities


@pytest.mark.parametrize("classes", [2, 4])
def test_an_epoch_is_what_its_rows_add_up_to(classes: int) -> None:
    random = np.random.default_rng(classes)
    task, rows = task_of(classes, None), 300
    labels = random.integers(0, classes, rows)
    least, now = (random.normal(0, 2, (rows, task.units)).astype(np.float32) for _ in range(2))
    now[:40] = least[:40]  # these have not changed
    found = explain(task, labels[:, None].astype(np.float64), least, now)
    before, was, _ = row_by_row(labels.tolist(), least.tolist())
    after, is_, probabilities = row_by_row(labels.tolist(), now.tolist())
    sums = dict.fromkeys(GROUPS, 0.0)
    counts = dict.fromkeys(GROUPS, 0)
    for old, new, a, b in zip(before, after, was, is_, strict=True):
        group = "changed" if a != b else "eased" if new <= old else "less_sure" if b else "surer"
        sums[group] += (new - old) / rows
        counts[group] += 1
    assert {group: found[group]["rows"] for group in GROUPS} == counts
    assert {group: found[group]["loss"] for group in GROUPS} == pytest.approx(sums, abs=1e-9)
    assert found["rise"] == pytest.approx(sum(after) / rows - sum(before) / rows)
    assert sum(sums.values()) == pytest.approx(found["rise"])
    brier = calibration = 0.0
    for each in [1] if classes == 2 else range(classes):
        of_class = [(of[each], float(label == each)) for of, label in zip(probabilities, labels, strict=True)]
        brier += sum((said - came) ** 2 for said, came in of_class) / rows
        for i in range(BINS):
            inside = [(s, c) for s, c in of_class if i / BINS < s <= (i + 1) / BINS or (i == 0 and s == 0)]
            if inside:
                mean, share = (sum(each) / len(inside) for each in zip(*inside, strict=True))
                calibration += len(inside) / rows * (mean - share) ** 2
    assert found["calibration"] == pytest.approx(calibration, abs=1e-9)
    assert found["calibration"] + found["refinement"] == pytest.approx(brier)


def test_each_epoch_is_against_the_least_until_then() -> None:
    task, labels = task_of(2, None), np.array([[1.0], [0.0], [1.0]])
    rises = Rises(task, labels)
    for scale in (1, 2, 0.5, 3, 2.5):
        rises.see(np.array([[scale], [-scale], [scale / 2]], np.float32))  # all right: the surer, the better
    assert [row["since"] for row in rises.rows] == [1, 2, 2, 4, 4]
    assert [row["rise"] > 0 for row in rises.rows] == [False, False, True, False, True]
    assert [row["less_sure"]["rows"] for row in rises.rows] == [0, 0, 3, 0, 3]
    assert rises.rows[2]["less_sure"]["loss"] == pytest.approx(rises.rows[2]["rise"])
    again = Rises(task, labels)
    assert rises.least is not None
    again.go_on(rises.rows[:4], rises.least)
    again.see(np.array([[2.5], [-2.5], [1.25]], np.float32))
    assert again.rows == rises.rows
