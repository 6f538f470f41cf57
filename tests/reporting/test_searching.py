"""What a search tries next follows from its trials alone, and its finalists are the best of these."""

from __future__ import annotations

import random
from typing import Any

import pytest

from models.history import RunHistory
from models.resolution import resolve
from models.search import GENERATION, STARTUP
from models.specification import Specification
from reporting.sampling import TRIES, Told, ask
from reporting.searching import step
from tests.reporting.test_analysis import history

SPACE: dict[str, Any] = {
    "units": {"low": 4, "high": 512, "log": True},
    "l2": {"low": 1e-6, "high": 0.1, "log": True},
    "activation": ["relu", "tanh"],
}


def asked(space: Any = SPACE, runs: int = 24, **search: Any) -> Specification:
    body = {"space": space, "budget": {"runs": runs}, "final": {"top": 2, "seeds": 3}, **search}
    return resolve({"dataset": {"name": "synthetic"}, "search": body})


def value(values: Any) -> float:
    """The least is at few units and a small penalty, whatever the activation."""
    return float(values.get("l2", 0) * 10 + values.get("units", 0) / 500 + 0.1)


def played(specification: Specification, shuffled: random.Random | None = None) -> tuple[Specification, Any]:
    """The search to its end, each generation's results coming in some order."""
    histories: dict[str, RunHistory] = {}
    while True:
        items = list(histories.items())
        if shuffled:
            shuffled.shuffle(items)
        state, trials = step(specification, dict(items), 0.0)
        if not trials:
            return specification, state
        specification = specification.model_copy(update={"variants": (*specification.variants, *trials)})
        for variant in trials:
            loss = value(variant.swept)
            histories[variant.name] = history([2 * loss, loss, 3 * loss], variant=variant.name, seed=0)


def trials_of(specification: Specification) -> list[Any]:
    return [variant.swept for variant in specification.variants if variant.trial]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_same_seed_tries_the_same_whatever_ends_first(sampler: str) -> None:
    first, state = played(asked(sampler=sampler))
    again, other = played(asked(sampler=sampler), random.Random(1))
    assert (trials_of(first), state) == (trials_of(again), other)
    assert trials_of(played(asked(sampler=sampler, seed=5))[0]) != trials_of(first)
    assert len(trials_of(first)) == len({str(each) for each in trials_of(first)}) == 24
    best = sorted((variant for variant in first.variants if variant.trial), key=lambda v: value(v.swept))
    assert state.finalists == [variant.name for variant in best[:2]]
    assert (state.trials, state.ended, state.coming, state.failed) == (24, 24, 0, 0)


def test_what_tpe_tries_gets_better() -> None:
    means = {"first": 0.0, "last": 0.0}
    for seed in range(5):
        values = [value(each) for each in trials_of(played(asked(seed=seed))[0])]
        means["first"] += sum(values[:6]) / 6
        means["last"] += sum(values[-6:]) / 6
    assert means["last"] < 0.6 * means["first"]


def test_values_are_within_the_space_and_short() -> None:
    for values in trials_of(played(asked())[0]):
        assert 4 <= values["units"] <= 512
        assert values["units"] == int(values["units"])
        assert 1e-6 <= values["l2"] <= 0.1
        assert float(f"{values['l2']:.4g}") == values["l2"]
        assert values["activation"] in ("relu", "tanh")


def test_a_small_space_is_tried_once_and_whole() -> None:
    specification, state = played(asked({"units": {"low": 3, "high": 6}, "depth": [1, 2]}, runs=30))
    tried = {(each["units"], each["depth"]) for each in trials_of(specification)}
    assert tried == {(units, depth) for units in range(3, 7) for depth in (1, 2)}
    assert state.trials == 8


def test_spaces_share_the_budget_and_have_finalists_of_their_own() -> None:
    spaces = [{"dropout": {"low": 0, "high": 0.8}}, {"l2": {"low": 1e-6, "high": 0.1, "log": True}}, {"depth": [1, 2]}]
    specification, state = played(asked(spaces, runs=8, final={"top": 1, "seeds": 1}))
    space_of = {each.name: each.trial.space for each in specification.variants if each.trial}
    # Of the third space there are two points, and no more trials.
    assert sorted(space_of.values()) == [0, 0, 0, 1, 1, 1, 2, 2]
    assert {tuple(each) for each in trials_of(specification)} == {("dropout",), ("l2",), ("depth",)}
    assert [space_of[name] for name in state.finalists] == [0, 1, 2]


def test_generations_have_a_fixed_size() -> None:
    search = asked().search
    assert search is not None
    told: list[Told] = []
    sizes = []
    while new := ask(search, 0, told):
        sizes.append(len(new))
        told += [Told(each, value(each)) for each in new]
    assert sizes == [6, *[GENERATION] * 4, 2]
    assert TRIES > GENERATION


def test_trials_that_failed_have_no_value_and_no_chance() -> None:
    specification = asked(runs=8)
    _, trials = step(specification, {}, 0.0)
    specification = specification.model_copy(update={"variants": (*specification.variants, *trials)})
    well = trials[0]
    state, more = step(specification, {well.name: history([0.5, 0.4], variant=well.name, seed=0)}, 0.0)
    while more:
        specification = specification.model_copy(update={"variants": (*specification.variants, *more)})
        state, more = step(specification, {well.name: history([0.5, 0.4], variant=well.name, seed=0)}, 0.0)
    assert (state.failed, state.finalists) == (7, [well.name])
    assert [(best.trial, best.value) for best in state.best] == [(0, 0.4)]


def test_seconds_end_a_search() -> None:
    specification = asked(budget={"seconds": 10})
    state, trials = step(specification, {}, 9.9)
    assert (len(trials), state.coming) == (STARTUP, 2 * 3)
    state, trials = step(specification, {}, 10.0)
    assert (trials, state.coming) == ([], 0)


def test_of_a_metric_that_rises_the_greatest_is_the_best() -> None:
    specification = asked(runs=4, metric="val_acc", final={"top": 1, "seeds": 1})
    _, trials = step(specification, {}, 0.0)
    specification = specification.model_copy(update={"variants": (*specification.variants, *trials)})
    histories = {}
    for i, variant in enumerate(trials):
        made = history([0.5, 0.4], variant=variant.name, seed=0)
        histories[variant.name] = RunHistory(
            made.run_id, made.variant, 0, made.status, made.epochs, {**made.metrics, "val_acc": [0.5 + 0.1 * i, 0.4]}
        )
    state, more = step(specification, histories, 0.0)
    assert (more, state.finalists) == ([], [trials[-1].name])
    assert state.best[0].value == pytest.approx(0.8)
