"""Figures of kept predictions: their numbers are scikit-learn's, and what has none is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn
from sklearn.calibration import calibration_curve

from models.errors import NotForTask
from models.kinds.task import Task
from models.kinds.tasks import task_of
from models.predictions import Predictions, pack, unpack
from models.resolution import resolve
from reporting import plots
from reporting.plots.calibration_figure import calibration
from reporting.plots.confusion_figure import confusion
from reporting.plots.roc_figure import GRID, roc

DATASETS: dict[int | None, dict[str, Any]] = {
    2: {"name": "synthetic"},
    4: {"name": "synthetic_table", "classes": 4, "samples": 500},
    None: {"name": "synthetic_table", "classes": None, "samples": 500},
}
NAMES = ("calibration", "roc", "confusion")


def predicted(task: Task, seed: int = 0, rows: int = 3000) -> Predictions:
    random = np.random.default_rng(seed)
    classes = task.class_count or 2
    labels = random.integers(0, classes, (rows, 1)).astype(np.float32)
    lean = 2 * labels - 1 if task.units == 1 else 2.0 * (labels == np.arange(classes))
    outputs = lean + random.normal(0, 1.5, (rows, task.units))
    return unpack(task, pack(task, None, labels, outputs.astype(np.float32)))


def source(classes: int | None, *, variants: Any = ("original", "l2"), seeds: int = 3, **changes: Any) -> plots.Source:
    spec = resolve({"variants": list(variants), "dataset": DATASETS[classes], "seeds": list(range(seeds))})
    runs: list[Any] = [
        SimpleNamespace(id=f"{variant.name}-{seed}", variant=variant.name, seed=seed, status="succeeded")
        for variant in spec.variants
        for seed in range(seeds)
    ]
    given = {"predictions": lambda run, task: predicted(task, run.seed), **changes}
    return plots.Source(spec.model_dump(mode="json"), runs, None, None, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("classes", [2, 4])
def test_numbers_are_scikit_learns(classes: int) -> None:
    of = predicted(task_of(classes, None))
    truth, values = of.labels[:, 0].astype(int), of.values
    two = classes == 2
    answers = values[:, 0] > 0.5 if two else values.argmax(1)
    assert confusion(of) == pytest.approx(sklearn.confusion_matrix(truth, answers, normalize="true"))
    probable, right = (values[:, 0], truth) if two else (values.max(1), answers == truth)
    found = calibration(of)
    there = np.histogram(probable, bins=15, range=(0, 1))[0] >= 10
    share, mean = calibration_curve(right, probable, n_bins=15)
    every = np.histogram(probable, bins=15, range=(0, 1))[0][np.histogram(probable, bins=15, range=(0, 1))[0] > 0] >= 10
    assert found[:, there] == pytest.approx(np.stack([mean, share])[:, every])
    assert np.isnan(found[:, ~there]).all()
    curves = []
    for column in [0] if two else range(classes):
        false, true, _ = sklearn.roc_curve(truth == (1 if two else column), values[:, column])
        curves.append(np.interp(GRID, false, true))
    assert roc(of) == pytest.approx(np.mean(curves, axis=0), abs=1e-9)
    area = sklearn.roc_auc_score(truth, values[:, 0] if two else values, multi_class="ovr")
    assert np.trapezoid(roc(of), GRID) == pytest.approx(area, abs=2e-3)


def test_of_classes_without_rows_there_are_no_numbers() -> None:
    task = task_of(4, None)
    labels = np.array([[1], [1], [2]], np.float32)
    of = unpack(task, pack(task, None, labels, np.eye(4, dtype=np.float32)[[1, 2, 2]]))
    assert confusion(of)[1].tolist() == [0, 0.5, 0.5, 0]
    assert np.isnan(confusion(of)[[0, 3]]).all()
    assert np.isfinite(roc(of)).all()
    alone = unpack(task, pack(task, None, labels[:2], np.zeros((2, 4), np.float32)))
    assert np.isnan(roc(alone)).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("classes", [2, 4])
def test_a_figure_has_the_mean_of_seeds_and_its_band(name: str, classes: int) -> None:
    plot = plots.JOB_PLOTS[name]
    drawn: Any = plot.prepare(source(classes), plot.options())
    assert "n = 3 seeds; 95% interval" in drawn.subtitle
    points = [
        p for each in (drawn.cells.values() if name == "confusion" else (c.points for c in drawn.curves)) for p in each
    ]
    assert all(point.n == 3 for point in points if name != "calibration")
    assert all(point.low <= point.value <= point.high for point in points if point.n > 1)
    assert plots.draw(drawn, "svg") == plots.draw(drawn, "svg")
    assert plots.draw(drawn, width=200)
    plain: Any = plot.prepare(source(classes, band="none", theme="dark"), plot.options())
    assert "interval" not in plain.subtitle


@pytest.mark.parametrize("name", NAMES)
def test_what_there_is_not_is_said(name: str) -> None:
    plot = plots.JOB_PLOTS[name]
    with pytest.raises(NotForTask, match="regression"):
        plot.prepare(source(None), plot.options())
    nothing: Any = plot.prepare(source(2, predictions=lambda run, task: None), plot.options())
    assert "no predictions yet" in nothing.subtitle
    assert nothing.notes == ("Of 6 runs no predictions are kept.",)
    assert plots.draw(nothing, "svg")
    many = [{"name": f"v{i}", "preset": "original"} for i in range(13)]
    crowd: Any = plot.prepare(source(2, variants=many, seeds=1), plot.options())
    assert "of 13 variants are drawn" in crowd.notes[0]
    assert "n = 1 seed;" in crowd.subtitle
    assert plots.draw(crowd, "svg")


def test_the_trials_of_a_search_are_in_no_figure() -> None:
    spec = {"variants": [{"name": "original"}, {"name": "units=4", "trial": {"number": 0, "space": 0}}]}
    assert plots.Source(spec, [], None, None).chosen() == ["original"]  # type: ignore[arg-type]
