"""Every figure of a loss with weights' penalties in it says so."""

from __future__ import annotations

import math
import re

import pytest

from models.history import RunHistory
from models.kinds.metrics import UNPENALISED
from reporting.analysis import analyse
from reporting.penalties import explained, needed, penalties
from reporting.plots import draw, prepare, prepare_differences, prepare_sweep, reads
from reporting.plots.series import Style

MORE = {"original": 0.0, "l2": 0.04, "l1": 0.03}


def runs(**penalty: float) -> list[RunHistory]:
    """Two seeds a variant, whose losses are greater by the variant's penalty."""
    found = []
    for name, more in penalty.items():
        for seed in (0, 1):
            data = (0.6 + seed / 50, 0.4, 0.5)
            losses = {
                of + name: tuple(value + (more if name == "loss" else 0.0) for value in data)
                for of in ("", "val_", "eval_")
                for name in ("loss", "data_loss")
            }
            found.append(RunHistory(f"{name}-{seed}", name, seed, "succeeded", (1, 2, 3), {**losses, "val_acc": data}))
    return found


@pytest.mark.parametrize("metric", list(UNPENALISED))
@pytest.mark.parametrize("style", ["lines", "notebook"])
def test_curves_with_a_penalty_say_so_and_name_what_has_none(metric: str, style: Style) -> None:
    series = prepare(runs(**MORE), metric, style=style, dataset="IMDB")
    assert re.fullmatch(r".*[Ll]oss.*, weight penalty included, on IMDB", series.title)
    assert series.y_label == series.title.removesuffix(", on IMDB")
    note = f"A weight penalty is in the values of l2, l1: up to 0.04. Without it: {UNPENALISED[metric]}."
    assert series.notes == (note,)
    assert b"weight penalty included" in draw(series, "svg")
    assert b"A weight penalty is in the values of l2" in draw(series, "svg")


@pytest.mark.parametrize("metric", [*UNPENALISED.values(), "val_acc"])
def test_what_has_no_penalty_in_it_says_nothing_of_any(metric: str) -> None:
    assert "penalty" not in str(prepare(runs(**MORE), metric))


def test_variants_that_are_not_shown_do_not_count() -> None:
    assert "weight penalty" not in str(prepare(runs(**MORE), "val_loss", variants=["original"], baseline="l2"))
    assert "weight penalty" in str(
        prepare(runs(**MORE), "val_loss", variants=["original"], baseline="l2", difference=True)
    )
    assert "penalty" not in str(prepare(runs(original=1e-7, dropout=0.0), "val_loss"))


def test_rounding_of_great_losses_is_no_penalty() -> None:
    great = [RunHistory("a", "a", 0, "succeeded", (1,), {"val_loss": (12345.001,), "val_data_loss": (12345.0,)})]
    assert penalties(great, "val_loss") == {}


def test_what_is_not_finite_says_nothing_of_a_penalty() -> None:
    losses = {"val_loss": (math.inf, math.nan, 0.7), "val_data_loss": (0.5, 0.5, 0.5)}
    assert penalties([RunHistory("a", "a", 0, "failed", (1, 2, 3), losses)], "val_loss") == {
        "a": pytest.approx(0.2)
    }  # fmt: skip


def test_a_plot_reads_what_it_needs_to_tell() -> None:
    assert reads("val_loss") == needed(["val_loss"]) == ("val_loss", "val_data_loss")
    assert reads("losses") == ("loss", "data_loss", "val_loss", "val_data_loss")
    assert reads("val_acc") == ("val_acc",)


def test_of_many_variants_the_note_names_the_first() -> None:
    held = {f"l2 {i}": 0.1 for i in range(7)}
    (note,) = explained(held, "val_loss", {name: name for name in held})
    who = "l2 0, l2 1, l2 2 and 4 more"
    assert note == f"A weight penalty is in the values of {who}: up to 0.1. Without it: val_data_loss."


@pytest.mark.parametrize("when", ["best", "final"])
def test_differences_of_losses_with_a_penalty_say_so(when: str) -> None:
    keras = prepare_differences(analyse(runs(**MORE), "original", view="keras"), f"{when}_val_loss", dataset="IMDB")
    assert keras.title.endswith("validation loss, weight penalty included, on IMDB: difference from original")
    assert "validation loss, weight penalty included − original" in keras.x_label
    note = f"A weight penalty is in the values of l2, l1: up to 0.04. Without it: {when}_val_data_loss."
    assert note in keras.notes
    assert "penalty" not in str(prepare_differences(analyse(runs(**MORE), "original"), f"{when}_val_data_loss"))


def test_a_sweep_of_losses_with_a_penalty_says_so() -> None:
    places = {"original": {"l2": 0.0}, "l2": {"l2": 0.01}}
    found = prepare_sweep(runs(original=0.0, l2=0.04), places, metric="val_loss", dataset="IMDB")
    assert found.title.startswith("Best validation loss, weight penalty included, on IMDB by ")
    assert found.value_label == "Best validation loss, weight penalty included"
    assert found.notes[-1] == "A weight penalty is in the values of l2: up to 0.04. Without it: val_data_loss."
    assert "penalty included" not in str(prepare_sweep(runs(original=0.0, l2=0.04), places))
