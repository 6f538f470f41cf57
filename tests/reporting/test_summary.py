from __future__ import annotations

import json
import math
from typing import Any

import pytest
from scipy import stats

from models.history import RunHistory
from models.kinds.tasks.binary import Binary
from reporting.summary import Metrics, NonFinite, OverSeeds, finite, nonfinite, summarize

NAN, INF = math.nan, math.inf


def history(
    variant: str = "original", seed: int = 0, status: str = "succeeded", **metrics: tuple[float, ...]
) -> RunHistory:
    length = len(next(iter(metrics.values()), ()))
    return RunHistory(f"{variant}-{seed}", variant, seed, status, tuple(range(1, length + 1)), metrics)


def best_epoch_of(summary: Metrics) -> int:
    """Of its first run."""
    best = summary.runs[0].best
    assert best is not None
    return best.epoch


def test_a_run_has_its_final_and_its_best_epoch() -> None:
    summary = summarize([history(val_loss=(0.5, 0.3, 0.4), val_acc=(0.7, 0.8, 0.9))])
    (run,) = summary.runs
    assert run.final is not None
    assert dict(run.final) == {"epoch": 3, "val_loss": 0.4, "val_acc": 0.9}
    assert run.best is not None
    assert dict(run.best) == {"epoch": 2, "val_loss": 0.3, "val_acc": 0.8}
    assert (run.run_id, run.variant, run.seed, run.nonfinite) == ("original-0", "original", 0, [])


def test_one_seed_has_no_spread() -> None:
    (variant,) = summarize([history(val_loss=(0.5, 0.3, 0.4), val_acc=(0.7, 0.8, 0.9))]).variants
    assert variant.n == 1
    assert variant.best_epoch == OverSeeds(mean=2.0, sd=None, ci95=None)
    assert variant.best_val_loss.mean == 0.3
    assert variant.best_val_acc.mean == 0.8
    assert variant.final_val_loss.mean == 0.4


def test_the_interval_across_seeds_is_students() -> None:
    losses = [0.28, 0.29, 0.275, 0.301]
    runs = [history(seed=i, val_loss=(0.5, loss, 0.6)) for i, loss in enumerate(losses)]
    (variant,) = summarize(runs).variants
    low, high = stats.ttest_1samp(losses, 0).confidence_interval(0.95)
    assert variant.best_val_loss.ci95 == pytest.approx([low, high])
    assert variant.best_val_loss.sd == pytest.approx(stats.tstd(losses))
    assert variant.n == 4


def test_another_metric_may_choose_the_best_epoch() -> None:
    runs = [history(val_loss=(0.5, 0.3, 0.4), val_data_loss=(0.2, 0.25, 0.3), val_acc=(0.7, 0.6, 0.9))]
    assert best_epoch_of(summarize(runs)) == 1, "without penalties"
    assert best_epoch_of(summarize(runs, by="val_loss")) == 2
    assert best_epoch_of(summarize(runs, by="val_acc")) == 3


def test_a_run_without_a_loss_free_of_penalties_is_chosen_by_the_one_it_has_and_says_so() -> None:
    runs = [history(val_loss=(0.5, 0.3), val_data_loss=(0.2, 0.25)), history(val_loss=(0.5, 0.3)), history()]
    found = summarize(runs).runs
    assert [run.chosen_by for run in found] == ["val_data_loss", "val_loss", "val_loss"]
    assert [run.best and run.best.epoch for run in found] == [1, 2, None]
    assert summarize(runs[:1], by="val_acc").runs[0].chosen_by == "val_acc"


def test_gap_and_rise_are_of_the_loss_that_chooses() -> None:
    losses: dict[str, Any] = {"val_loss": (0.9, 0.5, 0.8), "loss": (0.9, 0.4, 0.2)}
    losses |= {"val_data_loss": (0.4, 0.3, 0.6), "data_loss": (0.5, 0.3, 0.1)}
    for by, gap, rise in (("val_data_loss", 0.5, 0.3), ("val_loss", 0.6, 0.3), ("val_acc", 0.5, 0.2)):
        (variant,) = summarize([history(val_acc=(0.9, 0.8, 0.8), **losses)], by=by).variants
        assert [variant.gap_at_end.mean, variant.rise.mean] == pytest.approx([gap, rise])
    (evaluated,) = summarize([history(**losses, eval_data_loss=(0.4, 0.3, 0.2))]).variants
    assert evaluated.gap_at_end.mean == pytest.approx(0.4)
    (nothing,) = summarize([history(status="queued")]).variants
    assert (nothing.gap_at_end.mean, nothing.rise.mean) == (None, None)


