from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.errors import NotFound
from models.history import RunHistory
from models.kinds.tasks.binary import Binary
from models.kinds.tasks.multiclass import Multiclass
from reporting.analysis import analyse
from reporting.plots import draw, prepare_differences, prepare_sweep
from reporting.plots.differences import DifferenceRow
from reporting.plots.differences_figure import _digits, _numbers
from reporting.setting import Setting

Place = Mapping[str, float]


def sweep(
    grid: Mapping[str, Sequence[float]], loss: Callable[[Place], float], seeds: int = 1, noise: float = 0.0
) -> tuple[list[RunHistory], dict[str, Place]]:
    """Runs whose least validation loss, at epoch 2, is `loss` of their place in the grid."""
    places = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    parameters: dict[str, Place] = {", ".join(f"{k}={v}" for k, v in place.items()): place for place in places}
    rng = np.random.default_rng(0)
    histories = []
    for (variant, place), seed in itertools.product(parameters.items(), range(seeds)):
        least = loss(place) + noise * float(rng.normal())
        losses = (least + 0.1, least, least + 0.2)
        metrics = {"val_loss": losses, "val_data_loss": losses, "val_acc": tuple(1 - v for v in losses)}
        histories.append(RunHistory(f"{variant}-{seed}", variant, seed, "succeeded", (1, 2, 3), metrics))
    return histories, parameters


UNITS = [2, 4, 8, 16, 32, 64]


def saturating(place: Place) -> float:
    return 0.3 + 0.2 * 4 ** -math.log2(place["units"])


def test_the_best_value_against_what_was_swept() -> None:
    found = prepare_sweep(*sweep({"units": UNITS}, saturating), dataset="IMDB", task=Binary())
    assert found.x == ("2", "4", "8", "16", "32", "64")
    assert [setting.mean for setting in found.settings] == [saturating({"units": u}) for u in UNITS]
    assert found.best == "units=64"
    assert found.title == "Best validation cross-entropy on IMDB by units per layer"


def test_values_that_are_close_have_ticks_of_their_own() -> None:
    found = prepare_sweep(*sweep({"l2": [0.1234567, 0.1234568, 20.0]}, lambda place: 0.3))
    assert found.x == ("0.1234567", "0.1234568", "20")


def test_diminishing_returns_with_one_seed_is_one_percent() -> None:
    # Losses are .35, .3125, .3031, .3008, ...: 8 units are within 1.1%, 16 within 0.3% of the best.
    assert prepare_sweep(*sweep({"units": UNITS}, saturating)).enough == "units=16"


def test_diminishing_returns_is_one_standard_error() -> None:
    def enough(largest: tuple[float, float]) -> str | None:
        runs = {8: (0.32, 0.34), 16: (0.305, 0.325), 32: largest}
        histories = [
            RunHistory(f"{units}-{seed}", str(units), seed, "succeeded", (1,), {"val_data_loss": (value,)})
            for units, values in runs.items()
            for seed, value in enumerate(values)
        ]
        return prepare_sweep(histories, {str(units): {"units": units} for units in runs}).enough

    # The standard error of two values is half their distance: 16 units have a mean of 0.315.
    assert enough((0.28, 0.32)) == "16"
    # Nothing but the largest is within 0.01 of its 0.3: what more would bring is not known.
    assert enough((0.29, 0.31)) is None


def test_returns_that_do_not_diminish_are_not_said_to() -> None:
    found = prepare_sweep(*sweep({"units": UNITS}, lambda p: 1 / p["units"]))
    assert (found.best, found.enough) == ("units=64", None)
    assert found.notes == ("No diminishing returns yet: the largest is the best.",)
    assert prepare_sweep(*sweep({"units": [16]}, saturating)).notes == ()


def test_runs_not_done_and_diverged_are_told_of() -> None:
    histories = [
        RunHistory("0", "a", 0, "succeeded", (1, 2), {"val_data_loss": (0.4, 0.3)}),
        RunHistory("1", "a", 1, "running", (1,), {"val_data_loss": (0.4,)}),
        RunHistory("2", "b", 0, "failed", (1, 2), {"val_data_loss": (0.5, math.nan)}),
        RunHistory("3", "b", 1, "succeeded", (1, 2), {"val_data_loss": (0.5, 0.4)}),
    ]
    assert prepare_sweep(histories, {"a": {"l2": 0}, "b": {"l2": 0.1}}).notes == (
        "Unfinished runs, with their best so far: 1.",
        "Runs that diverged, with their best before: 1.",
    )


