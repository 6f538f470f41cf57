"""Temperatures are found, and no row is scored by what was fitted to it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from models.kinds.task import Task
from models.kinds.tasks.binary import Binary
from models.kinds.tasks.multiclass import Multiclass
from models.predictions import Predictions
from reporting.recalibration import recalibrated, recalibration

ROWS = 20_000


def drawn(seed: int, sureness: float, classes: int = 2) -> Predictions:
    """Rows whose labels are drawn from the right probabilities, and the outputs of these times `sureness`."""
    generator = np.random.default_rng(seed)
    task: Task = Binary() if classes == 2 else Multiclass(classes=classes)
    right = generator.normal(0, 1.5, (ROWS, task.units))
    if classes == 2:
        labels = generator.random((ROWS, 1)) < special.expit(right)
    else:
        chances = special.softmax(right, axis=1)
        labels = np.array([[generator.choice(classes, p=chance)] for chance in chances])
    return Predictions(task, np.arange(1, ROWS + 1), labels.astype(np.float64), right * sureness)


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("sureness", [0.5, 1.0, 4.0])
def test_the_temperature_is_how_much_too_sure_a_network_is(classes: int, sureness: float) -> None:
    of = drawn(1, sureness, classes)
    temperature, before, after = recalibrated(of)
    assert temperature == pytest.approx(sureness, rel=0.05)
    right = float(of.task.losses(of.labels, of.outputs / sureness).mean())
    assert after == pytest.approx(right, rel=2e-3)
    assert before == pytest.approx(float(of.losses.mean()))
    assert (before > after + 0.01) is (sureness != 1)


def test_what_is_left_of_a_gain() -> None:
    """A variant that was only less sure gains nothing."""
    runs = [("base", seed, drawn(seed, 4.0)) for seed in range(4)] + [
        ("calm", seed, drawn(seed, 1.0)) for seed in (3, 2, 1)
    ]
    answer = recalibration(runs, ["base", "calm", "failed"], "base")
    assert [(each.variant, each.n, each.rows) for each in answer.variants] == [("base", 4, ROWS), ("calm", 3, ROWS)]
    assert [each.temperature for each in answer.variants] == pytest.approx([4, 1], rel=0.05)
    (compared,) = answer.comparisons
    assert (compared.variant, compared.baseline, compared.n) == ("calm", "base", 3)
    assert compared.before is not None
    assert compared.before < -0.3
    assert compared.difference == pytest.approx(0, abs=1e-4)
    after = {(name, seed): recalibrated(of)[2] for name, seed, of in runs}
    differences = [after["calm", seed] - after["base", seed] for seed in (1, 2, 3)]
    assert compared.difference == pytest.approx(np.mean(differences), abs=1e-12)
    assert compared.p == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)