def test_the_first_of_equal_epochs_is_the_best() -> None:
    assert best_epoch_of(summarize([history(val_loss=(0.5, 0.3, 0.3))])) == 2


def test_a_value_that_is_not_finite_is_never_the_best_and_never_nan() -> None:
    summary = summarize([history(val_loss=(0.5, 0.4, NAN), loss=(0.5, INF, -INF))])
    (run,) = summary.runs
    assert run.best is not None
    assert dict(run.best) == {"epoch": 2, "val_loss": 0.4, "loss": None}
    assert run.final is not None
    assert dict(run.final) == {"epoch": 3, "val_loss": None, "loss": None}
    assert run.nonfinite == [
        NonFinite(epoch=2, metric="loss", kind="inf"),
        NonFinite(epoch=3, metric="val_loss", kind="nan"),
        NonFinite(epoch=3, metric="loss", kind="-inf"),
    ]
    assert summary.variants[0].final_val_loss.mean is None
    json.dumps(summary.model_dump(), allow_nan=False)


def test_a_run_without_a_finite_value_has_no_best() -> None:
    summary = summarize([history(val_loss=(NAN, INF, -INF))])
    assert summary.runs[0].best is None
    assert summary.variants[0].n == 0
    assert summary.variants[0].best_epoch.mean is None


def test_a_run_without_epochs_has_neither() -> None:
    summary = summarize([history(status="queued"), history(seed=1, val_loss=(0.5,))])
    assert summary.runs[0].final is None
    assert summary.runs[0].best is None
    assert summary.variants[0].n == 1
    assert summary.variants[0].unfinished == 1


def test_the_test_set_s_score_is_beside_the_epochs_where_there_is_one() -> None:
    runs = [history(seed=seed, val_loss=(0.5, 0.4)) for seed in (0, 1)] + [history("smaller", val_loss=(0.5,))]
    scores: dict[str, dict[str, float | None]] = {
        "original-0": {"loss": 0.4, "acc": 0.8, "data_loss": 0.3},
        "original-1": {"loss": 0.6, "acc": None, "data_loss": 0.5},
    }
    summary = summarize(runs, scores=scores)
    assert [run.test for run in summary.runs] == [scores["original-0"], scores["original-1"], None]
    original, smaller = summary.variants
    assert original.test_loss is not None
    assert original.test_loss.mean == pytest.approx(0.5)
    assert original.test_data_loss is not None
    assert original.test_data_loss.ci95 is not None
    assert original.test_acc == OverSeeds(mean=0.8, sd=None, ci95=None)
    assert smaller.test_loss is smaller.test_acc is smaller.test_data_loss is None
    assert summarize(runs).runs[0].test is None


def test_variants_keep_their_order() -> None:
    runs = [history(v, val_loss=(0.5,)) for v in ("z", "a", "m")]
    assert [variant.variant for variant in summarize(runs).variants] == ["z", "a", "m"]


def test_finite_and_nonfinite_say_the_same_places() -> None:
    run = history(val_loss=(1.0, NAN, -INF))
    assert finite(run.metrics["val_loss"]) == [1.0, None, None]
    assert [(entry.epoch, entry.kind) for entry in nonfinite(run)] == [(2, "nan"), (3, "-inf")]


def test_a_variant_has_the_measures_of_its_task_and_those_asked_for() -> None:
    class Distance(Binary):
        measure = "brier"

    runs = [history(val_loss=(0.5, 0.3), val_brier=(0.2, 0.1))]
    shown = json.loads(summarize(runs, task=Distance()).model_dump_json())["variants"][0]
    assert (shown["best_val_brier"]["mean"], "best_val_acc" in shown, "test_acc" in shown) == (0.1, False, False)
    shown = json.loads(summarize([history(val_loss=(0.5, 0.3))]).model_dump_json())["variants"][0]
    assert (shown["best_val_acc"]["mean"], "best_val_brier" in shown, shown["test_acc"]) == (None, False, None)