def test_settings_with_fewer_seeds_or_unfinished_are_partial() -> None:
    values: dict[str, tuple[float, ...]] = {"val_data_loss": (0.4, 0.3)}
    histories = [
        RunHistory(f"{variant}{seed}", variant, seed, status, (1, 2) if begun else (), values if begun else {})
        for variant, seed, status, begun in (
            ("a", 0, "succeeded", True), ("a", 1, "succeeded", True), ("b", 0, "succeeded", True),
            ("b", 1, "queued", False), ("c", 0, "succeeded", True), ("c", 1, "running", True),
        )
    ]  # fmt: skip
    parameters = {variant: {"units": units, "l2": 0} for units, variant in enumerate("abc", 1)}
    found = prepare_sweep(histories, parameters)
    assert [(s.variant, s.partial) for s in found.settings] == [("a", False), ("b", True), ("c", True)]
    assert found.subtitle.startswith("4 of 6 runs finished; ")
    assert "◥ fewer seeds" in draw(found, "svg").decode()
    assert "open: fewer seeds" in draw(prepare_sweep(histories, parameters, over=["units"]), "svg").decode()


def test_a_heat_maps_best_is_yellow_for_accuracies_too() -> None:
    histories, parameters = sweep({"units": [4, 16], "l2": [0, 0.001]}, saturating)
    for metric in ("val_data_loss", "val_acc"):
        drawn = draw(prepare_sweep(histories, parameters, metric=metric), "svg")
        least, most = (prepare_sweep(histories, parameters, metric=metric).settings[i].mean for i in (0, -1))
        assert f"yellow {most:.3f}, blue {least:.3f}".encode() in drawn


@pytest.mark.parametrize("over", [(), ("units",), ("l2", "dropout")])
def test_of_what_is_no_axis_the_level_of_the_best_of_all_is_drawn(over: tuple[str, ...]) -> None:
    best = {"units": 16.0, "l2": 0.001, "dropout": 0.5}

    def loss(place: Place) -> float:
        return 0.3 + 0.1 * sum(place[name] != value for name, value in best.items())

    histories, parameters = sweep({"units": [4, 16], "l2": [0, 0.001, 0.01], "dropout": [0, 0.2, 0.5]}, loss)
    found = prepare_sweep(histories, parameters, over=over)
    assert found.best is not None
    assert parameters[found.best] == best
    assert (
        found.notes[0]
        == {
            (): "Drawn at dropout rate 0.5, which the best setting of all has; there are also: 0, 0.2.",
            ("units",): "Drawn at L2 penalty 0.001, which the best setting of all has; there are also: 0, 0.01.",
            ("l2", "dropout"): "Drawn at units per layer 16, which the best setting of all has; there are also: 4.",
        }[over]
    )
    worse = prepare_sweep(histories, parameters, over=over, metric="val_acc").best
    assert worse == found.best
    begun = [RunHistory(run.run_id, run.variant, run.seed, "queued", (), {}) for run in histories]
    assert not prepare_sweep(begun, parameters, over=over).settings


def test_ticks_do_not_run_into_each_other() -> None:
    def ticks(values: list[float]) -> int:
        drawn = draw(prepare_sweep(*sweep({"train_samples": values}, lambda p: 0.3 + 1 / p["train_samples"])), "svg")
        return sum(f">{value:,.0f}<".encode() in drawn for value in values)

    assert ticks([1000, 5000, 25000]) == 3
    assert 5 < ticks([10000 + 40 * i for i in range(50)]) < 20


def test_a_penalty_has_a_best_but_no_diminishing_returns() -> None:
    found = prepare_sweep(*sweep({"l2": [0, 0.0001, 0.001]}, lambda p: 0.3 + abs(p["l2"] - 0.0001)))
    assert (found.best, found.enough) == ("l2=0.0001", None)


def test_two_parameters_are_a_heat_map() -> None:
    found = prepare_sweep(*sweep({"units": [4, 16], "l2": [0, 0.001]}, lambda p: p["units"] / 100 + p["l2"]))
    assert (found.x, found.y) == (("4", "16"), ("0", "0.001"))
    assert [(s.variant, s.x, s.y) for s in found.settings] == [
        ("units=4, l2=0", 0, 0), ("units=16, l2=0", 1, 0), ("units=4, l2=0.001", 0, 1), ("units=16, l2=0.001", 1, 1),
    ]  # fmt: skip
    assert found.best == "units=4, l2=0"


