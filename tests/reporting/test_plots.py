from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Sequence
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from models.errors import NotFound
from models.history import RunHistory
from models.kinds.metrics import recorded
from models.kinds.task import Task
from models.kinds.tasks.binary import Binary
from models.kinds.tasks.regression import Regression
from reporting.plots import FORMATS, PLOTTED, Series, draw, prepare
from reporting.plots.layout import grid, spread
from reporting.plots.lines import _exits, look_of
from reporting.plots.style import THEMES

NAN = math.nan


def history(variant: str, seed: int, values: Sequence[float], status: str = "succeeded") -> RunHistory:
    metrics = {metric: tuple(values) for metric in recorded(Binary())}
    return RunHistory(f"{variant}-{seed}", variant, seed, status, tuple(range(1, len(values) + 1)), metrics)


def job(variants: Sequence[str], seeds: int, epochs: int = 8) -> list[RunHistory]:
    """Curves that fall and then rise, a little different for each seed."""
    shape = np.abs(np.arange(epochs) - 2) * 0.05 + 0.3
    return [
        history(variant, seed, (shape * (1 + i / 10) + 0.01 * np.cos(seed + np.arange(epochs))).tolist())
        for i, variant in enumerate(variants)
        for seed in range(seeds)
    ]


def words(svg: bytes) -> str:
    return " ".join(text for node in ElementTree.fromstring(svg).iter() if (text := (node.text or "").strip()))


def test_a_curve_is_the_mean_over_seeds() -> None:
    series = prepare([history("a", 0, (0.2, 0.4)), history("a", 1, (0.4, 0.8))], "val_loss")
    (curve,) = series.panels[0].curves
    assert [p.value for p in curve.points] == pytest.approx([0.3, 0.6])
    assert (curve.seeds, curve.best) == (2, 1)


@pytest.mark.parametrize(
    ("task", "metric", "y_label"),
    [
        (Binary(), "val_loss", "Validation loss"),
        (Binary(), "val_data_loss", "Validation cross-entropy (nats)"),
        (Binary(), "val_acc", "Validation accuracy"),
        (Binary(), "val_auc", "Validation AUC"),
        (Regression("dollars"), "val_loss", "Validation loss"),
        (Regression("dollars"), "data_losses", "Mean squared error (dollars, squared)"),
        (Regression("dollars"), "mae", "Training mean absolute error (dollars)"),
        (Regression("dollars"), "eval_data_loss", "Training mean squared error, evaluated (dollars, squared)"),
        (Regression("dollars"), "val_r2", "Validation R²"),
        (Regression(), "val_data_loss", "Validation mean squared error"),
    ],
    ids=str,
)
def test_an_axis_has_the_tasks_words_and_units(task: Task, metric: str, y_label: str) -> None:
    series = prepare([history("a", 0, (0.2, 0.4))], metric, dataset="houses", task=task)
    assert series.y_label == y_label
    assert series.title == f"{y_label.partition(' (')[0]} on houses"


@pytest.mark.parametrize("band", ["ci95", "sd", "minmax", "none"])
def test_bands(band: str) -> None:
    values = [0.2, 0.5, 0.35]
    series = prepare([history("a", i, (v,)) for i, v in enumerate(values)], "val_loss", band=band)  # type: ignore[arg-type]
    point = series.panels[0].curves[0].points[0]
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
    low, high = stats.t.interval(0.95, 2, mean, sd / math.sqrt(3))
    assert low < 0, "or this does not show that an interval ends where there can be no loss"
    expected = {
        "ci95": (0.0, high),
        "sd": (mean - sd, mean + sd),
        "minmax": (0.2, 0.5),
        "none": (None, None),
    }[band]
    assert (point.low, point.high) == pytest.approx(expected)


def test_one_seed_has_no_band_and_says_so() -> None:
    series = prepare(job(["a"], 1), "val_loss")
    assert all(p.low is None and p.high is None for p in series.panels[0].curves[0].points)
    assert "no interval" in series.subtitle


def test_a_single_epoch_has_its_band_and_no_best() -> None:
    series = prepare([history("a", i, (v,)) for i, v in enumerate((0.2, 0.3))], "val_loss")
    (curve,) = series.panels[0].curves
    assert curve.best is None
    assert curve.points[0].low is not None
    without = prepare([history("a", i, (v,)) for i, v in enumerate((0.2, 0.3))], "val_loss", band="none")
    stroke = b"stroke-opacity: 0.4"
    assert (stroke in draw(series, "svg"), stroke in draw(without, "svg")) == (True, False)


