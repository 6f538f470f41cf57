"""Main effects and interactions of a grid are those of other people's programs, and of the definition."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols

from models.errors import NotFound
from models.resolution import resolve
from models.until import Until
from ockham.summary import combinations_grid
from reporting.analysis import analyse
from reporting.combinations import Combinations, Interaction, MainEffect, combinations
from reporting.plots import DifferenceSeries, Source, draw
from reporting.plots.combinations_figure import PLOT
from reporting.setting import Setting, setting_of
from tests.reporting.test_analysis import history

AXES = {"dropout": (0.0, 0.5), "l2": (0.0, 0.01, 0.1), "depth": (1.0, 2.0)}


def grid(*axes: str) -> dict[str, dict[str, float | str]]:
    return {
        " ".join(f"{axis}={level:g}" for axis, level in zip(axes, levels, strict=True)): dict(
            zip(axes, levels, strict=True)
        )
        for levels in itertools.product(*(AXES[axis] for axis in axes))
    }


def losses(places: Any, seeds: int = 6, chance: int = 0) -> dict[str, dict[int, float]]:
    """Of each variant a loss per seed: the seed's own luck, effects of the axes, an interaction, and noise."""
    drawn = np.random.default_rng(chance)
    luck = drawn.normal(0, 0.1, seeds)
    return {
        name: {
            seed: 0.5 + luck[seed] - 0.1 * (place["dropout"] > 0) - 0.05 * (place["l2"] > 0)
            + 0.04 * (place["dropout"] > 0 and place["l2"] > 0) + float(drawn.normal(0, 0.01))
            for seed in range(seeds)
        }
        for name, place in places.items()
    }  # fmt: skip


def found(places: Any, of: Any, **options: Any) -> Combinations:
    result = combinations(of, places, "best_val_data_loss", options.pop("baseline", "elsewhere"), **options)
    assert result is not None
    return result


def test_of_two_levels_they_are_those_of_a_linear_model_for_each_block() -> None:
    """With one contrast per family the fit of each seed alone has its values, and their t test is the one here."""
    places = grid("dropout", "l2")
    places = {name: place for name, place in places.items() if place["l2"] != 0.1}
    of = losses(places)
    result = found(places, of)
    data = pd.DataFrame(
        {"loss": loss, "a": int(places[name]["dropout"] != 0), "b": int(places[name]["l2"] != 0), "seed": seed}
        for name in places
        for seed, loss in of[name].items()
    )
    coded = data.assign(a=2 * data["a"] - 1, b=2 * data["b"] - 1)
    # Coded -1 and 1, the coefficient is half a main effect, and a quarter of a difference of differences.
    whole = ols("loss ~ a * b + C(seed)", coded).fit().params
    assert {each.axis: each.difference for each in result.effects} == pytest.approx(
        {"dropout": 2 * whole["a"], "l2": 2 * whole["b"]}
    )
    (interaction,) = result.interactions
    assert interaction.difference == pytest.approx(4 * whole["a:b"])
    alone = [float(ols("loss ~ a * b", own).fit().params["a:b"]) for _, own in data.groupby("seed")]
    assert interaction.p == interaction.p_holm == pytest.approx(stats.ttest_1samp(alone, 0).pvalue)
    assert interaction.ci95 == pytest.approx(
        stats.t.interval(0.95, 5, np.mean(alone), stats.sem(alone)),
    )
    assert (interaction.finding, interaction.in_words) == ("higher", "together less than the sum")