def test_of_further_parameters_one_level_is_drawn_and_named() -> None:
    runs = sweep({"units": [4, 16], "l2": [0, 0.001], "dropout": [0.2, 0.5]}, lambda p: p["dropout"])
    found = prepare_sweep(*runs, over=["units"])
    assert [setting.variant for setting in found.settings] == [
        "units=4, l2=0, dropout=0.2",
        "units=16, l2=0, dropout=0.2",
    ]
    assert found.subtitle.startswith("at L2 penalty 0; at dropout rate 0.2;")


def test_accuracy_is_best_at_its_greatest() -> None:
    found = prepare_sweep(*sweep({"units": UNITS}, saturating), metric="val_acc")
    assert found.best == "units=64"
    assert found.settings[-1].mean == pytest.approx(1 - saturating({"units": 64}))


def test_settings_without_epochs_are_left_out() -> None:
    histories, parameters = sweep({"units": [4, 16]}, saturating)
    assert [s.variant for s in prepare_sweep(histories[:1], parameters).settings] == ["units=4"]
    nothing = prepare_sweep([], parameters)
    assert (nothing.settings, nothing.best, nothing.enough, nothing.subtitle) == ((), None, None, "no epochs yet")


def test_what_was_not_swept_is_not_found() -> None:
    runs = sweep({"units": [4, 16]}, saturating)
    for wrong in ({"over": ["l2"]}, {"metric": "losses"}):
        with pytest.raises(NotFound):
            prepare_sweep(*runs, **wrong)
    with pytest.raises(NotFound):
        prepare_sweep([], {})


GRIDS: list[dict[str, list[Any]]] = [
    {"units": [4]},
    {"units": [2, 4, 8]},
    {"activation": ["relu", "tanh"], "optimizer": ["sgd", "adam"]},
    {"l2": [0, 0.001], "units": [4, 16, 64]},
    {"units": list(range(2, 22)), "dropout": [0.0]},
]


@pytest.mark.parametrize("seeds", [0, 1, 3])
@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: " ".join(grid))
def test_every_sweep_can_be_drawn(grid: dict[str, list[Any]], seeds: int) -> None:
    prepared = prepare_sweep(*sweep(grid, lambda p: 0.3 + 0.01 * len(str(p)), seeds, noise=0.01), theme="dark")
    assert draw(prepared, "png", 400).startswith(b"\x89PNG")
    assert draw(prepared, "svg") == draw(prepared, "svg")


def runs(shifts: Mapping[str, float], seeds: int) -> list[RunHistory]:
    rng = np.random.default_rng(0)
    return [
        RunHistory(
            f"{name}-{s}", name, s, "succeeded", (1, 2), {"val_data_loss": (0.5, value), "val_acc": (0.8, value)}
        )
        for name, shift in shifts.items()
        for s in range(seeds)
        for value in [0.3 + shift + float(rng.normal(0, 0.005))]
    ]


def test_differences_are_those_of_the_analysis() -> None:
    analysis = analyse(runs({"original": 0, "l2": -0.05, "bigger": 0}, 4), "original")
    prepared = prepare_differences(analysis, dataset="IMDB", task=Multiclass(3))
    expected = [c for c in analysis.comparisons if c.metric == "best_val_data_loss"]
    assert [(r.variant, r.n, r.value, (r.low, r.high), r.p) for r in prepared.rows] == [
        (c.variant, c.n, c.difference, c.ci95, c.p_holm) for c in expected
    ]
    assert prepared.title == "Best validation categorical cross-entropy on IMDB: difference from original"
    assert draw(prepared, "svg") == draw(prepared, "svg")
    assert b"l2" in draw(prepared, "svg")


def test_differences_of_seeds_that_were_added_have_the_interval_that_allows_it() -> None:
    grown = Setting(grown=True)
    prepared = prepare_differences(analyse(runs({"original": 0, "l2": -0.05}, 6), "original", setting=grown))
    (row,) = prepared.rows
    (expected,) = (
        c
        for c in analyse(runs({"original": 0, "l2": -0.05}, 6), "original", setting=grown).comparisons
        if c.metric == "best_val_data_loss"
    )
    assert ((row.low, row.high), row.p) == (expected.ci_anytime, expected.p_anytime)
    assert "95% intervals and p for all at once, at every look" in prepared.subtitle
    few = prepare_differences(analyse(runs({"original": 0, "l2": -0.05}, 2), "original", setting=grown))
    assert "No interval yet: l2." in few.notes