def test_curves_without_a_baseline_among_them_have_each_a_look_of_their_own() -> None:
    for changes in ({}, {"baseline": "v0", "difference": True}):
        names = [f"v{i}" for i in range(8 if changes else 7)]
        (panel,) = prepare(job(names, 1), "val_loss", **changes).panels  # type: ignore[arg-type]
        assert len({str(look_of(curve.rank, THEMES["light"])) for curve in panel.curves}) == 7


def test_words_below_the_notebooks_pairs_speak_of_no_lines() -> None:
    assert "dashed" in prepare(job(["a"], 1), "losses").subtitle
    assert "dashed" not in prepare(job(["a"], 1), "losses", style="notebook").subtitle


@pytest.mark.parametrize(("variants", "style"), [(12, "notebook"), (7, "lines")])
def test_a_legend_below_makes_a_narrow_figure_higher(variants: int, style: str) -> None:
    def height(names: list[str]) -> int:
        data = draw(prepare(job(names, 1), "val_loss", style=style), "png", 400)  # type: ignore[arg-type]
        return int.from_bytes(data[20:24])

    assert height([f"variant {i}" for i in range(variants)]) > height(["a"]) + 30


def test_names_that_differ_in_their_middle_stay_apart() -> None:
    def drawn(names: list[str], width: int) -> str:
        return words(draw(prepare(job(names, 1), "val_loss"), "svg", width))

    few = [f"a very long name of a variant, number {i}, and more words after it" for i in range(3)]
    assert all(name in drawn(few, 800) for name in few)
    many = drawn([f"units=16 l2={i / 1000} dropout=0.5" for i in range(12)], 800)
    assert all(f"l2={i / 1000} " in many.replace("dropout", " dropout") for i in range(12))


@pytest.mark.parametrize("metric", ["val_loss", "losses"])
def test_panels_stay_on_a_low_page(metric: str) -> None:
    series = prepare(job([f"variant {i}" for i in range(24)], 1), metric)
    root = ElementTree.fromstring(draw(series, "svg", 300, 300))
    tops = [
        float(path.get("d", "").split()[2])
        for group in root.iter("{http://www.w3.org/2000/svg}g")
        if (group.get("id") or "").startswith("patch_")
        for path in group
        if path.get("d")
    ]
    assert min(tops) >= 0


def test_the_title_says_data_set_and_seeds() -> None:
    series = prepare(job(["a", "b"], 3), "val_acc", dataset="IMDB")
    assert series.title == "Validation accuracy on IMDB"
    assert "n = 3 seeds" in series.subtitle


def test_accuracy_is_best_at_its_greatest_and_has_no_onset() -> None:
    (curve,) = prepare([history("a", 0, (0.7, 0.9, 0.8, 0.8, 0.8, 0.8))], "val_acc").panels[0].curves
    assert (curve.best, curve.onset) == (2, None)


def test_values_that_are_not_finite_leave_a_gap_and_a_note() -> None:
    series = prepare([history("a", 7, (0.5, NAN, math.inf, 0.4))], "val_loss")
    (curve,) = series.panels[0].curves
    assert [p.epoch for p in curve.points] == [1, 4]
    assert series.notes == ("a: seed 7 not finite from epoch 2 on.",)


def test_seeds_of_different_length() -> None:
    series = prepare([history("a", 0, (0.5, 0.4, 0.3)), history("a", 1, (0.7,), "running")], "val_loss")
    (curve,) = series.panels[0].curves
    assert [p.n for p in curve.points] == [2, 1, 1]
    assert [p.value for p in curve.points] == pytest.approx([0.6, 0.4, 0.3])


def half_done(variants: Sequence[str]) -> list[RunHistory]:
    """The first variant has a run that finished and one that has not begun; so have the others but for the first."""
    return [
        history(variant, seed, (0.5, 0.4, 0.45), "succeeded") if i + seed == 0 else history(variant, seed, (), "queued")
        for i, variant in enumerate(variants)
        for seed in (0, 1)
    ]


def test_a_job_half_done_says_so() -> None:
    series = prepare(half_done(["a", "b", "c"]), "val_loss")
    assert series.subtitle.startswith("1 of 6 runs finished; n = 1 seed")
    assert series.notes == ("No epochs yet: b, c.",)
    first = series.panels[0].curves[0]
    assert (first.seeds, first.runs) == (1, 2)
    assert "paler: not all seeds" in words(draw(series, "svg"))
    assert "finished" not in prepare(job(["a"], 2), "val_loss").subtitle
    ended = [history("a", 0, (0.5, 0.4)), history("a", 1, (0.5,), "failed"), history("a", 2, (), "cancelled")]
    assert prepare(ended, "val_loss").subtitle.startswith("1 of 3 runs finished, 1 failed, 1 cancelled; ")
    assert prepare([history("a", 0, (), "queued")], "loss").subtitle == "no epochs yet; 0 of 1 run finished"