def test_of_several_levels_and_axes_they_are_those_of_the_definition() -> None:
    places = grid("dropout", "l2", "depth")
    of = losses(places)
    result = found(places, of)

    def mean(**levels: float) -> np.ndarray:
        cells = [of[name] for name, place in places.items() if levels.items() <= place.items()]
        return np.asarray(np.mean([[cell[seed] for seed in range(6)] for cell in cells], axis=0))

    assert [(each.axis, each.reference, each.level) for each in result.effects] == [
        ("dropout", 0.0, 0.5), ("l2", 0.0, 0.01), ("l2", 0.0, 0.1), ("depth", 1.0, 2.0),
    ]  # fmt: skip
    for each in result.effects:
        values = mean(**{each.axis: each.level}) - mean(**{each.axis: each.reference})  # type: ignore[arg-type]
        test = stats.ttest_1samp(values, 0)
        assert each.n == 6
        assert each.difference == pytest.approx(values.mean())
        assert each.p == pytest.approx(test.pvalue)
        assert each.ci95 == pytest.approx(tuple(test.confidence_interval()))
    assert [(each.axes, each.levels) for each in result.interactions] == [
        (("dropout", "l2"), (0.5, 0.01)), (("dropout", "l2"), (0.5, 0.1)), (("dropout", "depth"), (0.5, 2.0)),
        (("l2", "depth"), (0.01, 2.0)), (("l2", "depth"), (0.1, 2.0)),
    ]  # fmt: skip
    for pair in result.interactions:
        (one, other), (a, b), (a0, b0) = pair.axes, pair.levels, pair.references
        at = {places: mean(**dict(zip((one, other), places, strict=True)))  # type: ignore[arg-type]
              for places in itertools.product((a0, a), (b0, b))}  # fmt: skip
        values = at[a, b] - at[a0, b] - at[a, b0] + at[a0, b0]
        assert pair.difference == pytest.approx(values.mean())
        assert pair.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
        for part, place in ((pair.first, (a, b0)), (pair.second, (a0, b)), (pair.together, (a, b))):
            assert part.difference == pytest.approx((at[place] - at[a0, b0]).mean())
    shown = {(pair.axes, pair.levels): pair.finding for pair in result.interactions}
    assert shown[("dropout", "l2"), (0.5, 0.01)] == "higher"
    assert shown[("dropout", "depth"), (0.5, 2.0)] == "undecided"


def test_two_remedies_add_up_if_their_interaction_is_small_enough() -> None:
    places = grid("dropout", "depth")
    drawn = np.random.default_rng(0)
    of = {name: {seed: 1 - place["dropout"] / 10 - place["depth"] / 10 + float(drawn.normal(0, 0.001))  # type: ignore
                 for seed in range(20)} for name, place in places.items()}  # fmt: skip
    (pair,) = found(places, of, smallest=0.01).interactions
    assert (pair.finding, pair.in_words) == ("equivalent", "they add up, within 0.01")
    (pair,) = found(places, of).interactions
    assert pair.finding == "undecided"


def test_the_baseline_is_the_reference_and_a_seed_counts_that_is_in_every_cell() -> None:
    places = grid("dropout", "l2")
    of = losses(places)
    del of["dropout=0.5 l2=0.1"][3]
    result = found(places, of, baseline="dropout=0.5 l2=0.01")
    assert (result.seeds, result.left_out) == ([0, 1, 2, 4, 5], [3])
    assert {(each.axis, each.reference) for each in result.effects} == {("dropout", 0.5), ("l2", 0.01)}
    one = {name: {0: values[0]} for name, values in of.items()}
    assert [(each.finding, each.ci95, each.in_words) for each in found(places, one).interactions] == [
        (None, None, "one seed")
    ] * 2


@pytest.mark.parametrize(
    "places",
    [
        {},
        {"a": {"dropout": 0.0}, "b": {"dropout": 0.5}},
        {"a": {"dropout": 0.0, "l2": 0.0}, "b": {"dropout": 0.5, "l2": 0.0}},
        {"a": {"dropout": 0.0, "l2": 0.0}, "b": {"dropout": 0.5, "l2": 0.0}, "c": {"dropout": 0.0, "l2": 0.1}},
        {"a": {"dropout": 0.0, "l2": 0.0}, "b": {"dropout": 0.5}},
    ],
)
def test_what_is_no_whole_grid_of_two_axes_has_none(places: Any) -> None:
    of = {name: {0: 0.5, 1: 0.6} for name in ("original", *places)}
    assert combinations(of, places, "best_val_data_loss", "original") is None


def test_before_a_seed_is_trained_in_every_cell_there_is_none() -> None:
    places = grid("dropout", "depth")
    assert combinations({name: {i: 0.5} for i, name in enumerate(places)}, places, "loss", "x") is None


