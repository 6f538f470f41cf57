"""The figure of a search: each trial where it is, those ended early and the finalists told apart."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.errors import NotFound
from models.resolution import resolve
from models.search import Search
from models.tables import Status
from reporting import plots
from reporting.answers import Finalist, Searched, TrialAnswer
from reporting.plots.kind import NoOptions, Source
from reporting.plots.search_figure import PLOT, SearchSlices, prepare_search

SPACE: dict[str, Any] = {
    "units": {"low": 2, "high": 64, "log": True},
    "dropout": {"low": 0, "high": 0.8},
    "activation": ["relu", "tanh"],
}


def search(space: Any = SPACE) -> Search:
    return Search.model_validate_json(json.dumps({"space": space, "budget": {"runs": 6}}))


def trial(number: int, value: float | None, **fields: Any) -> TrialAnswer:
    values = {"units": 2 + number, "dropout": number / 10, "activation": ("relu", "tanh")[number % 2]}
    told = {"space": 0, "run_id": f"run_{number}", "variant": f"v{number}", "status": Status.SUCCEEDED, "epoch": 1,
            "pruned": None, "best": False, "values": values, **fields}  # fmt: skip
    return TrialAnswer(trial=number, value=value, **told)


FOUND = Searched(
    metric="val_data_loss",
    trials=[
        trial(0, 0.5, best=True),
        trial(1, None, status=Status.FAILED, epoch=None),
        trial(2, 0.3, best=True),
        trial(3, 0.7, status=Status.CANCELLED, pruned=1),
        trial(4, 0.4),
        trial(5, None, status=Status.RUNNING, epoch=None),
    ],
    finalists=[Finalist(variant="v2", trial=2, value=0.3, n=0, fresh=None, selection=None)],
)


def test_each_trial_is_drawn_in_its_order_and_along_each_axis() -> None:
    slices = prepare_search(search(), FOUND, dataset="synthetic reviews")
    order, units, dropout, activation = slices.panels
    assert [(dot.x, dot.y, dot.pruned, dot.finalist) for dot in order.dots] == [
        (0, 0.5, False, False), (2, 0.3, False, True), (3, 0.7, True, False), (4, 0.4, False, False),
    ]  # fmt: skip
    assert list(order.best) == [(0.0, 0.5), (2.0, 0.3)]
    assert [dot.x for dot in units.dots] == [2, 4, 5, 6]
    assert ([dot.x for dot in activation.dots], activation.places) == ([0, 0, 1, 0], ("relu", "tanh"))
    assert (units.log, dropout.log) == (True, False)
    assert slices.subtitle == "5 of 6 trials ended, 1 ended early by the pruner, 1 failed: not drawn"


def test_a_trial_beyond_the_axis_is_told() -> None:
    values = [0.50, 0.45, 0.40, 0.42, 0.47, 0.44, 0.41, 0.43, 0.46, 0.48, 0.49, 9.0]
    trials = [trial(i, value) for i, value in enumerate(values)]
    slices = prepare_search(search({"units": [2, 4]}), FOUND.model_copy(update={"trials": trials, "finalists": []}))
    assert slices.limits[1] < 9.0
    assert slices.notes[1:] == ("Not in view, beyond the vertical axis: 1 trial.",)
    within = FOUND.model_copy(update={"trials": [each for each in FOUND.trials if each.pruned is None]})
    assert prepare_search(search(), within).notes[1:] == ()


def test_of_several_spaces_a_slice_has_the_trials_of_its_own() -> None:
    spaces = [{"units": [2, 4]}, {"dropout": {"low": 0, "high": 0.5}}]
    trials = [trial(0, 0.5, values={"units": 2}), trial(1, 0.4, space=1, values={"dropout": 0.1})]
    slices = prepare_search(search(spaces), FOUND.model_copy(update={"trials": trials, "finalists": []}))
    assert [[dot.y for dot in panel.dots] for panel in slices.panels] == [[0.5, 0.4], [0.5], [0.4]]
    assert slices.panels[0].best == ()


@pytest.mark.parametrize("width", [400, 900])
@pytest.mark.parametrize("trials", [FOUND.trials, FOUND.trials[:1], FOUND.trials[1:2], []])
def test_it_is_drawn_at_every_width_and_from_the_first_trial_on(width: int, trials: list[TrialAnswer]) -> None:
    slices: SearchSlices = prepare_search(search(), FOUND.model_copy(update={"trials": trials}))
    drawn = plots.draw(slices, "svg", width).decode()
    assert "Search for the best" in drawn
    assert ("ended early" in drawn) == (len(trials) == 6)


def test_a_job_without_a_search_has_none() -> None:
    spec = resolve({"variants": ["original"], "dataset": {"name": "synthetic"}}).model_dump(mode="json")
    source = Source(spec, [], lambda runs, metrics: iter(()), lambda view: pytest.fail("nothing is to be analysed"))
    with pytest.raises(NotFound):
        PLOT.prepare(source, NoOptions())