def test_of_small_multiples_those_without_values_say_so() -> None:
    found = words(draw(prepare(half_done([f"v{i}" for i in range(9)]), "val_loss"), "svg"))
    assert found.count("no values yet") == 8


def test_an_onset_is_after_the_best_epoch() -> None:
    series = prepare([history("a", 0, (0.30, 0.32, 0.29, 0.33, 0.35, 0.4, 0.5))], "val_loss")
    (curve,) = series.panels[0].curves
    assert (curve.best, curve.onset) == (3, 4)
    assert series.notes == ()


def test_a_curve_that_leaves_the_axis_has_an_arrow_there() -> None:
    curve = prepare([history("a", 0, (1.0, 3.0, 1.0, -1.0))], "loss").panels[0].curves[0]
    assert _exits(curve, (0, 2)) == [(1.5, 2), (3.5, 0)]
    assert _exits(curve, (2, 4)) == [(1.0, 2), (2.5, 2)]


def test_a_panels_colour_is_the_variants_own() -> None:
    series = prepare(job(["a", "b"], 1), "losses", baseline="a")
    theme = THEMES["light"]
    drawn = draw(series, "svg").decode()
    assert theme.ink in drawn
    alone = prepare(job(["x", "y", "a"], 1), "losses", baseline="a")
    assert all(color in draw(alone, "svg").decode() for color in theme.curves[:2])


def test_more_curves_than_the_notebooks_have_colours_of_their_own() -> None:
    def colors(names: list[str]) -> set[str]:
        drawn = draw(prepare(job(names, 2), "val_loss", style="notebook"), "svg").decode()
        return {color for color in ("#0000ff", *THEMES["light"].curves) if color in drawn}

    assert colors(["a", "b"]) == {"#0000ff"}
    assert colors(["a", "b", "c"]) == set(THEMES["light"].curves[:3])


def test_differences_are_paired_by_seed() -> None:
    runs = [
        history("a", 0, (0.5, 0.4)),
        history("a", 1, (0.9, 0.7)),
        history("b", 1, (0.8, 0.4)),
        history("b", 2, (9, 9)),
    ]
    series = prepare(runs, "val_loss", baseline="a", difference=True)
    (curve,) = series.panels[0].curves
    assert curve.variant == "b"
    assert [p.value for p in curve.points] == pytest.approx([-0.1, -0.3])
    assert [p.n for p in curve.points] == [1, 1]


def test_the_chosen_variants_in_their_order() -> None:
    series = prepare(job(["a", "b", "c"], 1), "loss", variants=["c", "a"], baseline="a")
    assert [(c.variant, c.rank) for c in series.panels[0].curves] == [("c", 0), ("a", -1)]


def test_what_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound, match="variant"):
        prepare(job(["a"], 1), "loss", variants=["b"])
    with pytest.raises(NotFound, match="metric"):
        prepare(job(["a"], 1), "val_accuracy")


def test_many_variants_are_small_multiples() -> None:
    series = prepare(job([f"v{i}" for i in range(12)], 1), "val_loss", baseline="v0")
    assert [panel.title for panel in series.panels] == [f"v{i}" for i in range(12)]
    assert all(len(panel.context) == 11 for panel in series.panels)


def test_of_too_many_variants_the_best_are_drawn_and_a_note_says_so() -> None:
    series = prepare(job([f"v{i}" for i in range(40)], 1), "val_loss", baseline="v39")
    assert [panel.title for panel in series.panels] == [*(f"v{i}" for i in range(23)), "v39"]
    assert "24 of 40 variants" in series.notes[0]


def test_training_against_validation() -> None:
    series = prepare(job(["a", "b"], 1), "losses")
    assert [[c.metric for c in panel.curves] for panel in series.panels] == [["loss", "val_loss"]] * 2


def test_the_notebooks_figure_has_its_words() -> None:
    runs = job(["original", "smaller"], 1)
    found = words(draw(prepare(runs, "val_loss", style="notebook", dataset="synthetic"), "svg"))
    for word in ("Epochs", "Validation loss", "Original model", "Smaller model", "synthetic"):
        assert word in found


