"""What the tables say, from answers of the service."""

from __future__ import annotations

from typing import Any

import pytest

from models.kinds.tasks.binary import Binary
from ockham.summary import comparison_grid, notes
from ockham.tables import results, results_grid
from ockham_client import Job


def job(*variants: str) -> Job:
    spec = {"dataset": {"name": "synthetic"}, "baseline": variants[0]}
    return Job.of({"id": "job_1", "name": "a", "status": "succeeded", "spec": spec, "runs": []})


def metrics(n: int = 1, **values: float) -> dict[str, Any]:
    return {"variants": [{"variant": "original", "n": n, **{name: {"mean": value} for name, value in values.items()}}]}


def analysis(*comparisons: dict[str, Any]) -> dict[str, Any]:
    names = ["original", *(each["variant"] for each in comparisons)]
    return {
        "variants": [{"variant": name, "verdict": f"verdict of {name}"} for name in names],
        "comparisons": [{"metric": "best_val_acc", "variant": "l2", "n": 9, "difference": 9.0}, *comparisons],
    }


def compared(variant: str, n: int, difference: float | None, ci95: Any = None, p_holm: Any = None) -> dict[str, Any]:
    return {
        "metric": "best_val_data_loss", "variant": variant, "n": n, "difference": difference, "ci95": ci95,
        "p_holm": p_holm,
    }  # fmt: skip


def test_the_cross_entropy_is_at_an_epoch_of_its_own() -> None:
    by_loss = metrics(best_epoch=3, best_val_loss=0.5, best_val_data_loss=0.4)
    rows = results(job("original"), by_loss, metrics(best_epoch=7, best_val_data_loss=0.3))
    grid = results_grid(job("original"), rows)
    shown = dict(zip(grid.headings, grid.rows[0], strict=True))
    assert shown["best epoch"] == "3"
    assert shown["best validation loss"] == "0.5000"
    assert shown["best validation cross-entropy"] == "0.3000"
    assert shown["accuracy at best epoch"] == "–"
    assert not any("test" in heading for heading in grid.headings)


@pytest.mark.parametrize(("mean", "shown"), [(4.0, "4"), (13 / 3, "4.3"), (10, "10")])
def test_a_mean_of_epochs_has_one_decimal(mean: float, shown: str) -> None:
    answer = metrics(3, best_epoch=mean)
    grid = results_grid(job("original"), results(job("original"), answer, answer))
    assert grid.rows[0][2] == shown
    assert grid.title.endswith("means over 3 seeds")


def test_the_test_set_s_score_has_columns_where_there_is_one() -> None:
    answer = metrics(test_acc=0.9, test_data_loss=0.25)
    grid = results_grid(job("original"), results(job("original"), answer, answer), "val_data_loss")
    shown = dict(zip(grid.headings, grid.rows[0], strict=True))
    assert (shown["test cross-entropy"], shown["test accuracy"]) == ("0.2500", "0.9000")


def test_the_columns_are_those_of_the_tasks() -> None:
    task = {"name": "synthetic_table", "classes": 3}
    several = Job.of({**job("original").raw, "spec": {"dataset": task, "baseline": "original"}})
    answer = metrics(best_val_loss=0.6, best_val_data_loss=0.5, best_val_acc=0.8, test_data_loss=0.7, final_val_loss=1)
    headings = results_grid(several, results(several, answer, answer)).headings
    assert headings[3:-1] == (
        "best validation loss",
        "best validation categorical cross-entropy",
        "accuracy at best epoch",
        "final validation loss",
        "test categorical cross-entropy",
        "test accuracy",
    )
    assert "categorical cross-entropy, each variant" in comparison_grid(several, analysis()).title


def test_one_seed_has_a_difference_and_no_more() -> None:
    found = analysis(compared("l2", 1, -0.01234), compared("same", 1, -1e-9), compared("wild", 0, None))
    grid = comparison_grid(job("original", "l2"), found)
    assert grid.headings == ("variant", "verdict", "difference", "than original")
    assert grid.rows == [
        ("original", "verdict of original", "", "baseline"),
        ("l2", "verdict of l2", "-0.0123", "lower"),
        ("same", "verdict of same", "+0.0000", "the same"),
        ("wild", "verdict of wild", "–", "–"),
    ]
    rows = [
        {"variant": name, "final_val_loss": 0.5 + penalty, "final_val_data_loss": 0.5}
        for name, penalty in (("original", 1e-9), ("l2", 0.01), ("wild", -0.01))
    ]
    said = list(notes([*rows, {"variant": "new"}], found, Binary()))
    assert "penalties included (l2)" in said[0]
    assert '"seeds": [0, 1, 2, 3, 4]' in said[1]
    assert len(said) == 2


def test_several_seeds_have_an_interval_and_a_word_on_luck() -> None:
    sure = compared("dropout", 5, -0.02, [-0.03, -0.01], 0.004)
    found = analysis(sure, compared("bigger", 5, 0.01, [-0.01, 0.03], 0.4))
    assert comparison_grid(job("original"), found).rows[1:] == [
        ("dropout", "verdict of dropout", "-0.0200", "-0.0300 to -0.0100", "lower, more than luck"),
        ("bigger", "verdict of bigger", "+0.0100", "-0.0100 to +0.0300", "higher, may be luck"),
    ]
    (said,) = notes([], found, Binary())
    assert "Holm's correction for 2 comparisons" in said


def test_a_table_for_a_page() -> None:
    grid = comparison_grid(job("original"), analysis(compared("a|b", 1, 0.5)))
    assert grid.markdown()[:2] == ["| variant | verdict | difference | than original |", "|---|---:|---:|---:|"]
    assert grid.markdown()[3].startswith("| a\\|b |")