def test_a_sweeps_analysis_has_them_of_the_loss_that_its_ranking_goes_by() -> None:
    body = {"dataset": {"name": "synthetic"}, "sweep": {"grid": {"dropout": [0, 0.5], "l2": [0, 0.01]}}}
    spec = resolve({**body, "variants": ["original"], "seeds": [0, 1, 2]})
    places = setting_of(spec.model_dump(mode="json"), []).places
    assert sorted(places) == sorted(each.name for each in spec.variants[1:])
    of = losses(places, seeds=3)
    curves = of | {"original": dict.fromkeys(range(3), 0.5)}
    histories = [
        history([2 * loss, loss, 1.5 * loss], variant=name, seed=seed)
        for name, values in curves.items()
        for seed, loss in values.items()
    ]
    analysis = analyse(histories, "original", setting=Setting(places=places))
    assert analysis.combinations == combinations(of, places, "best_val_data_loss", "original")
    grid = combinations_grid(analysis.model_dump(mode="json"))
    assert grid is not None
    assert [row[0] for row in grid.rows] == ["l2=0.01 and dropout=0.5"]
    assert analyse(histories, "original").combinations is None
    assert combinations_grid(analyse(histories, "original").model_dump(mode="json")) is None


def test_the_figure_has_main_effects_and_interactions() -> None:
    places = grid("dropout", "l2")
    of = losses(places, seeds=3)
    histories = [
        history([2 * loss, loss, 1.5 * loss], variant=name, seed=seed)
        for name, values in of.items()
        for seed, loss in values.items()
    ]
    baseline = next(iter(places))
    analysis = analyse(histories, baseline, setting=Setting(places=places))
    assert analysis.combinations is not None
    spec = resolve({"dataset": {"name": "synthetic"}, "variants": ["original"]}).model_dump(mode="json")
    job = Source(spec, [], lambda runs, metrics: iter(()), lambda view: analysis)
    drawn = PLOT.prepare(job, PLOT.options())
    assert isinstance(drawn, DifferenceSeries)
    found: list[MainEffect | Interaction] = [*analysis.combinations.effects, *analysis.combinations.interactions]
    assert [row.variant for row in drawn.rows] == [
        "dropout=0.5", "l2=0.01", "l2=0.1", "dropout=0.5 × l2=0.01", "dropout=0.5 × l2=0.1",
    ]  # fmt: skip
    assert [(row.value, (row.low, row.high), row.p) for row in drawn.rows] == [
        (each.difference, each.ci95, each.p_holm) for each in found
    ]
    assert [row.sure for row in drawn.rows] == [each.p_holm is not None and each.p_holm < 0.05 for each in found]
    assert drawn.notes[1] == "Against dropout=0, l2=0."
    assert drawn.subtitle.startswith("n = 3 seeds, paired; 95% interval")
    assert "dropout=0.5 × l2=0.01" in draw(drawn, "svg").decode()
    assert list(PLOT.in_report(job)) == ["combinations"]
    alone = analyse(histories, baseline)
    without = replace(job, analysis=lambda view: alone)
    assert not PLOT.in_report(without)
    with pytest.raises(NotFound):
        PLOT.prepare(without, PLOT.options())


def test_two_that_add_up_have_no_p_and_a_note_says_by_which_interval() -> None:
    places = grid("dropout", "depth")
    drawn = np.random.default_rng(0)
    histories = [
        history([0.9, 0.5 - place["dropout"] / 10 + float(drawn.normal(0, 0.001)), 0.6], variant=name, seed=seed)  # type: ignore[operator]
        for name, place in places.items()
        for seed in range(20)
    ]
    baseline = next(iter(places))
    analysis = analyse(histories, baseline, setting=Setting(places=places), until=Until(smallest=0.01))
    spec = resolve({"dataset": {"name": "synthetic"}, "variants": ["original"]}).model_dump(mode="json")
    figure = PLOT.prepare(Source(spec, [], lambda runs, metrics: iter(()), lambda view: analysis), PLOT.options())
    assert isinstance(figure, DifferenceSeries)
    assert figure.rows[-1].p is None
    assert "They add up, by an interval that holds at every look (within 0.01): dropout=0.5 × depth=2." in figure.notes
    assert "Seeds may be added: what is drawn takes their number as fixed." in figure.notes