@pytest.mark.parametrize(("format", "magic"), [("png", b"\x89PNG\r\n"), ("svg", b"<?xml"), ("pdf", b"%PDF-")])
@pytest.mark.parametrize("style", ["lines", "notebook"])
def test_the_same_data_give_the_same_bytes(format: str, magic: bytes, style: str) -> None:
    series = prepare(job(["a", "b"], 3), "val_loss", baseline="a", style=style)  # type: ignore[arg-type]
    first = draw(series, format)
    assert first.startswith(magic)
    assert first == draw(series, format)
    assert b"matplotlib v" not in first.lower()
    assert b"Date" not in first


def test_threads_get_the_same_bytes() -> None:
    series = prepare(job(["a", "b"], 3), "val_loss")
    expected, found = draw(series), []
    threads = [threading.Thread(target=lambda: found.append(draw(series))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_png_has_the_size_asked_for() -> None:
    for width, height, dpi in ((400, 300, None), (801, 333, 72), (1600, 900, 200), (200, 200, 600)):
        data = draw(prepare(job(["a"], 1), "val_loss"), "png", width, height, dpi)
        assert (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) == (width, height)


NAMES = ["<script>alert(1)</script>&amp;", "$\\frac{1}{0}$", "名前 🎲", "_hidden", "x" * 100, "%s {0} \\n"]
DEGENERATE: dict[str, list[RunHistory]] = {
    "nothing": [],
    "no epochs": [history("a", 0, (), "queued")],
    "one epoch": job(["a", "b"], 1, epochs=1),
    "all the same": [history("a", s, (0.5,) * 4) for s in range(3)],
    "diverged": [history("a", 0, (0.5, 4e30, NAN)), history("b", 0, (0.5, 0.4, 0.3))],
    "nothing finite": [history("a", 0, (NAN, math.inf))],
    "half done": [history("a", 0, (0.5, 0.4, 0.3)), history("a", 1, (0.5,)), history("b", 0, ())],
    "names": job(NAMES, 2),
    "twelve": job([f"variant {i}" for i in range(12)], 10),
    "no change": [history(v, 0, (0.0, 0.0)) for v in "ab"],
}


@pytest.mark.parametrize("style", ["lines", "notebook"])
@pytest.mark.parametrize("case", DEGENERATE)
def test_every_picture_can_be_drawn(case: str, style: str) -> None:
    runs = DEGENERATE[case]
    series = prepare(runs, "val_loss", style=style, theme="dark")  # type: ignore[arg-type]
    assert draw(series, "png", 200).startswith(b"\x89PNG")
    pair = prepare(runs, "losses", style=style)  # type: ignore[arg-type]
    assert ElementTree.fromstring(draw(pair, "svg", 800)).tag.endswith("svg")


def test_names_are_words_and_never_markup() -> None:
    series = prepare(job(NAMES[:2], 1), "val_loss", dataset="<b>&</b>")
    found = words(draw(series, "svg", 1600))
    assert found.count("Validation loss on <b>&</b>") == 3  # in the figure, and as the file's title
    assert "<script>alert(1)</script>&amp;" in found
    assert "$\\frac{1}{0}$" in found


@pytest.mark.parametrize("metric", PLOTTED)
def test_every_metric_can_be_prepared(metric: str) -> None:
    assert isinstance(prepare(job(["a", "b"], 2), metric), Series)


def test_a_run_on_its_way_to_infinity_does_not_set_the_scale() -> None:
    series = prepare(
        [history("a", 0, (0.5,) * 19 + (1e9,)), history("b", 0, np.linspace(0.3, 0.6, 20).tolist())], "val_loss"
    )
    low, high = series.limits
    assert "a: beyond the axis, up to 1e+09." in series.notes
    assert 0 < low < 0.3
    assert 0.6 < high < 2


@given(st.lists(st.floats(0, 10), min_size=1, max_size=9), st.floats(0.1, 1))
@settings(max_examples=100)
def test_labels_are_kept_apart_and_in_order(wanted: list[float], gap: float) -> None:
    placed = spread(wanted, gap, 0, 10)
    in_order = [placed[i] for i in np.argsort(wanted, kind="stable")]
    assert all(b - a >= gap - 1e-9 for a, b in itertools.pairwise(in_order))
    assert min(placed) >= 0
    if gap * (len(wanted) - 1) <= 10:
        assert max(placed) <= 10 + 1e-9


def test_labels_with_room_stay_where_they_are() -> None:
    assert spread([5.0, 1.0, 9.0], 1.0, 0, 10) == pytest.approx([5.0, 1.0, 9.0])


@given(st.integers(1, 24), st.floats(3, 20))
def test_a_grid_holds_its_panels(panels: int, width: float) -> None:
    rows, columns = grid(panels, width)
    assert rows * columns >= panels > (rows - 1) * columns


def test_formats_have_media_types() -> None:
    assert set(FORMATS) == {"png", "svg", "pdf"}