def test_what_is_the_same_has_the_interval_that_shows_it_and_no_p() -> None:
    histories = runs({"original": 0, "copy": 0, "l2": 0.0001, "bigger": 0.2}, 12)
    same = [replace(run, metrics=histories[run.seed].metrics) if run.variant == "copy" else run for run in histories]
    analysis = analyse(same, "original")
    of = {each.variant: each for each in analysis.comparisons if each.metric == "best_val_data_loss"}
    of["l2"] = of["l2"].model_copy(update={"finding": "equivalent", "smallest": 0.01})
    prepared = prepare_differences(analysis.model_copy(update={"comparisons": list(of.values())}))
    assert prepared.title == "Best validation loss without penalties: difference from original"
    copy, l2, bigger = prepared.rows
    assert ((l2.low, l2.high), l2.p) == (of["l2"].ci_anytime, None)
    assert ((bigger.low, bigger.high), bigger.p) == (of["bigger"].ci95, of["bigger"].p_holm)
    assert (copy.value, copy.low, copy.p) == (0, None, None)
    assert prepared.notes == (
        "The same, by a 95% interval that holds at every look: l2 (within 0.01).", "Trained exactly as original: copy.",
    )  # fmt: skip


def test_a_panels_differences_have_the_same_decimals() -> None:
    rows = [
        DifferenceRow("a", 3, 0.06, 0.01, 0.11, 0.2, False),
        DifferenceRow("b", 3, -0.008, -0.03, 0.014, 1.0, False),
        DifferenceRow("c", 3, -0.0021, -0.0024, -0.0018, 0.0049, True),
    ]
    digits = _digits(rows)
    assert [_numbers(row, digits) for row in rows] == [
        "+0.0600 [+0.0100, +0.1100] p = 0.20",
        "−0.0080 [−0.0300, +0.0140] p = 1.00",
        "−0.0021 [−0.0024, −0.0018] p = 0.005",
    ]
    assert _digits([DifferenceRow("a", 1, 0.0123, None, None, None, False)]) == 4


def test_differences_say_what_is_adjusted_and_how_many_runs_have_finished() -> None:
    histories = [*runs({"original": 0, "l2": -0.05}, 2), RunHistory("x", "l2", 2, "queued", (), {})]
    prepared = prepare_differences(analyse(histories, "original"), runs=histories)
    assert prepared.subtitle == (
        "4 of 5 runs finished; n = 2 seeds, paired; 95% interval (Student's t), not adjusted; "
        "p adjusted by Holm; filled: more than luck"
    )


def test_differences_with_one_seed_say_so() -> None:
    prepared = prepare_differences(analyse(runs({"original": 0, "l2": -0.05}, 1), "original"), "best_epoch")
    assert prepared.rows[0].low is None
    assert "no interval" in prepared.subtitle
    assert draw(prepared, "png", 400).startswith(b"\x89PNG")


def test_rows_of_fewer_seeds_and_of_no_spread_are_named() -> None:
    histories = runs({"original": 0, "l2": -0.05, "bigger": 0}, 3)
    same = [
        RunHistory(f"s{h.seed}", "same", h.seed, "succeeded", h.epochs, h.metrics)
        for h in histories
        if h.variant == "original"
    ]
    prepared = prepare_differences(analyse([*histories[:-1], *same], "original"))
    assert prepared.subtitle.startswith("n = 2 to 3 seeds, paired")
    assert prepared.notes == (
        "Fewer seeds in common with original: bigger (2).",
        "Trained exactly as original: same.",
    )


def test_nothing_to_compare_can_be_drawn() -> None:
    alone = prepare_differences(analyse(runs({"original": 0}, 2), "original"))
    assert alone.rows == ()
    assert draw(alone).startswith(b"\x89PNG")
    with pytest.raises(NotFound):
        prepare_differences(analyse(runs({"original": 0, "l2": 0}, 2), "original"), "val_loss")


def test_of_too_many_differences_the_greatest_are_drawn() -> None:
    analysis = analyse(runs({"original": 0, **{f"v{i}": i / 100 for i in range(1, 51)}}, 1), "original")
    prepared = prepare_differences(analysis)
    assert [row.variant for row in prepared.rows][:1] == ["v11"]
    assert len(prepared.rows) == 40
    data = draw(prepared, "png", 800, dpi=600)
    assert (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) == (800, 4000)


def test_a_variant_without_a_common_seed_is_named() -> None:
    histories = [*runs({"original": 0}, 2), RunHistory("x", "l2", 9, "succeeded", (1,), {"val_data_loss": (0.5,)})]
    prepared = prepare_differences(analyse(histories, "original"))
    assert prepared.notes == ("No seed in common with original: l2.",)
